"""What a file of rows is to a run, whatever its form: parts, each of them a table that is read in batches."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, BinaryIO, Protocol

import numpy as np
from numpy.typing import NDArray

from bulk.checks import Checked
from predictor import Manifest

ROWS_AT_ONCE = 20_000


@dataclass(frozen=True)
class Part:
    """What is read at once: some row groups of a Parquet file, some bytes of JSON lines, or a whole file of CSV.

    `file` and `number` count files and the parts of each, of which it has `parts`.
    """

    path: str
    file: int
    number: int = 0
    parts: int = 1
    start: int = 0
    end: int = 0
    first: int = 1  # the number of its first row, or line
    rows: int | None = None  # where that is known before it is read

    @property
    def name(self) -> str:
        """What its output is called; in the order of names, rows stand in the order of the input."""
        return f"{self.file:05}-{self.number:05}"


@dataclass(frozen=True)
class Head:
    """What all files of a run must have alike: their form, and their columns with the types that the form knows."""

    form: str
    columns: tuple[tuple[str, str], ...] = ()


class Batch(Protocol):
    """Some rows, as they came."""

    @property
    def places(self) -> Sequence[int]:
        """The number of each row in its file, from 1, or its line."""

    def check(self) -> Checked:
        """Return which rows a request would take."""


class Writer(Protocol):
    """An open output file."""

    def write(self, batch: Any, rows: NDArray[np.intp], added: Sequence[NDArray[Any]]) -> None:
        """Write some rows of a batch with what is added to them."""


class Table(Protocol):
    """A part that is open."""

    def batches(self) -> Iterator[Batch]:
        """Yield its rows, in memory that does not grow with it; BulkError when they cannot be read."""

    def writer(self, stream: BinaryIO) -> AbstractContextManager[Writer]:
        """Write rows of this form to a stream, with what is added to each."""


class Form(Protocol):
    """How files of one form are read and written."""

    suffix: str

    def head(self, path: str, manifest: Manifest) -> Head:
        """Return what a file has alike with all others; BulkError when it cannot be predicted."""

    def parts(self, path: str, file: int) -> list[Part]:
        """Return the parts of a file, in order."""

    def open(self, part: Part, manifest: Manifest, added: Mapping[str, str]) -> AbstractContextManager[Table]:
        """Open a part; `added` are the names and Arrow types of what its output has more. BulkError when that fails."""
