"""How a table is written, and its records by that: cells of text with the line in which each record starts."""

import csv
import errno
import io
import os
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from itertools import chain
from pathlib import Path
from typing import Any, BinaryIO

# What people write where they have no value. Those of the second set are values in a column of words that has many.
MISSING = ("", "NA", "N/A", "n/a", "NaN", "nan", "null", "NULL", "#N/A", "<NA>", "None", "?", "-")
DOUBTFUL = frozenset({"None", "?", "-"})

LONGEST_LINE = 10_000_000
END = "\0 end of the table"


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
    names: tuple[str, ...] = ()
    # How the cells of a column are written, where that is not the plain way: see tables.cells.Form.
    columns: dict[str, dict[str, Any]] = field(default_factory=dict)

    def describe(self) -> dict[str, Any]:
        """Return what the manifest keeps."""
        return {key: list(value) if isinstance(value, tuple) else value for key, value in asdict(self).items()}

    @classmethod
    def from_manifest(cls, known: dict[str, Any]) -> "Reading":
        """Return what describe() described."""
        return cls(**{key: tuple(value) if isinstance(value, list) else value for key, value in known.items()})


@dataclass(frozen=True)
class Record:
    """The cells of one row and the line of the file in which it starts; `fault` where it cannot be read."""

    line: int
    cells: list[str]
    fault: str = ""


def open_text(file: BinaryIO, encoding: str) -> io.TextIOWrapper:
    """Return the text of a file with its line ends as they are; undecodable bytes become lone surrogates."""
    return io.TextIOWrapper(file, encoding=encoding, errors="surrogateescape", newline="")


def records(text: io.TextIOBase, reading: Reading) -> Iterator[Record]:
    """Yield the records of a table, blank lines left out; its header is the first of them."""
    lines = iter(lambda: text.readline(LONGEST_LINE), "")
    for _ in range(reading.skipped_lines):
        next(lines, None)
    reader = csv.reader(
        chain(lines, [END]),
        delimiter=reading.delimiter,
        quotechar=reading.quote or None,
        quoting=csv.QUOTE_MINIMAL if reading.quote else csv.QUOTE_NONE,
        escapechar=reading.escape or None,
        skipinitialspace=True,
    )
    line = reading.skipped_lines + 1
    while True:
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            yield Record(line, [], f"line {line}: {error}")
            return
        if cells == [END]:
            return
        if cells and END in cells[-1]:
            yield Record(line, cells, f"line {line}: a quote that opens in this row is never closed")
            return
        if any(cells):
            yield Record(line, cells)
        line = reading.skipped_lines + reader.line_num + 1


def regular(path: Path) -> BinaryIO:
    """Open a regular file; a pipe or a device could hang for ever."""
    if not path.is_file():
        kind = errno.EISDIR if path.is_dir() else errno.ENOENT if not path.exists() else errno.EINVAL
        raise OSError(kind, "it is no regular file" if kind == errno.EINVAL else os.strerror(kind))
    return path.open("rb")
