"""Whole numbers that come as floats: protobuf has no others, and pandas writes 1.0 in a column with gaps."""

from collections.abc import Mapping, Sequence
from typing import Any

from handlers.dialects.asked import Asked
from handlers.dialects.inputs import Given, to_cells
from predictor.columns import Category, Column


def whole_columns(features: Sequence[Column]) -> dict[int, str]:
    """Return the names of the categories that are whole numbers, by place."""
    return {
        place: column.name
        for place, column in enumerate(features)
        if isinstance(column, Category) and column.whole_numbers
    }


def with_whole_numbers(asked: Asked, whole: Mapping[int, str]) -> Asked:
    """Return what is asked with whole numbers in the columns of such, by place and name, where floats were as whole."""
    if asked.columns is not None:
        columns = [whole_cells(cells) if place in whole else cells for place, cells in enumerate(asked.columns)]
        return asked._replace(columns=columns)
    rows = asked.document.get("instances") if type(asked.document) is dict else None
    for row in rows if type(rows) is list else ():
        if type(row) is list:
            row[:] = [as_whole(cell) if place in whole else cell for place, cell in enumerate(row)]
        elif type(row) is dict:
            row.update({name: as_whole(row[name]) for name in whole.values() if name in row})
    return asked


def whole_cells(cells: Given) -> Sequence[Any]:
    """Return cells with whole numbers for floats that are as whole."""
    return [*map(as_whole, to_cells(cells))]


def as_whole(cell: Any) -> Any:
    """Return a float that is a whole number as an int, anything else as it is."""
    return int(cell) if type(cell) is float and cell.is_integer() else cell
