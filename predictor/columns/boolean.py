"""True or false."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from predictor.columns.column import FLOATS, Cells, Column, Values, nullable


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
