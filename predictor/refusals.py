"""Why an estimator refuses valid input: which rows, or which categories, and whether it was scikit-learn that did."""

import sys
import traceback
from collections.abc import Callable
from typing import Any

import numpy as np

from predictor.columns import Category, Inputs
from predictor.manifest import Manifest

# Whose own checks of their input raise ValueError.
STOCK = frozenset({"sklearn", "numpy", "scipy", "pandas", "joblib", "predictor", "onnxruntime"})
CHECKS = "sklearn.utils.validation"
# Of different unseen categories, so many are tried.
MOST_TRIED = 50

Predict = Callable[[Inputs], Any]


class NotPredictable(ValueError):
    """The estimator has no finite prediction for some valid rows, or refuses a category.

    `rows` are the indices of those rows, if known; `cells` are the row and column of each refused category.
    """

    def __init__(self, rows: list[int], cells: list[tuple[int, int]] | None = None) -> None:
        super().__init__(
            "the model takes no other categories than it knows"
            if cells
            else "the prediction is not a finite number for this input"
        )
        self.rows = rows
        self.cells = cells or []


def blames_the_input(error: BaseException) -> bool:
    """Whether an exception says something of the input: scikit-learn's checks do, and so do scikit-learn and its like.

    What a user's own code raises is a fault of that code, but for the checks of scikit-learn that it calls.
    """
    frames = [str(frame.f_globals.get("__name__", "")) for frame, _ in traceback.walk_tb(error.__traceback__)]
    own = [name for name in frames if name.partition(".")[0] not in STOCK | sys.stdlib_module_names]
    return not own or frames[-1] == CHECKS


def refusal(predict: Predict, manifest: Manifest, inputs: Inputs) -> NotPredictable:
    """Return what is to be said of inputs that `predict` refused by a ValueError."""
    if isinstance(inputs, list) and (cells := refused_categories(predict, manifest, inputs)):
        return NotPredictable([], cells)
    return NotPredictable(beyond_float32(inputs) or [first_refused(predict, inputs)])


def beyond_float32(inputs: Inputs) -> list[int]:
    """Return the rows that scikit-learn's trees refuse: they work in float32."""
    columns = [array for array in inputs if array.dtype.kind == "f"] if isinstance(inputs, list) else inputs.T
    beyond = [np.flatnonzero(np.abs(column) > np.finfo(np.float32).max).tolist() for column in columns]
    return sorted({row for rows in beyond for row in rows})


def refused_categories(predict: Predict, manifest: Manifest, inputs: list[Any]) -> list[tuple[int, int]]:
    """Return the row and column of each cell with a category that the estimator refuses.

    Which they are is tried out: each unseen category in the place of the manifest's example, which can be predicted.
    """
    example = manifest.inputs([manifest.examples[0]["features"]])
    cells: list[tuple[int, int]] = []
    tried = 0
    for index, column in enumerate(manifest.features):
        if not isinstance(column, Category):
            continue
        known = {*column.values, None}
        where: dict[Any, list[int]] = {}
        for row, value in enumerate(inputs[index]):
            if (cell := column.cell(value)) not in known:
                where.setdefault(cell, []).append(row)
        for cell, rows in list(where.items())[: MOST_TRIED - tried]:
            tried += 1
            changed = list(example)
            changed[index] = column.array([cell])
            if refuses(predict, changed):
                cells += [(row, index) for row in rows]
    return sorted(cells)


def first_refused(predict: Predict, inputs: Inputs) -> int:
    """Return the first row that the estimator refuses, found by halving."""
    low, high = 0, len(inputs[0]) if isinstance(inputs, list) else len(inputs)
    while high - low > 1:
        middle = (low + high) // 2
        half = [array[low:middle] for array in inputs] if isinstance(inputs, list) else inputs[low:middle]
        low, high = (low, middle) if refuses(predict, half) else (middle, high)
    return low


def refuses(predict: Predict, inputs: Inputs) -> bool:
    """Whether the estimator raises ValueError."""
    try:
        predict(inputs)
    except ValueError:
        return True
    return False
