#!/usr/bin/env bash
# Build the image by Cloud Build and deploy it to Cloud Run. The settings are in settings.sh; DRY_RUN=1 only prints.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
source deploy/settings.sh

# A tag of its own for each build: Cloud Run makes no new revision for an image of the same name.
TAG=${TAG:-$(date -u +%Y%m%d-%H%M%S)}
image=$REGION-docker.pkg.dev/$PROJECT/tandem/tandem:$TAG
invoker_iam_disabled=$([[ $PUBLIC == 1 ]] && echo true || echo false)

step gcloud services enable artifactregistry.googleapis.com cloudbuild.googleapis.com iam.googleapis.com \
  run.googleapis.com --project="$PROJECT"
own_repository
own_service_account tandem-run
step gcloud builds submit . --config=deploy/cloudbuild.yaml --substitutions="_IMAGE=$image" \
  --region="$REGION" --project="$PROJECT"
step sed \
  -e "'s|\${IMAGE}|$image|'" \
  -e "'s|\${PROJECT}|$PROJECT|'" \
  -e "'s|\${CPU}|$CPU|'" \
  -e "'s|\${MEMORY}|$MEMORY|'" \
  -e "'s|\${THREADS}|$THREADS|'" \
  -e "'s|\${CONCURRENCY}|$CONCURRENCY|'" \
  -e "'s|\${MIN_INSTANCES}|$MIN_INSTANCES|'" \
  -e "'s|\${MAX_INSTANCES}|$MAX_INSTANCES|'" \
  -e "'s|\${LOG_LEVEL}|$LOG_LEVEL|'" \
  -e "'s|\${MODEL_SHA256}|$MODEL_SHA256|'" \
  -e "'s|\${TRUSTED_MODULES}|$TRUSTED_MODULES|'" \
  -e "'s|\${INVOKER_IAM_DISABLED}|$invoker_iam_disabled|'" \
  deploy/service.yaml '|' gcloud run services replace - --region="$REGION" --project="$PROJECT"
step gcloud run services describe tandem "--format='value(status.url)'" --region="$REGION" --project="$PROJECT"
say_who_can_call_it
