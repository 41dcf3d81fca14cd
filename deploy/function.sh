#!/usr/bin/env bash
# Deploy the Cloud Function (second generation). The settings are in settings.sh; DRY_RUN=1 only prints.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
# Two threads a core: with four, the slowest hundredth of requests takes twice as long at 16 connections; with one,
# gunicorn takes its sync worker, which closes each connection. 16 for a slow model that is predicted together.
: "${THREADS:=2}"
source deploy/settings.sh

access=$([[ $PUBLIC == 1 ]] && echo --allow-unauthenticated || echo --no-allow-unauthenticated)

step gcloud services enable artifactregistry.googleapis.com cloudbuild.googleapis.com cloudfunctions.googleapis.com \
  iam.googleapis.com run.googleapis.com --project="$PROJECT"
own_service_account tandem-function
model=MODEL_SHA256=$MODEL_SHA256:TRUSTED_MODULES=$TRUSTED_MODULES
# Not called tandem: a function is a Cloud Run service of its name, and would take the place of the other deployment.
# WORKERS and THREADS are what functions-framework starts, --concurrency what it is given to do. ^:^ makes the colon
# part the variables, since TRUSTED_MODULES may hold commas.
step gcloud functions deploy tandem-function --gen2 --runtime=python313 --entry-point=predict --trigger-http \
  --source=. --ignore-file=deploy/function.gcloudignore \
  --cpu="$CPU" --memory="$MEMORY" --concurrency="$CONCURRENCY" --timeout=60s \
  --min-instances="$MIN_INSTANCES" --max-instances="$MAX_INSTANCES" \
  --set-env-vars="^:^WORKERS=$CPU:THREADS=$THREADS:LOG_LEVEL=$LOG_LEVEL:GOOGLE_CLOUD_PROJECT=$PROJECT:$model" \
  --service-account="tandem-function@$PROJECT.iam.gserviceaccount.com" "$access" \
  --region="$REGION" --project="$PROJECT" --quiet
step gcloud functions describe tandem-function --gen2 "--format='value(serviceConfig.uri)'" \
  --region="$REGION" --project="$PROJECT"
say_who_can_call_it
