"""From a fitted estimator to `model.onnx`, kept only when it is proven to predict the same."""

import dataclasses
import hashlib
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from predictor import Manifest, Predictor
from predictor.columns import Category, Column, Date, Number, Values
from predictor.loading import first_line
from predictor.manifest import COMPILED_FILE, Inputs
from predictor.onnx_engine import CompiledModel
from training.converters.graph import INTEGER, NUMBER, STRING, NotConvertedError
from training.converters.model import convert
from training.samples import sample_rows

TOLERANCE = {"double": 1e-12, "float32": 1e-5}
# A prediction can be zero but for rounding, and no difference is small relative to that: below this part of the
# usual prediction's size, differences are relative to this part instead.
NEAR_ZERO = 1e-3
# ONNX Runtime takes another way through a single row than through many, so some rows are predicted alone, too.
ALONE = 100


class NotCompiledError(Exception):
    """No conversion is equal to the estimator; the message is one line that says why."""


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
    seed: int = 0,
    tolerance: float | None = None,
) -> Compiled:
    """Return the conversion, if it predicts what `fitted` does; NotCompiledError when it does not.

    `rows` are the training rows: a matrix, or one array a column where the estimator takes a frame. `columns` say what
    requests may hold; without them, the numbers of the matrix, none missing. `tolerance` stands in for TOLERANCE's.
    """
    matrix = isinstance(rows, np.ndarray)
    columns = columns or [Number(f"x{index}") for index in range(np.shape(rows)[1])]
    samples = sample_rows(columns, rows, seed)
    data, precision = _convert(fitted, len(columns) if matrix else list(map(_typed, _estimators(columns))))
    classes = fitted.classes_.tolist() if hasattr(fitted, "classes_") else None
    try:
        compiled = CompiledModel(data, classes, precision, () if matrix else columns)
        samples = _taken(compiled, samples)
        difference = largest_difference(fitted, compiled, samples, () if matrix else columns)
    except NotCompiledError:
        raise
    except Exception as error:  # ONNX Runtime has a dozen kinds of them
        raise NotCompiledError(f"ONNX Runtime refuses the conversion ({first_line(error)})") from None
    allowed = TOLERANCE[precision] if tolerance is None else tolerance
    if not difference <= allowed:
        raise NotCompiledError(
            f"in {precision}, the largest relative difference is {difference:.1e}, more than {allowed:.0e}"
        )
    facts = {
        "file": COMPILED_FILE,
        "sha256": hashlib.sha256(data).hexdigest(),
        "size": len(data),
        "precision": precision,
        "samples": len(samples if matrix else samples[0]),
        "largest_difference": difference,
        "tolerance": allowed,
    }
    return Compiled(data, facts)


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


def _convert(fitted: Any, inputs: Any) -> tuple[bytes, str]:
    """Return the bytes of the conversion and its precision."""
    try:
        model, precision = convert(fitted, inputs)
    except NotConvertedError as error:
        raise NotCompiledError(str(error)) from None
    return model.SerializeToString(deterministic=True), precision


def _taken(compiled: CompiledModel, samples: Inputs) -> Inputs:
    """Return the samples without those that have a category that the estimator refuses."""
    if not compiled.known:
        return samples
    refused = compiled.unknown(samples).any(axis=1)
    return samples[~refused] if isinstance(samples, np.ndarray) else [values[~refused] for values in samples]


def frame_of(columns: Sequence[Column], arrays: Sequence[Values]) -> Any:
    """Return the frame that an estimator gets of such arrays."""
    import pandas as pd

    return pd.DataFrame(
        {
            name: pd.Series(values, dtype=column.dtype or column.own_dtype)
            for column, array in zip(columns, arrays, strict=True)
            for name, values in column.inputs(array).items()
        }
    )


def largest_difference(fitted: Any, compiled: CompiledModel, samples: Inputs, columns: Sequence[Column] = ()) -> float:
    """Return the largest difference between two models' predictions, relative to them; of probabilities, absolute.

    NotCompiledError when a label differs.
    """
    given = frame_of(columns, samples) if columns else samples
    expected = fitted.predict(given)
    alone = slice(0, len(expected), max(1, len(expected) // ALONE))
    found = [(compiled.predict(samples), expected), (_one_by_one(compiled.predict, samples, alone), expected[alone])]
    if not hasattr(fitted, "classes_"):
        size = NEAR_ZERO * float(np.median(np.abs(expected)))
        return max(_relative(got, np.reshape(wanted, -1), size) for got, wanted in found)
    differing = sum(int((got != wanted).sum()) for got, wanted in found)
    if differing:
        raise NotCompiledError(f"{differing} of {sum(len(got) for got, _ in found)} predicted labels differ")
    if not hasattr(fitted, "predict_proba"):
        return 0.0
    chances = fitted.predict_proba(given)
    got = [compiled.predict_proba(samples) - chances]
    got.append(_one_by_one(compiled.predict_proba, samples, alone) - chances[alone])
    return float(max(np.abs(difference).max() for difference in got))


def _one_by_one(method: Any, samples: Inputs, alone: slice) -> NDArray[Any]:
    if isinstance(samples, np.ndarray):
        return np.concatenate([method(row.reshape(1, -1)) for row in samples[alone]])
    return np.concatenate(
        [method([values[i : i + 1] for values in samples]) for i in range(*alone.indices(len(samples[0])))]
    )


def _relative(got: NDArray[Any], expected: NDArray[Any], least_size: float) -> float:
    sizes = np.maximum(np.maximum(np.abs(got), np.abs(expected)), least_size)
    # Where both are zero, so is the difference.
    return float(np.max(np.abs(got - expected) / np.where(sizes > 0, sizes, 1)))
