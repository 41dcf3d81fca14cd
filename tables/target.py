"""The target: its values, the rows that have none, and what it is to be learnt as."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from predictor.columns import Boolean, Date, Number
from tables.cells import WHOLE
from tables.errors import TableError
from tables.kinds import observe
from tables.raw import RawColumn, RawTable
from tables.reading import MISSING

MOST_CLASSES = 20
ROWS_A_CLASS = 10
CLASSIFICATION, REGRESSION = "classification", "regression"


@dataclass(frozen=True)
class Target:
    """One value for each row that has one, which rows those are, and the task with its reason."""

    values: NDArray[Any]
    rows: NDArray[np.intp]
    task: str
    why: str
    words: RawColumn  # of those rows
    notices: Sequence[str]


def read_target(table: RawTable, name: str, decimal: str, path: object, task: str | None) -> Target:
    """Return the target; TableError when there is nothing to learn."""
    raw = table.columns[name]
    absent = np.array([word in absent_labels(raw) for word in raw.words], dtype=bool)
    rows = np.flatnonzero(~absent[raw.codes]) if len(raw.words) else np.arange(0)
    if not len(rows):
        raise TableError(f"the target {name!r} of {path} is empty; name another column with --target")
    raw = raw.taken(rows)
    seen = observe(name, raw, table.lines[rows], decimal, None)
    if seen.faults:
        raise TableError(*(f"{fault}".replace(f"column {name!r}", f"the target {name!r}") for fault in seen.faults))
    if len(set(seen.values.tolist())) < 2:
        raise TableError(
            f"the target {name!r} of {path} has one value only, so there is nothing to learn; name another column "
            "with --target"
        )
    if isinstance(seen.column, Date):
        raise TableError(f"the target {name!r} of {path} holds dates; name a column of numbers or labels with --target")
    values = labels(seen.values, raw, isinstance(seen.column, Boolean), isinstance(seen.column, Number))
    found, why = task_of(name, values)
    if task:
        found, why = task, f"--task {task}"
    return Target(values, rows, found, why, raw, seen.notices)


def absent_labels(raw: RawColumn) -> set[str]:
    """Return the words that are no labels: those for missing values, unless they are frequent beside other words."""
    absent = {word for word in raw.words if word in MISSING}
    others = [word for word in raw.words if word not in absent]
    if not others or observe(
        "", RawColumn(others, np.arange(len(others), dtype=np.int32)), np.arange(len(others)), "", None
    ).column.kind in {"number", "date", "boolean"}:
        return absent
    counts = dict(zip(raw.words, raw.counts.tolist(), strict=True))
    return {word for word in absent if not word or counts[word] < max(2, 0.05 * len(raw.codes))}


def labels(values: NDArray[Any], raw: RawColumn, truth: bool, amount: bool) -> NDArray[Any]:
    """Return a target's values as training takes them: words, bool, int64 or float64."""
    if truth:
        return values.astype(bool)
    if not amount:
        return np.array([str(word) for word in raw.words])[raw.codes]
    whole = all(map(WHOLE.match, raw.words)) and np.abs(values).max() < 2**63
    return values.astype(np.int64) if whole else values


def task_of(name: str, values: NDArray[Any]) -> tuple[str, str]:
    """Return what a target is learnt as, and why."""
    if values.dtype.kind == "b":
        return CLASSIFICATION, f"the target {name!r} is true or false"
    if values.dtype.kind not in "if":
        return CLASSIFICATION, f"the target {name!r} holds labels"
    distinct = np.unique(values)
    if (distinct % 1).any():
        return REGRESSION, f"the target {name!r} holds numbers with fractions"
    if len(distinct) == 2 or (len(distinct) <= MOST_CLASSES and len(values) >= ROWS_A_CLASS * len(distinct)):
        shown = ", ".join(f"{value:.15g}" for value in distinct[:5]) + (", …" if len(distinct) > 5 else "")
        return CLASSIFICATION, (
            f"the target {name!r} holds {len(distinct)} different whole numbers ({shown}); --task regression predicts a "
            "number instead"
        )
    return REGRESSION, f"the target {name!r} holds {len(distinct):,} different numbers"
