"""Read a table from a file, CSV or Parquet, and understand it."""

import hashlib
import io
from collections.abc import Sequence
from pathlib import Path

from predictor.columns import Category, Column, Date, Number, Text
from tables.errors import TableError
from tables.raw import RawTable, collect, keys, named
from tables.reading import records, regular
from tables.sniff import check_kind, decode, sniff
from tables.table import Table
from tables.understand import understand


def read(
    path: Path,
    target: str,
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

    `header` says whether the first line names the columns, None to find out. `category`, `text`, `number` and `date`
    name columns whose kind is set by hand, `drop` those to leave out, and `keep` those that are never left out.
    """
    try:
        with regular(path) as file:
            data = file.read()
    except OSError as error:
        raise TableError(f"cannot read {path}: {error.strerror}; give the path of a CSV file") from None
    check_kind(data[:16], path)
    raw = read_csv(data, path, target, header)
    by_hand: dict[str, type[Column]] = {}
    for kind, names in ((Category, category), (Text, text), (Number, number), (Date, date)):
        by_hand |= dict.fromkeys(names, kind)
    return understand(raw, target, path, hashlib.sha256(data).hexdigest(), by_hand, drop, keep, task)


def read_csv(data: bytes, path: Path, target: str, header: bool | None) -> RawTable:
    """Return the table in the bytes of a CSV file, as text."""
    content, encoding, notices = decode(data, path)
    if not content.strip():
        raise TableError(f"{path} has no rows; give a table with a header line and rows below it")
    reading, guess = sniff(content, path, encoding)
    rows = records(io.StringIO(content, newline=""), reading)
    names, rows, reading = named(rows, reading, target, header, guess, path)
    columns, lines, more = collect(rows, len(names), path)
    if not len(lines):
        raise TableError(f"{path} has no rows; give a table with a header line and rows below it")
    found = dict(zip(keys(names), columns, strict=True))
    unnamed = [key for key, name in zip(keys(names), names, strict=True) if key != name]
    return RawTable(found, lines, reading, [*notices, *more], unnamed)
