"""A table as text: each column as the words that it holds and, for each row, which of them."""

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from tables.errors import TableError, first_few
from tables.reading import Reading, Rows, is_footnote

ROWS_AT_ONCE = 20_000
BLANK_AT_END = re.compile(r"(?:\A|\0)\s|\s(?:\0|\Z)")


@dataclass(frozen=True)
class RawColumn:
    """The distinct words of a column in the order of their appearance, and the index of its word for each row."""

    words: Sequence[str]
    codes: NDArray[np.int32]

    def taken(self, rows: NDArray[np.intp]) -> "RawColumn":
        """Return the column with some of its rows only."""
        if len(rows) == len(self.codes):
            return self
        return numbered(self.words, self.codes[rows])

    @property
    def counts(self) -> NDArray[np.intp]:
        """How many rows hold each word."""
        return np.bincount(self.codes, minlength=len(self.words))


@dataclass(frozen=True)
class RawTable:
    """The columns of a file by name, the line in which each row starts, and what was found out on the way."""

    columns: dict[str, RawColumn]
    lines: NDArray[np.int64]
    reading: Reading
    notices: list[str]
    unnamed: frozenset[str]  # the keys of columns that have no name
    strings: frozenset[str] = field(default_factory=frozenset)  # columns that hold strings by their type


class Words(defaultdict[str, int]):
    """Gives each word a number, in the order of their appearance."""

    def __init__(self) -> None:
        super().__init__(self.__len__)

    def codes(self, words: Iterable[str], count: int) -> NDArray[np.int32]:
        """Return the numbers of some words."""
        return np.fromiter(map(self.__getitem__, words), np.int32, count)


def numbered(words: Sequence[str], codes: NDArray[np.int32]) -> RawColumn:
    """Return a column whose words are each there once, in the order of their appearance, without blanks round them."""
    first = np.full(len(words), len(codes), dtype=np.int64)
    np.minimum.at(first, codes, np.arange(len(codes)))
    known = Words()
    rank = np.zeros(len(words), dtype=np.int32)
    for index in np.argsort(first, kind="stable").tolist():
        if first[index] < len(codes):
            rank[index] = known[words[index].strip()]
    return RawColumn(list(known), rank[codes])


def collect(rows: Iterator[Rows], width: int) -> tuple[list[RawColumn], NDArray[np.int64]]:
    """Return the columns and the lines of all rows; TableError names every row that has another width.

    A footnote below the table counts as an empty row.
    """
    words = [Words() for _ in range(width)]
    codes: list[list[NDArray[np.int32]]] = [[] for _ in range(width)]
    lines: list[int] = []
    faults: list[str] = []
    widths: set[int] = set()
    batch, following = next(rows, None), None
    while batch is not None:
        following = next(rows, None)
        if following is None and not batch.fault and is_footnote(batch.cells[-1], width):
            batch = Rows(batch.lines, [*batch.cells[:-1], [""] * width])
        faults += faults_of(batch, width)
        widths.update(map(len, batch.cells))
        if not faults:
            lines += batch.lines
            for known, parts, cells in zip(words, codes, zip(*batch.cells, strict=True), strict=True):
                parts.append(known.codes(cells, len(cells)))
        batch = following
    if len(faults) > 1 and len(widths) == 1 and widths != {width}:
        raise TableError(
            f"every row has {widths.pop()} values, but the header names {width} columns; name all of them, and end no "
            "row with a separator"
        )
    if faults:
        raise TableError(*first_few(faults))
    return [joined(known, parts) for known, parts in zip(words, codes, strict=True)], np.array(lines, dtype=np.int64)


def faults_of(rows: Rows, width: int) -> list[str]:
    """Return what is wrong with rows: another width, or that the next one cannot be read."""
    faults = (
        []
        if set(map(len, rows.cells)) == {width}
        else [
            width_fault(line, len(row), width)
            for line, row in zip(rows.lines, rows.cells, strict=True)
            if len(row) != width
        ]
    )
    return [*faults, rows.fault] if rows.fault else faults


def width_fault(line: int, count: int, width: int) -> str:
    """Return what is wrong with a row of another width."""
    return f"line {line} has {count} value{'s' * (count != 1)}, but the header names {width} columns; correct it"


def joined(words: Words, parts: Sequence[NDArray[np.int32]]) -> RawColumn:
    """Return a column of all its parts, without the blanks round its cells."""
    codes = np.concatenate(parts) if parts else np.empty(0, dtype=np.int32)
    if not BLANK_AT_END.search("\0".join(words)):  # far quicker than one by one
        return RawColumn(list(words), codes)
    return numbered(list(words), codes)
