"""Where a fault stands in a request: the keys and positions that lead to it, and the pointer that says so."""

from urllib.parse import quote

Path = tuple[str | int, ...]

MAX_ECHO = 64


def pointer(path: Path) -> str:
    """Return a path as a JSON pointer in a URI fragment (RFC 6901, section 6), long names cut."""
    return "#" + "".join(
        "/" + shorten(quote(str(part).replace("~", "~0").replace("/", "~1"), safe="~!$'()*+,;:@")) for part in path
    )


def shorten(text: str) -> str:
    """Return at most MAX_ECHO characters of a text that came from the caller."""
    return text if len(text) <= MAX_ECHO else text[: MAX_ECHO - 1] + "…"
