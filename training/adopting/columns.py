"""The columns that an adopted estimator takes: from rows of its table, or else from what its steps know."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from predictor.columns import Boolean, Category, Column, Date, Number, Text, is_finite
from tables.kinds import Words, is_text
from training import TrainingError
from training.adopting.knowledge import CATEGORY, NUMBER, TEXT, Known

if TYPE_CHECKING:
    import pandas as pd

MOST_VALUES = 1000
WITHOUT_ROWS = 3
# Fewer rows than these do not show how a column's values lie.
FEWEST_ROWS = 50


def column_of(series: "pd.Series[Any]", known: Known, by_hand: str) -> Column:
    """Return the column that rows show; TrainingError for a type that no request can bring."""
    name, dtype, kind = str(series.name), str(series.dtype), by_hand or known.kind
    missing = bool(series.isna().any()) or known.missing or known.dropped
    given = series.dropna()
    if not len(given) and kind != NUMBER:
        if known.dropped:
            return Number(name, missing)
        raise TrainingError(f"--examples: the column {name!r} is empty, so its kind is unknown; give rows that have it")
    if series.dtype.kind == "M" and dtype in Date.dtypes:
        moments = given.to_numpy().astype("datetime64[us]")
        first, last = (Date(name).cell(moment) for moment in (moments.min(), moments.max()))
        return Date(name, missing, dtype, first=first, last=last)
    if dtype == "category" or known.dtype == "category":
        categories = given.astype("category").cat.categories if dtype != "category" else series.cat.categories
        column = Category(name, missing, "category", values=cells_of_categories(name, categories.tolist()))
        return with_shares(column, given.astype("category").value_counts().to_dict(), categories.tolist())
    if dtype in {"bool", "boolean"} or (dtype == "object" and set(map(type, given)) == {bool}):
        return Boolean(name, missing, "boolean" if dtype == "bool" and missing else dtype)
    if series.dtype.kind in "iuf":
        return column_of_numbers(series, kind, missing=missing, by_hand=bool(by_hand))
    if set(map(type, given)) == {str}:
        return column_of_strings(series, kind, known, missing=missing)
    raise TrainingError(
        f"the column {name!r} holds {dtype}, which no request can bring; fit the "
        "estimator on numbers, booleans, strings or dates without a zone"
    )


def column_of_numbers(series: "pd.Series[Any]", kind: str, *, missing: bool, by_hand: bool) -> Column:
    """Return a column of numbers, or of categories that are whole numbers."""
    name, dtype = str(series.name), str(series.dtype)
    given = series.dropna().to_numpy(dtype=np.float64)
    whole = bool(len(given)) and bool((given % 1 == 0).all())
    if dtype == "Int64" or (missing and dtype != "float32"):
        dtype = dtype if dtype == "Int64" else "float64"
    if kind == CATEGORY and whole:
        counts = series.dropna().value_counts()
        column = Category(name, missing, values=[int(value) for value in counts.index[:MOST_VALUES]])
        column = with_shares(column, counts.to_dict(), counts.index.tolist())
        return replace(column, dtype="" if dtype == column.own_dtype else dtype)
    dtype = "" if dtype == "float64" or by_hand else dtype
    low, high = (float(given.min()), float(given.max())) if len(given) else (None, None)
    number = Number(name, missing, dtype, minimum=low, maximum=high)
    return number.with_deciles(given, np.ones(len(given))) if len(given) >= FEWEST_ROWS else number


def with_shares(column: Category, counts: Mapping[Any, int], values: Sequence[Any]) -> Category:
    """Return a category with what part of some rows its values are; too few rows say nothing of that."""
    total = sum(counts.values())
    if total < FEWEST_ROWS or len(values) > MOST_VALUES:
        return column
    return column.with_shares([counts.get(value, 0) for value in values], total)


def column_of_strings(series: "pd.Series[Any]", kind: str, known: Known, *, missing: bool) -> Column:
    """Return a column of categories or texts."""
    name, dtype = str(series.name), str(series.dtype)
    dtype = "" if dtype == "str" else dtype
    counts = series.dropna().value_counts()
    words = Words(name, [str(word) for word in counts.index], counts.tolist())
    if kind == TEXT or (kind != CATEGORY and is_text(words)):
        return Text(name, missing, dtype, longest=max(map(len, words.texts)))
    seen = [*words.texts, *(value for value in known.values if isinstance(value, str))]
    column = Category(name, missing, dtype, values=list(dict.fromkeys(seen))[:MOST_VALUES])
    return with_shares(column, dict(zip(words.texts, words.counts, strict=True)), column.values)


def cells_of_categories(name: str, values: Sequence[Any]) -> list[Any]:
    """Return the categories of pandas or of an encoder as JSON has them."""
    if all(type(value) in {int, float} and is_finite(value) and value == int(value) for value in values):
        return [int(value) for value in values]
    if all(type(value) is str for value in values):
        return list(values)
    raise TrainingError(f"the categories of the column {name!r} are neither strings nor whole numbers")


def columns_known(knowledge: Mapping[str, Known], by_hand: Mapping[str, str]) -> list[Column]:
    """Return the columns as the steps of the estimator know them; TrainingError for those that they do not."""
    unknown = [name for name, known in knowledge.items() if not (by_hand.get(name) or known.kind)]
    if unknown:
        name = unknown[0]
        others = f" (nor what {', '.join(unknown[1:4])} hold)" if unknown[1:] else ""
        raise TrainingError(
            f"the estimator does not say what its column {name!r} holds{others}: give some rows of the table that it "
            f"was fitted on with --examples ROWS.csv, or --number, --category, --text or --date with the column's name"
        )
    return [column_known(name, known, by_hand.get(name) or known.kind) for name, known in knowledge.items()]


def column_known(name: str, known: Known, kind: str) -> Column:
    """Return one such column."""
    if kind == TEXT:
        return Text(name)
    if kind == "date":
        return Date(name, known.missing, "datetime64[us]")
    types = set(map(type, known.values))
    if types == {bool}:
        return Boolean(name, known.missing, "object" if known.missing else "bool")
    if kind == NUMBER or any(type(value) is float and value % 1 for value in known.values):
        return Number(name, known.missing)
    values = cells_of_categories(name, known.values)[:MOST_VALUES]
    dtype = "float64" if float in types and not known.missing else known.dtype
    return Category(name, known.missing, dtype, values=values)


def likely_rows(columns: Sequence[Column], knowledge: Mapping[str, Known]) -> list[list[Any]]:
    """Return rows of likely cells, to make golden examples from where no rows are given."""
    cells = [likely_cells(column, knowledge[column.name]) for column in columns]
    return [[found[row % len(found)] for found in cells] for row in range(WITHOUT_ROWS)]


def likely_cells(column: Column, known: Known) -> list[Any]:
    """Return likely cells of a column: known values, the centre of its numbers, or 0 and 1."""
    if isinstance(column, Boolean):
        return [False, True]
    if isinstance(column, Text | Category) and known.values:
        return list(column.values if isinstance(column, Category) else known.values)
    if isinstance(column, Text | Category):
        return [known.usual] if isinstance(known.usual, str) else ["text"]
    if isinstance(column, Date):
        return ["2026-03-01", "2025-07-30"]
    centre = known.usual
    is_number = isinstance(centre, int | float) and is_finite(centre)
    return [float(centre), float(centre) + 1] if is_number else [0.0, 1.0]


def arrays_of(columns: Sequence[Column], rows: Sequence[Sequence[Any]]) -> list[Any]:
    """Return rows of JSON cells as one array a column; TrainingError when a column cannot take one."""
    found = []
    for column, cells in zip(columns, zip(*rows, strict=True), strict=True):
        array = column.array(cells)
        if array is None:
            fault = next(filter(None, map(column.fault, cells)), "has a cell that is none")
            raise TrainingError(f"the column {column.name!r} {fault}")
        found.append(array)
    return found


def cells_of(column: Column, series: "pd.Series[Any]") -> list[Any]:
    """Return the cells of rows as JSON has them."""
    cells = [None if gap else value for gap, value in zip(series.isna(), series.tolist(), strict=True)]
    if isinstance(column, Date):
        return [cell if cell is None else cell.isoformat() for cell in cells]
    if isinstance(column, Category) and column.whole_numbers:
        return [cell if cell is None else int(cell) for cell in cells]
    if isinstance(column, Number):
        return [cell if cell is None else float(cell) for cell in cells]
    return cells
