"""The columns of a manifest: which kinds there are, and how a column is read and written."""

from collections.abc import Sequence
from typing import Any

import marshmallow
from marshmallow import validate
from marshmallow.fields import Boolean as Flag
from marshmallow.fields import String

from predictor.columns.boolean import Boolean
from predictor.columns.category import Category
from predictor.columns.column import NEVER_MISSING, Cells, Column, Values
from predictor.columns.date import Date
from predictor.columns.number import Number
from predictor.columns.text import Text

KINDS: dict[str, type[Column]] = {kind.kind: kind for kind in (Number, Boolean, Category, Text, Date)}

# The keys that every kind has in the manifest.
COMMON: dict[str, Any] = {
    "name": String(required=True, validate=validate.Length(min=1, max=200)),
    "kind": String(load_default="number"),
    "missing": Flag(load_default=False),
    "dtype": String(load_default=""),
}


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
        if len(known.get("shares", ())) > len(known.get("values", ())):
            raise marshmallow.ValidationError("there are more shares than values")
        column = kind(**known)
        if column.dtype and (column.dtype not in kind.dtypes or (column.missing and column.dtype in NEVER_MISSING)):
            gaps = " with missing cells" if column.missing else ""
            raise marshmallow.ValidationError(f"a {column.kind}{gaps} cannot have the dtype {column.dtype:.30}")
        return column

    def _serialize(self, value: Any, attr: str | None, obj: Any, **_: Any) -> Any:
        return value.describe()


def to_arrays(columns: Sequence[Column], rows: Sequence[Cells]) -> list[Values]:
    """Return valid rows as one array a column; ValueError when a cell is not valid."""
    arrays = [column.array(cells) for column, cells in zip(columns, zip(*rows, strict=True), strict=True)]
    valid = [array for array in arrays if array is not None]
    if len(valid) < len(columns):
        raise ValueError("a cell is not of its column's kind")
    return valid
