# Sourced by settings.sh and manifest.sh: which model is deployed, and what its pickle may name.

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
