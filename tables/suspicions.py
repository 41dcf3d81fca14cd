"""What a good colleague would ask about columns: duplicates, leaks, numbers that may stand for missing values."""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from predictor.columns import Number
from tables.cells import WHOLE, number
from tables.observe import Observed
from tables.raw import RawColumn
from tables.target import CLASSIFICATION, Target

SENTINELS = frozenset({-1.0, -9.0, -99.0, -200.0, -999.0, -9999.0, 99.0, 999.0, 9999.0, 99999.0})
CODE_DIGITS = 6
MOST_NAMES = 50
MOST_DUPLICATES = 10  # notices; a wide table of few rows has thousands


def suspicions(columns: Mapping[str, RawColumn], seen: Mapping[str, Observed], targets: Sequence[Target]) -> list[str]:
    """Return all that is to be said."""
    leaks = [
        f"column {name!r} gives the target {target.name!r} away: will it be known when you predict? If not, --drop it"
        for target in targets
        for name, column in columns.items()
        if gives_away(column, seen[name], target)
    ]
    return [*written(seen), *duplicates(columns, seen), *leaks, *codes(seen), *sentinels(seen)]


def written(seen: Mapping[str, Observed]) -> list[str]:
    """Say how numbers were read that are not written the plain way."""
    names: dict[tuple[str, str, str], list[str]] = {}
    for name, column in seen.items():
        form = column.form
        if form.sign or form.thousands or form.decimal != ".":
            names.setdefault((form.decimal, form.thousands, form.sign), []).append(name)
    notices = []
    for same in names.values():
        column = seen[same[0]]
        text = max(column.words, key=lambda word: sum(not character.isdigit() for character in word))
        notices.append(f"{listed(same)}: {text} is read as {number(text, column.form):.15g}")
    return notices


def listed(names: Sequence[str]) -> str:
    """Return names in words, the first five of them."""
    shown = ", ".join(map(repr, names[:5])) + (f" and {len(names) - 5:,} more" if len(names) > 5 else "")
    return f"column{'s' * (len(names) > 1)} {shown}"


def duplicates(columns: Mapping[str, RawColumn], seen: Mapping[str, Observed]) -> list[str]:
    """Name the columns that say in each row the same as another, in the same or other words."""
    first: dict[bytes, str] = {}
    alike: dict[tuple[str, str], list[str]] = {}
    for name, column in columns.items():
        measured = isinstance(seen[name].column, Number)
        # Two measures tell every row from every other, too; only numbers that are few may be another column's words.
        mark = b"" if measured and len(column.words) > MOST_NAMES else meaning(column)
        if not mark and measured:
            mark = seen[name].values.tobytes()
        if mark and (other := first.setdefault(mark, name)) != name:
            same = "the same as" if columns[other].words == column.words else "in other words the same as"
            alike.setdefault((same, other), []).append(name)
    notices = [
        f"{listed(names)} {'is' if len(names) == 1 else 'are'} {same} {other!r}: one of them is enough (--drop)"
        for (same, other), names in alike.items()
    ]
    more = len(notices) - MOST_DUPLICATES
    return notices if more <= 0 else [*notices[:MOST_DUPLICATES], f"{more:,} more groups of columns say the same"]


def meaning(column: RawColumn) -> bytes:
    """Return which rows hold the same, b"" where no two rows do.

    Words are numbered in the order of their appearance: two columns with the same numbers differ in their words only.
    """
    return column.codes.tobytes() if 1 < len(column.words) < len(column.codes) else b""


def gives_away(column: RawColumn, seen: Observed, target: Target) -> bool:
    """Whether a column says the same as the target."""
    if target.task == CLASSIFICATION:
        return meaning(column) == meaning(target.raw) != b""
    return isinstance(seen.column, Number) and np.array_equal(seen.values, target.values)


def codes(seen: Mapping[str, Observed]) -> list[str]:
    """Name the columns of long whole numbers that begin alike and are nearly all different: they may name things."""
    return [
        f"column {name!r} looks like an identifier, {len(column.words):,} of {len(column.values):,} values are "
        "different and begin alike; if it is one, --drop it"
        for name, column in seen.items()
        if isinstance(column.column, Number)
        and len(column.words) > 0.9 * len(column.values) >= CODE_DIGITS
        and len({word[0] for word in column.words}) == 1
        and all(len(word) >= CODE_DIGITS and WHOLE.match(word) for word in column.words)
        and not (np.diff(column.values) > 0).all()  # as times do, which mean something
    ]


def sentinels(seen: Mapping[str, Observed]) -> list[str]:
    """Name the numbers that may stand for a missing value: an extreme one, repeated and far from the others."""
    places: dict[float, list[str]] = {}
    for name, observed in seen.items():
        if isinstance(observed.column, Number):
            values = observed.values[~np.isnan(observed.values)]
            for suspect in sorted({values.min(), values.max()} & SENTINELS):
                if is_far(suspect, values):
                    places.setdefault(suspect, []).append(name)
    return [
        f"{listed(names)}: {suspect:g} is repeated and far from all other values; if it stands for a missing value, "
        "leave those cells empty"
        for suspect, names in places.items()
    ]


def is_far(suspect: float, values: NDArray[np.float64]) -> bool:
    """Whether a number is repeated and no plausible neighbour of the others."""
    others = values[values != suspect]
    if len(values) - len(others) < 2 or not len(others):
        return False
    low, high = others.min(), others.max()
    if suspect < low:
        return bool(low >= 0 or low - suspect > high - low)
    return bool(suspect - high > high - low)
