"""What makes an answer late: a model that computes or waits for long, and not a machine that gives it no CPU."""

import subprocess
import sys
import time
from collections.abc import Callable

import pytest

from servers.running import ROOT
from worker.lateness import AMONG, Lateness

LIMIT = 0.005


def compute(seconds: float) -> None:
    until = time.thread_time() + seconds
    while time.thread_time() < until:
        pass


def answer(lateness: Lateness, number: int, spend: Callable[[], None], *, alone: bool = True) -> bool:
    """Return whether the answer of that number is one too many."""
    begun = lateness.begin(number)
    spend()
    return lateness.end(number, *begun, alone=alone)


@pytest.mark.parametrize("spend", [compute, time.sleep], ids=["computes", "waits"])
def test_the_third_late_answer_is_too_many(spend: Callable[[float], None]) -> None:
    lateness = Lateness(LIMIT)
    found = [answer(lateness, number, lambda: spend(4 * LIMIT)) for number in range(3)]
    assert found == [False, False, True]


def test_quick_answers_are_never_too_many() -> None:
    lateness = Lateness(1.0)
    assert not any(answer(lateness, number, lambda: time.sleep(0.001)) for number in range(100))


@pytest.mark.parametrize(
    ("numbers", "times", "too_many"),
    [
        ([0, 1, 2], 2, True),
        ([0, AMONG // 2, 2 * AMONG], 2, False),
        ([0, 2 * AMONG, 4 * AMONG, 6 * AMONG], 10, False),  # what was never asked for counts as short
        ([0, 1, 9 * AMONG, 9 * AMONG + 1], 10, True),  # ten times as late counts ten times as long
        ([0, 1, 40 * AMONG, 40 * AMONG + 1], 10, False),
    ],
)
def test_a_late_answer_counts_the_longer_the_later_it_was(numbers: list[int], times: int, too_many: bool) -> None:
    lateness = Lateness(LIMIT)
    found = [answer(lateness, number, lambda: time.sleep(times * LIMIT)) for number in numbers]
    assert found == [False] * (len(numbers) - 1) + [too_many]


def test_who_waits_for_a_busy_thread_of_the_pool_is_not_late() -> None:
    lateness = Lateness(LIMIT)
    assert not any(answer(lateness, number, lambda: time.sleep(2 * LIMIT), alone=False) for number in range(5))
    [*first, third] = [answer(lateness, number, lambda: compute(2 * LIMIT), alone=False) for number in (5, 6)]
    assert (first, third) == ([False], True)  # the first one of all has counted, whatever its reason


# Two processes that rest after 30 seconds only, whatever ends this one, and one that gets next to nothing of their CPU.
BUSY = r"""
import os, subprocess, sys, time
from worker.lateness import Lateness
os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
busy = "import time\nwhile time.process_time() < 30: pass"
resting = [subprocess.Popen([sys.executable, "-c", busy]) for _ in range(2)]
os.nice(19)
lateness, late, too_many, until = Lateness(0.005), 0, False, time.monotonic() + 30
try:
    while late < 10 and time.monotonic() < until:
        begun, began, computed = lateness.begin(1), time.perf_counter(), time.thread_time()
        while time.thread_time() - computed < 0.0002:
            pass
        late += time.perf_counter() - began > 0.01
        too_many = lateness.end(1, *begun) or too_many
finally:
    for process in resting:
        process.kill()
        process.wait()
print(late, too_many)
"""


@pytest.mark.slow
@pytest.mark.alone
def test_a_busy_machine_makes_nobody_late() -> None:
    done = subprocess.run(
        [sys.executable, "-c", BUSY], cwd=ROOT, capture_output=True, text=True, timeout=60, check=False
    )
    assert (done.stdout, done.stderr) == ("10 False\n", "")
