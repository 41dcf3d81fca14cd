"""The date of answers, composed once a second."""

import functools
import time

from gunicorn import util

composed = functools.lru_cache(maxsize=1)(util.http_date)


def http_date(timestamp: float | None = None) -> str:
    """Return a time, by default now, as a header has it (RFC 9110, section 5.6.7), as gunicorn.util.http_date does."""
    text: str = composed(int(time.time() if timestamp is None else timestamp))
    return text
