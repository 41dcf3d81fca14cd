"""How a table is written, and its records by that: cells of text with the line in which each record starts."""

import csv
import io
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field, fields
from itertools import chain
from typing import Any, BinaryIO

# What people write where they have no value. The doubtful ones are values in a column of words that has many of them.
MISSING = ("", "NA", "N/A", "n/a", "NaN", "nan", "null", "NULL", "#N/A", "<NA>", "None", "?", "-")
DOUBTFUL = frozenset({"None", "?", "-"})

LONGEST_LINE = 10_000_000  # characters
END = "\0 the end of the table"


@dataclass(frozen=True)
class Reading:
    """How a table is written: what the manifest keeps, so that another table of that form is read the same way."""

    format: str = "csv"
    header: bool = True
    delimiter: str = ","
    quote: str = '"'
    escape: str = ""
    encoding: str = "utf-8"
    skipped_lines: int = 0
    missing: tuple[str, ...] = MISSING
    # How the cells of a column are written where that is not the plain way: what Form.describe() returns.
    columns: dict[str, dict[str, Any]] = field(default_factory=dict)

    def describe(self) -> dict[str, Any]:
        """Return what the manifest keeps."""
        return {key: list(value) if isinstance(value, tuple) else value for key, value in asdict(self).items()}

    @classmethod
    def from_manifest(cls, known: dict[str, Any]) -> "Reading":
        """Return what describe() described."""
        names = {field.name for field in fields(cls)}
        taken: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in known.items() if k in names}
        return cls(**taken)


@dataclass(frozen=True, slots=True)
class Record:
    """The cells of one row and the line in which it starts (its number, in Parquet); `fault`: why it cannot be read."""

    line: int
    cells: list[str]
    fault: str = ""


def open_text(file: BinaryIO, encoding: str) -> io.TextIOWrapper:
    """Return the text of a file with its line ends as they are; bytes that are no text become lone surrogates."""
    if encoding == "utf-8":
        return io.TextIOWrapper(file, encoding="utf-8-sig", errors="surrogateescape", newline="")
    return io.TextIOWrapper(file, encoding=encoding, errors="replace", newline="")


def lines_of(text: io.TextIOBase) -> Iterator[str]:
    """Yield the lines of a text; csv.Error for a line that no sane table has, before it fills the memory."""
    while line := text.readline(LONGEST_LINE):
        if len(line) == LONGEST_LINE:
            raise csv.Error(f"it has more than {LONGEST_LINE:,} characters")
        yield line


def records(lines: Iterator[str], reading: Reading) -> Iterator[Record]:
    """Yield the records of a table, blank ones left out; its header is the first of them. A fault is the last one."""
    for _ in range(reading.skipped_lines):
        next(lines, None)
    reader = csv.reader(
        chain(lines, [END]),  # a quote that is never closed takes that in
        delimiter=reading.delimiter,
        quotechar=reading.quote,
        escapechar=reading.escape or None,
        skipinitialspace=True,
    )
    line = reading.skipped_lines + 1
    while True:
        try:
            cells = next(reader)
        except csv.Error as error:
            yield Record(line, [], f"line {line} cannot be read: {error}")
            return
        if cells == [END]:
            return
        if cells and END in cells[-1]:
            yield Record(line, [], f"a quote that opens in line {line} is never closed")
            return
        if any(cells):
            yield Record(line, cells)
        line = reading.skipped_lines + reader.line_num + 1


def is_footnote(record: Record, width: int) -> bool:
    """Whether a record is one cell of words; a footnote, if it is the last of a table."""
    filled = [cell for cell in record.cells if cell.strip()]
    return not record.fault and len(record.cells) < width and len(filled) == 1 and " " in filled[0].strip()
