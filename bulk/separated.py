"""CSV, read as training read its own table; one part a file, since only a reader of all of it knows where rows end."""

import csv
import io
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any, BinaryIO, cast

from numpy.typing import NDArray

from bulk.checks import Checked, check_cells
from bulk.forms import ROWS_AT_ONCE, Head, Part
from bulk.storage import open_to_read, reading
from predictor import Manifest
from tables.again import HEAD, Again, again
from tables.again import Batch as Rows
from tables.errors import TableError


@contextmanager
def opened(path: str, manifest: Manifest) -> Iterator[Again]:
    """Open a CSV file; BulkError when it has not the columns of the model."""
    with ExitStack() as open_files:
        stream = open_files.enter_context(open_to_read(path))
        with reading(path, TableError, csv.Error, form=" as CSV"):
            buffered = io.BufferedReader(cast(io.RawIOBase, stream), HEAD)
            table = open_files.enter_context(again(buffered, manifest, ROWS_AT_ONCE))
        yield table


@dataclass(frozen=True)
class CsvBatch:
    """Some rows of a CSV file."""

    rows: Rows
    manifest: Manifest

    @property
    def places(self) -> Sequence[int]:
        """The line in which each row starts."""
        return self.rows.lines

    def check(self) -> Checked:
        """Return which rows a request would take."""
        instances = self.rows.instances
        cells = [[row.get(name) for row in instances] for name in self.manifest.feature_names]
        return check_cells(self.manifest.features, cells, len(instances))


@dataclass(frozen=True)
class CsvWriter:
    """An open CSV file."""

    to: Any  # csv's writer

    def write(self, batch: CsvBatch, rows: NDArray[Any], added: Sequence[NDArray[Any]]) -> None:
        """Write some rows of a batch as they came, and what is added to them."""
        new = zip(*(values.tolist() for values in added), strict=True)
        self.to.writerows([*batch.rows.rows[row], *more] for row, more in zip(rows.tolist(), new, strict=True))


class CsvForm:
    """How CSV is read and written."""

    suffix = "csv"

    def head(self, path: str, manifest: Manifest) -> Head:
        """Return the columns."""
        with opened(path, manifest) as table:
            return Head("CSV", tuple((name, "") for name in table.header or []))

    def parts(self, path: str, file: int) -> list[Part]:
        """Return the whole file."""
        return [Part(path, file)]

    @contextmanager
    def open(self, part: Part, manifest: Manifest, added: Mapping[str, str]) -> Iterator["CsvTable"]:
        """Open the file."""
        with opened(part.path, manifest) as table:
            yield CsvTable(table, part.path, manifest, added)


@dataclass(frozen=True)
class CsvTable:
    """An open file."""

    table: Again
    path: str
    manifest: Manifest
    added: Mapping[str, str]

    def batches(self) -> Iterator[CsvBatch]:
        """Yield all rows."""
        with reading(self.path, TableError, csv.Error, form=" as CSV"):
            for rows in self.table.batches:
                yield CsvBatch(rows, self.manifest)

    @contextmanager
    def writer(self, stream: BinaryIO) -> Iterator[CsvWriter]:
        """Write UTF-8 with the delimiter of the input, and with a header if it has one."""
        text = io.TextIOWrapper(stream, encoding="utf-8", newline="")
        to = csv.writer(text, delimiter=self.table.delimiter, lineterminator="\n")
        if self.table.header is not None:
            to.writerow([*self.table.header, *self.added])
        yield CsvWriter(to)
        text.flush()
        text.detach()
