"""What the page's form is made of: a field for each column, filled with an example, and the same row as text."""

import json
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise
from typing import Any, NamedTuple

from handlers.paths import pointer
from predictor.columns import Category, Column, Date, Number, Text

DAY = re.compile(r"\d{4}-\d\d-\d\d")
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d)?")

IN_JSON = {None: "null", True: "true", False: "false"}
IN_PYTHON = {None: "None", True: "True", False: "False"}


WIDTH, HEIGHT = 100, 20
# The least width of a part between two deciles, before all are drawn to scale again: many may be one number.
NARROWEST = 2
MOST_BARS, MOST_NAMED = 20, 3


class Bar(NamedTuple):
    """A bar of a histogram that is WIDTH wide and HEIGHT high."""

    x: float
    width: float
    height: float


@dataclass(frozen=True)
class Field:
    """A column as the form shows it, with a cell of an example."""

    column: Column
    example: Any
    type: str
    hint: str
    lowest: Any = None
    highest: Any = None

    @property
    def text(self) -> str:
        """The example as it stands in its input."""
        if self.example is None:
            return ""
        if self.type == "datetime-local" and DAY.fullmatch(self.example):
            return f"{self.example}T00:00"
        return literal(self.example) if self.is_number else str(self.example)

    @property
    def is_number(self) -> bool:
        """Whether the input takes a number, as its JSON."""
        return isinstance(self.column, Number) or (isinstance(self.column, Category) and self.column.whole_numbers)

    @property
    def values(self) -> Sequence[Any]:
        """The known values of a category."""
        return self.column.values if isinstance(self.column, Category) else ()

    @property
    def bars(self) -> list[Bar]:
        """How training's values lie: a bar for each part between the deciles, or for each frequent category."""
        column = self.column
        if isinstance(column, Category):
            shares = [share for _, share in column.frequent[:MOST_BARS]]
            return bars_of([1] * len(shares), shares)
        if not isinstance(column, Number) or not column.deciles or column.minimum is None or column.maximum is None:
            return []
        if not 0 < column.maximum - column.minimum < math.inf:
            return []
        edges = [column.minimum, *column.deciles, column.maximum]
        if all(float(edge).is_integer() for edge in edges):
            edges[0] -= 1  # of whole numbers a part has those above its lower edge, the first one its lower edge, too
        span = (edges[-1] - edges[0]) / WIDTH
        widths = [max((high - low) / span, NARROWEST) for low, high in pairwise(edges)]
        return bars_of(widths, [share / width for share, width in zip(column.shares, widths, strict=True)])

    @property
    def keyboard(self) -> str:
        """Which keyboard a phone is to show; those for numbers have no minus."""
        return "decimal" if self.is_number and self.lowest is not None and self.lowest >= 0 else "text"

    @property
    def pointer(self) -> str:
        """Where the cell stands in the request."""
        return pointer(("features", self.column.name))


def bars_of(widths: Sequence[float], heights: Sequence[float]) -> list[Bar]:
    """Return bars side by side, as wide and as high as there is room."""
    if not any(heights):
        return []
    wide, high = WIDTH / sum(widths), HEIGHT / max(heights)
    starts = accumulate(widths, initial=0.0)
    return [
        Bar(round(start * wide, 2), round(width * wide, 2), round(height * high, 2))
        for start, width, height in zip(starts, widths, heights, strict=False)
    ]


def known_values(column: Category) -> str:
    """Return how many values are known, and how often training saw the most frequent ones."""
    count = len(column.values)
    named = [f"{value!s:.20} {share:.0%}" for value, share in column.frequent[:MOST_NAMED] if share]
    often = f" ({', '.join(named)}{', …' if count > len(named) else ''})" if named else ""
    return f"{count} known value{'' if count == 1 else 's'}{often}, or another"


def field_of(column: Column, cells: Sequence[Any]) -> Field:
    """Return the field of a column; the first of its example's cells fills it in."""
    example = cells[0]
    match column:
        case Number():
            return Field(column, example, "number", column.seen(), column.minimum, column.maximum)
        case Category():
            lowest = min(column.values) if column.whole_numbers else None
            return Field(column, example, "category", known_values(column), lowest)
        case Text():
            return Field(column, example, "text", f"at most {column.bound} characters")
        case Date():
            return Field(column, example, date_input(column, cells), column.seen(), column.first, column.last)
    return Field(column, example, column.kind, "")


def date_input(column: Date, cells: Sequence[Any]) -> str:
    """Return the type of a date's input; one that browsers do not know is a plain one."""
    known = [text for text in (column.first, column.last, *cells) if text]
    if all(DAY.fullmatch(text) for text in known):
        return "date"
    return "datetime-local" if all(DAY.fullmatch(text) or TIME.fullmatch(text) for text in known) else "date-text"


def literal(value: Any, words: dict[Any, str] = IN_JSON) -> str:
    """Return a cell as JSON has it, or with Python's words; whole numbers as people write them."""
    if value is None or isinstance(value, bool):
        return words[value]
    return json.dumps(value, ensure_ascii=False) if isinstance(value, str) else repr(value).removesuffix(".0")


def row_as_text(fields: Sequence[Field], words: dict[Any, str] = IN_JSON) -> str:
    """Return the examples as an object in JSON, or as a dictionary in Python."""
    members = [f"{literal(field.column.name)}: {literal(field.example, words)}" for field in fields]
    return f"{{{', '.join(members)}}}"
