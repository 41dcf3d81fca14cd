"""Rows of cells: one vectorised marshmallow field for a row and for many.

Rows become what the estimator takes at C speed; only what was refused is looked at cell by cell, to say where and why.
"""

import contextlib
import itertools
import operator
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from marshmallow import ValidationError, fields

from handlers.paths import Path, shorten
from handlers.responses import MAX_ERRORS, Problem
from predictor import Manifest
from predictor.columns import NUMBERS, Inputs, Values, kind_of
from predictor.outputs import all_finite

NULL = type(None)


@dataclass(frozen=True)
class Fault:
    """One thing wrong with a row: where, and what."""

    path: Path
    detail: str


@dataclass(frozen=True)
class Faults:
    """What is wrong with a field: the first faults and the number of all. It stands in for marshmallow's messages."""

    first: list[Fault]
    total: int


class Rows(fields.Field[Inputs]):
    """A list of rows, each a list of cells or an object of them by feature name, as what Predictor.predict takes."""

    default_error_messages = {"null": "must be a list of rows, not null"}

    def __init__(self, manifest: Manifest, max_rows: int) -> None:
        super().__init__()
        self.columns = manifest.features
        self.names = manifest.feature_names
        self.known = frozenset(self.names)
        self.taken = manifest.known_names
        self.max_rows = max_rows
        self.cells = operator.itemgetter(*self.names) if len(self.names) > 1 else lambda row: (row[self.names[0]],)
        self.matrix = manifest.input == "matrix"
        self.never_missing = np.array([not column.missing for column in self.columns])
        self.to_inputs = self.to_columns
        if self.matrix and manifest.only_numbers:
            self.to_inputs = self.to_numbers if self.never_missing.all() else self.to_numbers_with_gaps
        self.noun = "number" if manifest.only_numbers else "value"
        self.form = f"a list of {self.noun}s or an object of them by feature name"

    def _deserialize(self, value: Any, attr: str | None, data: Any, **_: Any) -> Inputs:
        if type(value) is not list:
            raise ValidationError(f"must be a list of rows, not {kind_of(value)}")
        if not value:
            raise ValidationError("must have at least one row")
        if len(value) > self.max_rows:
            raise Problem(413, f"a request takes at most {self.max_rows} rows, this one has {len(value)}")
        return self.inputs(value)

    def inputs(self, rows: list[Any]) -> Inputs:
        """Return the rows as what Predictor.predict takes; ValidationError with Faults."""
        lists = self.as_lists(rows)
        if lists is not None and set(map(len, lists)) == {len(self.names)}:
            inputs = self.to_inputs(lists)
            if inputs is not None:
                return inputs
        raise ValidationError(self.faults(rows))

    def as_lists(self, rows: list[Any]) -> list[Any] | None:
        """Return the rows as sequences in the order of the columns, None when one of them cannot be."""
        kinds = set(map(type, rows))
        if kinds == {list}:
            return rows
        if not kinds <= {list, dict}:
            return None
        if kinds == {dict} and set(map(len, rows)) == {len(self.names)}:
            with contextlib.suppress(KeyError):
                return list(map(self.cells, rows))
        lists = [self.in_order(row) if type(row) is dict else row for row in rows]
        return None if None in lists else lists

    def in_order(self, row: dict[str, Any]) -> Any:
        """Return the cells of a row by name, None for those that it leaves out; None when it has an unknown one."""
        if len(row) == len(self.names):
            try:
                return self.cells(row)
            except KeyError:
                pass
        return [row.get(name) for name in self.names] if row.keys() <= self.taken else None

    def to_numbers(self, lists: list[Any]) -> Values | None:
        """Return rows of numbers as a matrix, None when one of the cells is no number that float64 can hold."""
        cells = list(itertools.chain.from_iterable(lists))
        # numpy alone would take booleans, and strings that look like numbers.
        if not set(map(type, cells)) <= NUMBERS:
            return None
        matrix = as_float64(cells, len(lists))
        return matrix if matrix is not None and all_finite(matrix) else None

    def to_numbers_with_gaps(self, lists: list[Any]) -> Values | None:
        """Return rows of numbers and nulls as a matrix with NaN, None when a cell is neither, or null where none is."""
        cells = list(itertools.chain.from_iterable(lists))
        if not set(map(type, cells)) <= NUMBERS | {NULL}:
            return None
        matrix = as_float64(cells, len(lists))
        if matrix is None or np.isinf(matrix).any() or np.isnan(matrix[:, self.never_missing]).any():
            return None
        return matrix

    def to_columns(self, lists: list[Any]) -> Inputs | None:
        """Return rows of any cells as one array a column, or the matrix of them, None when a cell is not valid."""
        arrays: list[Values] = []
        for column, cells in zip(self.columns, zip(*lists, strict=True), strict=True):
            array = column.array(cells)
            if array is None:
                return None
            arrays.append(array)
        return np.column_stack(arrays) if self.matrix else arrays

    def faults(self, rows: list[Any]) -> Any:
        """Return what is wrong with the rows: the first faults, and the number of all."""
        found = self.find_faults(rows)
        first = [Fault(path, detail) for path, detail in itertools.islice(found, MAX_ERRORS)]
        return Faults(first, len(first) + sum(1 for _ in found))

    def find_faults(self, rows: list[Any]) -> Iterator[tuple[Path, str]]:
        """Yield path and detail of each fault, in the order of the request."""
        for index, row in enumerate(rows):
            if type(row) is dict:
                yield from self.find_faults_by_name(index, row)
            elif type(row) is not list:
                yield (index,), f"must be {self.form}, not {kind_of(row)}"
            elif len(row) != len(self.names):
                wanted, given = plural(len(self.names), self.noun), plural(len(row), "value")
                yield (index,), f"must have {wanted}, has {given}"
            else:
                for position, (column, cell) in enumerate(zip(self.columns, row, strict=True)):
                    if fault := column.fault(cell):
                        yield (index, position), fault

    def find_faults_by_name(self, index: int, row: dict[str, Any]) -> Iterator[tuple[Path, str]]:
        """Yield the faults of a row that names its features: those that are missing, then those that came."""
        for column in self.columns:
            if column.name not in row and not column.missing:
                yield (index, column.name), "is missing"
        columns = dict(zip(self.names, self.columns, strict=True))
        for name, cell in row.items():
            if name in self.known:
                if fault := columns[name].fault(cell):
                    yield (index, name), fault
            elif name not in self.taken:
                names = ", ".join(map(shorten, self.names[:MAX_ERRORS]))
                yield (index, name), f"is not a feature of this model; they are {names}"[:200]


class Row(Rows):
    """One row, as inputs of one."""

    def __init__(self, manifest: Manifest) -> None:
        super().__init__(manifest, 1)
        self.error_messages["null"] = f"must be {self.form}, not null"

    def _deserialize(self, value: Any, attr: str | None, data: Any, **_: Any) -> Inputs:
        return self.inputs([value])

    def faults(self, rows: list[Any]) -> Any:
        """Return what is wrong with the row, without the index that the request does not have."""
        faults = super().faults(rows)
        return Faults([Fault(fault.path[1:], fault.detail) for fault in faults.first], faults.total)


def as_float64(cells: list[Any], rows: int) -> Values | None:
    """Return Python numbers, row by row, as a matrix with NaN for None; None when an integer is beyond float64."""
    try:
        return np.array(cells, dtype=np.float64).reshape(rows, -1)
    except OverflowError:
        return None


def plural(count: int, noun: str) -> str:
    """Return a count with its noun."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"
