"""Whether a model gives a row the same, bit for bit, alone and together with others: then a server may join requests.

Trees, boosting and neighbours do. Where BLAS multiplies matrices, as in linear models, the last bits depend on the
number of rows.
"""

import warnings
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from predictor.columns import Column, Inputs
from predictor.together import MOST_ROWS, Function, count_rows, joined, split
from training.samples import RANDOM_ROWS, sample_rows

SIZES = (2, 3, 7, 16, 33, MOST_ROWS)
# As many of training's rows, and as many random ones.
ROWS_OF_EACH = 40

BESIDE = ("predict_proba", "decision_function")  # of which requests can ask for the first that there is


def is_batch_invariant(estimator: Any, call: Function, columns: Sequence[Column], rows: Inputs, seed: int) -> bool:
    """Whether each method that requests can ask for gives rows the same alone and in batches of all sizes.

    `call` calls a method of the estimator by its name; `rows` are training's.
    """
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")  # of unknown categories, of names that a matrix has not
        singles = some_rows(columns, rows, seed)
        beside = [method for method in BESIDE if hasattr(estimator, method)]
        return all(gives_the_same(call, method, singles) for method in ["predict", *beside[:1]])


def some_rows(columns: Sequence[Column], rows: Inputs, seed: int) -> list[Inputs]:
    """Return rows of training, spread over the table, and random ones as requests could bring them, each by itself."""
    sampled = sample_rows(columns, rows, seed)
    trained = count_rows(sampled) - RANDOM_ROWS
    places = np.unique(np.linspace(0, max(0, trained - 1), ROWS_OF_EACH).astype(int)).tolist()
    places += range(trained, trained + ROWS_OF_EACH)
    matrix = isinstance(sampled, np.ndarray)
    return [sampled[at : at + 1] if matrix else [values[at : at + 1] for values in sampled] for at in places]


def gives_the_same(call: Function, method: str, singles: Sequence[Inputs]) -> bool:
    """Whether a method gives each of the rows that it takes the same in batches of all sizes."""
    alone: list[tuple[Inputs, Any]] = []
    for row in singles:
        try:
            alone.append((row, call(method, row)))
        except Exception:  # noqa: S112  # a row that is refused is refused together with others, too
            continue
    try:
        return all(same(got, outputs) for got, outputs in in_batches(call, method, alone))
    except Exception:  # it refuses together what it takes alone, or gives what cannot be split
        return False


def in_batches(call: Function, method: str, alone: Sequence[tuple[Inputs, Any]]) -> Iterator[tuple[Any, Any]]:
    """Yield what comes of each row together with others, and what came of it alone, in batches of each size."""
    for size in SIZES:
        for start in range(0, len(alone), size):
            batch = alone[start : start + size]
            outputs = call(method, joined([row for row, _ in batch]))
            yield from zip(split(outputs, [1] * len(batch)), [single for _, single in batch], strict=True)


def same(got: Any, outputs: Any) -> bool:
    """Whether two outputs, arrays or lists of arrays, are the same bit for bit."""
    if isinstance(got, list) and isinstance(outputs, list):
        return len(got) == len(outputs) and all(map(same, got, outputs))
    one, other = np.asarray(got), np.asarray(outputs)
    if (one.dtype, one.shape) != (other.dtype, other.shape):
        return False
    if one.dtype == object:
        return [(type(value), value) for value in one.flat] == [(type(value), value) for value in other.flat]
    return one.tobytes() == other.tobytes()
