"""Cells that come by column: as what the model takes, or as rows, whose faults /predict puts into words."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from predictor import Manifest
from predictor.columns import NUMBERS, Boolean, Column, Inputs, Number, Values
from predictor.outputs import all_finite

# The cells of one feature: JSON values, or an array of them.
Given = Sequence[Any] | Values


def matrix_of(cells: Given, columns: int) -> NDArray[np.float64] | None:
    """Return the cells of all rows, one after the other, as a matrix; None when one is no finite number."""
    values = numbers_of(cells)
    return values.reshape(-1, columns).copy() if values is not None and all_finite(values) else None


def matrix_by_column(given: Sequence[Given]) -> NDArray[np.float64] | None:
    """Return equally many cells a column as a matrix; None when one is no finite number."""
    columns: list[Values] = []
    for cells in given:
        values = numbers_of(cells)
        if values is None:
            return None
        columns.append(values)
    matrix = np.array(columns).T.copy()
    return matrix if all_finite(matrix) else None


def numbers_of(cells: Given) -> NDArray[np.float64] | None:
    """Return cells as float64, which may be infinite or NaN; None when one is no number."""
    if isinstance(cells, np.ndarray):
        return wide(cells) if cells.dtype.kind in "fiu" else None
    if not set(map(type, cells)) <= NUMBERS:
        return None
    try:
        return np.array(cells, dtype=np.float64)
    except OverflowError:  # an integer beyond float64
        return None


def wide(values: Values) -> NDArray[np.float64]:
    """Return numbers as float64, those that are as they are."""
    if values.dtype == np.float64:
        return values
    with np.errstate(invalid="ignore"):  # of a NaN that signals; it becomes one that does not
        return values.astype(np.float64)


def inputs_of(manifest: Manifest, given: Sequence[Given]) -> Inputs | None:
    """Return cells, one entry a feature and all of them equally many, as inputs; None when one cannot be a cell."""
    arrays = []
    for column, cells in zip(manifest.features, given, strict=True):
        array = array_of(column, cells)
        if array is None:
            return None
        arrays.append(array)
    return np.column_stack(arrays) if manifest.input == "matrix" else arrays


def array_of(column: Column, cells: Given) -> Values | None:
    """Return the cells of a column as Column.array does, numbers of an array without a look at each."""
    if not isinstance(cells, np.ndarray):
        return column.array(cells)
    if type(column) is Number and not column.dtype and cells.dtype.kind in "fiu":
        values = wide(cells)
        allowed = ~np.isinf(values) if column.missing else np.isfinite(values)
        return values if allowed.all() else None
    if type(column) is Boolean and cells.dtype.kind == "b":
        return cells.astype(np.float64)
    return column.array(to_cells(cells))


def to_cells(cells: Given) -> Sequence[Any]:
    """Return the elements of an array as JSON values; NaN is null."""
    if not isinstance(cells, np.ndarray):
        return cells
    values: list[Any] = cells.tolist()
    return [None if cell != cell else cell for cell in values] if cells.dtype.kind == "f" else values  # noqa: PLR0124


def rows_of(manifest: Manifest, given: Sequence[Given]) -> list[dict[str, Any]]:
    """Return cells by column as rows by name."""
    names = manifest.feature_names
    return [dict(zip(names, row, strict=True)) for row in zip(*map(to_cells, given), strict=True)]
