"""How a table is written, and its records by that: cells of text with the line in which each record starts."""

import csv
import io
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, field, fields
from itertools import chain, islice
from typing import Any, BinaryIO

# What people write where they have no value. The doubtful ones are values in a column of words that has many of them.
MISSING = ("", "NA", "N/A", "n/a", "NaN", "nan", "null", "NULL", "#N/A", "<NA>", "None", "?", "-")
DOUBTFUL = frozenset({"None", "?", "-"})

LONGEST_LINE = 10_000_000  # characters
LINE_END = re.compile("\r\n|\r|\n")
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
    def from_training(cls, training: dict[str, Any] | None) -> "Reading":
        """Return how the table was written that a manifest's training facts tell of, the plain way if they do not."""
        return cls.from_manifest((training or {}).get("reading") or {})

    @classmethod
    def from_manifest(cls, known: dict[str, Any]) -> "Reading":
        """Return what describe() described."""
        names = {field.name for field in fields(cls)}
        options: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in known.items() if k in names}
        return cls(**options)


@dataclass(frozen=True)
class Rows:
    """Some rows: the line in which each starts (its number, in Parquet), its cells, and why the next cannot be read."""

    lines: Sequence[int]
    cells: Sequence[list[str]]
    fault: str = ""

    def __bool__(self) -> bool:
        return bool(self.lines) or bool(self.fault)

    @property
    def last(self) -> "Rows":
        """The last of them."""
        return Rows(self.lines[-1:], self.cells[-1:])


# Returns at most so many of the next rows; none when there are no more.
Take = Callable[[int], Rows]


def batches(take: Take, size: int) -> Iterator[Rows]:
    """Yield all rows, so many at once."""
    while rows := take(size):
        yield rows


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


class Records:
    """The records of a CSV file, blank ones left out; its header is the first of them."""

    def __init__(self, lines: Iterator[str], reading: Reading) -> None:
        for _ in range(reading.skipped_lines):
            next(lines, None)
        self.line = reading.skipped_lines + 1
        self.ended = False
        self.reader = csv.reader(
            chain(lines, [END]),  # a quote that is never closed takes that in
            delimiter=reading.delimiter,
            quotechar=reading.quote,
            escapechar=reading.escape or None,
            skipinitialspace=True,
        )

    def take(self, size: int) -> Rows:
        """Return at most so many of the next records; after a fault there are none."""
        while not self.ended:
            if rows := self.some(size):
                return rows
        return Rows([], [])

    def some(self, size: int) -> Rows:
        """Return the next records that are not blank."""
        cells: list[list[str]] = []
        fault, before = "", self.reader.line_num
        try:
            cells.extend(islice(self.reader, size))  # keeps what it got before an error
        except csv.Error as error:
            fault = f"cannot be read: {error}"
        self.ended = bool(fault) or len(cells) < size or cells[-1] == [END]
        lines = self.starts(cells, self.reader.line_num - before)
        if fault:
            fault = f"line {self.line} {fault}"
        elif cells and cells[-1] and cells[-1][-1].endswith(END):
            self.ended = True
            if cells.pop() != [END]:
                fault = f"a quote that opens in line {lines[len(cells)]} is never closed"
        blank = not all(map(any, cells))
        kept = [index for index, row in enumerate(cells) if any(row)] if blank else range(len(cells))
        return Rows([lines[index] for index in kept], [cells[index] for index in kept] if blank else cells, fault)

    def starts(self, cells: Sequence[list[str]], read: int) -> Sequence[int]:
        """Return the lines in which records start, and go on to the line below them."""
        if read == len(cells):
            lines: Sequence[int] = range(self.line, self.line + read)
            self.line += read
            return lines
        lines = []
        for row in cells:
            lines.append(self.line)
            self.line += 1 + sum(len(LINE_END.findall(cell)) for cell in row if "\n" in cell or "\r" in cell)
        return lines


def is_footnote(row: Sequence[str], width: int) -> bool:
    """Whether a row is one cell of words; a footnote, if it is the last of a table."""
    filled = [cell for cell in row if cell.strip()]
    return len(row) < width and len(filled) == 1 and " " in filled[0].strip()
