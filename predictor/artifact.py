"""The artifact on disk, `model.pkl` and `model.json`: written whole or not at all, loaded only when it is proven."""

import hashlib
import importlib
import importlib.metadata
import io
import json
import os
import platform
import tempfile
from pathlib import Path
from typing import Any

from marshmallow import ValidationError

from predictor.manifest import COMPILED_FILE, FILE, Manifest, ManifestSchema
from predictor.model import REPLAY_TOLERANCE, Predictor
from predictor.onnx_engine import CompiledModel, choose_engine

PACKAGES = ("scikit-learn", "numpy", "joblib")
REMEDY = "train it again with train.py, or restore both files"


class ArtifactError(Exception):
    """The artifact cannot be trusted or used; the message is one line that says why and what to do."""


def dump(estimator: Any) -> bytes:
    """Return the bytes of `joblib.dump(estimator)`."""
    import joblib  # not above: the compiled engine starts without it

    buffer = io.BytesIO()
    joblib.dump(estimator, buffer)
    return buffer.getvalue()


def installed_packages() -> dict[str, str]:
    """Return the versions that decide whether a pickle means the same here as where it was written."""
    return {"python": platform.python_version()} | {name: importlib.metadata.version(name) for name in PACKAGES}


def save(pickled: bytes, manifest: Manifest, directory: Path, compiled: bytes | None = None) -> None:
    """Write the files beside their places, then rename them, so that a failure leaves the old ones as they were.

    Between the two renames the digest does not match, so a server that starts just then refuses to.
    """
    directory.mkdir(parents=True, exist_ok=True)
    contents = {manifest.artifact["file"]: pickled}
    if compiled is not None:
        contents[COMPILED_FILE] = compiled
    contents[FILE] = manifest.to_json().encode()
    with tempfile.TemporaryDirectory(dir=directory, prefix=".saving-") as beside:
        for name, data in contents.items():
            (Path(beside) / name).write_bytes(data)
        for name in contents:
            os.replace(Path(beside) / name, directory / name)
    if COMPILED_FILE not in contents:  # one that stands there is of another model
        (directory / COMPILED_FILE).unlink(missing_ok=True)


def load(directory: Path, engine: str = "auto") -> Predictor:
    """Return the predictor of the artifact in `directory`, verified; ArtifactError when anything is not as it says.

    `engine` "auto" runs the compiled model when the manifest lists one, "sklearn" the pickle in any case.
    """
    manifest = read_manifest(directory / FILE)
    pickled = _read_verified(directory, manifest.artifact)
    if choose_engine(manifest, engine)[0] == "onnxruntime":
        predictor = _compiled(directory, manifest)
    else:
        estimator = _unpickle(pickled, manifest)
        _check_estimator(estimator, manifest)
        predictor = Predictor(manifest, estimator)
    _check_replay(predictor)
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
        raise ArtifactError(
            f"{directory / described['file']} is not the file that {FILE} describes "
            f"(sha256 {digest[:12]}… and {len(data)} bytes, not {described['sha256'][:12]}… "
            f"and {described['size']}); {REMEDY}"
        )
    return data


def _compiled(directory: Path, manifest: Manifest) -> Predictor:
    """Return the predictor that runs the compiled model; its pickle is not even unpickled."""
    described = manifest.compiled or {}
    data = _read_verified(directory, described)
    try:
        model = CompiledModel(data, manifest.classes, described["precision"])
    except Exception as error:  # ONNX Runtime has a dozen kinds of them
        raise ArtifactError(
            f"ONNX Runtime cannot load {described['file']} ({first_line(error)}); {REMEDY}, or set ENGINE=sklearn"
        ) from None
    _check_width(model, manifest)
    return Predictor(manifest, model, tolerance=max(REPLAY_TOLERANCE, described["tolerance"]))


def first_line(error: Exception) -> str:
    """Return what an exception says, in one line of at most 200 characters."""
    return " ".join(str(error).split())[:200]


def _unpickle(pickled: bytes, manifest: Manifest) -> Any:
    from predictor.unpickler import ForbiddenGlobal, RestrictedUnpickler  # joblib's; see dump

    try:
        return RestrictedUnpickler(pickled, frozenset(manifest.globals)).load()
    except ForbiddenGlobal as error:
        raise ArtifactError(
            f"{manifest.artifact['file']} wants to use {error}, which its manifest does not list; do not trust it"
        ) from None
    except Exception as error:  # a broken pickle can raise anything
        raise ArtifactError(
            f"{manifest.artifact['file']} cannot be unpickled ({type(error).__name__}: {error}); {REMEDY}"
        ) from None


def public_class(estimator: Any) -> str:
    """Return the dotted name under which users import the estimator's class: without private modules."""
    kind = type(estimator)
    public = ".".join(part for part in kind.__module__.split(".") if not part.startswith("_"))
    if getattr(importlib.import_module(public), kind.__qualname__, None) is kind:
        return f"{public}.{kind.__qualname__}"
    return f"{kind.__module__}.{kind.__qualname__}"


def _check_estimator(estimator: Any, manifest: Manifest) -> None:
    found = public_class(estimator)
    if found != manifest.estimator["class"]:
        raise ArtifactError(f"the pickle holds a {found}, the manifest says {manifest.estimator['class']}; {REMEDY}")
    _check_width(estimator, manifest)


def _check_width(estimator: Any, manifest: Manifest) -> None:
    width = getattr(estimator, "n_features_in_", None)
    if width != len(manifest.features):
        raise ArtifactError(
            f"the estimator takes {width} features, the manifest lists {len(manifest.features)}; {REMEDY}"
        )


def _check_replay(predictor: Predictor) -> None:
    differing = predictor.replay()
    if differing:
        raise ArtifactError(
            f"the model does not reproduce example {differing[0]} of its manifest; the installed packages predict "
            f"other numbers than those it was trained with: {REMEDY}"
        )
