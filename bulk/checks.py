"""Which rows of a batch a request would take, and what the estimator gets of those; by `predictor.columns` alone.

Whole columns are looked at; single cells only where something is wrong with a column.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from predictor import Manifest
from predictor.columns import Cells, Column, Inputs, Values

# Of a row that cannot be predicted: the column, if it is one column's fault, and why.
Fault = tuple[str, str]


@dataclass
class Checked:
    """The valid rows of a batch, ascending, one array a column of them, and the first fault of each other row."""

    rows: NDArray[np.intp]
    arrays: list[Values]
    faults: dict[int, Fault] = field(default_factory=dict)

    def inputs(self, manifest: Manifest) -> Inputs:
        """Return what Predictor.predict takes."""
        return np.column_stack(self.arrays).astype(np.float64) if manifest.input == "matrix" else self.arrays


def rows_without(faults: dict[int, Fault], count: int) -> NDArray[np.intp]:
    """Return which of so many rows have no fault."""
    good = np.ones(count, dtype=bool)
    good[list(faults)] = False
    return np.flatnonzero(good)


def check_cells(
    columns: Sequence[Column], cells: Sequence[Cells], count: int, faults: dict[int, Fault] | None = None
) -> Checked:
    """Check JSON cells, given by column; rows with `faults` are out already."""
    faults = dict(faults or {})
    arrays = [None if faults else column.array(given) for column, given in zip(columns, cells, strict=True)]
    if all(array is not None for array in arrays):
        return Checked(np.arange(count), [array for array in arrays if array is not None])
    for column, given in zip(columns, cells, strict=True):
        for row, cell in enumerate(given):
            if row not in faults and (fault := column.fault(cell)):
                faults[row] = (column.name, fault)
    rows = rows_without(faults, count)
    kept = [column.array([given[row] for row in rows]) for column, given in zip(columns, cells, strict=True)]
    return Checked(rows, [array for array in kept if array is not None], faults)
