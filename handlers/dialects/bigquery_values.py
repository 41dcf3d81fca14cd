"""Values as BigQuery writes them: numbers that JSON's could not hold exactly, and those that are none, as strings.

https://cloud.google.com/bigquery/docs/reference/standard-sql/json_functions#json_encodings
"""

import re
from typing import Any

from predictor.columns import Category, Column, Number

# What a number is written with; float() itself takes blanks, underscores and words, too.
OF_NUMBERS = "0123456789+-.eE"
WHOLE_NUMBER = re.compile(r"-?[0-9]{1,20}")
NO_NUMBER = frozenset({"NaN", "Infinity", "-Infinity", "+Infinity", "inf", "-inf"})


def is_numeric(column: Column) -> bool:
    """Whether the cells of a column are numbers."""
    return isinstance(column, Number) or (isinstance(column, Category) and column.whole_numbers)


def converted(row: Any, columns: Any) -> Any:
    """Return a row with the strings in its number columns as the numbers that they say."""
    if type(row) is list:
        return [
            number_of(cell, columns[i]) if type(cell) is str and i in columns else cell for i, cell in enumerate(row)
        ]
    if type(row) is dict:
        return {
            k: number_of(cell, columns[k]) if type(cell) is str and k in columns else cell for k, cell in row.items()
        }
    return row


def number_of(text: str, column: Column) -> Any:
    """Return the number that BigQuery writes as a string, null for none that JSON has, else the text as it is."""
    if text in NO_NUMBER:
        return None
    if isinstance(column, Category):
        return int(text) if WHOLE_NUMBER.fullmatch(text) else text
    try:
        return text if text.strip(OF_NUMBERS) else float(text)
    except ValueError:
        return text
