# Sourced by run.sh and function.sh: the settings of a deployment, and how its steps are run.

# MEMORY: a process of the example takes 160 MB; with four hostile bodies of MAX_BODY_BYTES at a time, under 600 MB.
: "${CPU:=1}" "${MEMORY:=1Gi}" "${THREADS:=4}" "${MIN_INSTANCES:=0}" "${MAX_INSTANCES:=3}" "${LOG_LEVEL:=INFO}"
: "${PUBLIC:=0}" "${DRY_RUN:=0}"
source deploy/digest.sh

for name in PROJECT REGION CPU MEMORY THREADS MIN_INSTANCES MAX_INSTANCES LOG_LEVEL PUBLIC DRY_RUN TRUSTED_MODULES; do
  if [[ -z ${!name:-} && $name != TRUSTED_MODULES ]]; then
    echo "tandem: set $name, as in: PROJECT=my-project REGION=europe-west1 make deploy-run" >&2
    exit 1
  fi
  # A value goes into commands and into service.yaml as it is, so it may hold no character that means something there.
  case $name in
    PROJECT | REGION) form='[a-z][a-z0-9-]+' ;;
    CPU | THREADS | MAX_INSTANCES) form='[1-9][0-9]*' ;;
    MIN_INSTANCES) form='[0-9]+' ;;
    PUBLIC | DRY_RUN) form='[01]' ;;
    TRUSTED_MODULES) form='[A-Za-z0-9_.,]*' ;;
    *) form='[A-Za-z0-9.-]+' ;;
  esac
  must_look_like "$name" "$form"
done

# A request in an instance has a thread of its own; more of them would only wait there instead of starting an instance.
CONCURRENCY=$((CPU * THREADS))

# Run the command that the words make, or with DRY_RUN=1 only print it, ready to be pasted.
step() {
  echo "$*"
  if [[ $DRY_RUN == 0 ]]; then
    eval "$*" || { echo "tandem: stopped, since this step failed: $*" >&2; exit 1; }
  fi
}

# Make the service account $1, which has no rights: the process calls no Google service.
own_service_account() {
  step gcloud iam service-accounts describe "$1@$PROJECT.iam.gserviceaccount.com" --project="$PROJECT" '>/dev/null 2>&1' \
    '||' gcloud iam service-accounts create "$1" --display-name=Tandem --project="$PROJECT"
}

# Make the repository of the project's images.
own_repository() {
  step gcloud artifacts repositories describe tandem --location="$REGION" --project="$PROJECT" '>/dev/null 2>&1' \
    '||' gcloud artifacts repositories create tandem --repository-format=docker --location="$REGION" --project="$PROJECT"
}

say_who_can_call_it() {
  if [[ $PUBLIC == 1 ]]; then
    echo "PUBLIC=1: anyone on the internet can call it." >&2
  else
    echo "It is private: callers need the role roles/run.invoker and an identity token. PUBLIC=1 lets anyone in." >&2
  fi
}
