"""A refusal in one sentence, for dialects that have room for no more."""

from collections.abc import Sequence

from handlers.paths import Path, shorten
from handlers.responses import Problem

# Said of a cell that is of another type than its column's numbers.
NO_NUMBER = ("not a string", "not a boolean")


def sentence(problem: Problem, where: str, names: Sequence[str]) -> str:
    """Return a problem's first fault: in which row, in which of the columns, what, and how many more.

    `where` says where a row is, with {} for its number.
    """
    path, detail = problem.errors[0] if problem.errors else ((), "")
    if path[:1] != ("instances",):
        return problem.detail
    more = max(problem.total, len(problem.errors)) - 1
    return f"{place(path[1:], where, names)} {detail}" + (f"; and {more} more" if more else "")


def place(path: Path, where: str, names: Sequence[str]) -> str:
    """Return row and column in words."""
    if not path:
        return "the request"
    row, *cell = path
    return " ".join([f"{where.format(row)}:", *(column(part, names) for part in cell)])


def column(part: str | int, names: Sequence[str]) -> str:
    """Return the name of a cell's column; of one that the model does not have, its position."""
    if isinstance(part, str):
        return shorten(part)
    return names[part] if part < len(names) else f"value {part}"


def cast_hint(problem: Problem) -> str:
    """Return what to do about a first fault that is a cell of another type than its number column."""
    detail = problem.errors[0][1] if problem.errors else ""
    return "; cast it to a number" if "be a number" in detail and detail.endswith(NO_NUMBER) else ""
