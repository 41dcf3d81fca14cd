"""From the files of an artifact to a predictor: only when they are proven to be what the manifest says.

The bytes are read once, compared with their digest, and those same bytes are loaded, with nothing but what is trusted
and listed by the manifest; then type, width and versions are checked and the golden examples predicted again.
"""

import hashlib
import json
import logging
import re
import warnings
from collections.abc import Collection
from pathlib import Path
from typing import Any

from marshmallow import ValidationError

from predictor.artifact import REMEDY, ArtifactError
from predictor.manifest import FILE, Manifest, ManifestSchema
from predictor.model import REPLAY_TOLERANCE, Predictor
from predictor.onnx_engine import TOLERANCE, CompiledModel, choose_engine
from predictor.packages import check_packages
from predictor.pickled import estimator_of
from predictor.proof import prove

LOOKS_LIKE = {
    b"version https://git-lfs": ", but a Git LFS pointer: run git lfs pull",
    b"<": ", but a web page or XML",
    b"{": ", but JSON text",
}

# Where in its source ONNX Runtime gave up, which says nothing to anybody here.
SOURCE = re.compile(r"/\S+\.(?:cc|h):\d+ .*?\)(?: const)? (?=\S)|\[ONNXRuntimeError\] : \d+ : \w+ : ")

log = logging.getLogger("tandem")


def load(
    directory: Path,
    engine: str = "auto",
    *,
    sha256: str = "",
    any_version: bool = False,
    trusted_modules: Collection[str] = (),
) -> Predictor:
    """Return the predictor of the artifact in `directory`, verified; ArtifactError when anything is not as it says.

    `engine` "auto" runs the compiled model when the manifest lists one, "sklearn" the pickle in any case.
    `sha256` pins, from outside the artifact, the digest of its manifest. `any_version` turns the refusal of packages
    of another version into a warning in the log. What stands in `trusted_modules` the pickle may name, too.
    """
    described = _read(directory / FILE)
    manifest = _manifest_of(directory / FILE, described)
    digest = hashlib.sha256(described).hexdigest()
    _check_pin(sha256.lower(), digest, manifest)
    if manifest.is_onnx and engine == "sklearn":
        raise ArtifactError("ENGINE=sklearn, but this model came as an ONNX file and has no pickle; leave ENGINE out")
    graph = manifest.onnx if choose_engine(manifest, engine)[0] == "onnxruntime" else None
    tolerated: list[str] = []
    if graph:
        model: Any = _compiled(directory, manifest, graph)
        predictor = Predictor(manifest, model, max(REPLAY_TOLERANCE, graph.get("tolerance", TOLERANCE)), digest)
    else:
        pickled = _read_verified(directory, manifest.artifact)
        tolerated = check_packages(manifest, any_version)
        model = estimator_of(pickled, manifest, trusted_modules, any_version=any_version)
        predictor = Predictor(manifest, model, sha256=digest)
    _check_width(model, manifest)
    # An estimator that was fitted on a DataFrame warns of every matrix; the manifest keeps the names, in order.
    warnings.filterwarnings("ignore", "X does not have valid feature names", UserWarning)
    prove(predictor)
    for line in tolerated:  # of a model that is refused, the reason is enough
        log.warning("%s", line)
    return predictor


def read_manifest(path: Path) -> Manifest:
    """Return the manifest in the file `path`; ArtifactError when it is missing or malformed."""
    return _manifest_of(path, _read(path))


def _manifest_of(path: Path, data: bytes) -> Manifest:
    import orjson

    try:
        document = json.loads(data, parse_int=_whole_number)
        orjson.dumps(document)  # GET /model will: it refuses lone surrogates and deep nesting
    except RecursionError:
        raise ArtifactError(f"{path} is not a manifest (it is nested too deeply); {REMEDY}") from None
    except (ValueError, TypeError) as error:
        raise ArtifactError(f"{path} is not JSON ({error}); {REMEDY}") from None
    try:
        manifest: Manifest = ManifestSchema().load(document)
    except ValidationError as error:
        raise ArtifactError(f"{path} is not a manifest ({json.dumps(error.messages)[:300]}); {REMEDY}") from None
    return manifest


def _whole_number(text: str) -> Any:
    """Return a number of 64 bits, and any other, which only a parameter can be and no answer can hold, as its text."""
    if len(text) > 20:
        return text
    return value if -(2**63) <= (value := int(text)) < 2**64 else text


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise ArtifactError(
            f"cannot read {path} ({error.strerror}); set MODEL_DIR to a folder that train.py wrote"
        ) from None


def _read_verified(directory: Path, described: dict[str, Any]) -> bytes:
    """Return the bytes of a file, which are those that the manifest describes."""
    data = _read(directory / described["file"])
    digest = hashlib.sha256(data).hexdigest()
    if digest != described["sha256"]:
        looks = next((what for start, what in LOOKS_LIKE.items() if data.startswith(start)), "")
        raise ArtifactError(
            f"{directory / described['file']} is not the file that {FILE} describes{looks} "
            f"(sha256 {digest[:12]}… and {len(data)} bytes, not {described['sha256'][:12]}… "
            f"and {described['size']}); {REMEDY}"
        )
    return data


def _check_pin(pinned: str, digest: str, manifest: Manifest) -> None:
    if not pinned or pinned == digest:
        return
    for described in filter(None, (manifest.artifact, manifest.compiled, manifest.bigquery)):
        if pinned == described["sha256"]:
            raise ArtifactError(
                f"MODEL_SHA256 is the digest of {described['file']} alone; set it to that of {FILE}, "
                f"which holds all others: MODEL_SHA256={digest}"
            )
    raise ArtifactError(
        f"MODEL_SHA256 asks for the model {pinned}, but {FILE} is {digest}; "
        "deploy the model that was meant, or set MODEL_SHA256 to this one"
    )


def _compiled(directory: Path, manifest: Manifest, described: dict[str, Any]) -> CompiledModel:
    """Return the compiled model; its pickle is not even read."""
    data = _read_verified(directory, described)
    try:
        columns = () if manifest.input == "matrix" else manifest.features
        precision, outputs = described.get("precision", ""), described.get("outputs", ())
        return CompiledModel(data, manifest.classes, precision, columns, outputs)
    except Exception as error:  # ONNX Runtime has a dozen kinds of them
        remedy = REMEDY if manifest.is_onnx else f"{REMEDY}, or set ENGINE=sklearn"
        raise ArtifactError(f"ONNX Runtime cannot load {described['file']} ({first_line(error)}); {remedy}") from None


def first_line(error: Exception) -> str:
    """Return what an exception says, in one line of at most 200 characters."""
    return SOURCE.sub("", " ".join(str(error)[:2000].split()))[:200]


def _check_width(estimator: Any, manifest: Manifest) -> None:
    width = getattr(estimator, "n_features_in_", None)
    wanted = len(manifest.input_names)
    # A pipeline whose first step does not know shows it by predicting; CatBoost's models forget it, and say 0.
    if width not in (None, 0, wanted):
        raise ArtifactError(f"the estimator takes {width} features, the manifest lists {wanted}; {REMEDY}")
