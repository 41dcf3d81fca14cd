"""Adopting a pickle that somebody else made: look at what it names, load only that, describe it like our own."""

import dataclasses
import io
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from joblib.numpy_pickle_utils import _validate_fileobject_and_memmap
from numpy.typing import NDArray

from predictor import Manifest
from predictor.artifact import ArtifactError, dump
from predictor.columns import Number
from predictor.pickled import some, unpickle
from predictor.trusted import is_trusted, setting_for
from predictor.unpickler import RestrictedUnpickler, global_name, present_name
from tables import Table
from training import TrainingError
from training.describe import describe
from training.outputs import check_predictions
from training.problem import Problem

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
    return data


def globals_of_untrusted(data: bytes) -> list[str]:
    """Return the globals that a pickle names, sorted, without importing or calling any of them."""
    seen: dict[str, None] = {}
    try:
        _ListingUnpickler(io.BytesIO(data), lambda name: seen.setdefault(name) is None).load()
    except Exception as error:  # a broken pickle can raise anything
        raise TrainingError(f"this is not a pickle that can be read: {type(error).__name__}: {error}") from None
    return sorted(seen)


def load_untrusted(path: Path, *, yes: bool) -> Any:
    """Return the object in a pickle that names nothing foreign, or, with `yes`, what its user answers for."""
    data = read_pickle(path)
    named = globals_of_untrusted(data)
    foreign = [name for name in named if not is_trusted(name)]
    print_globals(named, foreign)
    if foreign and not yes:
        raise TrainingError(
            f"{path} names {some(foreign)}; loading it runs them: add --yes if you know and trust where it is from, "
            f"and serve the model with TRUSTED_MODULES={setting_for(foreign)}"
        )
    try:
        return unpickle(data, named)
    except ArtifactError as error:
        raise TrainingError(f"{path}: {error}") from None


def print_globals(named: Sequence[str], foreign: Sequence[str]) -> None:
    """Print what the pickle names, the foreign ones marked."""
    print("The pickle names:")  # noqa: T201
    for name in named:
        print(f"  {name}{'   <- not what an estimator is made of' if name in foreign else ''}")  # noqa: T201
    if foreign:
        print(f"To serve it, set TRUSTED_MODULES={setting_for(foreign)}")  # noqa: T201


def feature_names_of(estimator: Any, given: Sequence[str]) -> list[str]:
    """Return the names of the features: those that the estimator was fitted with, or those that were given."""
    own = list(getattr(estimator, "feature_names_in_", ()))
    if own and given and list(given) != own:
        raise TrainingError(f"the estimator was fitted with the features {','.join(own)}; leave --features out")
    names = own or list(given)
    if not names:
        raise TrainingError("the estimator does not know its features' names; give them, in order, with --features a,b")
    width = getattr(estimator, "n_features_in_", len(names))
    if width != len(names):
        raise TrainingError(f"the estimator takes {width} features, --features names {len(names)}")
    if len(set(names)) < len(names) or not all(names):
        raise TrainingError("--features must give each feature a name of its own")
    return names


def default_rows(width: int) -> NDArray[np.float64]:
    """Return rows to make golden examples from where none are given: 1, 2, 3 and so on, zeros, ones."""
    return np.array([np.arange(1.0, width + 1), np.zeros(width), np.ones(width)])


def read_rows(path: Path, names: list[str]) -> NDArray[np.float64]:
    """Return the columns `names` of a CSV file as a finite matrix; TrainingError when they are not there."""
    import pandas as pd

    try:
        rows = pd.read_csv(path, usecols=names, dtype=np.float64)[names].to_numpy()
    except OSError as error:
        raise TrainingError(f"cannot read {path}: {error.strerror}; give the path of a CSV file") from None
    except ValueError as error:
        raise TrainingError(f"--examples {path} must have numbers in the columns {','.join(names)}: {error}") from None
    if not len(rows) or not np.isfinite(rows).all():
        raise TrainingError(f"--examples {path} must have at least one row, and a finite number in each cell")
    return np.ascontiguousarray(rows, dtype=np.float64)


def check_predicts(estimator: Any, rows: NDArray[np.float64]) -> str:
    """Return the task of an estimator whose predictions can be answered; TrainingError for any other object."""
    if not callable(getattr(estimator, "predict", None)):
        raise TrainingError(f"the pickle holds a {type(estimator).__name__}, not an estimator with predict")
    try:
        predictions = np.asarray(estimator.predict(rows))
    except Exception as error:  # not fitted, or made for other tables
        reason = " ".join(str(error).split())
        raise TrainingError(f"{type(estimator).__name__} cannot predict a matrix of numbers: {reason}") from None
    return check_predictions(estimator, predictions, len(rows))


def dump_again(estimator: Any, path: Path) -> bytes:
    """Return the pickle of an adopted estimator; TrainingError when it holds what pickle cannot write."""
    try:
        return dump(estimator)
    except Exception as error:  # lambdas and classes that only cloudpickle can write, and whatever a class raises
        raise TrainingError(
            f"{path} holds what pickle cannot write ({' '.join(str(error).split()):.200}); "
            "put functions and classes into a module and make the pickle again"
        ) from None


def adopt(
    path: Path,
    *,
    features: Sequence[str],
    target: str,
    examples: Path | None,
    name: str,
    version: str,
    yes: bool,
) -> tuple[Manifest, bytes]:
    """Return manifest and pickle of the estimator in the file `path`, as train.py would write them.

    The ranges of the features are those of the examples, unknown without them; training facts there are none.
    """
    estimator = load_untrusted(path, yes=yes)
    names = feature_names_of(estimator, features)
    rows = read_rows(examples, names) if examples else default_rows(len(names))
    pickled = dump_again(estimator, path)
    with warnings.catch_warnings():
        # One that was fitted on a DataFrame warns of every matrix.
        warnings.simplefilter("ignore")
        task = check_predicts(estimator, rows)
        problem = problem_of_numbers(rows, names, target, task)
        manifest = describe(estimator, problem, pickled, name=name, version=version, training=None)
    if examples is None:
        manifest = dataclasses.replace(manifest, features=[Number(name) for name in names])
    return manifest, pickled


def problem_of_numbers(rows: NDArray[np.float64], names: list[str], target: str, task: str) -> Problem:
    """Return a matrix of numbers as if it were a table that was trained from."""
    import pandas as pd

    ranges = zip(names, rows.min(axis=0).tolist(), rows.max(axis=0).tolist(), strict=True)
    columns = [Number(name, minimum=low, maximum=high) for name, low, high in ranges]
    frame = pd.DataFrame(rows, columns=names)
    return Problem(
        Table(frame, columns, np.empty(len(rows)), target, "", range(len(rows))), task, rows, np.empty(len(rows))
    )
