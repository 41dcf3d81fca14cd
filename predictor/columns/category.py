"""One of some values, strings or whole numbers."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import marshmallow
import numpy as np
from marshmallow import validate
from marshmallow.fields import Float, List, Raw

from predictor.columns.column import FLOATS, WHOLE_NUMBERS, Cells, Column, Values, nullable
from predictor.columns.strings import LONGEST_TEXT, STRINGS, are_strings, fault_of_string, strings

SHOWN_VALUES, MOST_VALUES = 5, 10
MOST_SHARES = 50
INT64 = range(-(2**63), 2**63)


def one_type(values: Sequence[Any]) -> None:
    """Refuse values of a category that are none, not all strings or all whole numbers, or not different."""
    if set(map(type, values)) not in ({str}, {int}) or len(set(values)) < len(values):
        raise marshmallow.ValidationError("must be different strings, or different whole numbers")


@dataclass(frozen=True)
class Category(Column):
    """One of some values, most frequent first: strings, or whole numbers. Others are the estimator's business."""

    kind = "category"
    dtypes = frozenset({*STRINGS, *FLOATS, *WHOLE_NUMBERS, "category"})
    form = {
        "values": List(Raw(), required=True, validate=one_type),
        "shares": List(
            Float(validate=validate.Range(0, 1)), load_default=list, validate=validate.Length(max=MOST_SHARES)
        ),
    }

    values: Sequence[Any] = ()
    # Which part of training's values each of the first ones is; of pandas' own categories that may be any.
    shares: Sequence[float] = field(default_factory=list)

    def with_shares(self, counts: Sequence[int], total: int) -> "Category":
        """Return the column with what part of `total` values the first ones are, of which there are so many each."""
        return replace(self, shares=[round(count / total, 6) for count in counts[:MOST_SHARES]])

    @property
    def frequent(self) -> list[tuple[Any, float]]:
        """The values of which the part is known, the most frequent first."""
        known = zip(self.values, self.shares, strict=False)
        return sorted(known, key=lambda value: -value[1])

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
