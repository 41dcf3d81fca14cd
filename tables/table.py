"""A table that was read and understood."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from predictor.columns import Boolean, Column, Number

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Table:
    """Usable columns as they were observed, one target value and one line of the file a row, and how it was read.

    Of several targets, `target` has a column each, and `target_name` all names.

    `frame` holds float64 numbers, float64 booleans (0, 1, NaN), object strings (None where missing) and
    datetime64[us] dates, in the order of `columns`.
    """

    frame: "pd.DataFrame"
    columns: Sequence[Column]
    target: NDArray[Any]
    target_name: str
    sha256: str
    lines: Sequence[int]
    task: str = "regression"
    why: str = "the target holds numbers"
    left_out: dict[str, str] = field(default_factory=dict)
    rows_left_out: dict[str, Any] | None = None
    notices: Sequence[str] = ()
    reading: dict[str, Any] | None = None
    target_names: Sequence[str] = ()

    @property
    def feature_names(self) -> list[str]:
        """The names of the features, in the order of the columns."""
        return [column.name for column in self.columns]

    @property
    def is_matrix(self) -> bool:
        """Whether the estimator gets a matrix of numbers, as always when every column is a number or boolean."""
        return all(isinstance(column, Number | Boolean) for column in self.columns)

    def values(self, column: Column) -> NDArray[Any]:
        """Return the values of a column as Column.array() would."""
        return np.asarray(self.frame[column.name])

    def inputs(self) -> "NDArray[np.float64] | pd.DataFrame":
        """Return what the estimator gets: one float64 matrix, or a frame with the columns of Column.inputs()."""
        if self.is_matrix:
            return self.frame.to_numpy(dtype=np.float64)
        import pandas as pd  # serving must not pay for it

        series = {}
        for column in self.columns:
            for name, values in column.inputs(self.values(column)).items():
                dtype = column.dtype or column.own_dtype
                series[name] = pd.Series(values, dtype="str" if dtype == "str" else None)
        return pd.DataFrame(series)


def example_table() -> Table:
    """Return the built-in example: y = 3 x1 + x2 + x3 + 2, exactly, so that (1, 2, 3) gives 10.

    With these rows least squares finds the coefficients to the last bit.
    RandomState is frozen by NumPy's policy (NEP 19): every version draws these rows.
    """
    import pandas as pd

    drawn = np.random.RandomState(188).randint(0, 6, (31, 3))
    features = np.vstack([[[1, 2, 3]], drawn]).astype(np.float64)
    target = features @ [3.0, 1.0, 1.0] + 2.0
    names = ["x1", "x2", "x3"]
    return Table(
        frame=pd.DataFrame(features, columns=names),
        columns=[
            Number(name, minimum=float(values.min()), maximum=float(values.max())).with_deciles(
                values, np.ones(len(values))
            )
            for name, values in zip(names, features.T, strict=True)
        ],
        target=target,
        target_name="y",
        sha256=hashlib.sha256(features.astype("<f8").tobytes() + target.astype("<f8").tobytes()).hexdigest(),
        lines=range(2, 2 + len(target)),
    )
