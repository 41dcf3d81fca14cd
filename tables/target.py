"""The target: its values, the rows that have none, and what it is to be learnt as."""

import functools
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from predictor.columns import Boolean, Date, Number
from tables.cells import WHOLE
from tables.errors import TableError
from tables.observe import Context, missing_words, observe
from tables.raw import RawColumn
from tables.reading import MISSING

MOST_CLASSES = 20
ROWS_A_CLASS = 10
TYPES = {"b": "truth values", "i": "numbers", "f": "numbers", "U": "words"}
CLASSIFICATION, REGRESSION = "classification", "regression"
LABELS_TOO = frozenset(MISSING) - {""}  # words that are labels where they are frequent beside other words


@dataclass(frozen=True)
class Target:
    """One value for each row that has one, which rows those are, and the task with its reason."""

    name: str
    values: NDArray[Any]
    rows: NDArray[np.intp]
    task: str
    why: str
    raw: RawColumn  # of those rows
    notices: Sequence[str]


def read_targets(
    columns: Mapping[str, RawColumn], context: Context, task: str | None, *, typed: Collection[str]
) -> tuple[list[Target], NDArray[np.intp]]:
    """Return the targets, and the rows that have all of them; TableError when they cannot be learnt together."""
    rows = np.arange(len(context.lines))
    while True:
        narrowed = replace(context, lines=context.lines[rows])
        targets = [
            read_target(name, column.taken(rows), narrowed, task, typed=name in typed)
            for name, column in columns.items()
        ]
        known = functools.reduce(np.intersect1d, [target.rows for target in targets])
        if len(targets) == 1 or len(known) == len(rows):
            break
        if not len(known):
            raise TableError(f"no row has all of the targets {in_words(columns)}; train a model for each")
        rows = rows[known]  # in which what was rare may be read otherwise
    check_alike(targets)
    return targets, rows[known]


def check_alike(targets: Sequence[Target]) -> None:
    """Refuse targets of which one is a number and another a label, or whose labels are of different types."""
    first = targets[0]
    for other in targets[1:]:
        if other.task != first.task:
            raise TableError(
                f"the targets are of different kinds: {first.task}, since {first.why}; {other.task}, since {other.why}"
                "; train a model for each, or give --task for all"
            )
        kinds = [TYPES[target.values.dtype.kind] for target in (first, other)]
        if kinds[0] != kinds[1]:
            raise TableError(
                f"the target {first.name!r} holds {kinds[0]}, {other.name!r} {kinds[1]}; train a model for each, or "
                "write all labels as words"
            )


def in_words(names: Collection[str]) -> str:
    """Return names for a person."""
    return ", ".join(map(repr, list(names)[:5])) + (", …" if len(names) > 5 else "")


def read_target(name: str, raw: RawColumn, context: Context, task: str | None, *, typed: bool) -> Target:
    """Return the target; TableError when there is nothing to learn."""
    absent = {""} if typed else missing_words(raw, LABELS_TOO)
    known = np.array([word not in absent for word in raw.words], dtype=bool)
    rows = np.flatnonzero(known[raw.codes])
    if not len(rows):
        raise TableError(f"the target {name!r} is empty; name another column with --target")
    raw = raw.taken(rows)
    if len(raw.words) < 2:
        raise one_value(name)
    # Words that are labels must not pass for missing again: `typed` says that all of them are values.
    words = typed or not absent.issuperset(LABELS_TOO.intersection(raw.words))
    observed = observe(name, raw, replace(context, lines=context.lines[rows]), typed=words)
    if observed.faults:
        raise TableError(*(fault.replace("column", "the target", 1) for fault in observed.faults))
    if isinstance(observed.column, Date):
        raise TableError(f"the target {name!r} holds dates; name a column of numbers or labels with --target")
    kind = type(observed.column)
    values = labels(observed.values, raw, truth=kind is Boolean, amount=kind is Number)
    if len(np.unique(values)) < 2:
        raise one_value(name)
    notices = list(observed.notices)
    if values.dtype.kind == "U" and not typed:
        notices += labels_that_look_missing(name, raw)
    task, why = (task, f"--task {task}") if task else task_of(name, values)
    return Target(name, values, rows, task, why, raw, notices)


def labels_that_look_missing(name: str, raw: RawColumn) -> list[str]:
    """Say which words that elsewhere mean a missing value are labels here."""
    counts = dict(zip(raw.words, raw.counts.tolist(), strict=True))
    shown = ", ".join(f"{word!r} ({counts[word]:,} rows)" for word in raw.words if word in LABELS_TOO)
    return [f"in the target {name!r}, {shown} are labels; empty cells would be left out"] if shown else []


def one_value(name: str) -> TableError:
    """Return the refusal of a target that is always the same."""
    return TableError(
        f"the target {name!r} has one value only, so there is nothing to learn; name another column with --target"
    )


def labels(values: NDArray[Any], raw: RawColumn, *, truth: bool, amount: bool) -> NDArray[Any]:
    """Return a target's values as training takes them: bool, int64, float64 or words."""
    if truth:
        return values.astype(bool)
    if not amount:
        return np.array([str(word) for word in raw.words])[raw.codes]
    whole = all(map(WHOLE.match, raw.words)) and np.abs(values).max() < 2**63
    return np.array([int(word) for word in raw.words])[raw.codes] if whole else values


def task_of(name: str, values: NDArray[Any]) -> tuple[str, str]:
    """Return what a target is learnt as, and why."""
    if values.dtype.kind == "b":
        return CLASSIFICATION, f"the target {name!r} is true or false"
    if values.dtype.kind not in "if":
        return CLASSIFICATION, f"the target {name!r} holds labels"
    distinct = np.unique(values)
    if (distinct % 1).any():
        return REGRESSION, f"the target {name!r} holds numbers with fractions"
    if (len(distinct) == 2 and min(np.unique(values, return_counts=True)[1]) > 1) or (
        len(distinct) <= MOST_CLASSES and len(values) >= ROWS_A_CLASS * len(distinct)
    ):
        shown = ", ".join(f"{value:.15g}" for value in distinct[:5]) + (", …" if len(distinct) > 5 else "")
        return CLASSIFICATION, (
            f"the target {name!r} holds {len(distinct)} different whole numbers ({shown}), taken as classes; "
            "--task regression predicts a number instead"
        )
    return REGRESSION, f"the target {name!r} holds {len(distinct):,} different numbers"
