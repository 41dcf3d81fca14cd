"""How long the parts of a request took: for the Server-Timing header, and for whoever else counts."""

import itertools
import time

from flask import Request

KEY = "tandem.laps"
# How many seconds a request waited for predictions that were made before it was looked at.
AHEAD = "tandem.ahead"

# Empty after the process's first request to be measured: who met a cold start can tell.
cold = itertools.repeat('cold;desc="first request", ', 1)


class Laps:
    """A stopwatch of one request: seconds by part, in the order of the parts, for how many rows, in which dialect."""

    __slots__ = ("ahead", "began", "dialect", "last", "parts", "rows")

    def __init__(self, ahead: float) -> None:
        self.ahead = ahead
        self.dialect = ""
        self.parts: dict[str, float] = {}
        self.rows = 0
        self.last = time.perf_counter()
        self.began = self.last - ahead

    def lap(self, name: str) -> None:
        """End the part `name`; the next one begins."""
        now = time.perf_counter()
        self.parts[name] = now - self.last + (self.ahead if name == "predict" else 0.0)
        self.last = now

    def server_timing(self) -> str:
        """Return the parts as a Server-Timing header, in milliseconds (https://www.w3.org/TR/server-timing/)."""
        parts = [f"{name};dur={seconds * 1000:.3f}" for name, seconds in self.parts.items()]
        return next(cold, "") + ", ".join(parts)


def laps_of(request: Request) -> Laps:
    """Return the stopwatch of a request, started at the first call, which its entry point makes."""
    laps: Laps | None = request.environ.get(KEY)
    if laps is None:
        laps = request.environ[KEY] = Laps(request.environ.get(AHEAD, 0.0))
    return laps
