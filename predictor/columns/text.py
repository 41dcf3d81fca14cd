"""Words."""

from dataclasses import dataclass
from typing import Any

from marshmallow import validate
from marshmallow.fields import Integer

from predictor.columns.column import Cells, Column, Values, nullable
from predictor.columns.strings import LONGEST_TEXT, STRINGS, are_strings, fault_of_string, strings


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
