"""A number, with the range and the deciles seen in training."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import Any

import marshmallow
import numpy as np
from marshmallow import validate
from marshmallow.fields import Float, List

from predictor.columns.column import FLOATS, NUMBERS, WHOLE_NUMBERS, Cells, Column, Values, nullable

# Of ratios that leave something on both sides.
INSIDE = validate.Range(min=0, max=1, min_inclusive=False, max_inclusive=False)


def is_finite(number: float) -> bool:
    """Whether float64 can hold a number."""
    try:
        return math.isfinite(number)
    except OverflowError:  # an integer beyond its range
        return False


def ascending(numbers: Sequence[float]) -> None:
    """Refuse numbers that do not each exceed the one before."""
    if any(before >= after for before, after in pairwise(numbers)):
        raise marshmallow.ValidationError("must ascend")


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
        edges = np.unique(np.searchsorted(ratios, np.arange(1, 10) / 10 - 1e-12))
        edges = edges[edges < len(different) - 1]  # above each is something
        return replace(self, deciles=different[edges].tolist(), cumulative=ratios[edges].round(6).tolist())

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
