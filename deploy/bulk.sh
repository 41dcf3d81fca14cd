#!/usr/bin/env bash
# Build the image of bulk's workers by Cloud Build, and predict files in Cloud Storage by Dataflow. The settings are in
# settings.sh, and: BUCKET, for Dataflow's temporary files; ARGS, those of make bulk, IN… --out OUT; MACHINE, the type of the
# workers' machines; MAX_INSTANCES, how many of them at most. DRY_RUN=1 only prints.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
: "${MAX_INSTANCES:=20}"
source deploy/settings.sh

: "${MACHINE:=n2-standard-2}" "${BUCKET:=}" "${ARGS:=}"
for name in MACHINE BUCKET ARGS; do
  case $name in
    BUCKET) form='[a-z0-9][a-z0-9._-]+' ;;
    MACHINE) form='[a-z0-9-]+' ;;
    ARGS) form='[A-Za-z0-9 /:._*=,-]+' ;;
  esac
  must_look_like "$name" "$form" "; it must look like $form, as in: PROJECT=my-project REGION=europe-west1 \
BUCKET=my-bucket ARGS='gs://my-bucket/in/*.parquet --out gs://my-bucket/out' make deploy-bulk"
done

TAG=${TAG:-$(date -u +%Y%m%d-%H%M%S)}
repository=$REGION-docker.pkg.dev/$PROJECT/tandem
at="--region=$REGION --project=$PROJECT"
account=tandem-bulk@$PROJECT.iam.gserviceaccount.com
member=--member=serviceAccount:$account

step gcloud services enable artifactregistry.googleapis.com cloudbuild.googleapis.com dataflow.googleapis.com \
  iam.googleapis.com --project="$PROJECT"
own_repository
own_service_account tandem-bulk
step gcloud projects add-iam-policy-binding "$PROJECT" --role=roles/dataflow.worker "$member" --condition=None --format=none
step gcloud artifacts repositories add-iam-policy-binding tandem --role=roles/artifactregistry.reader "$member" \
  --location="$REGION" --project="$PROJECT" --format=none
# Other buckets than this one, in or out, are theirs to open who own them.
step gcloud storage buckets add-iam-policy-binding "gs://$BUCKET" --role=roles/storage.objectAdmin "$member" --format=none
step gcloud builds submit . --config=deploy/bulk.cloudbuild.yaml --ignore-file=deploy/bulk.gcloudignore \
  --substitutions="_IMAGE=$repository/tandem:$TAG,_BULK=$repository/bulk:$TAG" "$at"
# A * stays one: the storage finds the files.
step RUNNER=dataflow MODEL_SHA256="$MODEL_SHA256" TRUSTED_MODULES="$TRUSTED_MODULES" make bulk \
  "ARGS='$(printf '%q ' $(set -f; echo $ARGS))-- --project=$PROJECT --region=$REGION --temp_location=gs://$BUCKET/tandem-tmp" \
  "--sdk_container_image=$repository/bulk:$TAG --sdk_location=container --service_account_email=$account" \
  "--machine_type=$MACHINE --max_num_workers=$MAX_INSTANCES'"
