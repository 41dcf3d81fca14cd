"""The bytes of a pickle that somebody else made: what it names, before it is loaded, and loading only that."""

import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from joblib.numpy_pickle_utils import _validate_fileobject_and_memmap

from predictor.artifact import ArtifactError, dump
from predictor.custom import importable
from predictor.pickled import some, unpickle
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
            return unpickle(data, named)
    except ArtifactError as error:
        if "Vectorizer an unusual state" in str(error):
            raise TrainingError(
                f"{path}: its vectorizer opens the files that a request names; make it with input='content'"
            ) from None
        raise TrainingError(f"{path}: {error}") from None


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
