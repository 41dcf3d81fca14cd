"""The bytes of a pickle that somebody else made: what it names, before it is loaded, and loading only that."""

import io
import re
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import sklearn
from joblib.numpy_pickle_utils import _validate_fileobject_and_memmap

from predictor.artifact import REMEDY, ArtifactError, dump
from predictor.custom import importable
from predictor.environment import switch
from predictor.pickled import OtherVersion, some, unpickle
from predictor.trusted import is_trusted, setting_for
from predictor.unpickler import RestrictedUnpickler, global_name, present_name
from training import TrainingError
from training.adopting.code import MAIN, check_modules, standing_for_main

# What the listing must know to find its way through the bytes of the arrays in a file of joblib's; harmless to call.
STRUCTURE = frozenset(
    {
        "joblib.numpy_pickle:NumpyArrayWrapper",
        "numpy:dtype",
        "numpy:ndarray",
        "copyreg:_reconstructor",
        "builtins:object",
    }
)

# The version that scikit-learn writes beside the state of each estimator.
WRITTEN_BY = re.compile(rb"_sklearn_version.{1,12}?(\d{1,3}\.\d{1,3}(?:\.[0-9a-z]{1,9})*)", re.DOTALL)


class _Inert:
    """Stands in for whatever a pickle names: it can be made, called, filled and given a state, and does nothing."""

    def __new__(cls, *_: Any, **__: Any) -> "_Inert":
        return super().__new__(cls)

    def __init__(self, *_: Any, **__: Any) -> None: ...

    def __call__(self, *_: Any, **__: Any) -> "_Inert":
        return self

    def __setstate__(self, _: Any) -> None: ...

    append = extend = add = __setitem__ = __call__


class _ListingUnpickler(RestrictedUnpickler):
    """An unpickler that builds the structure of joblib's file, and of all else what does nothing.

    `permits` is told each name, and not asked.
    """

    def find_class(self, module: str, name: str) -> Any:
        module, name = present_name(module, name, self.proto)
        found = global_name(module, name)
        self.permits(found)
        if found in STRUCTURE:
            return super().find_class(module, name)
        return self.hand_out("", type("Inert", (_Inert,), {}))

    def is_foreign(self, value: Any) -> bool:
        return isinstance(value, _Inert) or (isinstance(value, type) and issubclass(value, _Inert))


def read_pickle(path: Path) -> bytes:
    """Return the bytes of a file of pickle.dump or joblib.dump, without joblib's compression."""
    try:
        with path.open("rb") as file, _validate_fileobject_and_memmap(file, str(path), None) as (plain, _):
            data: bytes = plain.read()
    except OSError as error:
        raise TrainingError(f"cannot read {path}: {error.strerror or error}; give the path of a pickle") from None
    except Exception as error:  # each compression has its own errors
        raise TrainingError(f"cannot read {path}: it is cut or damaged ({error})") from None
    return data


def globals_of_untrusted(data: bytes) -> list[str]:
    """Return the globals that a pickle names, sorted, without importing or calling any of them."""
    seen: dict[str, None] = {}
    try:
        _ListingUnpickler(io.BytesIO(data), lambda name: seen.setdefault(name) is None).load()
    except Exception as error:  # a broken pickle can raise anything
        raise TrainingError(f"this is not a pickle that can be read: {type(error).__name__}: {error}") from None
    return sorted(seen)


def load_untrusted(path: Path, *, yes: bool, code: Sequence[Path] = ()) -> Any:
    """Return the object in a pickle that names nothing foreign, or, with `yes`, what its user answers for.

    `code` are the user's modules, which were taken in; what the pickle names of __main__ stands in one of them.
    """
    data = read_pickle(path)
    named = globals_of_untrusted(data)
    own = {*importable(), MAIN} if code else importable()
    foreign = [name for name in named if not is_trusted(name, own)]
    print_globals(named, foreign)
    check_modules(path, named, code)
    if foreign and not yes:
        raise TrainingError(
            f"{path} names {some(foreign)}; loading it runs them: add --yes if you know and trust where it is from, "
            f"and serve the model with TRUSTED_MODULES={setting_for(foreign)}"
        )
    try:
        with standing_for_main(named, code):
            return load_any_version(path, data, named)
    except ArtifactError as error:
        raise TrainingError(f"{path}: {in_adopters_words(str(error), data)}") from None


def load_any_version(path: Path, data: bytes, named: Sequence[str]) -> Any:
    """Return the object in a pickle; one of another scikit-learn only when ALLOW_VERSION_MISMATCH says so."""
    try:
        return unpickle(data, named)
    except OtherVersion as error:
        told = (
            f"{path} was written by scikit-learn {error.written_by}, installed is {error.installed}, which may predict "
            f"other numbers; to have that one: {install(error.written_by)}"
        )
        if not switch("ALLOW_VERSION_MISMATCH"):
            raise TrainingError(f"{told}; or set ALLOW_VERSION_MISMATCH=1 to adopt it as it is") from None
    sys.stderr.write(f"train.py: {told}; adopted because of ALLOW_VERSION_MISMATCH=1, compare its predictions\n")
    return unpickle(data, named, any_version=True)


def install(version: str) -> str:
    """Return the command that installs a version of scikit-learn into this Python."""
    return f"{sys.executable} -m pip install scikit-learn=={version}"


def in_adopters_words(refusal: str, data: bytes) -> str:
    """Return why a pickle cannot be loaded, for somebody who did not train here."""
    if "Vectorizer an unusual state" in refusal:
        return "its vectorizer opens the files that a request names; make it with input='content'"
    reason = refusal.removesuffix(f"; {REMEDY}")
    then = WRITTEN_BY.search(data)
    if reason == refusal or then is None or (version := then[1].decode()) == sklearn.__version__:
        return reason
    return f"{reason}; it was written by scikit-learn {version}: {install(version)}"


def print_globals(named: Sequence[str], foreign: Sequence[str]) -> None:
    """Print what the pickle names, the foreign ones marked."""
    print("The pickle names:")  # noqa: T201
    for name in named:
        print(f"  {name}{'   <- not what an estimator is made of' if name in foreign else ''}")  # noqa: T201
    if any(name.startswith("cloudpickle") for name in foreign):
        print("It holds code by value, as cloudpickle writes it; loading it runs that code.")  # noqa: T201
    if foreign:
        print(f"To serve it, set TRUSTED_MODULES={setting_for(foreign)}")  # noqa: T201


def dump_again(estimator: Any, path: Path) -> bytes:
    """Return the pickle of an adopted estimator; TrainingError when it holds what pickle cannot write."""
    try:
        return dump(estimator)
    except Exception as error:  # lambdas and classes that only cloudpickle can write, and whatever a class raises
        raise TrainingError(
            f"{path} holds what pickle cannot write ({' '.join(str(error).split()):.200}); "
            "put functions and classes into a module and make the pickle again"
        ) from None
