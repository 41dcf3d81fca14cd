"""What every kind of column has, and how it is asked."""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any, ClassVar

from numpy.typing import NDArray

JSON_KINDS = {bool: "a boolean", str: "a string", list: "a list", dict: "an object", type(None): "null"}
NUMBERS = frozenset({int, float})

# pandas' types of an estimator's column. Those in NEVER_MISSING have no way to say that a cell is missing.
FLOATS = frozenset({"float64", "float32"})
NEVER_MISSING = frozenset({"bool", *(f"{sign}int{bits}" for sign in ("", "u") for bits in (8, 16, 32, 64))})
WHOLE_NUMBERS = (NEVER_MISSING - {"bool"}) | {"Int64"}

Cells = Sequence[Any]
Values = NDArray[Any]
# Valid rows: a float64 matrix with NaN where a cell is missing, or one array a column, as Column.array returns them.
Inputs = Values | list[Values]


def kind_of(value: Any) -> str:
    """Return what JSON calls a value's type."""
    return JSON_KINDS.get(type(value), "a number")


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
