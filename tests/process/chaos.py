"""What a live gunicorn loses when it is stopped, reloaded, recycled or killed under load.

`make chaos` runs each scenario many times and prints a table; tests/process/test_chaos.py runs each once.
load.py says what counts as lost.
"""

import os
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from rich.console import Console
from rich.table import Table

from servers.processes import wait_until, workers_of
from servers.running import GUNICORN, Server, running
from tests.process.load import Load, Tally

THREADS = 4
ROUNDS = 20
WARM = 100  # answers before anything happens, and after it


@dataclass
class Outcome:
    """The counts of a scenario and the seconds that its events took."""

    tally: Tally = field(default_factory=Tally)
    seconds: list[float] = field(default_factory=list)
    statuses: set[int | None] = field(default_factory=set)


@contextmanager
def loaded(
    folder: Path, *more: str, workers: int, keeping: int = 8, opening: int = THREADS
) -> Iterator[tuple[Server, Load]]:
    """Run gunicorn under load; some clients keep their connection, some open one for each request."""
    with running([*GUNICORN, *more], folder / "log", WEB_CONCURRENCY=str(workers), THREADS=str(THREADS)) as server:
        wait_until(lambda: len(workers_of(server.process.pid)) == workers, "all workers run")
        with Load(server.port, keeping=keeping, opening=opening) as load:
            wait_for_answers(load, WARM)
            yield server, load
    assert "Traceback" not in server.output(), server.output()


def wait_for_answers(load: Load, more: int) -> None:
    """Wait until the clients together got so many more answers."""
    goal = load.answered() + more
    wait_until(lambda: load.answered() >= goal, f"{more} more answers", 60)


def stopped(folder: Path, rounds: int, *, workers: int) -> Outcome:
    """SIGTERM; the clients go on until the server is gone."""
    outcome = Outcome()
    for _ in range(rounds):
        with loaded(folder, workers=workers) as (server, load):
            load.told_to_stop = time.monotonic()
            outcome.statuses.add(server.stop(signal.SIGTERM))
            outcome.seconds.append(time.monotonic() - load.told_to_stop)
        outcome.tally.add(load.tally())
    return outcome


def reloaded(folder: Path, rounds: int, *, workers: int) -> Outcome:
    """SIGHUP; each time until all workers are new."""
    outcome = Outcome()
    with loaded(folder, workers=workers) as (server, load):
        for _ in range(rounds):
            old = workers_of(server.process.pid)
            began = time.monotonic()
            server.process.send_signal(signal.SIGHUP)
            wait_for_other_workers(server, old, workers)
            outcome.seconds.append(time.monotonic() - began)
            wait_for_answers(load, WARM)
    outcome.tally.add(load.tally())
    return outcome


def wait_for_other_workers(server: Server, old: list[int], count: int) -> None:
    """Wait until `count` workers run and none of the old ones does."""

    def replaced() -> bool:
        now = workers_of(server.process.pid)
        return len(now) == count and not set(old) & set(now)

    wait_until(replaced, f"{count} workers run, other ones than {old}")


def recycled(folder: Path, rounds: int, *, workers: int) -> Outcome:
    """--max-requests 100: a round is as many requests as replace every worker three times."""
    outcome = Outcome()
    with loaded(folder, "--max-requests", "100", workers=workers) as (server, load):
        for _ in range(rounds):
            began = time.monotonic()
            wait_for_answers(load, 300 * workers)
            outcome.seconds.append(time.monotonic() - began)
    assert server.output().count("Autorestarting worker") >= 2 * workers * rounds
    outcome.tally.add(load.tally())
    return outcome


def killed(folder: Path, rounds: int, *, workers: int, keeping: int = 8, opening: int = 0) -> Outcome:
    """SIGKILL of one worker; the seconds are those until a request that was sent after it is answered.

    A worker holds a request in each of its threads, and those that wait for one. A client that kept its connection
    sends the latter again, so no more than THREADS are lost; of clients that open a connection each time, all.
    """
    outcome = Outcome()
    with loaded(folder, workers=workers, keeping=keeping, opening=opening) as (server, load):
        for _ in range(rounds):
            victim = workers_of(server.process.pid)[0]
            os.kill(victim, signal.SIGKILL)
            moment = time.monotonic()
            wait_for_other_workers(server, [victim], workers)
            wait_for_answers(load, WARM)
            outcome.seconds.append(load.tally().answered_again_after(moment))
    outcome.tally.add(load.tally())
    return outcome


# What happens, how, and how many requests it may cost.
SCENARIOS: list[tuple[str, Callable[..., Outcome], int]] = [
    ("SIGTERM", stopped, 0),
    ("SIGHUP", reloaded, 0),
    ("--max-requests 100", recycled, 0),
    ("SIGKILL of a worker, 8 keep", killed, THREADS),
    (f"SIGKILL of a worker, {THREADS} open", partial(killed, keeping=0, opening=THREADS), THREADS),
]


LEGEND = """Seconds, at most: SIGTERM until the exit, SIGHUP until every worker is new,
--max-requests for 300 requests a worker, SIGKILL until a request that was sent after it is answered."""


def main() -> None:
    """Run every scenario and print what was lost; exit status 1 when anything was that should not be."""
    console = Console(width=120)
    table = Table(
        caption=LEGEND, title=f"{ROUNDS} times each; 8 clients keep their connection, {THREADS} open one each time"
    )
    for heading in ("event", "workers", "sent", "answered", "retried", "refused", "late", "lost", "seconds"):
        table.add_column(heading, justify="left" if heading == "event" else "right", no_wrap=True)
    bad = False
    with tempfile.TemporaryDirectory() as folder, console.status("chaos"):
        for name, scenario, allowed in SCENARIOS:
            for workers in (1, 2):
                outcome = scenario(Path(folder), ROUNDS, workers=workers)
                tally = outcome.tally
                bad |= tally.lost > ROUNDS * allowed
                counts = (tally.sent, tally.answered, tally.retried, tally.refused, tally.late, tally.lost)
                table.add_row(name, str(workers), *(f"{count:,}" for count in counts), f"{max(outcome.seconds):.2f}")
    console.print(table)
    sys.exit(bad)


if __name__ == "__main__":
    main()
