"""A date or a time."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import marshmallow
import numpy as np
from marshmallow import validate
from marshmallow.fields import List, String

from predictor.columns.column import Cells, Column, Values, nullable

NANOSECOND_YEARS = range(1678, 2262)

# A time without a zone, which JSON schema's date-time must have; on days that every year has.
LOCAL_TIME = (
    "^[1-9][0-9]{3}-((0[1-9]|1[0-2])-(0[1-9]|1[0-9]|2[0-8])|(0[13-9]|1[0-2])-(29|30)|(0[13578]|1[02])-31)"
    "[T ]([01][0-9]|2[0-3]):[0-5][0-9](:[0-5][0-9]([.][0-9]{1,6})?)?$"
)


def moment(text: str) -> datetime | None:
    """Return an ISO 8601 date or time in UTC, without its zone; None when it is none."""
    try:
        parsed = datetime.fromisoformat(text)
        # Python takes any character between date and time.
        if "T" not in text and " " not in text and len(text) > len("2026-03-01"):
            return None
        return parsed.astimezone(UTC).replace(tzinfo=None) if parsed.tzinfo else parsed
    except (ValueError, OverflowError):
        return None


def a_date(text: str | None) -> None:
    """Refuse a text that is no date."""
    if text is not None and moment(text) is None:
        raise marshmallow.ValidationError("must be an ISO 8601 date or time")


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
        parsed = moment(cell)
        if parsed is None:
            return f"must be {self.expected()}"
        return (
            None
            if self.holds(parsed)
            else f"must be a date from the years {NANOSECOND_YEARS[0]} to {NANOSECOND_YEARS[-1]}"
        )

    def holds(self, date: datetime) -> bool:
        """Whether the estimator's column can hold a date: nanoseconds in 64 bits reach some centuries only."""
        return self.dtype != "datetime64[ns]" or date.year in NANOSECOND_YEARS

    def array(self, cells: Cells) -> Values | None:
        """Return dates as datetime64[us]."""
        kinds = set(map(type, cells))
        if not kinds <= ({str, type(None)} if self.missing else {str}):
            return None
        moments = [parsed if cell and (parsed := moment(cell)) and self.holds(parsed) else None for cell in cells]
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
        columns = {self.name: values.astype(np.int64) / 86_400e6}
        columns |= {f"{self.name} {part}": numbers[part]().astype(np.float64) for part in self.parts}
        return {name: np.where(absent, np.nan, column) for name, column in columns.items()}

    def schema(self) -> dict[str, Any]:
        """Return the JSON schema of a cell."""
        forms = [{"format": "date"}, {"format": "date-time"}, {"pattern": LOCAL_TIME}]
        schema = {"type": "string", "anyOf": forms, "examples": [self.last or "2026-03-01"]}
        return nullable(schema, self.missing)
