"""Values as BigQuery writes them: numbers that JSON's could not hold exactly, and those that are none, as strings.

https://cloud.google.com/bigquery/docs/reference/standard-sql/json_functions#json_encodings
"""

from typing import Any

from handlers.dialects.number_texts import number_of, whole_number_of
from predictor.columns import Category, Column, Number

NO_NUMBER = frozenset({"NaN", "Infinity", "-Infinity", "+Infinity", "inf", "-inf"})


def is_numeric(column: Column) -> bool:
    """Whether the cells of a column are numbers."""
    return isinstance(column, Number) or (isinstance(column, Category) and column.whole_numbers)


def converted(row: Any, columns: Any) -> Any:
    """Return a row with the strings in its number columns as the numbers that they say."""
    if type(row) is list:
        return [
            value_of(cell, columns[i]) if type(cell) is str and i in columns else cell for i, cell in enumerate(row)
        ]
    if type(row) is dict:
        return {
            k: value_of(cell, columns[k]) if type(cell) is str and k in columns else cell for k, cell in row.items()
        }
    return row


def value_of(text: str, column: Column) -> Any:
    """Return the number that BigQuery writes as a string, null for none that JSON has, else the text as it is."""
    if text in NO_NUMBER:
        return None
    return whole_number_of(text) if isinstance(column, Category) else number_of(text)


def gaps_of(row: Any, needed: dict[Any, Any]) -> dict[Any, Any]:
    """Return where a row has null and needs a value, each with one that there may be."""
    if type(row) is dict:
        return {name: cell for name, cell in needed.items() if name in row and row[name] is None}
    return {place: needed[place] for place, cell in enumerate(row) if cell is None and place in needed}
