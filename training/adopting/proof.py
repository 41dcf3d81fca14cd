"""Proving that an adopted estimator gets what it was fitted on: it predicts the same of rows read and rows sent."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from predictor.columns import Column
from predictor.frames import frame_maker
from predictor.outputs import all_finite
from training import TrainingError
from training.adopting.columns import arrays_of

if TYPE_CHECKING:
    import pandas as pd


# A frame lies in memory by columns and a matrix by rows, so sums of the same numbers differ in their last bits.
ROUNDING = 1e-12


def are_same(one: Any, other: Any, tolerance: float = 0) -> bool:
    """Whether two answers are the same, floats within a tolerance relative to the largest of them.

    A list of arrays is the probabilities of several targets, which may have differently many classes.
    """
    several = [
        isinstance(answer, list) and all(isinstance(part, np.ndarray) for part in answer) for answer in (one, other)
    ]
    if any(several):
        alike = all(several) and len(one) == len(other)
        return alike and all(are_same(*pair, tolerance) for pair in zip(one, other, strict=True))
    one, other = np.asarray(one), np.asarray(other)
    if one.shape != other.shape:
        return False
    if one.dtype.kind == "f" and other.dtype.kind == "f":
        size = float(np.nanmax(np.abs(one), initial=0))
        return bool(np.allclose(one, other, rtol=0, atol=tolerance * size, equal_nan=True))
    return bool((one == other).all())


def predicts_alike(estimator: Any, one: Any, other: Any, tolerance: float = 0) -> bool:
    """Whether an estimator predicts the same of two forms of the same rows."""
    methods = [getattr(estimator, name) for name in ("predict", "predict_proba") if hasattr(estimator, name)]
    for method in methods:
        try:
            if not are_same(method(one), method(other), tolerance):
                return False
        except Exception:  # each estimator has its own way to refuse
            return False
    return True


def refuse_difference(estimator: Any, frame: "pd.DataFrame", read: "pd.DataFrame") -> None:
    """Raise TrainingError that says why rows are not predicted, or which column makes the difference."""
    expected = attempt(estimator, read)
    attempt(estimator, frame)
    for name in frame.columns:
        if not are_same(attempt(estimator, read.assign(**{name: frame[name]})), expected):
            raise TrainingError(
                f"the estimator predicts otherwise when the column {name!r} comes from JSON ({frame[name].dtype}, not "
                f"{read[name].dtype}); give its kind with --number, --category, --text or --date"
            )
    raise TrainingError("the estimator predicts the examples otherwise when they come from JSON; fit it on plain types")


def attempt(estimator: Any, rows: Any) -> NDArray[Any]:
    """Return what an estimator predicts; TrainingError with its reason when it refuses."""
    try:
        return np.asarray(estimator.predict(rows))
    except Exception as error:  # not fitted, or made for other tables
        is_frame = hasattr(rows, "columns")
        what = "rows like these" if is_frame else "a matrix of numbers"
        how = "" if is_frame else "; if it was fitted on a DataFrame, give rows of that with --examples ROWS.csv"
        raise TrainingError(f"{type(estimator).__name__} cannot predict {what}: {one_line(error)}{how}") from None


def one_line(error: Exception) -> str:
    """Return what an exception says, in one line."""
    return f"{' '.join(str(error).split()) or type(error).__name__:.300}"


def refused_gaps(estimator: Any, columns: Sequence[Column], rows: Sequence[Sequence[Any]]) -> list[str]:
    """Return the columns that were said to have gaps, none of the rows has one in, and the estimator takes none in."""
    refused = []
    for place, column in enumerate(columns):
        if not column.missing or any(row[place] is None for row in rows):
            continue
        gap = [None if index == place else cell for index, cell in enumerate(rows[0])]
        try:
            taken = all_finite(np.asarray(estimator.predict(frame_maker(columns)(arrays_of(columns, [gap])))))
        except Exception:  # each estimator has its own way to refuse
            taken = False
        if not taken:
            refused.append(column.name)
    return refused
