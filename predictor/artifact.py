"""The artifact on disk, `model.pkl` and `model.json`, and what is written there: whole, or not at all."""

import importlib
import importlib.metadata
import io
import itertools
import os
import platform
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from predictor.manifest import FILE, Manifest

PACKAGES = ("scikit-learn", "numpy", "joblib")
MAX_LINE = 600
REMEDY = "write both files again with train.py (--adopt for an estimator of elsewhere), or restore them"


class ArtifactError(Exception):
    """The artifact cannot be trusted or used; the message is one line that says why and what to do."""

    def __init__(self, message: str) -> None:
        line = printable(message)
        super().__init__(line if len(line) <= MAX_LINE else line[:MAX_LINE] + "…")


def printable(message: str) -> str:
    """Return a message, of which a hostile file may have chosen some words, as one line that no terminal obeys."""
    return "".join(char if char.isprintable() else " " for char in message)


def dump(estimator: Any) -> bytes:
    """Return the bytes of `joblib.dump(estimator)`."""
    import joblib  # not above: the compiled engine starts without it

    buffer = io.BytesIO()
    joblib.dump(estimator, buffer)
    return buffer.getvalue()


def installed_packages(names: Iterable[str] = PACKAGES) -> dict[str, str]:
    """Return the versions that decide whether a pickle means the same here as where it was written."""
    return {"python": platform.python_version()} | {name: importlib.metadata.version(name) for name in names}


def save(pickled: bytes, manifest: Manifest, directory: Path, others: Mapping[str, bytes | None] | None = None) -> None:
    """Write the files of an artifact beside their places, then rename them, so a failure leaves the old ones alone.

    `others` are files that belong to this model, by name; None removes one that may be there of another model.

    Between the two renames the digest does not match, so a server that starts just then refuses to.
    """
    directory.mkdir(parents=True, exist_ok=True)
    contents: dict[str, bytes | None]
    contents = {manifest.artifact["file"]: pickled, **(others or {}), FILE: manifest.to_json().encode()}
    with tempfile.TemporaryDirectory(dir=directory, prefix=".saving-") as beside:
        for name, data in contents.items():
            if data is not None:
                (Path(beside) / name).write_bytes(data)
        for name, data in contents.items():
            if data is not None:
                os.replace(Path(beside) / name, directory / name)
            else:
                (directory / name).unlink(missing_ok=True)


def public_class(estimator: Any) -> str:
    """Return the dotted name under which users import the estimator's class: without private modules."""
    kind = type(estimator)
    public = ".".join(itertools.takewhile(lambda part: not part.startswith("_"), kind.__module__.split(".")))
    if public and getattr(importlib.import_module(public), kind.__qualname__, None) is kind:
        return f"{public}.{kind.__qualname__}"
    return f"{kind.__module__}.{kind.__qualname__}"
