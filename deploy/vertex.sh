#!/usr/bin/env bash
# Build the image by Cloud Build and deploy it to an endpoint of Vertex AI. The settings are in settings.sh, and
# MACHINE, the type of the endpoint's machines; DRY_RUN=1 only prints. An endpoint has no public access.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
source deploy/settings.sh

: "${MACHINE:=n1-standard-2}"
must_look_like MACHINE '[a-z0-9-]+'
if [[ $PUBLIC == 1 ]]; then
  echo "tandem: Vertex AI has no public endpoints; callers need the role roles/aiplatform.user. Leave PUBLIC out" >&2
  exit 1
fi
# An endpoint keeps one machine at least.
replicas=$((MIN_INSTANCES > 1 ? MIN_INSTANCES : 1))

TAG=${TAG:-$(date -u +%Y%m%d-%H%M%S)}
image=$REGION-docker.pkg.dev/$PROJECT/tandem/tandem:$TAG
at="--region=$REGION --project=$PROJECT"
model=MODEL_SHA256=$MODEL_SHA256:TRUSTED_MODULES=$TRUSTED_MODULES
upload="gcloud ai models upload --display-name=tandem --container-image-uri=$image --container-ports=8080 \
--container-predict-route=/vertex --container-health-route=/ready \
--container-env-vars=^:^THREADS=$THREADS:LOG_LEVEL=$LOG_LEVEL:GOOGLE_CLOUD_PROJECT=$PROJECT:$model $at"

step gcloud services enable aiplatform.googleapis.com artifactregistry.googleapis.com cloudbuild.googleapis.com \
  iam.googleapis.com --project="$PROJECT"
own_repository
own_service_account tandem-vertex
step gcloud builds submit . --config=deploy/cloudbuild.yaml --substitutions="_IMAGE=$image" "$at"
# A model's second version names the model whose version it is; the first one makes it.
step if gcloud ai models describe tandem "$at" '>/dev/null 2>&1;' then "$upload" \
  "--parent-model=projects/$PROJECT/locations/$REGION/models/tandem;" else "$upload" '--model-id=tandem;' fi
step gcloud ai endpoints describe tandem "$at" '>/dev/null 2>&1' \
  '||' gcloud ai endpoints create --endpoint-id=tandem --display-name=tandem "$at"
# 0 stands for what is being deployed: it gets every request as soon as it is ready, and the one before none.
step gcloud ai endpoints deploy-model tandem --model=tandem --display-name="tandem-$TAG" --traffic-split=0=100 \
  --machine-type="$MACHINE" --min-replica-count="$replicas" --max-replica-count="$MAX_INSTANCES" \
  --service-account="tandem-vertex@$PROJECT.iam.gserviceaccount.com" "$at"
step gcloud ai endpoints describe tandem "'--format=value(deployedModels.id,deployedModels.displayName)'" "$at"
echo "It is private: callers need the role roles/aiplatform.user. A model that was deployed before goes on costing until" \
  "you undeploy it: gcloud ai endpoints undeploy-model tandem --deployed-model-id=ID $at" >&2
