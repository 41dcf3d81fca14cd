"""From a fitted estimator to `model.onnx`, kept only when it is proven to predict the same."""

import contextlib
import dataclasses
import hashlib
import math
import warnings
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from predictor import Manifest, Predictor
from predictor.columns import Category, Column, Date, Inputs, Number
from predictor.loading import first_line
from predictor.manifest import COMPILED_FILE
from predictor.onnx_engine import CompiledModel
from predictor.together import count_rows
from training import NotCompiledError
from training.batches import is_batch_invariant
from training.converters.graph import INTEGER, NUMBER, STRING, NotConvertedError
from training.converters.model import convert
from training.differences import given_to, largest_difference, usual_sizes
from training.outputs import task_of
from training.samples import sample_rows

TOLERANCE = {"double": 1e-12, "float32": 1e-5}


@dataclasses.dataclass(frozen=True)
class Compiled:
    """The bytes of `model.onnx` and what the manifest says of them."""

    data: bytes
    facts: dict[str, Any]


def compile_model(
    fitted: Any,
    rows: Inputs,
    columns: Sequence[Column] = (),
    *,
    texts: bool = False,
    seed: int = 0,
    tolerance: float | None = None,
) -> Compiled:
    """Return the conversion, if it predicts what `fitted` does; NotCompiledError when it does not.

    `rows` are the training rows: a matrix, or one array a column where the estimator takes a frame, or, with `texts`, a
    list of strings. `columns` say what requests may hold; without them, the numbers of the matrix, none missing.
    `tolerance` stands in for TOLERANCE's.
    """
    matrix = isinstance(rows, np.ndarray)
    columns = columns or [Number(f"x{index}") for index in range(np.shape(rows)[1])]
    targets = count_targets(fitted, columns, rows, texts)
    inputs = len(columns) if matrix else list(map(_typed, _estimators(columns)))
    data, precision = _convert(fitted, inputs, targets)
    classes = fitted.classes_.tolist() if hasattr(fitted, "classes_") else None
    allowed = TOLERANCE[precision] if tolerance is None else tolerance
    with _refusals_of_onnx_runtime():
        compiled = CompiledModel(data, classes, precision, () if matrix else columns)
        samples = _taken(compiled, sample_rows(columns, rows, seed))
        scale = usual_sizes(fitted.predict(given_to(columns, rows, texts)))
        given = given_to(columns, samples, texts)
        difference = largest_difference(fitted, compiled, samples, given, scale=scale, tolerance=allowed)
    if not difference <= allowed:
        raise NotCompiledError(
            f"in {precision}, the largest relative difference is {difference:.1e}, more than {allowed:.0e}"
        )
    call = lambda method, inputs: getattr(compiled, method)(inputs)  # noqa: E731
    proof = {
        "precision": precision,
        "samples": count_rows(samples),
        "largest_difference": difference,
        "batch_invariant": is_batch_invariant(compiled, call, columns, rows, seed),
    }
    return Compiled(data, facts_of(COMPILED_FILE, data, allowed=allowed, **proof))


@contextlib.contextmanager
def _refusals_of_onnx_runtime() -> Iterator[None]:
    """Make one error of all that are raised; nothing is said of unknown categories and of names that a matrix lacks."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    except NotCompiledError:
        raise
    except Exception as error:  # ONNX Runtime has a dozen kinds of them
        raise NotCompiledError(f"ONNX Runtime refuses the conversion ({first_line(error)})") from None


def count_targets(fitted: Any, columns: Sequence[Column], rows: Inputs, texts: bool = False) -> int:
    """Return how many numbers an estimator predicts of a row, or 1 label; NotCompiledError when it is neither."""
    first = rows[:1] if isinstance(rows, np.ndarray) else [values[:1] for values in rows]
    task = task_of(fitted)
    if task in {"anomaly", "clustering"}:
        raise NotCompiledError(f"{task} stays with scikit-learn")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of names that a matrix has not
        predicted = np.shape(fitted.predict(given_to(columns, first, texts)))
    targets: int = math.prod(predicted[1:])
    if targets > 1 and task == "classification":
        raise NotCompiledError("a model of several labels stays with scikit-learn")
    return targets


def facts_of(name: str, data: bytes, *, allowed: float, **proof: Any) -> dict[str, Any]:
    """Return what the manifest says of the compiled model."""
    file = {"file": name, "sha256": hashlib.sha256(data).hexdigest(), "size": len(data)}
    return {**file, **proof, "tolerance": allowed}


def list_compiled(manifest: Manifest, compiled: Compiled) -> Manifest:
    """Return the manifest with the compiled model in it; NotCompiledError when the server would refuse it."""
    listing = dataclasses.replace(manifest, compiled=compiled.facts)
    columns = () if manifest.input == "matrix" else manifest.features
    model = CompiledModel(compiled.data, manifest.classes, compiled.facts["precision"], columns)
    differing = Predictor(listing, model, compiled.facts["tolerance"]).replay()
    if differing:
        raise NotCompiledError(f"the conversion does not reproduce example {differing[0]} of the manifest")
    return listing


def _estimators(columns: Sequence[Column]) -> list[tuple[str, Column]]:
    """Return the estimator's columns by name, each with the one that it comes from."""
    return [(name, column) for column in columns for name in column.input_names]


def _typed(named: tuple[str, Column]) -> tuple[str, str]:
    """Return the name and the type of an input of the graph."""
    name, column = named
    if isinstance(column, Date) and column.dtype.startswith("datetime64"):
        raise NotCompiledError(f"the estimator takes the date {column.name!r} as it is, which ONNX does not know")
    if isinstance(column, Category) and column.whole_numbers:
        return name, NUMBER if column.missing else INTEGER
    return name, STRING if column.own_dtype == "str" else NUMBER


def _convert(fitted: Any, inputs: Any, targets: int) -> tuple[bytes, str]:
    """Return the bytes of the conversion and its precision."""
    try:
        model, precision = convert(fitted, inputs, targets)
    except NotConvertedError as error:
        raise NotCompiledError(str(error)) from None
    return model.SerializeToString(deterministic=True), precision


def _taken(compiled: CompiledModel, samples: Inputs) -> Inputs:
    """Return the samples without those that have a category that the estimator refuses."""
    if not compiled.known:
        return samples
    refused = compiled.unknown(samples).any(axis=1)
    return samples[~refused] if isinstance(samples, np.ndarray) else [values[~refused] for values in samples]
