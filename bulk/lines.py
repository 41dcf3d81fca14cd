"""JSON lines: a line end is never inside of a row, so parts are bytes between line ends."""

import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any, BinaryIO

import numpy as np
import orjson
from numpy.typing import NDArray

from bulk.checks import Checked, Fault, check_cells
from bulk.faults import BulkError
from bulk.forms import ROWS_AT_ONCE, Head, Part
from bulk.storage import open_to_read, reading
from predictor import Manifest
from predictor.columns import kind_of
from tables.again import check_features
from tables.errors import TableError
from tables.reading import LONGEST_LINE

BYTES_A_PART = 64 * 1024 * 1024
BYTES_AT_ONCE = 16 * 1024 * 1024
HEAD_ROWS = 100  # tell which columns a file has
BYTE_ORDER_MARK = b"\xef\xbb\xbf"


@dataclass(frozen=True)
class LinesBatch:
    """Some lines, and their numbers."""

    lines: list[bytes]
    places: Sequence[int]
    manifest: Manifest
    added: Collection[str]

    def check(self) -> Checked:
        """Return which rows a request would take; further names are no fault in a table."""
        rows, faults = parse(self.lines, self.added)
        cells = [[row.get(name) for row in rows] for name in self.manifest.feature_names]
        return check_cells(self.manifest.features, cells, len(rows), faults)


def parse(lines: Sequence[bytes], added: Collection[str] = ()) -> tuple[list[dict[str, Any]], dict[int, Fault]]:
    """Return the object of each line, and why those that are none are not."""
    rows: list[dict[str, Any]] = []
    faults: dict[int, Fault] = {}
    for number, line in enumerate(lines):
        try:
            row = orjson.loads(line)
        except orjson.JSONDecodeError as error:
            row = None
            faults[number] = ("", f"is not JSON: {error}")
        else:
            if type(row) is not dict:
                faults[number] = ("", f"must be an object, not {kind_of(row)}")
            elif fault := fault_of_keys(line, row, added):
                faults[number] = fault
        rows.append(row if type(row) is dict else {})
    return rows, faults


def fault_of_keys(line: bytes, row: dict[str, Any], added: Collection[str]) -> Fault | None:
    """Return why the keys of an object cannot be: one stands there twice, of which orjson keeps the last, or will."""
    if taken := [name for name in added if name in row]:
        return taken[0], "is the name of a column that is added"
    # A flat row with as many quotation marks as its keys and texts need has no key twice.
    if b"\\" not in line and line.count(b'"') == 2 * (len(row) + sum(type(value) is str for value in row.values())):
        return None
    twice: list[str] = []

    def look(pairs: list[tuple[str, Any]]) -> None:
        seen: set[str] = set()
        for key, _ in pairs:
            twice.extend([key] if key in seen else [])
            seen.add(key)

    try:
        json.loads(line, object_pairs_hook=look, parse_int=float)
    except RecursionError:
        return "", "is nested too deeply"
    return (twice[0], "stands twice in one object") if twice else None


@dataclass(frozen=True)
class LinesWriter:
    """Open JSON lines."""

    stream: BinaryIO
    names: list[bytes]

    def write(self, batch: LinesBatch, rows: NDArray[np.intp], added: Sequence[NDArray[Any]]) -> None:
        """Write some lines as they came, but that their objects have further keys at the end."""
        values = zip(*(column.tolist() for column in added), strict=True)
        out = []
        for row, found in zip(rows.tolist(), values, strict=True):
            line = batch.lines[row].rstrip()[:-1]
            comma = b"" if line.strip() == b"{" else b","
            more = b",".join(name + orjson.dumps(value) for name, value in zip(self.names, found, strict=True))
            out.append(line + comma + more + b"}\n")
        self.stream.write(b"".join(out))


class LinesForm:
    """How JSON lines are read and written."""

    suffix = "jsonl"

    def head(self, path: str, manifest: Manifest) -> Head:
        """Return the form: rows may have any keys, and each is looked at by itself."""
        with open_to_read(path) as stream, reading(path, TableError):
            lines = list(islice(iter(lambda: stream.readline(LONGEST_LINE), b""), HEAD_ROWS))
            if lines and lines[0].lstrip()[:1] == b"[":
                raise BulkError(f"{path} is a JSON array; write one object a line, as jq -c '.[]' does")
            rows, _ = parse([line.removeprefix(BYTE_ORDER_MARK) for line in lines if line.strip()])
            check_features(list({name: None for row in rows for name in row}), manifest)
        return Head("JSON lines")

    def parts(self, path: str, file: int) -> list[Part]:
        """Return the bytes up to a line end, so many at once; lines are counted."""
        found: list[Part] = []
        start, line = 0, 1
        with open_to_read(path) as stream, reading(path):
            while block := stream.read(BYTES_A_PART):
                rest = stream.readline(LONGEST_LINE)
                end = start + len(block) + len(rest)
                found.append(Part(path, file, len(found), 0, start, end, line))
                start, line = end, line + block.count(b"\n") + rest.count(b"\n")
        found = found or [Part(path, file)]
        return [replace(part, parts=len(found)) for part in found]

    @contextmanager
    def open(self, part: Part, manifest: Manifest, added: Mapping[str, str]) -> Iterator["LinesTable"]:
        """Open some bytes of the file."""
        with open_to_read(part.path) as stream:
            yield LinesTable(stream, part, manifest, added)


@dataclass(frozen=True)
class LinesTable:
    """Some bytes of an open file."""

    stream: BinaryIO
    part: Part
    manifest: Manifest
    added: Mapping[str, str]

    def batches(self) -> Iterator[LinesBatch]:
        """Yield the rows; blank lines are none."""
        with reading(self.part.path):
            self.stream.seek(self.part.start)
            left, number = self.part.end - self.part.start, self.part.first
            lines: list[bytes] = []
            places: list[int] = []
            size = 0
            while left > 0 and (line := self.stream.readline(LONGEST_LINE)):
                if len(line) == LONGEST_LINE:
                    raise BulkError(f"{self.part.path}: line {number} has more than {LONGEST_LINE:,} bytes")
                if line.strip():
                    lines.append(line.removeprefix(BYTE_ORDER_MARK) if number == 1 else line)
                    places.append(number)
                left, number, size = left - len(line), number + 1, size + len(line)
                if len(lines) == ROWS_AT_ONCE or size > BYTES_AT_ONCE:
                    yield LinesBatch(lines, places, self.manifest, self.added)
                    lines, places, size = [], [], 0
            if lines:
                yield LinesBatch(lines, places, self.manifest, self.added)

    @contextmanager
    def writer(self, stream: BinaryIO) -> Iterator[LinesWriter]:
        """Write lines."""
        yield LinesWriter(stream, [orjson.dumps(name) + b":" for name in self.added])
