"""From the files of an artifact to a predictor: only when they are proven to be what the manifest says.

The bytes are read once, compared with their digest, and those same bytes are loaded, with nothing but the globals that
the manifest lists; then type, width and versions are checked and the golden examples predicted again.
"""

import contextlib
import hashlib
import json
import logging
import warnings
from collections.abc import Collection
from pathlib import Path
from typing import Any

from marshmallow import ValidationError

from predictor.artifact import ArtifactError, installed_packages, public_class
from predictor.frames import without_pandas
from predictor.manifest import FILE, Manifest, ManifestSchema
from predictor.model import REPLAY_TOLERANCE, Predictor
from predictor.onnx_engine import CompiledModel, choose_engine

REMEDY = "train it again with train.py, or restore both files"

LOOKS_LIKE = {
    b"version https://git-lfs": ", but a Git LFS pointer: run git lfs pull",
    b"<": ", but a web page or XML",
    b"{": ", but JSON text",
}

log = logging.getLogger("tandem")


def load(directory: Path, engine: str = "auto", *, sha256: str = "", any_version: bool = False) -> Predictor:
    """Return the predictor of the artifact in `directory`, verified; ArtifactError when anything is not as it says.

    `engine` "auto" runs the compiled model when the manifest lists one, "sklearn" the pickle in any case.
    `sha256` pins, from outside the artifact, the digest of the file that is served. `any_version` turns the refusal of
    packages of another version into a warning in the log.
    """
    manifest = read_manifest(directory / FILE)
    pickled = _read_verified(directory, manifest.artifact)
    compiled = manifest.compiled if choose_engine(manifest, engine)[0] == "onnxruntime" else None
    _check_pin(sha256.lower(), compiled or manifest.artifact)
    tolerated: list[str] = []
    if compiled:
        predictor = _compiled(directory, manifest, compiled)
    else:
        tolerated = _check_packages(manifest, any_version)
        with contextlib.nullcontext() if manifest.input == "frame" else without_pandas():
            estimator = unpickle(pickled, manifest.globals, any_version=any_version)
        _check_estimator(estimator, manifest)
        predictor = Predictor(manifest, estimator)
    _check_replay(predictor)
    for line in tolerated:  # of a model that is refused, the reason is enough
        log.warning("%s", line)
    return predictor


def read_manifest(path: Path) -> Manifest:
    """Return the manifest in the file `path`; ArtifactError when it is missing or malformed."""
    try:
        document = json.loads(_read(path))
    except ValueError as error:
        raise ArtifactError(f"{path} is not JSON ({error}); {REMEDY}") from None
    try:
        manifest: Manifest = ManifestSchema().load(document)
    except ValidationError as error:
        raise ArtifactError(f"{path} is not a manifest ({json.dumps(error.messages)[:300]}); {REMEDY}") from None
    return manifest


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


def _check_pin(sha256: str, served: dict[str, Any]) -> None:
    if sha256 and sha256 != served["sha256"]:
        raise ArtifactError(
            f"MODEL_SHA256 asks for the model {sha256}, but {served['file']} is {served['sha256']}; "
            "deploy the model that was meant, or set MODEL_SHA256 to this one"
        )


def _compiled(directory: Path, manifest: Manifest, described: dict[str, Any]) -> Predictor:
    """Return the predictor that runs the compiled model; its pickle is not even unpickled."""
    data = _read_verified(directory, described)
    try:
        columns = () if manifest.input == "matrix" else manifest.features
        model = CompiledModel(data, manifest.classes, described["precision"], columns)
    except Exception as error:  # ONNX Runtime has a dozen kinds of them
        raise ArtifactError(
            f"ONNX Runtime cannot load {described['file']} ({first_line(error)}); {REMEDY}, or set ENGINE=sklearn"
        ) from None
    _check_width(model, manifest)
    return Predictor(manifest, model, tolerance=max(REPLAY_TOLERANCE, described["tolerance"]))


def first_line(error: Exception) -> str:
    """Return what an exception says, in one line of at most 200 characters."""
    return " ".join(str(error).split())[:200]


def _check_packages(manifest: Manifest, any_version: bool) -> list[str]:
    """Return what is worth a warning."""
    tolerated = []
    here = installed_packages()
    for name, version in here.items():
        then = manifest.packages.get(name, "unknown")
        if then == version or (name != "scikit-learn" and _major(name, then) == _major(name, version)):
            continue
        if name == "python":
            tolerated.append(f"the model was trained with Python {then}, this is {version}")
            continue
        message = (
            f"the model was trained with {name} {then}, installed is {version}, which may predict other numbers; "
            f"install {name}=={then}, or train it again"
        )
        if not any_version:
            raise ArtifactError(f"{message} (ALLOW_VERSION_MISMATCH=1 loads it all the same)")
        tolerated.append(f"{message}; loaded because of ALLOW_VERSION_MISMATCH=1")
    return tolerated


def _major(name: str, version: str) -> list[str]:
    """Return the part of a version that promises compatibility: the minor one too for Python."""
    return version.split(".")[: 2 if name == "python" else 1]


def unpickle(pickled: bytes, allowed: Collection[str], *, any_version: bool = False) -> Any:
    """Return the object in `pickled`, built from the `allowed` globals only; ArtifactError when it cannot be."""
    from sklearn.exceptions import InconsistentVersionWarning

    from predictor.unpickler import ForbiddenGlobal, RestrictedUnpickler

    try:
        with warnings.catch_warnings():
            # The version that the pickle itself names may differ from the manifest's.
            warnings.simplefilter("ignore" if any_version else "error", InconsistentVersionWarning)
            return RestrictedUnpickler(pickled, frozenset(allowed)).load()
    except ForbiddenGlobal as error:
        raise ArtifactError(
            f"the pickle wants to use {error}, which its manifest does not list; do not trust it"
        ) from None
    except InconsistentVersionWarning as error:
        raise ArtifactError(
            f"the pickle was written by scikit-learn {error.original_sklearn_version}, installed is "
            f"{error.current_sklearn_version}; install that version, or train it again"
        ) from None
    except Exception as error:  # a broken pickle can raise anything
        raise ArtifactError(f"the pickle cannot be loaded ({type(error).__name__}: {error}); {REMEDY}") from None


def _check_estimator(estimator: Any, manifest: Manifest) -> None:
    found = public_class(estimator)
    if found != manifest.estimator["class"]:
        raise ArtifactError(f"the pickle holds a {found}, the manifest says {manifest.estimator['class']}; {REMEDY}")
    labels = getattr(estimator, "classes_", None) if manifest.task == "classification" else None
    if (labels if labels is None else labels.tolist()) != manifest.classes:
        raise ArtifactError(f"the estimator's classes are not those of the manifest; {REMEDY}")
    _check_width(estimator, manifest)


def _check_width(estimator: Any, manifest: Manifest) -> None:
    width = getattr(estimator, "n_features_in_", None)
    wanted = len(manifest.input_names)
    if width != wanted and manifest.input != "texts":  # a vectorizer does not say
        raise ArtifactError(f"the estimator takes {width} features, the manifest lists {wanted}; {REMEDY}")


def _check_replay(predictor: Predictor) -> None:
    # An estimator that was fitted on a DataFrame warns of every matrix; the manifest keeps the names, in order.
    warnings.filterwarnings("ignore", "X does not have valid feature names", UserWarning)
    try:
        differing = predictor.replay()
    except Exception as error:  # an estimator that is not what it seems can raise anything
        raise ArtifactError(
            f"the model cannot predict the examples of its manifest ({type(error).__name__}: {error}); {REMEDY}"
        ) from None
    if differing:
        raise ArtifactError(
            f"the model does not reproduce example {differing[0]} of its manifest; the installed packages predict "
            f"other numbers than those it was trained with: {REMEDY}"
        )
