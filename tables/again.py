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
from tables.header import positions, with_row_names
from tables.parquet import MAGIC, opened
from tables.raw import width_fault
from tables.reading import Reading, Records, Rows, batches, is_footnote, lines_of, open_text
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
    reading = Reading.from_training(manifest.training)
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
        yield table(parquet.names, batches(parquet.take, rows_at_once), reading, manifest, plain)


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
        take = Records(lines, reading).take
        first = take(1)
        names = positions(len(first.cells[0]) if first.lines else 0)
        return replace(table(names, chain([first], batches(take, rows_at_once)), reading, manifest), header=None)
    above = list(islice(lines, reading.skipped_lines + 1))
    reading = replace(reading, delimiter=delimiter_of(above[-1:], reading, manifest))
    take = Records(chain(above, lines), reading).take
    header = take(1)
    if header.fault:
        raise TableError(header.fault)
    two = take(2)
    names = with_row_names([name.strip() for name in header.cells[0]] if header else [], two)
    return table(names, chain([two] if two else [], batches(take, rows_at_once)), reading, manifest)


def delimiter_of(header: Sequence[str], reading: Reading, manifest: Manifest) -> str:
    """Return the delimiter by which a header names the features: training's, if it does so."""
    for delimiter in (reading.delimiter, *DELIMITERS):
        for cells in csv.reader(header, delimiter=delimiter, quotechar=reading.quote, skipinitialspace=True):
            if {name for name in manifest.feature_names if "\n" not in name} <= {cell.strip() for cell in cells}:
                return delimiter
    return reading.delimiter


def table(
    names: list[str], rows: Iterator[Rows], reading: Reading, manifest: Manifest, plain: frozenset[str] = frozenset()
) -> Again:
    """Return the table of these columns; `plain` are those that are numbers, dates or booleans by their type."""
    check_features(names, manifest)
    cells = [
        (column, names.index(column.name), cell_of(column, reading, typed=column.name in plain))
        for column in manifest.features
        if column.name in names
    ]
    return Again(names, reading.delimiter, read_rows(rows, len(names), cells))


def check_features(names: Sequence[str], manifest: Manifest) -> None:
    """Refuse a table that has not the columns of a model, or one of them twice."""
    absent = [column.name for column in manifest.features if column.name not in names and not column.missing]
    if absent or not set(names).intersection(manifest.feature_names):
        listed = ", ".join(absent or manifest.feature_names)
        raise TableError(f"the table has no column {listed}; the features are {', '.join(manifest.feature_names)}")
    if twice := sorted({name for name in manifest.feature_names if names.count(name) > 1}):
        raise TableError(f"the table has two columns named {', '.join(twice)}; give each its own name")


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
    value: Any = None
    match column:
        case Number():
            value = number(text, form)
        case Boolean():
            value = BOOLEANS.get(text)
        case Date():
            moment = date(text, form)
            value = moment and moment.isoformat()
        case Category() if column.whole_numbers and WHOLE.match(text):
            value = int(text)
    return text if value is None else value


def read_rows(rows: Iterator[Rows], width: int, cells: Sequence[tuple[Column, int, Cell]]) -> Iterator[Batch]:
    """Yield rows in batches; a footnote below the last of them is left out."""
    batch = next(rows, None)
    while batch is not None:
        following = next(rows, None)
        if following is None and batch.lines and not batch.fault and is_footnote(batch.cells[-1], width):
            batch = Rows(batch.lines[:-1], batch.cells[:-1])
        if faults := faults_in(batch, width, cells):
            raise TableError(*first_few(faults))
        filled = [row + [""] * (width - len(row)) for row in batch.cells]
        instances = [{column.name: cell(row[place]) for column, place, cell in cells} for row in filled]
        yield Batch(list(batch.lines), filled, instances)
        batch = following


def faults_in(rows: Rows, width: int, cells: Sequence[tuple[Column, int, Cell]]) -> list[str]:
    """Return why rows cannot be read.

    Of a row that is too short, validation refuses the number that is not there, and names its column.
    """
    places = [place for column, place, _ in cells if isinstance(column, Number) and not column.missing]
    first = min(max(places, default=0) + 1, width)
    found = []
    for line, row in zip(rows.lines, rows.cells, strict=True):
        if len(row) != width and not len(row) < first:
            found.append(width_fault(line, len(row), width))
        elif odd := NO_TEXT.search("".join(row)):
            found.append(f"line {line} {no_text(odd[0])}")
    return [*found, rows.fault] if rows.fault else found
