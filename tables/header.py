"""The names of a table's columns: in its first line, or none."""

import csv
import re
from collections.abc import Collection, Sequence

from tables.errors import TableError, first_few
from tables.raw import RawColumn
from tables.reading import Rows

LONGEST_NAME = 200  # the manifest takes no longer ones
MOST_COLUMNS = 20_000
UNNAMED = re.compile(r"(?:Unnamed: [0-9]+)?\Z")  # what pandas makes of no name


def named(target: str | Sequence[str], names: Collection[str]) -> list[str]:
    """Return the targets that a text names: the column of that very name, or several, written as a line of CSV."""
    if not isinstance(target, str):
        return list(target)
    try:
        return [target] if target in names else [cell.strip() for cell in next(csv.reader([target]))]
    except (csv.Error, StopIteration):
        return [target]


def positions(width: int) -> list[str]:
    """Return the names of columns in a table without a header."""
    return [f"column{position}" for position in range(1, width + 1)]


def keys(names: Sequence[str]) -> list[str]:
    """Return the names of the columns, with their places for those that have none."""
    return [f"(column {place})" if UNNAMED.match(name) else name for place, name in enumerate(names, start=1)]


def with_row_names(names: list[str], rows: Rows) -> list[str]:
    """Return the names with none for the first column where R left its place out: it numbers the rows without it."""
    numbers = [row[0] for row in rows.cells if len(row) == len(names) + 1]
    counted = [str(number) for number in range(1, len(rows.cells) + 1)]
    return ["", *names] if len(counted) > 1 and numbers == counted else names


def check_names(names: Sequence[str]) -> None:
    """Refuse names that no table can have, all of them at once."""
    faults = []
    places: dict[str, list[int]] = {}
    for position, name in enumerate(names, start=1):
        places.setdefault(name, []).append(position)
        if len(name) > LONGEST_NAME:
            faults.append(f"the name of column {position} is longer than {LONGEST_NAME}; shorten it")
    for name, positions in places.items():
        if len(positions) > 1 and name:
            listed = " and ".join(map(str, positions[:2])) + (" and others" if len(positions) > 2 else "")
            faults.append(f"columns {listed} are all named {name[:60]!r}; give each its own name")
    if len(names) == 1:
        faults.append(f"it has one column only, {names[0][:60]!r}; separate the columns with commas")
    if len(names) > MOST_COLUMNS:
        faults.append(f"it has {len(names):,} columns; at most {MOST_COLUMNS:,} can be used")
    if faults:
        raise TableError(*first_few(faults))


def check_header(names: Sequence[str], columns: Sequence[RawColumn], looks_like_one: bool) -> None:
    """Refuse a first line that seems to be a row: by what DuckDB says, or since its cells are found again below."""
    again = sum(name in set(column.words) for name, column in zip(names, columns, strict=True))
    if looks_like_one and again < len(names) / 2:
        return
    shown = ", ".join(names[:4]) + (", …" if len(names) > 4 else "")
    raise TableError(
        f"it seems to have no header line, it starts with {shown[:80]}; give --no-header, then the columns are column1 "
        f"to column{len(names)}"
    )
