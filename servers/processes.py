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


def tree(pid: int) -> list[int]:
    """Return a process and its descendants."""
    found = [pid]
    for task in Path(f"/proc/{pid}/task").iterdir():
        for child in (task / "children").read_text().split():
            found += tree(int(child))
    return found


def children() -> set[int]:
    """Return the process ids of this process's own children, whichever thread started them."""
    return {
        int(pid) for thread in Path("/proc/self/task").iterdir() for pid in (thread / "children").read_text().split()
    }


def cpu_seconds(pid: int) -> float:
    """Return the CPU time, user's and system's, that a process has used so far."""
    # The name, in parentheses, may hold spaces; utime and stime are fields 14 and 15 (proc_pid_stat(5)).
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def memory(pid: int) -> int:
    """Return the bytes that a process holds, each page divided by the number of the processes that share it.

    Of files, the code of libraries, nothing counts: those pages are shared with whatever else runs on the machine.
    """
    return _bytes(pid, "smaps_rollup", "Pss_Anon")


def memory_with_files(pid: int) -> int:
    """Return the bytes that a process holds, those of files included, shared pages divided as in `memory`."""
    return _bytes(pid, "smaps_rollup", "Pss")


def peak_memory(pid: int) -> int:
    """Return the most bytes that a process has had in memory, those of files included, since that was last forgotten.

    LookupError of a process that has just ended.
    """
    return _bytes(pid, "status", "VmHWM")


def _bytes(pid: int, file: str, line: str) -> int:
    found = re.search(rf"^{line}:\s+(\d+) kB$", Path(f"/proc/{pid}/{file}").read_text(), re.MULTILINE)
    if found is None:
        raise LookupError(f"Linux does not tell the {line} of process {pid}")
    return int(found[1]) * 1024


def file_descriptors(pid: int) -> int:
    """Return how many files and sockets a process has open."""
    return len(os.listdir(f"/proc/{pid}/fd"))


def threads(pid: int) -> int:
    """Return how many threads a process has."""
    return len(os.listdir(f"/proc/{pid}/task"))


def wait_until(condition: Callable[[], object], what: str, seconds: float = 30) -> None:
    """Look at a condition until it holds; AssertionError after `seconds`."""
    until = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > until:
            raise AssertionError(f"not within {seconds} s: {what}")
        time.sleep(0.01)
