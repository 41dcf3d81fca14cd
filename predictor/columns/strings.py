"""Strings as the cells of a column: categories and texts."""

import numpy as np

from predictor.columns.column import Cells, Values

# A category or text that is longer than this is none that any training table has.
LONGEST_TEXT = 10_000

# Takes the part of a missing string in compiled models: a code point that is never a character.
MISSING = "\ufdd0"

STRINGS = frozenset({"str", "string", "object"})


def fault_of_string(cell: str, bound: int) -> str | None:
    """Return why a string cannot be a category or text."""
    if len(cell) > bound:
        return f"must have at most {bound} characters, has {len(cell)}"
    return "must not have the character U+FDD0, which stands for missing" if MISSING in cell else None


def are_strings(cells: Cells, missing: bool, bound: int) -> bool:
    """Whether all cells are strings that can be a category or text; some may be missing."""
    kinds = set(map(type, cells))
    if not kinds <= ({str, type(None)} if missing else {str}):
        return False
    return all(cell is None or (len(cell) <= bound and MISSING not in cell) for cell in cells)


def strings(cells: Cells) -> Values:
    """Return strings as an array of objects."""
    values = np.empty(len(cells), dtype=object)
    values[:] = cells
    return values
