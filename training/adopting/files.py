"""The files that people keep estimators in: pickles, however compressed, and skops."""

import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from predictor.custom import importable
from predictor.pickled import some
from predictor.trusted import NAME, is_trusted, setting_for
from predictor.unpickler import globals_of_trusted
from training import TrainingError
from training.adopting.pickles import load_untrusted, print_globals
from training.adopting.proof import one_line


def load_file(path: Path, *, yes: bool, code: Sequence[Path] = ()) -> Any:
    """Return what a file holds, if it names nothing foreign, or, with `yes`, what its user answers for."""
    if is_skops(path):
        return load_skops(path, yes=yes)
    return load_untrusted(path, yes=yes, code=code)


def is_skops(path: Path) -> bool:
    """Whether a file is one of skops': a zip archive with a description of what is in it."""
    try:
        with zipfile.ZipFile(path) as archive:
            return "schema.json" in archive.namelist()
    except (OSError, zipfile.BadZipFile, ValueError):
        return False


def load_skops(path: Path, *, yes: bool) -> Any:
    """Return what a file of skops' holds, by its own rules; what those do not trust, our list may."""
    try:
        from skops import io
    except ImportError:
        raise TrainingError(f"{path} is a file of skops; to read it: pip install skops") from None
    try:
        doubtful = io.get_untrusted_types(file=path)
        named = {name: ":".join(name.rpartition(".")[::2]) for name in doubtful}
        foreign = [name for name in named.values() if not is_trusted(name, importable())]
        if odd := [name for name in named.values() if not NAME.match(name)]:
            raise ValueError(f"it names {odd[0]!a:.80}, which is no name of anything")
    except Exception as error:  # a broken archive can raise anything
        raise TrainingError(f"{path} is no file of skops that can be read: {one_line(error)}") from None
    if named:
        print_globals(sorted(named.values()), foreign)
    if foreign and not yes:
        raise TrainingError(
            f"{path} names {some(foreign)}, which skops does not trust: add --yes if you know and trust where it is "
            f"from, and serve the model with TRUSTED_MODULES={setting_for(foreign)}"
        )
    try:
        return io.load(path, trusted=doubtful)
    except Exception as error:
        raise TrainingError(f"{path} cannot be loaded by skops: {one_line(error)}") from None


def check_pickle(path: Path, pickled: bytes) -> None:
    """Refuse an estimator whose pickle, once written, could not be served."""
    try:
        globals_of_trusted(pickled)
    except Exception as error:
        raise TrainingError(f"{path} holds what cannot be served: the pickle wants to {one_line(error)}") from None
