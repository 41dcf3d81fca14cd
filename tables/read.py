"""Read a table from a file, CSV or Parquet, and understand it."""

import errno
import hashlib
import io
import os
from collections.abc import Sequence
from dataclasses import replace
from itertools import chain
from pathlib import Path

from predictor.columns import Category, Column, Date, Number, Text
from tables.errors import TableError
from tables.header import check_header, check_names, keys, named, positions, with_row_names
from tables.parquet import MAGIC, read_parquet
from tables.raw import ROWS_AT_ONCE, RawTable, collect
from tables.reading import Records, batches
from tables.sniff import check_kind, decode, sniff
from tables.table import Table
from tables.understand import Wishes, understand

NO_ROWS = "it has no rows; give a table with a header line and rows below it"


def read(
    path: Path,
    target: str | Sequence[str],
    *,
    header: bool | None = None,
    category: Sequence[str] = (),
    text: Sequence[str] = (),
    number: Sequence[str] = (),
    date: Sequence[str] = (),
    drop: Sequence[str] = (),
    keep: Sequence[str] = (),
    task: str | None = None,
) -> Table:
    """Return the table in a file, with its columns as they are understood; TableError names all that is wrong with it.

    `target` names a column, or several with commas between. `header` says whether the first line names the columns,
    None to find out. `category`, `text`, `number` and `date` name columns whose kind is set by hand, `drop` those to
    leave out, and `keep` those that are never left out.
    """
    kinds: dict[str, type[Column]] = {}
    for kind, names in ((Category, category), (Text, text), (Number, number), (Date, date)):
        kinds |= dict.fromkeys(names, kind)
    try:
        data = content(path)
        check_kind(data)
        raw = read_parquet(path) if data.startswith(MAGIC) else read_csv(data, target, header)
        wishes = Wishes(named(target, raw.columns), kinds, drop, keep, task)
        return understand(raw, wishes, hashlib.sha256(data).hexdigest())
    except OSError as error:
        raise TableError(f"cannot read {path}: {error.strerror}; give the path of a CSV or Parquet file") from None
    except TableError as error:
        raise TableError(*(f"{path}: {fault}" for fault in error.faults)) from None


def content(path: Path) -> bytes:
    """Return what a regular file holds; to read a pipe or a device could take for ever."""
    if path.exists() and not path.is_file():
        kind = errno.EISDIR if path.is_dir() else errno.EINVAL
        raise OSError(kind, os.strerror(kind) if kind == errno.EISDIR else "it is no regular file")
    return path.read_bytes()


def read_csv(data: bytes, target: str | Sequence[str], header: bool | None) -> RawTable:
    """Return the table in the bytes of a CSV file, as text."""
    text, encoding, notices = decode(data)
    if not text.strip():
        raise TableError(NO_ROWS)
    reading, looks_like_header = sniff(text, target, encoding)
    take = Records(io.StringIO(text, newline=""), reading).take
    first = take(1)
    if not first or first.fault:
        raise TableError(first.fault or NO_ROWS)
    names = [cell.strip() for cell in first.cells[0]]
    rows = batches(take, ROWS_AT_ONCE)
    if header is False:
        names, rows = positions(len(names)), chain([first], rows)
    else:
        two = take(2)
        names, rows = with_row_names(names, two), chain([two] if two else [], rows)
    columns, lines = collect(rows, len(names))
    if not len(lines):
        raise TableError(NO_ROWS)
    if header is None and not set(names).issuperset(named(target, names)):
        check_header(names, columns, looks_like_header)
    check_names(names)
    by_name = dict(zip(keys(names), columns, strict=True))
    if reading.skipped_lines:
        notices.append(
            f"it is read from line {reading.skipped_lines + 1} on: what stands above is no part of the table"
        )
    unnamed = frozenset(by_name) - frozenset(names)
    return RawTable(by_name, lines, replace(reading, header=header is not False), notices, unnamed)
