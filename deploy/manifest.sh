#!/usr/bin/env bash
# Print deploy/kubernetes.yaml or deploy/knative.yaml for IMAGE, and for no other model than the one in this folder.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
source deploy/digest.sh

: "${FOR:=kubernetes}" "${IMAGE:=}"
# They go into the file as they are.
for name in FOR IMAGE TRUSTED_MODULES; do
  case $name in
    FOR) form='(kubernetes|knative)' ;;
    IMAGE) form='[a-z0-9][A-Za-z0-9._/:@-]*' ;;
    TRUSTED_MODULES) form='[A-Za-z0-9_.,]*' ;;
  esac
  must_look_like "$name" "$form" ", it must look like $form; as in: IMAGE=registry.example.com/tandem:2 make manifest"
done

sed \
  -e "s|image: registry.example.com/tandem:1.0|image: $IMAGE|" \
  -e "/name: MODEL_SHA256/{n;s|\"\"|\"$MODEL_SHA256\"|;}" \
  -e "/name: TRUSTED_MODULES/{n;s|\"\"|\"$TRUSTED_MODULES\"|;}" \
  "deploy/$FOR.yaml"
