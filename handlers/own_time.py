"""How long a thread keeps those waiting who wait for it, without what the machine makes it wait itself."""

import resource
import time

# Linux counts for each thread; where nobody does, on a Mac for one, the clock on the wall decides alone.
THREAD = getattr(resource, "RUSAGE_THREAD", None)


class OwnTime:
    """A stopwatch of the thread that made it."""

    __slots__ = ("began", "used")

    def __init__(self) -> None:
        self.used = used_by_this_thread()
        self.began = time.perf_counter()

    def seconds(self, *, alone: bool = True) -> float:
        """Return the seconds on the wall, or, when the thread has never waited of its own accord, those it computed.

        A thread that only waits for a CPU, which others have, is switched off against its will; one that sleeps, or
        waits for another thread, process or file, gives its CPU away, and Linux counts how often. Not `alone`, that
        may have been for Python's lock, which another thread of this process had, and says nothing.
        """
        wall = time.perf_counter() - self.began
        computed, waits = (now - then for now, then in zip(used_by_this_thread(), self.used, strict=True))
        return wall if THREAD is None or (waits and alone) else computed


def used_by_this_thread() -> tuple[float, int]:
    """Return the seconds that this thread has computed, and how often it waited of its own accord (getrusage(2))."""
    return (0.0, 0) if THREAD is None else (time.thread_time(), resource.getrusage(THREAD).ru_nvcsw)
