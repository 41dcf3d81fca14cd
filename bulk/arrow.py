"""From Arrow's columns to the estimator's without a Python object a row: numbers by casts, words by a dictionary."""

from collections.abc import Callable
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.types as kinds
from numpy.typing import NDArray

from bulk.checks import Checked, Fault, rows_without
from predictor.columns import Boolean, Category, Column, Date, Number, Text, Values
from predictor.columns.date import NANOSECOND_YEARS

Mask = NDArray[np.bool_]
# From the text of a cell to the JSON value that training's reading makes of it.
Read = Callable[[str], Any]

FIRST, LAST = np.datetime64("0001-01-01", "us"), np.datetime64("9999-12-31T23:59:59.999999", "us")


def check_batch(columns: list[Column], reads: list[Read], batch: pa.RecordBatch) -> Checked:
    """Check the rows of a batch; a column that is not there is missing in all of them."""
    faults: dict[int, Fault] = {}
    arrays = []
    for column, read in zip(columns, reads, strict=True):
        place = batch.schema.get_field_index(column.name)
        array = batch.column(place) if place >= 0 else pa.nulls(batch.num_rows)
        values, bad = values_of(column, array, read)
        for row in np.flatnonzero(bad).tolist():
            if row not in faults:
                cell = json_cell(column, array[row], read)
                faults[row] = (column.name, column.fault(cell) or f"must be {column.expected()}")
        arrays.append(values)
    if not faults:
        return Checked(np.arange(batch.num_rows), arrays)
    rows = rows_without(faults, batch.num_rows)
    return Checked(rows, [values[rows] for values in arrays], faults)


def values_of(column: Column, array: pa.Array, read: Read) -> tuple[Values, Mask]:
    """Return a column as Column.array() has it, and which cells cannot be; what stands in their place is anything."""
    try:
        match column:
            case Number() if is_number(array.type):
                return numbers(column, array)
            case Boolean() if kinds.is_boolean(array.type):
                return with_gaps(column, to_float64(array))
            case Category() if column.whole_numbers and kinds.is_integer(array.type):
                return whole_numbers(column, array)
            case Date() if kinds.is_date(array.type) or kinds.is_timestamp(array.type):
                return dates(column, array)
    except pa.ArrowInvalid:
        pass  # a value beyond 64 bits: each is looked at by itself
    return words(column, array, read)


def is_number(kind: pa.DataType) -> bool:
    """Whether Arrow's values are numbers."""
    return bool(kinds.is_integer(kind) or kinds.is_floating(kind) or kinds.is_decimal(kind))


def to_float64(array: pa.Array) -> Values:
    """Return numbers as float64, a gap as NaN."""
    # 64 bits that float64 cannot hold exactly are rounded, as they are when they come as JSON.
    cast = array.cast(pa.float64(), safe=False)
    values: Values = cast.to_numpy(zero_copy_only=False)
    return values


def with_gaps(column: Column, values: Values) -> tuple[Values, Mask]:
    """Return values, and where one is missing that may not be."""
    absent: Mask = np.isnan(values)
    return values, np.zeros(len(values), dtype=bool) if column.missing else absent


def numbers(column: Number, array: pa.Array) -> tuple[Values, Mask]:
    """Return numbers; NaN is a gap, as in every table."""
    values, bad = with_gaps(column, to_float64(array))
    bad = bad | np.isinf(values)
    if not column.are_whole(values[~bad]):
        bad = bad | np.array([not column.are_whole(values[row : row + 1]) for row in range(len(values))])
    return values, bad


def whole_numbers(column: Category, array: pa.Array) -> tuple[Values, Mask]:
    """Return a category of whole numbers."""
    absent = np.asarray(array.is_null())
    whole = array.cast(pa.int64())
    if column.missing:
        return to_float64(whole), np.zeros(len(absent), dtype=bool)
    return whole.fill_null(0).to_numpy(), absent


def dates(column: Date, array: pa.Array) -> tuple[Values, Mask]:
    """Return dates and times in UTC."""
    values = array.cast(pa.timestamp("us", getattr(array.type, "tz", None)), safe=False)
    moments = values.cast(pa.int64()).fill_null(np.iinfo(np.int64).min).to_numpy().view("datetime64[us]")
    absent = np.isnat(moments)
    bad = ~absent & ~((moments >= FIRST) & (moments <= LAST))
    if column.dtype == "datetime64[ns]":
        years = moments.astype("datetime64[Y]").astype(np.int64) + 1970
        bad |= ~absent & ~((years >= NANOSECOND_YEARS[0]) & (years <= NANOSECOND_YEARS[-1]))
    return moments, bad if column.missing else bad | absent


def words(column: Column, array: pa.Array, read: Read) -> tuple[Values, Mask]:
    """Return a column of which each different value is looked at once."""
    if isinstance(array, pa.ChunkedArray):
        array = array.combine_chunks()
    encoded = array if kinds.is_dictionary(array.type) else array.dictionary_encode()
    cells = [json_cell(column, value, read) for value in encoded.dictionary] + [None]  # the last for gaps
    bad = np.array([column.fault(cell) is not None for cell in cells])
    codes = encoded.indices.fill_null(len(cells) - 1).to_numpy().astype(np.int64)
    good = column.array([cell for cell, wrong in zip(cells, bad, strict=True) if not wrong])
    if good is None or not len(good):
        return np.zeros(len(codes)), np.ones(len(codes), dtype=bool)
    known = np.resize(good[:1], len(cells))
    known[~bad] = good
    return known[codes], bad[codes]


def json_cell(column: Column, scalar: pa.Scalar, read: Read) -> Any:
    """Return an Arrow value as JSON has it: a string as training reads it, a word where the column is one of words."""
    try:
        value = scalar.as_py()
    except (OverflowError, ValueError):  # a date that Python does not have
        return "out of range"
    match value:
        case str():
            return read(value)
        case bool() | int():
            found: Any = value
        case float():
            found = None if np.isnan(value) else value
        case Decimal():
            found = float(value)
        case datetime() | date():
            found = value.isoformat()
        case None:
            return None
        case _:
            found = str(value)
    if isinstance(column, Text) or (isinstance(column, Category) and not column.whole_numbers):
        # As training, which reads every table as text, has it among the column's values.
        return None if found is None else read(str(found).lower() if isinstance(found, bool) else str(found))
    return found
