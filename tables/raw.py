"""A table as text: each column as the words that it holds and, for each row, which of them."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice

import numpy as np
from numpy.typing import NDArray

from tables.errors import TableError, first_few
from tables.reading import Reading, Record, is_footnote

ROWS_AT_ONCE = 20_000


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


class Words(dict[str, int]):
    """Gives each word a number, in the order of their appearance."""

    def __missing__(self, word: str) -> int:
        self[word] = found = len(self)
        return found

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


def collect(rows: Iterator[Record], width: int) -> tuple[list[RawColumn], NDArray[np.int64]]:
    """Return the columns and the lines of all records; TableError names every record that has another width.

    A footnote below the table counts as an empty row.
    """
    words = [Words() for _ in range(width)]
    codes: list[list[NDArray[np.int32]]] = [[] for _ in range(width)]
    lines: list[int] = []
    wrong: list[Record] = []
    while batch := list(islice(rows, ROWS_AT_ONCE)):
        good = [record for record in batch if len(record.cells) == width]
        wrong += [record for record in batch if len(record.cells) != width]
        lines += [record.line for record in good]
        for known, parts, cells in zip(
            words, codes, zip(*(record.cells for record in good), strict=True), strict=False
        ):
            parts.append(known.codes(cells, len(cells)))
    if wrong and is_footnote(wrong[-1], width) and (not lines or wrong[-1].line > lines[-1]):
        lines.append(wrong.pop().line)
        for known, parts in zip(words, codes, strict=True):
            parts.append(known.codes([""], 1))
    if wrong:
        raise TableError(*first_few(fault_of(record, width) for record in wrong))
    return [joined(known, parts) for known, parts in zip(words, codes, strict=True)], np.array(lines, dtype=np.int64)


def fault_of(record: Record, width: int) -> str:
    """Return what is wrong with a record."""
    has = f"has {len(record.cells)} value{'s' * (len(record.cells) != 1)}"
    return record.fault or f"line {record.line} {has}, but the header names {width} columns; correct it"


def joined(words: Words, parts: Sequence[NDArray[np.int32]]) -> RawColumn:
    """Return a column of all its parts, without the blanks round its cells."""
    codes = np.concatenate(parts) if parts else np.empty(0, dtype=np.int32)
    if all(word == word.strip() for word in words):
        return RawColumn(list(words), codes)
    return numbered(list(words), codes)
