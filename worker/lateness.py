"""Whether answers keep the main loop too often, by the CPU that its thread computed for them.

What is answered there is scikit-learn's or ONNX Runtime's own work, which computes and never sleeps. So what else the
clock on the wall shows, while the thread waits for a CPU or for Python's lock, is the machine's fault, not the model's.
"""

import time
from collections import deque

# After so many late answers among so many requests the model is left to the pool.
LATE, AMONG = 3, 1000


class Lateness:
    """The late answers of one thread.

    To ask the system what a thread has computed costs more than to look at a clock, so it is asked once an answer was
    late by the clock.
    """

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self.late: deque[int] = deque(maxlen=LATE)
        self.asked_until = 0

    def begin(self, number: int) -> tuple[float, float | None]:
        """Return what `end` of the answer of that number takes."""
        computed = time.thread_time() if number < self.asked_until else None
        return time.perf_counter(), computed

    def end(self, number: int, began: float, computed: float | None) -> bool:
        """Return whether with the answer of that number too many were late."""
        if time.perf_counter() - began <= self.seconds:
            return False
        self.asked_until = number + AMONG
        if computed is None or time.thread_time() - computed <= self.seconds:
            return False
        self.late.append(number)
        return len(self.late) == LATE and number - self.late[0] < AMONG
