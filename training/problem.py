"""What is to be learnt: a table as an estimator gets it."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from predictor.columns import Column, Date
from tables import Table
from training import TrainingError

Rows = NDArray[np.intp]

# Beyond it, not every whole number is a float.
LARGEST_LABEL = 2**53
DAYS_OF_A_YEAR, DAYS_OF_A_WEEK = 365, 7


@dataclass(frozen=True)
class Problem:
    """A table and a task, with the inputs (a float64 matrix or a DataFrame) and the target that are learnt from."""

    table: Table
    task: str
    inputs: Any
    target: NDArray[Any]

    @classmethod
    def of(cls, table: Table, task: str) -> "Problem":
        """Return what a table asks to learn, with the parts of its dates that can matter."""
        table = replace(table, columns=[with_parts(column, table) for column in table.columns])
        inputs = np.ascontiguousarray(table.inputs()) if table.is_matrix else table.inputs()
        return cls(table, task, inputs, labels_or_numbers(table, task))

    @property
    def several(self) -> bool:
        """Whether there are several targets, a column of `target` each."""
        return self.target.ndim == 2

    @property
    def targets(self) -> dict[str, NDArray[Any]]:
        """The values of each target by its name."""
        if not self.several:
            return {self.table.target_name: self.target}
        return dict(zip(self.table.target_names, self.target.T, strict=True))

    @property
    def classifies(self) -> bool:
        """Whether labels are predicted."""
        return self.task == "classification"

    @property
    def rows(self) -> NDArray[np.float64] | list[NDArray[Any]]:
        """The rows as requests hold them: a matrix, or one array a column where the estimator gets a frame."""
        return self.inputs if self.table.is_matrix else [self.table.values(column) for column in self.table.columns]

    def take(self, rows: Rows) -> tuple[Any, NDArray[Any]]:
        """Return inputs and target of some rows."""
        return take(self.inputs, rows), self.target[rows]


def take(inputs: Any, rows: Rows) -> Any:
    """Return some rows of a matrix or a frame."""
    return inputs[rows] if isinstance(inputs, np.ndarray) else inputs.iloc[rows]


def labels_or_numbers(table: Table, task: str) -> NDArray[Any]:
    """Return the target as it is learnt: a file that writes the labels 0 and 1 as 0.0 and 1.0 means integers."""
    if task != "classification" or table.target.dtype.kind != "f":
        return table.target
    if (table.target % 1).any():
        raise TrainingError(
            f"a classifier predicts labels, but the target {table.target_name!r} holds fractions; choose a regressor "
            "with --estimator, or --task regression"
        )
    if np.abs(table.target).max() > LARGEST_LABEL:
        raise TrainingError(
            f"the target {table.target_name!r} holds numbers that are too large for labels; write them as words"
        )
    return table.target.astype(np.int64)


def with_parts(column: Column, table: Table) -> Column:
    """Return a column of dates with the parts of them that can matter; any other column as it is."""
    if not isinstance(column, Date) or column.dtype:
        return column
    values = table.values(column)
    parts = [part for part in useful_parts(values[~np.isnat(values)]) if f"{column.name} {part}" not in table.frame]
    return replace(column, parts=parts)


def useful_parts(moments: NDArray[Any]) -> list[str]:
    """Return the parts of dates that come round again in them.

    Months are told from one long trend only when there is more than a year of them, weekdays only where there is a
    date in most weeks, and hours only where a date has a time.
    """
    days = np.unique(moments.astype("datetime64[D]"))
    span = int((days[-1] - days[0]).astype(np.int64)) + 1
    matters = {
        "month": span > DAYS_OF_A_YEAR and len(np.unique(days.astype("datetime64[M]"))) > 1,
        "weekday": span >= 2 * DAYS_OF_A_WEEK and len(days) * DAYS_OF_A_WEEK >= span,
        "hour": bool((moments != moments.astype("datetime64[D]")).any()),
    }
    return [part for part, does in matters.items() if does]
