"""Rows as lines of CSV, with a header or without."""

import csv
import io
import itertools
import math
import re
from collections.abc import Sequence
from typing import Any

import orjson

from handlers.dialects.dialect import INVALID
from handlers.dialects.inputs import Given
from handlers.responses import Problem
from handlers.rows import plural
from predictor import Manifest
from predictor.columns import Boolean, Category, Column, Number

# What a number is written with; float() itself takes tabs, underscores and words, too.
OF_NUMBERS = " 0123456789+-.eE"
WHOLE_NUMBER = re.compile(r" *[+-]?[0-9]{1,20} *")
# How pandas and NumPy write that there is no number, "" being everybody's way.
NO_NUMBER = frozenset({"", "nan", "NaN"})
BOOLEANS = {"true": True, "false": False, "1": True, "0": False}


def read_csv(body: bytes, manifest: Manifest, max_rows: int) -> dict[str, Given]:
    """Return the cells of each column by its name; without a header the columns are the model's."""
    names = manifest.feature_names
    try:
        text = io.StringIO(body.decode("utf-8-sig"), newline="")
        # A row more than allowed, and the header, are enough to refuse the rest.
        lines = list(itertools.islice(csv.reader(text, strict=True), max_rows + 2))
    except UnicodeDecodeError:
        raise Problem(400, "the body is not in UTF-8") from None
    except csv.Error as error:
        raise Problem(400, f"the body is not CSV: {error}") from None
    if len(names) == 1:
        lines = [line or [""] for line in lines]  # of an empty line csv makes no cell
    if lines and is_header(lines[0], manifest):
        names = lines.pop(0)
    if len(lines) > max_rows:
        raise Problem(413, f"a request takes at most {max_rows} rows, this one has more")
    check_widths(names, lines)
    columns = {column.name: column for column in manifest.features}
    cells = zip(names, zip(*lines, strict=True) if lines else [()] * len(names), strict=True)
    plain = body.isascii() and b"_" not in body
    return {name: read_column(columns.get(name), texts, plain) for name, texts in cells}


def is_header(line: Sequence[str], manifest: Manifest) -> bool:
    """Whether a line names at least the columns that may not be left out; no row of a table holds all their names."""
    needed = {column.name for column in manifest.features if not column.missing}
    known = manifest.left_out.keys() | manifest.feature_names
    return needed <= set(line) if needed else set(line) <= known


def check_widths(names: Sequence[str], lines: Sequence[Sequence[str]]) -> None:
    """Refuse a header with a name twice, and lines with more or fewer cells than there are names."""
    if len(set(names)) < len(names):
        raise Problem(422, "the header has a name twice")
    if set(map(len, lines)) <= {len(names)}:
        return
    wrong = [(row, len(line)) for row, line in enumerate(lines) if len(line) != len(names)]
    expected = plural(len(names), "value")
    errors = [(f"#/instances/{row}", f"must have {expected}, has {plural(cells, 'value')}") for row, cells in wrong]
    raise Problem(422, INVALID, errors, total=len(wrong))


def read_column(column: Column | None, cells: Sequence[str], plain: bool) -> Given:
    """Return cells as the JSON values that they stand for, or as they are, which is refused.

    In a `plain` text every word that float() takes is a number, but for those that say that it is none.
    """
    if isinstance(column, Number):
        return (numbers(cells) if plain else None) or [*map(number, cells)]
    if isinstance(column, Boolean):
        return [*map(boolean, cells)]
    if isinstance(column, Category) and column.whole_numbers:
        return [*map(whole_number, cells)]
    return [cell or None for cell in cells]


def numbers(cells: Sequence[str]) -> Given | None:
    """Return the numbers that texts are, None when one of them is none."""
    try:
        values = [*map(float, cells)]
    except ValueError:
        return None
    return values if all(map(math.isfinite, values)) else None


def number(text: str) -> Any:
    """Return the number that a text is."""
    try:
        return float(text) if text and not text.strip(OF_NUMBERS) else (None if text in NO_NUMBER else text)
    except ValueError:
        return text


def whole_number(text: str) -> Any:
    """Return the whole number that a text is."""
    return int(text) if WHOLE_NUMBER.fullmatch(text) else text or None


def boolean(text: str) -> Any:
    """Return the truth that a text is."""
    return BOOLEANS.get(text.lower(), text or None)


def write_csv(values: Sequence[Any]) -> str:
    """Return one line a row, without a last line end: SageMaker's batch transform puts one between the parts.

    A row is a value, or a list of them.
    """
    if not {int, float}.isdisjoint(map(type, values)):
        return orjson.dumps(values)[1:-1].replace(b",", b"\n").decode()
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    rows = (value if isinstance(value, list) else [value] for value in values)
    writer.writerows([str(cell).lower() if isinstance(cell, bool) else cell for cell in row] for row in rows)
    return text.getvalue().removesuffix("\n")
