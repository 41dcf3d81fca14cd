"""From a table as text to one to train from: which columns are of use, and what a good colleague would say of them."""

import re
import shlex
from collections.abc import Collection
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from predictor.columns import Category, Column, Number
from tables.cells import WHOLE
from tables.errors import TableError, first_few
from tables.kinds import Observed, observe, usual_decimal
from tables.raw import RawColumn, RawTable
from tables.suspicions import duplicates, leaks, sentinels
from tables.table import Table
from tables.target import Target, read_target

FEW_ROWS = 50  # with fewer, running numbers and distinct words may well be meant
ID_NAME = re.compile(r"(?i:(?:^|.*[\W_])(?:id|uuid|guid|rowid|row_?number|index|idx)$|id[\W_].*)|.*[a-z]I[Dd]$")


def understand(
    raw: RawTable,
    target: str,
    path: object,
    sha256: str,
    by_hand: dict[str, type[Column]],
    drop: Collection[str],
    keep: Collection[str],
    task: str | None,
) -> Table:
    """Return the table to train from; TableError with every fault of its columns."""
    check_columns(raw, target, by_hand, drop, keep, path)
    decimal = usual_decimal(raw.columns)
    learnt = read_target(raw, target, decimal, path, task)
    lines = raw.lines[learnt.rows]
    left_out = dict.fromkeys(drop, "left out by hand")
    left_out |= {name: "it has no name" for name in raw.unnamed if name not in keep}
    names = [name for name in raw.columns if name not in {target, *left_out}]
    taken = {name: raw.columns[name].taken(learnt.rows) for name in names}
    seen = {name: observe(name, taken[name], lines, decimal, by_hand.get(name)) for name in names}
    faults = [fault for column in seen.values() for fault in column.faults]
    if faults:
        raise TableError(*first_few(f"{fault} ({path})" for fault in faults))
    useless = {
        name: reason
        for name in names
        if name not in keep and (reason := uselessness(name, taken[name], seen[name], name in by_hand))
    }
    if len(useless) == len(names):
        useless = {name: reason for name, reason in useless.items() if not reason.startswith("identifier")}
    left_out |= useless
    used = {name: column for name, column in seen.items() if name not in left_out}
    if not used:
        raise TableError(f"{path} has no column left to predict {target!r} from; drop fewer")
    notices = [*raw.notices, *learnt.notices, *(notice for column in used.values() for notice in column.notices)]
    notices += [f"column {name!r} is left out: {reason}" for name, reason in left_out.items() if name not in drop]
    rows_left_out = missing_targets(raw, learnt, target)
    if rows_left_out:
        notices.append(
            f"{rows_left_out['count']:,} rows are left out, {rows_left_out['reason']}: {in_lines(rows_left_out)}"
        )
    notices += duplicates({name: taken[name] for name in used}, used)
    notices += leaks({name: taken[name] for name in used}, used, learnt, target)
    notices += sentinels(used)
    return Table(
        frame=to_frame(used), columns=[column.column for column in used.values()], target=learnt.values,
        target_name=target, sha256=sha256, lines=lines, task=learnt.task, why=learnt.why, left_out=left_out,
        rows_left_out=rows_left_out, notices=notices, reading=reading_of(raw, used),
    )  # fmt: skip


def reading_of(raw: RawTable, used: dict[str, Observed]) -> dict[str, Any]:
    """Return how the table was read, as the manifest keeps it."""
    forms = {name: form for name, column in used.items() if (form := column.form.describe())}
    return replace(raw.reading, columns=forms).describe()


def to_frame(used: dict[str, Observed]) -> Any:
    """Return the values as a frame."""
    import pandas as pd

    return pd.DataFrame({name: pd.Series(column.values, dtype=column.values.dtype) for name, column in used.items()})


def check_columns(
    raw: RawTable, target: str, by_hand: Collection[str], drop: Collection[str], keep: Collection[str], path: object
) -> None:
    """Refuse options that name no column, or the target."""
    names = list(raw.columns)
    others = f" and {len(names) - 20} more" if len(names) > 20 else ""
    listed = ", ".join(names[:20]) + others
    faults = [
        f"{path} has no column {name!r}; it has {listed}"
        for name in dict.fromkeys([target, *drop, *by_hand, *keep])
        if name not in raw.columns
    ]
    if target in drop:
        faults.append(f"--drop {shlex.quote(target)}: that is the target; drop other columns only")
    if not faults and not set(names) - {target, *drop}:
        faults.append(f"{path} has no column left to predict {target!r} from; drop fewer")
    if faults:
        raise TableError(*first_few(faults))


def uselessness(name: str, raw: RawColumn, seen: Observed, by_hand: bool) -> str:
    """Return why a column says nothing about other rows, "" when it may say something."""
    rows = len(raw.codes)
    if not seen.words:
        return "it is empty"
    if len(seen.words) == 1 and not seen.column.missing:
        return f"it has one value only, {seen.words[0][:40]!r}"
    if by_hand:
        return ""
    every = len(seen.words) == rows
    match seen.column:
        case Category() if every and (rows >= FEW_ROWS or ID_NAME.match(name)):
            return "identifier, each row has its own value"
        case Number() if not all(map(WHOLE.match, seen.words)):
            return ""
        case Number() if ID_NAME.match(name) and len(seen.words) > rows / 2:
            return "identifier by its name, nearly each row has its own value"
        case Number() if every and rows >= FEW_ROWS and is_running(seen.values):
            return "identifier, running numbers"
    return ""


def is_running(values: NDArray[Any]) -> bool:
    """Whether numbers count the rows."""
    return bool(values[0] in {0, 1} and (np.diff(values) == 1).all())


def missing_targets(raw: RawTable, learnt: Target, target: str) -> dict[str, Any] | None:
    """Return how many rows have no target, and where."""
    absent = np.setdiff1d(np.arange(len(raw.lines)), learnt.rows)
    if not len(absent):
        return None
    lines = raw.lines[absent[:10]].tolist()
    return {"count": len(absent), "reason": f"the target {target!r} has no value", "lines": lines}


def in_lines(rows: dict[str, Any]) -> str:
    """Return the places of some rows in words."""
    more = ", …" if rows["count"] > len(rows["lines"]) else ""
    return f"line{'s' * (rows['count'] > 1)} {', '.join(map(str, rows['lines']))}{more}"
