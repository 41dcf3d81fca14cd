"""What Linux tells about a running server's processes."""

import os
import re
import time
from collections.abc import Callable
from pathlib import Path

TICKS = os.sysconf("SC_CLK_TCK")


def workers_of(master: int) -> list[int]:
    """Return the process ids of a gunicorn master's workers, in order."""
    return sorted(int(pid) for pid in Path(f"/proc/{master}/task/{master}/children").read_text().split())


def children() -> set[int]:
    """Return the process ids of this process's own children, whichever thread started them."""
    return {
        int(pid) for thread in Path("/proc/self/task").iterdir() for pid in (thread / "children").read_text().split()
    }


def cpu_seconds(pid: int) -> float:
    """Return the CPU time that a process has used so far."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def memory(pid: int) -> int:
    """Return the bytes that a process holds, each page divided by the number of the processes that share it.

    Of files, the code of libraries, nothing counts: those pages are shared with whatever else runs on the machine.
    """
    found = re.search(r"^Pss_Anon: +(\d+) kB$", Path(f"/proc/{pid}/smaps_rollup").read_text(), re.MULTILINE)
    assert found
    return int(found[1]) * 1024


def file_descriptors(pid: int) -> int:
    return len(os.listdir(f"/proc/{pid}/fd"))


def threads(pid: int) -> int:
    return len(os.listdir(f"/proc/{pid}/task"))


def wait_until(condition: Callable[[], object], what: str, seconds: float = 30) -> None:
    """Look at a condition until it holds; AssertionError after `seconds`."""
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until, f"not within {seconds} s: {what}"
        time.sleep(0.01)
