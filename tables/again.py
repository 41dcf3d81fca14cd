"""Read another table in the way in which training read its own: batches of JSON cells by column."""

import csv
import io
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from itertools import chain, islice
from pathlib import Path
from typing import Any, BinaryIO, cast

from predictor import Manifest
from predictor.columns import Boolean, Category, Column, Date, Number
from tables.cells import BOOLEANS, PLAIN, WHOLE, Form, date, number
from tables.errors import TableError, first_few
from tables.header import positions
from tables.parquet import MAGIC, opened
from tables.raw import fault_of
from tables.reading import Reading, Record, is_footnote, lines_of, open_text, records
from tables.sniff import NO_TEXT, check_kind, encoding_again, no_text

DELIMITERS = (",", ";", "\t", "|")
HEAD = 65_536  # bytes, to know the encoding by

Cell = Callable[[str], Any]


@dataclass(frozen=True)
class Batch:
    """Some rows: the line or number of each, its cells as they stand, and those of the features as JSON has them."""

    lines: list[int]
    rows: list[list[str]]
    instances: list[dict[str, Any]]


@dataclass(frozen=True)
class Again:
    """A table that is read again: its header, if it has one, its delimiter, and its rows in batches."""

    header: list[str] | None
    delimiter: str
    batches: Iterator[Batch]


@contextmanager
def again(source: Path | BinaryIO, manifest: Manifest, rows_at_once: int) -> Iterator[Again]:
    """Open a table that has a model's columns, CSV or Parquet, to be read in bounded memory.

    TableError for a table without these columns and, while it is read, for rows of another width; OSError for a file
    that cannot be read.
    """
    reading = Reading.from_manifest((manifest.training or {}).get("reading") or {})
    if not isinstance(source, Path):
        # Standard input, which is not ours to close.
        buffered = source if isinstance(source, io.BufferedReader) else io.BufferedReader(cast(io.RawIOBase, source))
        with csv_again(buffered, reading, manifest, rows_at_once) as found:
            yield found
        return
    with cast(io.BufferedReader, source.open("rb", buffering=HEAD)) as file:
        if not file.peek(len(MAGIC)).startswith(MAGIC):
            with csv_again(file, reading, manifest, rows_at_once) as found:
                yield found
            return
    with opened(source) as parquet:
        plain = frozenset(parquet.names) - parquet.strings
        yield table(parquet.names, parquet.rows, reading, manifest, rows_at_once, plain)


@contextmanager
def csv_again(file: io.BufferedReader, reading: Reading, manifest: Manifest, rows_at_once: int) -> Iterator[Again]:
    """Open the table in a stream of CSV; the stream stays open."""
    head = file.peek(HEAD)
    check_kind(head)
    text = open_text(file, encoding_again(head, reading.encoding))
    try:
        yield read_csv(lines_of(text), reading, manifest, rows_at_once)
    finally:
        text.detach()


def read_csv(lines: Iterator[str], reading: Reading, manifest: Manifest, rows_at_once: int) -> Again:
    """Return the table in lines of CSV."""
    if not reading.header:
        rows = records(lines, reading)
        first = list(islice(rows, 1))
        names = positions(len(first[0].cells) if first else 0)
        return replace(table(names, chain(first, rows), reading, manifest, rows_at_once), header=None)
    above = list(islice(lines, reading.skipped_lines + 1))
    reading = replace(reading, delimiter=delimiter_of(above[-1:], reading, manifest))
    rows = records(chain(above, lines), reading)
    header = next(rows, Record(1, []))
    if header.fault:
        raise TableError(header.fault)
    return table([name.strip() for name in header.cells], rows, reading, manifest, rows_at_once)


def delimiter_of(header: Sequence[str], reading: Reading, manifest: Manifest) -> str:
    """Return the delimiter by which a header names the features: training's, if it does so."""
    for delimiter in (reading.delimiter, *DELIMITERS):
        for cells in csv.reader(header, delimiter=delimiter, quotechar=reading.quote, skipinitialspace=True):
            if {name for name in manifest.feature_names if "\n" not in name} <= {cell.strip() for cell in cells}:
                return delimiter
    return reading.delimiter


def table(  # noqa: PLR0917 - what a table is, in the order of its making
    names: list[str],
    rows: Iterator[Record],
    reading: Reading,
    manifest: Manifest,
    rows_at_once: int,
    plain: frozenset[str] = frozenset(),
) -> Again:
    """Return the table of these columns; `plain` are those that are numbers, dates or booleans by their type."""
    absent = [column.name for column in manifest.features if column.name not in names and not column.missing]
    if absent or not set(names).intersection(manifest.feature_names):
        listed = ", ".join(absent or manifest.feature_names)
        raise TableError(f"the table has no column {listed}; the features are {', '.join(manifest.feature_names)}")
    if twice := sorted({name for name in manifest.feature_names if names.count(name) > 1}):
        raise TableError(f"the table has two columns named {', '.join(twice)}; give each its own name")
    cells = [
        (column, names.index(column.name), cell_of(column, reading, typed=column.name in plain))
        for column in manifest.features
        if column.name in names
    ]
    return Again(names, reading.delimiter, batches(rows, len(names), cells, rows_at_once))


def cell_of(column: Column, reading: Reading, *, typed: bool) -> Cell:
    """Return the function that makes JSON of a cell; what cannot be is left as text, which validation refuses."""
    form = Form.from_manifest(reading.columns.get(column.name, {}))
    absent = frozenset(reading.missing) - set(form.values) | set(form.missing) if column.missing else frozenset()
    return partial(json_cell, column, PLAIN if typed else form, absent)


def json_cell(column: Column, form: Form, absent: frozenset[str], text: str) -> Any:
    """Return a cell as JSON has it."""
    text = text.strip()
    if text in absent:
        return None
    found: Any = None
    match column:
        case Number():
            found = number(text, form)
        case Boolean():
            found = BOOLEANS.get(text)
        case Date():
            moment = date(text, form)
            found = moment and moment.isoformat()
        case Category() if column.whole_numbers and WHOLE.match(text):
            found = int(text)
    return text if found is None else found


def batches(
    rows: Iterator[Record], width: int, cells: Sequence[tuple[Column, int, Cell]], rows_at_once: int
) -> Iterator[Batch]:
    """Yield rows in batches; a footnote below the last of them is left out."""
    last = next(rows, None)
    while last is not None:
        batch = [last, *islice(rows, rows_at_once - 1)]
        last = next(rows, None)
        if last is None and is_footnote(batch[-1], width):
            batch.pop()
        if faults := [fault for record in batch if (fault := fault_in(record, width, cells))]:
            raise TableError(*first_few(faults))
        filled = [record.cells + [""] * (width - len(record.cells)) for record in batch]
        yield Batch(
            [record.line for record in batch],
            filled,
            [{column.name: cell(row[place]) for column, place, cell in cells} for row in filled],
        )


def fault_in(record: Record, width: int, cells: Sequence[tuple[Column, int, Cell]]) -> str:
    """Return why a record cannot be read, "" when it can.

    Of a record that is too short, validation refuses the number that is not there, and names its column.
    """
    count = len(record.cells)
    if record.fault or count > width:
        return fault_of(record, width)
    named = any(place >= count and not column.missing and isinstance(column, Number) for column, place, _ in cells)
    if count < width and not named:
        return fault_of(record, width)
    odd = NO_TEXT.search("".join(record.cells))
    return f"line {record.line} {no_text(odd[0])}" if odd else ""
