"""From a table as text to one to train from: which columns are of use, and what a good colleague would say of them."""

import re
import shlex
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from predictor.columns import Category, Column, Number, Values
from tables.cells import WHOLE
from tables.errors import TableError, first_few
from tables.kinds import usual_decimal
from tables.observe import Context, Observed, missing_words, observe
from tables.raw import RawColumn, RawTable
from tables.suspicions import suspicions
from tables.table import Table
from tables.target import Target, in_words, read_targets

if TYPE_CHECKING:
    import pandas as pd

FEW_ROWS = 50  # with fewer, running numbers and words that are all different may well be meant
ID_NAME = re.compile(r"(?i:(?:.*[\W_])?(?:id|uuid|guid|rowid|row_?num(?:ber)?|index|idx)\Z|id[\W_])|.*[a-z]I[Dd]\Z")


@dataclass(frozen=True)
class Wishes:
    """What a person says of a table: the targets, kinds set by hand, columns to leave out or to keep, the task."""

    targets: Sequence[str]
    kinds: Mapping[str, type[Column]]
    drop: Collection[str]
    keep: Collection[str]
    task: str | None


def understand(raw: RawTable, wishes: Wishes, sha256: str) -> Table:
    """Return the table to train from; TableError with every fault of its columns."""
    check_columns(raw, wishes)
    context = Context(raw.lines, usual_decimal(raw.columns.values(), raw.reading.delimiter))
    wanted = {name: raw.columns[name] for name in wishes.targets}
    targets, rows = read_targets(wanted, context, wishes.task, typed=raw.strings)
    context = replace(context, lines=raw.lines[rows])
    left_out = dict.fromkeys(wishes.drop, "left out by hand")
    left_out |= dict.fromkeys(sorted(raw.unnamed - {*wishes.targets, *wishes.keep}), "it has no name")
    names = [name for name in raw.columns if name not in wanted and name not in left_out]
    columns = {name: raw.columns[name].taken(rows) for name in names}
    observed = observed_columns(columns, raw, wishes, context)
    left_out |= useless(columns, observed, wishes)
    used = {name: column for name, column in observed.items() if name not in left_out}
    if not used:
        raise TableError(f"no column is left to predict {in_words(wanted)} from: {reasons(left_out)}")
    rows_left_out = without_target(raw, targets, rows)
    notices = [*raw.notices, *(notice for target in targets for notice in target.notices)]
    notices += [notice for column in used.values() for notice in column.notices]
    notices += [f"column {name!r} is left out: {why}" for name, why in left_out.items() if name not in wishes.drop]
    if rows_left_out:
        notices.append(in_lines(rows_left_out))
    notices += suspicions({name: columns[name] for name in used}, used, targets)
    return Table(
        frame=frame_of(used),
        columns=[column.column for column in used.values()],
        target=targets[0].values if len(targets) == 1 else np.column_stack([target.values for target in targets]),
        target_name=", ".join(wanted),
        sha256=sha256,
        lines=context.lines.tolist(),
        task=targets[0].task,
        why="; ".join(dict.fromkeys(target.why for target in targets)),
        left_out=left_out,
        rows_left_out=rows_left_out,
        notices=notices,
        reading=reading_of(raw, used),
        target_names=list(wanted),
    )


def observed_columns(
    columns: Mapping[str, RawColumn], raw: RawTable, wishes: Wishes, context: Context
) -> dict[str, Observed]:
    """Return what the columns of the rows with a target are; TableError with every fault of them."""
    observed = {
        name: observe(name, column, context, kind=wishes.kinds.get(name), typed=name in raw.strings)
        for name, column in columns.items()
    }
    if faults := [fault for column in observed.values() for fault in column.faults]:
        raise TableError(*first_few(faults))
    return {name: with_gaps(column, raw.columns[name]) for name, column in observed.items()}


def with_gaps(seen: Observed, raw: RawColumn) -> Observed:
    """Return a column that may be missing where it is so in rows without a target: the whole file can be predicted."""
    gaps = bool(raw.words) and not missing_words(raw, ()).isdisjoint(set(raw.words) - set(seen.words))
    return replace(seen, column=replace(seen.column, missing=seen.column.missing or gaps))


def check_columns(raw: RawTable, wishes: Wishes) -> None:
    """Refuse wishes for columns that are not there, and for the target."""
    names = list(raw.columns)
    listed = ", ".join(names[:20]) + (f" and {len(names) - 20:,} more" if len(names) > 20 else "")
    wished = dict.fromkeys([*wishes.targets, *wishes.drop, *wishes.kinds, *wishes.keep])
    faults = [f"it has no column {name!r}; it has {listed}" for name in wished if name not in raw.columns]
    faults += [
        f"--drop {shlex.quote(name)}: that is the target; drop other columns only"
        for name in wishes.targets
        if name in wishes.drop
    ]
    if len(set(wishes.targets)) < len(wishes.targets):
        faults.append("--target names a column twice")
    if not faults and not set(names) - {*wishes.targets, *wishes.drop}:
        faults.append(f"no column is left to predict {in_words(wishes.targets)} from; drop fewer")
    if faults:
        raise TableError(*first_few(faults))


def useless(columns: Mapping[str, RawColumn], seen: Mapping[str, Observed], wishes: Wishes) -> dict[str, str]:
    """Return the columns that say nothing about other rows, each with the reason."""
    reasons = {}
    for name, column in seen.items():
        if name in wishes.keep:
            continue
        why = emptiness(column) or ("" if name in wishes.kinds else identity(name, len(columns[name].codes), column))
        if why:
            reasons[name] = why
    if len(reasons) == len(seen):  # then an identifier is better than nothing
        return {name: why for name, why in reasons.items() if emptiness(seen[name])}
    return reasons


def emptiness(seen: Observed) -> str:
    """Return why a column cannot differ between rows, "" when it can."""
    if not seen.words:
        return "it is empty"
    if len(seen.words) == 1 and not seen.column.missing:
        return f"it has one value only, {seen.words[0][:40]!r}"
    return ""


def identity(name: str, rows: int, seen: Observed) -> str:
    """Return why a column names rows instead of describing them, "" when it does not."""
    every = len(seen.words) == rows
    named = ID_NAME.match(name) is not None
    if isinstance(seen.column, Category) and every and (named or rows >= FEW_ROWS):
        return "it is an identifier, every row has a value of its own"
    if not isinstance(seen.column, Number) or not all(map(WHOLE.match, seen.words)):
        return ""
    if named and len(seen.words) > rows / 2:
        return "it is an identifier by its name, and nearly every row has a value of its own"
    if every and rows >= FEW_ROWS and counts_rows(seen.values):
        return "it numbers the rows"
    return ""


def counts_rows(values: Values) -> bool:
    """Whether numbers count the rows."""
    return bool(values[0] in {0, 1} and (np.diff(values) == 1).all())


def without_target(raw: RawTable, targets: Sequence[Target], rows: NDArray[np.intp]) -> dict[str, Any] | None:
    """Return how many rows have no target, or not all of them, and where, as the manifest keeps it."""
    if len(rows) == len(raw.lines):
        return None
    absent = np.setdiff1d(np.arange(len(raw.lines)), rows)
    lines = raw.lines[absent[:10]].tolist()
    which = f"the target {targets[0].name!r}" if len(targets) == 1 else "one of the targets"
    return {"count": len(absent), "reason": f"{which} has no value", "lines": lines}


def in_lines(left_out: Mapping[str, Any]) -> str:
    """Return in words which rows are left out."""
    count, lines = left_out["count"], ", ".join(map(str, left_out["lines"]))
    many = "1 row is" if count == 1 else f"{count:,} rows are"
    return f"{many} left out, {left_out['reason']}: line{'s' * (count > 1)} {lines}{', …' * (count > 10)}"


def reasons(left_out: Mapping[str, str]) -> str:
    """Return why columns are left out."""
    return "; ".join(f"{name!r} is left out, {why}" for name, why in list(left_out.items())[:5])


def reading_of(raw: RawTable, used: Mapping[str, Observed]) -> dict[str, Any]:
    """Return how the table was read, as the manifest keeps it."""
    forms = {name: form for name, column in used.items() if (form := column.form.describe())}
    return replace(raw.reading, columns=forms).describe()


def frame_of(used: Mapping[str, Observed]) -> "pd.DataFrame":
    """Return the values as a frame."""
    import pandas as pd

    return pd.DataFrame({name: pd.Series(seen.values, dtype=seen.values.dtype) for name, seen in used.items()})
