"""Whether answers keep the main loop too often: by the clock on the wall, but for what the machine is to blame for."""

import time

from handlers.own_time import OwnTime

# After so many late answers the model is left to the pool. One counts for the next AMONG requests, and for twice as
# many when it took twice as long as it may: so no mix of them takes a notable part of the main loop's time.
LATE, AMONG = 3, 1000


class Lateness:
    """The late answers of one thread.

    To ask the system what made an answer late costs more than to look at a clock, so it is asked for those after a
    late one. That one counts, whatever the reason, but is the only one of its kind as long as it does.
    """

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self.counts_until: list[float] = []  # the number of a request, of each late answer
        self.asked_until = 0

    def begin(self, number: int) -> tuple[float, OwnTime | None]:
        """Return what `end` of the answer of that number takes."""
        own = OwnTime() if number < self.asked_until else None
        return time.perf_counter(), own

    def end(self, number: int, began: float, own: OwnTime | None, *, alone: bool = True) -> bool:
        """Return whether with the answer of that number too many were late.

        `alone` says that no other thread of this process was at work.
        """
        if time.perf_counter() - began <= self.seconds:
            return False
        self.asked_until = number + AMONG
        times = own.seconds(alone=alone) / self.seconds if own else 1.0
        if times < 1:
            return False
        self.counts_until = [until for until in self.counts_until if until > number]
        self.counts_until.append(number + AMONG * times)
        return len(self.counts_until) >= LATE
