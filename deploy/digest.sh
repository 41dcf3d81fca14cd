# Sourced by settings.sh and manifest.sh: which model is deployed, and what its pickle may name.

# End with one line unless the variable $1 looks like $2; $3 says so in other words.
must_look_like() {
  if [[ ! ${!1} =~ ^$2$ ]]; then
    echo "tandem: $1=${!1} cannot be used${3:-; it must look like $2}" >&2
    exit 1
  fi
}

# Modules that the pickle may name beside scikit-learn's own, separated by commas; docs/packages.md.
: "${TRUSTED_MODULES:=}"

# What is deployed serves this model.json and no other: its digest stands in the environment, outside of the artifact.
digest=$( (sha256sum model.json || shasum -a 256 model.json) 2>/dev/null | cut -d' ' -f1) || true
if [[ -z $digest ]]; then
  echo "tandem: cannot read model.json; make train writes it" >&2
  exit 1
fi
: "${MODEL_SHA256:=$digest}"
if [[ $MODEL_SHA256 != "$digest" ]]; then
  echo "tandem: MODEL_SHA256 asks for the model $MODEL_SHA256, but model.json is $digest" >&2
  exit 1
fi
