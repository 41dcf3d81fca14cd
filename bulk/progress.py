"""How far a run is, on a terminal: the rows of the parts that are complete."""

import contextlib
import glob
import sys
import threading
import time
from collections.abc import Iterator

from bulk.faults import BulkError
from bulk.pipeline import DONE, read_results
from bulk.storage import is_local


@contextlib.contextmanager
def shown(folder: str, seconds: float = 1) -> Iterator[None]:
    """Write a line to stderr, again and again, where that is a terminal and the folder on this machine."""
    if not (sys.stderr.isatty() and is_local(folder)):
        yield
        return
    ended = threading.Event()
    watcher = threading.Thread(target=watch, args=(folder, seconds, ended), daemon=True)
    watcher.start()
    try:
        yield
    finally:
        ended.set()
        watcher.join()
        sys.stderr.write("\r\033[K")


def watch(folder: str, seconds: float, ended: threading.Event) -> None:
    """Write how many parts and rows are complete, until the end."""
    begun = time.monotonic()
    rows: dict[str, int] = {}
    while not ended.wait(seconds):
        for path in set(glob.glob(f"{glob.escape(folder)}/{DONE}*.json")) - set(rows):
            with contextlib.suppress(BulkError):
                rows[path] = read_results(path)[0].rows
        total, spent = sum(rows.values()), time.monotonic() - begun
        sys.stderr.write(f"\r\033[K{total:,} rows in {len(rows):,} parts, {total / spent:,.0f} rows a second")
        sys.stderr.flush()
