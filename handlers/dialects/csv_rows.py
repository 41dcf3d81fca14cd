"""Rows as lines of CSV, with a header or without."""

import csv
import io
import itertools
from collections.abc import Sequence
from typing import Any

import orjson

from handlers.dialects.dialect import INVALID
from handlers.dialects.inputs import Given
from handlers.dialects.number_texts import number_of, numbers_of, whole_number_of
from handlers.responses import Problem
from handlers.rows import plural
from predictor import Manifest
from predictor.columns import Boolean, Category, Column, Number

# What lines of numbers have none of, or JSON would read more than numbers between their commas.
OF_NO_NUMBERS = b'[]{"tl\t\r'
# How pandas and NumPy write that there is no number, "" being everybody's way.
NO_NUMBER = frozenset({"", "nan", "NaN"})
BOOLEANS = {"true": True, "false": False, "1": True, "0": False}


def read_numbers(body: bytes, manifest: Manifest, max_rows: int) -> dict[str, Any] | None:
    """Return lines of as many numbers as there are features as a data frame; None when there is more to look at.

    Python's own reader takes twice as long; between brackets such lines are JSON.
    """
    if not all(isinstance(column, Number) for column in manifest.features):
        return None
    first, _, rest = body.partition(b"\n")
    names = first.decode("ascii", "replace").rstrip("\r").split(",", len(manifest.known_names))
    if is_header(names, manifest):
        body = rest
    else:
        names = manifest.feature_names
    lines = (body.replace(b"\r\n", b"\n") if b"\r" in body else body).removesuffix(b"\n")
    many = len(lines) > max_rows and lines.count(b"\n") >= max_rows
    if many or any(byte in lines for byte in OF_NO_NUMBERS):
        return None
    try:
        rows = orjson.loads(b"[[" + lines.replace(b"\n", b"],[") + b"]]")
    except orjson.JSONDecodeError:
        return None
    fits = set(map(len, rows)) == {len(names)} == {len(set(names))}
    return {"columns": names, "data": rows} if fits else None


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
    return {name: read_column(columns.get(name), texts) for name, texts in cells}


def is_header(line: Sequence[str], manifest: Manifest) -> bool:
    """Whether a line names at least the columns that may not be left out; no row of a table holds all their names."""
    needed = manifest.needed_names
    return needed <= set(line) if needed else set(line) <= manifest.known_names


def check_widths(names: Sequence[str], lines: Sequence[Sequence[str]]) -> None:
    """Refuse a header with a name twice, and lines with more or fewer cells than there are names."""
    if len(set(names)) < len(names):
        raise Problem(422, "the header has a name twice")
    if set(map(len, lines)) <= {len(names)}:
        return
    wrong = [(row, len(line)) for row, line in enumerate(lines) if len(line) != len(names)]
    expected = plural(len(names), "value")
    errors = [(("instances", row), f"must have {expected}, has {plural(cells, 'value')}") for row, cells in wrong]
    raise Problem(422, INVALID, errors, total=len(wrong))


def read_column(column: Column | None, cells: Sequence[str]) -> Given:
    """Return cells as the JSON values that they stand for, or as they are, which is refused."""
    if isinstance(column, Number):
        return numbers_of(cells, cells) or [*map(number, cells)]
    if isinstance(column, Boolean):
        return [*map(boolean, cells)]
    if isinstance(column, Category) and column.whole_numbers:
        return [whole_number(cell.strip(" ")) for cell in cells]
    return [cell or None for cell in cells]


def whole_number(text: str) -> Any:
    """Return the whole number that a text is; pandas writes 1.0 where there are gaps."""
    value = whole_number_of(text)
    return number(text) if type(value) is str else value


def number(text: str) -> Any:
    """Return the number that a text is, with blanks around it or not."""
    return None if text in NO_NUMBER else number_of(text.strip(" "))


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
