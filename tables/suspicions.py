"""What a good colleague would ask about columns: duplicates, leaks, numbers that may stand for missing values."""

from collections.abc import Mapping

import numpy as np

from predictor.columns import Number
from tables.kinds import Observed
from tables.raw import RawColumn
from tables.target import CLASSIFICATION, Target

SENTINELS = (-1.0, -9.0, -99.0, -200.0, -999.0, -9999.0, 99.0, 999.0, 9999.0, 99999.0)
SAME = 1 - 1e-9


def duplicates(raw: Mapping[str, RawColumn], seen: Mapping[str, Observed]) -> list[str]:
    """Name the columns that say in each row the same as another, in the same or other words."""
    notices = []
    first: dict[bytes, str] = {}
    for name, column in raw.items():
        if 1 < len(column.words) < len(column.codes) or isinstance(seen[name].column, Number):
            # Words are numbered in the order of their appearance: the same codes mean the same but for the words.
            mark = column.codes.tobytes() if len(column.words) < len(column.codes) else seen[name].values.tobytes()
            other = first.setdefault(mark, name)
            if other != name:
                same = "the same as" if raw[other].words == column.words else "in other words the same as"
                notices.append(f"column {name!r} is {same} {other!r}: one of them is enough (--drop)")
    return notices


def leaks(raw: Mapping[str, RawColumn], seen: Mapping[str, Observed], learnt: Target, target: str) -> list[str]:
    """Name the columns that give the target away."""
    notices = []
    for name, column in raw.items():
        if gives_away(column, seen[name], learnt):
            notices.append(
                f"column {name!r} gives the target {target!r} away: will it be known when you predict? If not, --drop it"
            )
    return notices


def gives_away(column: RawColumn, seen: Observed, learnt: Target) -> bool:
    """Whether a column says the same as the target."""
    if learnt.task == CLASSIFICATION:
        return 1 < len(column.words) < len(column.codes) and column.codes.tobytes() == learnt.words.codes.tobytes()
    if not isinstance(seen.column, Number) or len(seen.values) < 3 or learnt.values.dtype.kind not in "if":
        return False
    known = ~np.isnan(seen.values)
    values, wanted = seen.values[known], learnt.values[known].astype(np.float64)
    return bool(len(values) > 2 and np.array_equal(values, wanted))


def sentinels(seen: Mapping[str, Observed]) -> list[str]:
    """Name the numbers that may stand for a missing value: an extreme one, repeated and far from the others."""
    notices = []
    for name, observed in seen.items():
        if not isinstance(observed.column, Number):
            continue
        values = observed.values[~np.isnan(observed.values)]
        for suspect in {values.min(), values.max()} & set(SENTINELS):
            others = values[values != suspect]
            count = len(values) - len(others)
            if count > 1 and len(others) and is_far(suspect, others):
                notices.append(
                    f"column {name!r} holds {suspect:g} in {count:,} rows, far from its other values: if it stands for a "
                    "missing value, leave those cells empty"
                )
    return notices


def is_far(suspect: float, others: np.ndarray) -> bool:
    """Whether a number is no plausible neighbour of others."""
    low, high = others.min(), others.max()
    if suspect < low:
        return bool(low >= 0 or low - suspect > high - low)
    return bool(suspect - high > high - low)
