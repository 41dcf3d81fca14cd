"""A worker that does not become ready ends, and with it the master, instead of both waiting for ever."""

import os
import threading
from typing import Any

SECONDS = 60.0
# gunicorn's "the app failed to load": the master ends, too, instead of trying again for ever.
FAILED_TO_LOAD = 4


def watch(worker: Any) -> threading.Timer:
    """Return a running timer that ends the process of a worker, unless it is cancelled before.

    gunicorn itself looks at a worker's heartbeat only once there was one. A thread does it, since what a worker hangs
    in, an OpenMP pool that did not survive the fork above all, is C code that no signal handler of Python interrupts.
    """

    def end() -> None:
        worker.log.critical("tandem: the worker was not ready %.0f s after its start; the server ends", SECONDS)
        os._exit(FAILED_TO_LOAD)

    timer = threading.Timer(SECONDS, end)
    timer.daemon = True
    timer.start()
    return timer
