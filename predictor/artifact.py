"""The artifact on disk, `model.pkl` and `model.json`: written whole or not at all, loaded only when it is proven."""

import hashlib
import importlib
import importlib.metadata
import io
import itertools
import json
import logging
import os
import platform
import tempfile
import warnings
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

import joblib
from marshmallow import ValidationError

from predictor.manifest import FILE, Manifest, ManifestSchema
from predictor.model import Predictor
from predictor.unpickler import ForbiddenGlobal, RestrictedUnpickler

PACKAGES = ("scikit-learn", "numpy", "joblib")
MAX_LINE = 600
LOOKS_LIKE = {
    b"version https://git-lfs": ", but a Git LFS pointer: run git lfs pull",
    b"<": ", but a web page or XML",
    b"{": ", but JSON text",
}
REMEDY = "train it again with train.py, or restore both files"


log = logging.getLogger("tandem")


class ArtifactError(Exception):
    """The artifact cannot be trusted or used; the message is one line that says why and what to do."""

    def __init__(self, message: str) -> None:
        # A hostile file chooses some of the words.
        line = "".join(char if char.isprintable() else " " for char in message)
        super().__init__(line if len(line) <= MAX_LINE else line[:MAX_LINE] + "…")


def dump(estimator: Any) -> bytes:
    """Return the bytes of `joblib.dump(estimator)`."""
    buffer = io.BytesIO()
    joblib.dump(estimator, buffer)
    return buffer.getvalue()


def installed_packages() -> dict[str, str]:
    """Return the versions that decide whether a pickle means the same here as where it was written."""
    return {"python": platform.python_version()} | {name: importlib.metadata.version(name) for name in PACKAGES}


def save(pickled: bytes, manifest: Manifest, directory: Path, others: Mapping[str, bytes] | None = None) -> None:
    """Write both files, and `others` that belong to them, beside their places, then rename them.

    So a failure leaves the old ones as they were.

    Between the two renames the digest does not match, so a server that starts just then refuses to.
    """
    directory.mkdir(parents=True, exist_ok=True)
    contents = {manifest.artifact["file"]: pickled, FILE: manifest.to_json().encode(), **(others or {})}
    with tempfile.TemporaryDirectory(dir=directory, prefix=".saving-") as beside:
        for name, data in contents.items():
            (Path(beside) / name).write_bytes(data)
        for name in contents:
            os.replace(Path(beside) / name, directory / name)


def load(directory: Path, *, sha256: str = "", any_version: bool = False) -> Predictor:
    """Return the predictor of the artifact in `directory`, verified; ArtifactError when anything is not as it says.

    `sha256` pins the digest of model.pkl from outside the artifact. `any_version` turns the refusal of packages of
    another version into a warning in the log.
    """
    manifest = read_manifest(directory / FILE)
    pickled = _read(directory / manifest.artifact["file"])
    _check_digest(pickled, manifest, directory)
    if sha256 and sha256.lower() != manifest.artifact["sha256"]:
        raise ArtifactError(
            f"MODEL_SHA256 asks for the model {sha256.lower()}, but {directory} holds {manifest.artifact['sha256']}; "
            "deploy the model that was meant, or set MODEL_SHA256 to this one"
        )
    warnings_of_packages = _check_packages(manifest, any_version)
    estimator = unpickle(pickled, manifest.globals, any_version=any_version)
    _check_estimator(estimator, manifest)
    predictor = Predictor(manifest, estimator)
    _check_replay(predictor)
    for line in warnings_of_packages:  # of a model that is refused, the reason is enough
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


def _check_digest(pickled: bytes, manifest: Manifest, directory: Path) -> None:
    digest = hashlib.sha256(pickled).hexdigest()
    if digest != manifest.artifact["sha256"]:
        looks = next((what for start, what in LOOKS_LIKE.items() if pickled.startswith(start)), "")
        raise ArtifactError(
            f"{directory / manifest.artifact['file']} is not the file that {FILE} describes{looks} "
            f"(sha256 {digest[:12]}… and {len(pickled)} bytes, not {manifest.artifact['sha256'][:12]}… "
            f"and {manifest.artifact['size']}); {REMEDY}"
        )


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


def public_class(estimator: Any) -> str:
    """Return the dotted name under which users import the estimator's class: without private modules."""
    kind = type(estimator)
    public = ".".join(itertools.takewhile(lambda part: not part.startswith("_"), kind.__module__.split(".")))
    if getattr(importlib.import_module(public), kind.__qualname__, None) is kind:
        return f"{public}.{kind.__qualname__}"
    return f"{kind.__module__}.{kind.__qualname__}"


def _check_estimator(estimator: Any, manifest: Manifest) -> None:
    found = public_class(estimator)
    if found != manifest.estimator["class"]:
        raise ArtifactError(f"the pickle holds a {found}, the manifest says {manifest.estimator['class']}; {REMEDY}")
    labels = getattr(estimator, "classes_", None) if manifest.task == "classification" else None
    if (labels if labels is None else labels.tolist()) != manifest.classes:
        raise ArtifactError(f"the estimator's classes are not those of the manifest; {REMEDY}")
    width = getattr(estimator, "n_features_in_", None)
    if width != len(manifest.features):
        raise ArtifactError(
            f"the estimator takes {width} features, the manifest lists {len(manifest.features)}; {REMEDY}"
        )


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
