"""Whether answers keep the main loop waiting too often, by the clock on the wall: waiting for others counts, too."""

import resource
import time
from collections import deque

# After so many late answers among so many requests the model is left to the pool.
LATE, AMONG = 3, 1000
# Not every system counts for a thread.
THREAD: int | None = getattr(resource, "RUSAGE_THREAD", None)


class Lateness:
    """The late answers of one thread.

    That the thread had no CPU is the machine's fault, not the model's. To ask the system for that costs more than to
    look at a clock, so it is asked once an answer was late.
    """

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self.late: deque[int] = deque(maxlen=LATE)
        self.asked_until = 0

    def begin(self, number: int) -> tuple[float, resource.struct_rusage | None]:
        """Return what `end` of the answer of that number takes."""
        used = resource.getrusage(THREAD) if number < self.asked_until and THREAD is not None else None
        return time.perf_counter(), used

    def end(self, number: int, began: float, used: resource.struct_rusage | None) -> bool:
        """Return whether with the answer of that number too many were late."""
        if time.perf_counter() - began <= self.seconds:
            return False
        if used is not None and THREAD is not None and only_without_cpu(used, resource.getrusage(THREAD), self.seconds):
            return False
        self.asked_until = number + AMONG
        self.late.append(number)
        return len(self.late) == LATE and number - self.late[0] < AMONG


def only_without_cpu(before: resource.struct_rusage, after: resource.struct_rusage, seconds: float) -> bool:
    """Whether a thread that was slow has neither computed for long nor gone to sleep by itself.

    A thread of a server has slept before; where none was counted, the system does not count.
    """
    computed = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return computed <= seconds and after.ru_nvcsw == before.ru_nvcsw > 0
