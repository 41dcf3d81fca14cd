"""Rows as lines of CSV, with a header or without."""

import csv
import io
import itertools
import re
from collections.abc import Callable, Sequence
from typing import Any

from handlers.dialects.dialect import INVALID
from handlers.responses import Problem
from handlers.rows import plural
from predictor import Manifest
from predictor.columns import Boolean, Category, Column, Number

NUMBER = re.compile(r" *[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)? *")
WHOLE_NUMBER = re.compile(r" *[+-]?[0-9]{1,20} *")
# How pandas and NumPy write that there is no number, "" being everybody's way.
NO_NUMBER = frozenset({"", "nan", "NaN"})
BOOLEANS = {"true": True, "false": False, "1": True, "0": False}


def read_csv(body: bytes, manifest: Manifest, max_rows: int) -> dict[str, list[Any]]:
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
    return {name: [*map(reader_of(columns.get(name)), found)] for name, found in cells}


def is_header(line: Sequence[str], manifest: Manifest) -> bool:
    """Whether a line names at least the columns that may not be left out; no row of a table holds all their names."""
    needed = {column.name for column in manifest.features if not column.missing}
    known = manifest.left_out.keys() | manifest.feature_names
    return needed <= set(line) if needed else set(line) <= known


def check_widths(names: Sequence[str], lines: Sequence[Sequence[str]]) -> None:
    """Refuse a header with a name twice, and lines with more or fewer cells than there are names."""
    if len(set(names)) < len(names):
        raise Problem(422, "the header has a name twice")
    wrong = [(row, len(line)) for row, line in enumerate(lines) if len(line) != len(names)]
    if wrong:
        expected = plural(len(names), "value")
        errors = [(f"#/instances/{row}", f"must have {expected}, has {plural(cells, 'value')}") for row, cells in wrong]
        raise Problem(422, INVALID, errors, total=len(wrong))


def reader_of(column: Column | None) -> Callable[[str], Any]:
    """Return how a cell of a column is read: as the JSON value that it stands for, or as it is, which is refused."""
    if isinstance(column, Number):
        return number
    if isinstance(column, Boolean):
        return boolean
    if isinstance(column, Category) and column.whole_numbers:
        return whole_number
    return text_or_null


def number(text: str) -> Any:
    """Return the number that a text is."""
    if NUMBER.fullmatch(text):
        return float(text)
    return None if text in NO_NUMBER else text


def whole_number(text: str) -> Any:
    """Return the whole number that a text is."""
    return int(text) if WHOLE_NUMBER.fullmatch(text) else text or None


def boolean(text: str) -> Any:
    """Return the truth that a text is."""
    return BOOLEANS.get(text.lower(), text or None)


def text_or_null(text: str) -> str | None:
    """Return a text; no text is none."""
    return text or None


def write_csv(values: Sequence[Any]) -> str:
    """Return one line a value, without a last line end: SageMaker's batch transform puts one between the parts."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerows([str(value).lower() if isinstance(value, bool) else value] for value in values)
    return text.getvalue().removesuffix("\n")
