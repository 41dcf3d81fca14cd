"""What a cell of each column may be, and how cells become what the estimator takes: the one place that knows kinds.

Reading, training, validation, the API's description, the page, the CSV command and both engines ask it. A new kind is
a class here, a line in KINDS, and an input on the page. Nothing here imports pandas.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, fields, replace
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any, ClassVar

import marshmallow
import numpy as np
from marshmallow import validate
from marshmallow.fields import Boolean as Flag
from marshmallow.fields import Float, Integer, List, Raw, String
from numpy.typing import NDArray

JSON_KINDS = {bool: "a boolean", str: "a string", list: "a list", dict: "an object", type(None): "null"}
NUMBERS = frozenset({int, float})

# A category or text that is longer than this is none that any training table has.
LONGEST_TEXT = 10_000
SHOWN_VALUES, MOST_VALUES = 5, 10
INT64 = range(-(2**63), 2**63)

NANOSECOND_YEARS = range(1678, 2262)

# Takes the part of a missing string in compiled models: a code point that is never a character.
MISSING = "\ufdd0"

# pandas' types of an estimator's column. Those in NEVER_MISSING have no way to say that a cell is missing.
FLOATS = frozenset({"float64", "float32"})
NEVER_MISSING = frozenset({"bool", *(f"{sign}int{bits}" for sign in ("", "u") for bits in (8, 16, 32, 64))})
WHOLE_NUMBERS = (NEVER_MISSING - {"bool"}) | {"Int64"}
STRINGS = frozenset({"str", "string", "object"})

# Of ratios that leave something on both sides.
INSIDE = validate.Range(min=0, max=1, min_inclusive=False, max_inclusive=False)

# A time without a zone, which JSON schema's date-time must have; on days that every year has.
LOCAL_TIME = (
    "^[1-9][0-9]{3}-((0[1-9]|1[0-2])-(0[1-9]|1[0-9]|2[0-8])|(0[13-9]|1[0-2])-(29|30)|(0[13578]|1[02])-31)"
    "[T ]([01][0-9]|2[0-3]):[0-5][0-9](:[0-5][0-9]([.][0-9]{1,6})?)?$"
)

Cells = Sequence[Any]
Values = NDArray[Any]
# Valid rows: a float64 matrix with NaN where a cell is missing, or one array a column, as Column.array returns them.
Inputs = Values | list[Values]


def kind_of(value: Any) -> str:
    """Return what JSON calls a value's type."""
    return JSON_KINDS.get(type(value), "a number")


def fault_of_string(cell: str, bound: int) -> str | None:
    """Return why a string cannot be a category or text."""
    if len(cell) > bound:
        return f"must have at most {bound} characters, has {len(cell)}"
    return "must not have the character U+FDD0, which stands for missing" if MISSING in cell else None


def are_strings(cells: Cells, missing: bool, bound: int) -> bool:
    """Whether all cells are strings that can be a category or text; some may be missing."""
    kinds = set(map(type, cells))
    if not kinds <= ({str, type(None)} if missing else {str}):
        return False
    return all(cell is None or (len(cell) <= bound and MISSING not in cell) for cell in cells)


def strings(cells: Cells) -> Values:
    """Return strings as an array of objects."""
    values = np.empty(len(cells), dtype=object)
    values[:] = cells
    return values


def moment(text: str) -> datetime | None:
    """Return an ISO 8601 date or time in UTC, without its zone; None when it is none."""
    try:
        found = datetime.fromisoformat(text)
        # Python takes any character between date and time.
        if "T" not in text and " " not in text and len(text) > len("2026-03-01"):
            return None
        return found.astimezone(UTC).replace(tzinfo=None) if found.tzinfo else found
    except (ValueError, OverflowError):
        return None


def one_type(values: Sequence[Any]) -> None:
    """Refuse values of a category that are none, not all strings or all whole numbers, or not different."""
    if set(map(type, values)) not in ({str}, {int}) or len(set(values)) < len(values):
        raise marshmallow.ValidationError("must be different strings, or different whole numbers")


def ascending(numbers: Sequence[float]) -> None:
    """Refuse numbers that do not each exceed the one before."""
    if any(before >= after for before, after in pairwise(numbers)):
        raise marshmallow.ValidationError("must ascend")


def a_date(text: str | None) -> None:
    """Refuse a text that is no date."""
    if text is not None and moment(text) is None:
        raise marshmallow.ValidationError("must be an ISO 8601 date or time")


@dataclass(frozen=True)
class Column:
    """A feature: its name, whether a cell may be missing, and the type that the estimator's column has.

    `dtype` is empty for the kind's own type; an adopted estimator may have been fitted on another one.
    """

    kind: ClassVar[str]
    form: ClassVar[dict[str, Any]] = {}  # the further keys of the manifest, as marshmallow fields
    dtypes: ClassVar[frozenset[str]] = frozenset()  # those of pandas that the estimator's column may have

    name: str
    missing: bool = False
    dtype: str = ""

    @property
    def own_dtype(self) -> str:
        """The type of the estimator's column where `dtype` names no other."""
        return "float64"

    @property
    def input_names(self) -> list[str]:
        """The names of the estimator's columns that this one becomes."""
        return [self.name]

    def fault(self, cell: Any) -> str | None:
        """Return why a JSON value cannot be a cell of this column, None when it can."""
        if cell is None:
            return None if self.missing else f"must be {self.expected()}, not null"
        return self.fault_of_value(cell)

    def fault_of_value(self, cell: Any) -> str | None:
        """Return why a JSON value other than null cannot be a cell."""
        raise NotImplementedError

    def expected(self) -> str:
        """Return what a cell must be, in words."""
        raise NotImplementedError

    def expected_strictly(self) -> str:
        """Return what a cell must be, in words, where the estimator takes nothing but what it knows."""
        return self.expected()

    def wrong_kind(self, cell: Any) -> str:
        """Return the refusal of a cell that is of another JSON type."""
        return f"must be {self.expected()}{' or null' if self.missing else ''}, not {kind_of(cell)}"

    def array(self, cells: Cells) -> Values | None:
        """Return JSON values as an array of shape (rows,), None when one of them cannot be a cell.

        Missing is NaN in numbers, NaT in dates and None in strings.
        """
        raise NotImplementedError

    def cell(self, value: Any) -> Any:
        """Return an element of such an array as the JSON value that it came from, null when it is missing."""
        raise NotImplementedError

    def inputs(self, values: Values) -> dict[str, Values]:
        """Return what the estimator gets of such an array: its columns by name, one for most kinds."""
        return {self.name: values}

    def schema(self) -> dict[str, Any]:
        """Return the JSON schema of a cell."""
        raise NotImplementedError

    def seen(self) -> str:
        """Return what training saw, in words, empty where it is not known."""
        return ""

    def describe(self) -> dict[str, Any]:
        """Return the column as the manifest has it; keys that say nothing are left out."""
        known = {key.name: getattr(self, key.name) for key in fields(self)}
        described = {"name": self.name, "kind": self.kind, "missing": self.missing}
        return described | {
            key: value for key, value in known.items() if key not in described and value not in ("", [])
        }


def nullable(schema: dict[str, Any], missing: bool) -> dict[str, Any]:
    """Return a JSON schema that takes null, too, where a cell may be missing."""
    return schema | {"type": [schema["type"], "null"]} if missing else schema


@dataclass(frozen=True)
class Number(Column):
    """A number that float64 holds, with the range seen in training."""

    kind = "number"
    dtypes = frozenset({*FLOATS, *WHOLE_NUMBERS})
    form = {
        "minimum": Float(required=True, allow_none=True),
        "maximum": Float(required=True, allow_none=True),
        "deciles": List(Float(), load_default=list, validate=[validate.Length(max=9), ascending]),
        "cumulative": List(Float(validate=INSIDE), load_default=list, validate=ascending),
    }

    minimum: float | None = None
    maximum: float | None = None
    # Different numbers that part the training values into up to ten parts, and which part of them is at most each.
    deciles: Sequence[float] = field(default_factory=list)
    cumulative: Sequence[float] = field(default_factory=list)

    def with_deciles(self, values: Values, counts: Values) -> "Number":
        """Return the column with the deciles of training values, of which each occurs so many times."""
        different, places = np.unique(values, return_inverse=True)
        ratios = np.cumsum(np.bincount(places, weights=counts)) / counts.sum()
        found = np.unique(np.searchsorted(ratios, np.arange(1, 10) / 10 - 1e-12))
        found = found[found < len(different) - 1]  # above each is something
        return replace(self, deciles=different[found].tolist(), cumulative=ratios[found].round(6).tolist())

    @property
    def shares(self) -> list[float]:
        """Which part of the training values lies up to each decile, and above the last."""
        return np.diff([0.0, *self.cumulative, 1.0]).tolist() if self.deciles else []

    def seen(self) -> str:
        """Return the range seen in training, in words."""
        known = self.minimum is not None and self.maximum is not None
        return f"{self.minimum:g} to {self.maximum:g} in training" if known else ""

    @property
    def bits(self) -> "np.iinfo[Any] | None":
        """The range of whole numbers that the estimator's column holds, None where it holds any number."""
        return np.iinfo(self.dtype.lower()) if self.dtype in WHOLE_NUMBERS else None

    def expected(self) -> str:
        """Return what a cell must be, in words."""
        return f"a whole number from {self.bits.min} to {self.bits.max}" if self.bits else "a number"

    def fault_of_value(self, cell: Any) -> str | None:
        """Return why a JSON value other than null cannot be a cell."""
        if type(cell) not in NUMBERS:
            return self.wrong_kind(cell)
        if not is_finite(cell):
            return "must be a number that float64 holds"
        return None if self.are_whole(np.array([cell], dtype=np.float64)) else f"must be {self.expected()}"

    def are_whole(self, values: Values) -> bool:
        """Whether numbers fit in the estimator's column, where that is one of whole numbers."""
        if self.bits is None:
            return True
        given = values[~np.isnan(values)]
        # The largest of 64 bits rounds up to a float that is beyond them.
        inside = (given >= float(self.bits.min)) & (given < float(self.bits.max + 1))
        return bool((inside & (np.trunc(given) == given)).all())

    def array(self, cells: Cells) -> Values | None:
        """Return numbers as float64."""
        kinds = set(map(type, cells))
        # numpy alone would take booleans, and strings that look like numbers.
        if not kinds <= (NUMBERS | {type(None)} if self.missing else NUMBERS):
            return None
        try:
            values = np.array(cells, dtype=np.float64)  # None becomes NaN
        except OverflowError:
            return None
        return None if np.isinf(values).any() or not self.are_whole(values) else values

    def cell(self, value: Any) -> Any:
        """Return a number as JSON has it."""
        return None if np.isnan(value) else float(value)

    def schema(self) -> dict[str, Any]:
        """Return the JSON schema of a cell."""
        if self.bits:
            return nullable({"type": "integer", "minimum": self.bits.min, "maximum": self.bits.max}, self.missing)
        limit = float(np.finfo(np.float64).max)
        return nullable({"type": "number", "minimum": -limit, "maximum": limit}, self.missing)


@dataclass(frozen=True)
class Boolean(Column):
    """True or false: 1.0 and 0.0, or bool where the estimator was fitted on that."""

    kind = "boolean"
    dtypes = frozenset({*FLOATS, "bool", "boolean", "object"})

    def expected(self) -> str:
        """Return what a cell must be, in words."""
        return "true or false"

    def fault_of_value(self, cell: Any) -> str | None:
        """Return why a JSON value other than null cannot be a cell."""
        return None if type(cell) is bool else self.wrong_kind(cell)

    def array(self, cells: Cells) -> Values | None:
        """Return booleans as float64."""
        kinds = set(map(type, cells))
        if not kinds <= ({bool, type(None)} if self.missing else {bool}):
            return None
        return np.array(cells, dtype=np.float64)

    def cell(self, value: Any) -> Any:
        """Return a boolean as JSON has it."""
        return None if np.isnan(value) else bool(value)

    def schema(self) -> dict[str, Any]:
        """Return the JSON schema of a cell."""
        return nullable({"type": "boolean"}, self.missing)


@dataclass(frozen=True)
class Category(Column):
    """One of some values, most frequent first: strings, or whole numbers. Others are the estimator's business."""

    kind = "category"
    dtypes = frozenset({*STRINGS, *FLOATS, *WHOLE_NUMBERS, "category"})
    form = {"values": List(Raw(), required=True, validate=one_type)}

    values: Sequence[Any] = ()

    @property
    def own_dtype(self) -> str:
        """The type of the estimator's column: a gap makes floats of whole numbers."""
        if self.whole_numbers:
            return "float64" if self.missing else "int64"
        return "str"

    @property
    def whole_numbers(self) -> bool:
        """Whether the values are whole numbers instead of strings."""
        return bool(self.values) and type(self.values[0]) is int

    def expected(self) -> str:
        """Return what a cell must be, in words."""
        return f"one of {self.known_values(SHOWN_VALUES)} or another {'whole number' if self.whole_numbers else 'text'}"

    def expected_strictly(self) -> str:
        """Return what a cell must be, in words, where the estimator takes nothing but what it knows."""
        return f"one of {self.known_values(MOST_VALUES)}"

    def known_values(self, most: int) -> str:
        """Return the most frequent values in words, in at most 30 characters each."""
        known = [str(value) if self.whole_numbers else f'"{value:.30}"' for value in self.values[:most]]
        return ", ".join(known) + (", …" if len(self.values) > most else "")

    def fault_of_value(self, cell: Any) -> str | None:
        """Return why a JSON value other than null cannot be a cell."""
        if self.whole_numbers:
            if type(cell) is not int:
                return self.wrong_kind(cell)
            return None if cell in INT64 else "must be a whole number of at most 64 bits"
        return fault_of_string(cell, LONGEST_TEXT) if type(cell) is str else self.wrong_kind(cell)

    def array(self, cells: Cells) -> Values | None:
        """Return strings as objects; whole numbers as int64, or float64 where one may be missing."""
        if not self.whole_numbers:
            return strings(cells) if are_strings(cells, self.missing, LONGEST_TEXT) else None
        kinds = set(map(type, cells))
        if not kinds <= ({int, type(None)} if self.missing else {int}):
            return None
        if not all(cell is None or cell in INT64 for cell in cells):
            return None
        return np.array(cells, dtype=np.float64 if self.missing else np.int64)

    def cell(self, value: Any) -> Any:
        """Return a category as JSON has it."""
        if self.whole_numbers:
            return None if np.isnan(value) else int(value)
        return value

    def schema(self) -> dict[str, Any]:
        """Return the JSON schema of a cell, with the known values as examples."""
        kind = {"type": "integer"} if self.whole_numbers else {"type": "string", "maxLength": LONGEST_TEXT}
        return nullable(kind | {"examples": list(self.values)}, self.missing)


@dataclass(frozen=True)
class Text(Column):
    """Words, with the length of the longest text seen."""

    kind = "text"
    dtypes = STRINGS
    form = {"longest": Integer(required=True, strict=True, validate=validate.Range(min=0))}

    longest: int = LONGEST_TEXT

    @property
    def own_dtype(self) -> str:
        """The type of the estimator's column."""
        return "str"

    @property
    def bound(self) -> int:
        """The most characters that are taken: ten times the longest seen, but no more than any sane text has."""
        return max(self.longest, min(10 * self.longest, LONGEST_TEXT))

    def expected(self) -> str:
        """Return what a cell must be, in words."""
        return "a text"

    def fault_of_value(self, cell: Any) -> str | None:
        """Return why a JSON value other than null cannot be a cell."""
        return fault_of_string(cell, self.bound) if type(cell) is str else self.wrong_kind(cell)

    def array(self, cells: Cells) -> Values | None:
        """Return texts as objects."""
        return strings(cells) if are_strings(cells, self.missing, self.bound) else None

    def cell(self, value: Any) -> Any:
        """Return a text as JSON has it."""
        return value

    def schema(self) -> dict[str, Any]:
        """Return the JSON schema of a cell."""
        return nullable({"type": "string", "maxLength": self.bound}, self.missing)


@dataclass(frozen=True)
class Date(Column):
    """A date or a time, in UTC where it names no zone; the estimator gets days since 1970, and further parts of it."""

    kind = "date"
    dtypes = frozenset({"float64", *(f"datetime64[{unit}]" for unit in ("s", "ms", "us", "ns"))})
    form = {
        "first": String(required=True, allow_none=True, validate=a_date),
        "last": String(required=True, allow_none=True, validate=a_date),
        "parts": List(String(validate=validate.OneOf(["month", "weekday", "hour"])), load_default=list),
    }

    first: str | None = None
    last: str | None = None
    parts: Sequence[str] = ()

    def seen(self) -> str:
        """Return the first and the last seen in training, in words."""
        return f"{self.first} to {self.last} in training" if self.first and self.last else ""

    @property
    def input_names(self) -> list[str]:
        """The names of the estimator's columns that this one becomes."""
        return [self.name, *(f"{self.name} {part}" for part in self.parts)]

    def expected(self) -> str:
        """Return what a cell must be, in words."""
        return f"a date such as {self.last or '2026-03-01'}"

    def fault_of_value(self, cell: Any) -> str | None:
        """Return why a JSON value other than null cannot be a cell."""
        if type(cell) is not str:
            return self.wrong_kind(cell)
        found = moment(cell)
        if found is None:
            return f"must be {self.expected()}"
        return (
            None
            if self.holds(found)
            else f"must be a date from the years {NANOSECOND_YEARS[0]} to {NANOSECOND_YEARS[-1]}"
        )

    def holds(self, found: datetime) -> bool:
        """Whether the estimator's column can hold a date: nanoseconds in 64 bits reach some centuries only."""
        return self.dtype != "datetime64[ns]" or found.year in NANOSECOND_YEARS

    def array(self, cells: Cells) -> Values | None:
        """Return dates as datetime64[us]."""
        kinds = set(map(type, cells))
        if not kinds <= ({str, type(None)} if self.missing else {str}):
            return None
        moments = [found if cell and (found := moment(cell)) and self.holds(found) else None for cell in cells]
        if moments.count(None) != cells.count(None):
            return None
        return np.array(moments, dtype="datetime64[us]")

    def cell(self, value: Any) -> Any:
        """Return a date as JSON has it: without a time at midnight."""
        return None if np.isnat(value) else str(value).removesuffix(".000000").removesuffix("T00:00:00")

    def inputs(self, values: Values) -> dict[str, Values]:
        """Return days since 1970-01-01, fractions included, and the parts that training found useful."""
        if self.dtype.startswith("datetime64"):
            return {self.name: values.astype(self.dtype)}
        absent = np.isnat(values)
        days = values.astype("datetime64[D]")
        numbers: dict[str, Callable[[], Values]] = {
            "month": lambda: days.astype("datetime64[M]").astype(np.int64) % 12 + 1,
            "weekday": lambda: (days.astype(np.int64) + 3) % 7,  # 1970-01-01 was a Thursday; Monday is 0
            "hour": lambda: (values - days).astype("timedelta64[h]").astype(np.int64),
        }
        found = {self.name: values.astype(np.int64) / 86_400e6}
        found |= {f"{self.name} {part}": numbers[part]().astype(np.float64) for part in self.parts}
        return {name: np.where(absent, np.nan, column) for name, column in found.items()}

    def schema(self) -> dict[str, Any]:
        """Return the JSON schema of a cell."""
        forms = [{"format": "date"}, {"format": "date-time"}, {"pattern": LOCAL_TIME}]
        schema = {"type": "string", "anyOf": forms, "examples": [self.last or "2026-03-01"]}
        return nullable(schema, self.missing)


KINDS: dict[str, type[Column]] = {kind.kind: kind for kind in (Number, Boolean, Category, Text, Date)}


def is_finite(number: float) -> bool:
    """Whether float64 can hold a number."""
    try:
        return math.isfinite(number)
    except OverflowError:  # an integer beyond its range
        return False


class ColumnField(marshmallow.fields.Field[Column]):
    """A feature of the manifest: which keys it has depends on its kind; format 1 knew numbers only."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **_: Any) -> Column:
        if not isinstance(value, dict):
            raise marshmallow.ValidationError("must be an object")
        kind = KINDS.get(str(value.get("kind", "number")))
        if kind is None:
            raise marshmallow.ValidationError(f"its kind must be one of {', '.join(KINDS)}")
        form = COMMON | kind.form
        known = marshmallow.Schema.from_dict(form, name=f"_{kind.__name__}")().load(value)
        known.pop("kind")
        if len(known.get("deciles", ())) != len(known.get("cumulative", ())):
            raise marshmallow.ValidationError("deciles and cumulative must be equally many")
        column = kind(**known)
        if column.dtype and (column.dtype not in kind.dtypes or (column.missing and column.dtype in NEVER_MISSING)):
            gaps = " with missing cells" if column.missing else ""
            raise marshmallow.ValidationError(f"a {column.kind}{gaps} cannot have the dtype {column.dtype:.30}")
        return column

    def _serialize(self, value: Any, attr: str | None, obj: Any, **_: Any) -> Any:
        return value.describe()


COMMON: dict[str, Any] = {
    "name": String(required=True, validate=validate.Length(min=1, max=200)),
    "kind": String(load_default="number"),
    "missing": Flag(load_default=False),
    "dtype": String(load_default=""),
}


def to_arrays(columns: Sequence[Column], rows: Sequence[Cells]) -> list[Values]:
    """Return valid rows as one array a column; ValueError when a cell is not valid."""
    arrays = [column.array(cells) for column, cells in zip(columns, zip(*rows, strict=True), strict=True)]
    found = [array for array in arrays if array is not None]
    if len(found) < len(columns):
        raise ValueError("a cell is not of its column's kind")
    return found
