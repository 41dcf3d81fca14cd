"""Numbers that come as texts: float() and int() would also take blanks, underscores, words and foreign digits."""

import re
from collections.abc import Iterable, Sequence
from typing import Any

OF_NUMBERS = "0123456789+-.eE"
WHOLE_NUMBER = re.compile(r"[+-]?[0-9]{1,20}")


def numbers_of(cells: Sequence[Any], texts: Iterable[str]) -> list[float] | None:
    """Return cells as numbers, which may be infinite; None when one of the `texts` among them is none."""
    together = "".join(texts)
    if not together.isascii() or together.encode().translate(None, OF_NUMBERS.encode()):
        return None
    try:
        return [*map(float, cells)]
    except ValueError:
        return None


def number_of(text: str) -> float | str:
    """Return the number that a text is, which may be infinite; else the text."""
    try:
        return text if text.strip(OF_NUMBERS) else float(text)
    except ValueError:
        return text


def whole_number_of(text: str) -> int | str:
    """Return the whole number that a text is; else the text."""
    return int(text) if WHOLE_NUMBER.fullmatch(text) else text
