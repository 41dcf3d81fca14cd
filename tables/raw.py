"""A table as text: each column as the words that it holds and, for each row, which of them."""

import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import chain, islice

import numpy as np
from numpy.typing import NDArray

from tables.errors import TableError, first_few
from tables.reading import Reading, Record

ROWS_AT_ONCE = 20_000
LONGEST_NAME = 200  # the manifest takes no longer ones
UNNAMED = re.compile(r"(?:Unnamed: [0-9]+)?\Z")  # what pandas makes of no name


@dataclass(frozen=True)
class RawColumn:
    """The distinct words of a column in the order of their appearance, and the index of its word for each row."""

    words: Sequence[str]
    codes: NDArray[np.int32]

    def taken(self, rows: NDArray[np.intp]) -> "RawColumn":
        """Return the column with some of its rows only."""
        used, first, codes = np.unique(self.codes[rows], return_index=True, return_inverse=True)
        order = np.argsort(first)
        rank = np.empty(len(order), dtype=np.int32)
        rank[order] = np.arange(len(order), dtype=np.int32)
        return RawColumn([self.words[code] for code in used[order]], rank[codes])

    @property
    def counts(self) -> NDArray[np.intp]:
        """How many rows hold each word."""
        return np.bincount(self.codes, minlength=len(self.words))


@dataclass(frozen=True)
class RawTable:
    """The columns of a file by name, and the line in which each row starts."""

    columns: dict[str, RawColumn]
    lines: NDArray[np.int64]
    reading: Reading
    notices: list[str]
    unnamed: list[str]  # the keys of columns that have no name


class Words(defaultdict[str, int]):
    """Gives each word a number, in the order of their appearance."""

    def __missing__(self, word: str) -> int:
        self[word] = found = len(self)
        return found


def collect(rows: Iterator[Record], width: int, path: object) -> tuple[list[RawColumn], NDArray[np.int64], list[str]]:
    """Return the columns and the lines of all records; TableError names every record of another width.

    A last line of one cell is a footnote and left out.
    """
    words = [Words() for _ in range(width)]
    codes: list[list[NDArray[np.int32]]] = [[] for _ in range(width)]
    lines: list[int] = []
    wrong: list[Record] = []
    while batch := list(islice(rows, ROWS_AT_ONCE)):
        good = [record for record in batch if len(record.cells) == width and not record.fault]
        wrong += [record for record in batch if len(record.cells) != width or record.fault]
        lines += [record.line for record in good]
        for known, parts, cells in zip(
            words, codes, zip(*(record.cells for record in good), strict=True), strict=False
        ):
            parts.append(np.fromiter(map(known.__getitem__, cells), np.int32, len(cells)))
    notices = []
    if wrong and is_footnote(wrong[-1], lines, width):
        notices.append(f"line {wrong[-1].line} is left out: it is a footnote, {wrong[-1].cells[0][:60].strip()!r}")
        wrong.pop()
    if wrong:
        raise TableError(*first_few(fault_of(record, width, path) for record in wrong))
    columns = [stripped(known, parts) for known, parts in zip(words, codes, strict=True)]
    return columns, np.array(lines, dtype=np.int64), notices


def is_footnote(record: Record, lines: Sequence[int], width: int) -> bool:
    """Whether a record is one cell of words below all others."""
    filled = [cell for cell in record.cells if cell.strip()]
    return (
        not record.fault
        and len(record.cells) < width
        and len(filled) == 1
        and " " in filled[0]
        and (not lines or record.line > lines[-1])
    )


def fault_of(record: Record, width: int, path: object) -> str:
    """Return what is wrong with a record."""
    if record.fault:
        return f"{record.fault} ({path})"
    return (
        f"line {record.line} of {path} has {len(record.cells)} value{'s' * (len(record.cells) != 1)}, but the header "
        f"names {width} columns; correct it"
    )


def stripped(words: Words, parts: Sequence[NDArray[np.int32]]) -> RawColumn:
    """Return a column without the blanks round its cells."""
    codes = np.concatenate(parts) if parts else np.empty(0, dtype=np.int32)
    bare = [word.strip() for word in words]
    if len(set(bare)) == len(words):
        return RawColumn(bare, codes)
    return merge(bare, codes)


def merge(words: Sequence[str], codes: NDArray[np.int32]) -> RawColumn:
    """Return a column whose words are each there once."""
    merged = Words()
    new = np.array([merged[word] for word in words], dtype=np.int32)
    return RawColumn(list(merged), new[codes])


def named(
    records: Iterator[Record], reading: Reading, target: str, header: bool | None, guess: bool, path: object
) -> tuple[list[str], Iterator[Record], Reading]:
    """Return the names of the columns, the records below them, and the reading with its header decided."""
    first = next(records, None)
    if first is None:
        raise TableError(f"{path} has no rows; give a table with a header line and rows below it")
    names = [cell.strip() for cell in first.cells]
    if header is None and target not in names and not guess:
        raise no_header(path, names)
    if header is False:
        names = [f"column{position}" for position in range(1, len(names) + 1)]
        records = chain([first], records)
    check_names(names, path)
    return names, records, replace(reading, header=header is not False, names=tuple(names))


def keys(names: Sequence[str]) -> list[str]:
    """Return the names of the columns, with their places for those that have none."""
    return [f"(column {position})" if UNNAMED.match(name) else name for position, name in enumerate(names, start=1)]


def no_header(path: object, names: Sequence[str]) -> TableError:
    """Return the refusal of a table whose first line seems to be a row."""
    shown = ", ".join(names[:4]) + (", …" if len(names) > 4 else "")
    return TableError(
        f"{path} seems to have no header line, it starts with {shown[:80]}; give --no-header, and --target "
        f"column{len(names)} for the last column"
    )


def check_names(names: Sequence[str], path: object) -> None:
    """Refuse names that no table can have, all of them at once."""
    faults = []
    places: dict[str, list[int]] = {}
    for position, name in enumerate(names, start=1):
        places.setdefault(name, []).append(position)
        if len(name) > LONGEST_NAME:
            faults.append(f"the name of column {position} of {path} is longer than {LONGEST_NAME}; shorten it")
    for name, found in places.items():
        if len(found) > 1 and name:
            faults.append(
                f"columns {', '.join(map(str, found[:5]))} of {path} are all named {name[:60]!r}; give each its own name"
            )
    if len(names) == 1:
        faults.append(f"{path} has one column only, {names[0][:60]!r}; separate the columns with commas")
    if faults:
        raise TableError(*first_few(faults))
