"""Predictions that wait for each other anyway, made in one call.

What costs in scikit-learn is the call, not the row: a forest of 100 trees takes a tenth more for 16 rows than for one.
So while one thread predicts, what others want predicted queues up, and the first of them predicts all of it in the
next call. Nobody waits for more to come: a thread that is alone just calls.
"""

import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from itertools import accumulate, pairwise
from typing import Any

import numpy as np

from predictor.columns import Inputs

# A request of more rows is a call of its own. In a call for several, as many rows as were tried in training.
MOST_ROWS_OF_ONE, MOST_ROWS = 16, 64
# Where a call takes less, to wait for another thread costs more than is saved.
WORTH_SECONDS = 0.00025
# The model may hang in what one row brings. After so long others do without it.
PATIENCE_SECONDS = 5.0

Function = Callable[[str, Inputs], Any]


class Call:
    """One thread's call, waiting: it is woken with a result, with an error, or to lead the next call for all."""

    __slots__ = ("error", "inputs", "leads", "name", "outputs", "rows", "settled", "wake")

    def __init__(self, name: str, inputs: Inputs, rows: int) -> None:
        self.name = name
        self.inputs = inputs
        self.rows = rows
        self.leads = self.settled = False
        self.outputs: Any = None
        self.error: BaseException | None = None
        self.wake = threading.Event()

    def settle(self, outputs: Any = None, error: BaseException | None = None) -> None:
        """Keep what came of it, and wake the thread that waits."""
        self.outputs, self.error = outputs, error
        self.settled = True
        self.wake.set()

    def result(self) -> Any:
        """Return the outputs, or raise the error."""
        if self.error is None:
            return self.outputs
        try:
            raise self.error
        finally:
            self.error = None  # its traceback leads here: a cycle


class Together:
    """A function from the name of a method and inputs to outputs, which threads that meet in it call for each other.

    It must give a row the same whether alone or with others.
    """

    def __init__(self, function: Function) -> None:
        self.function = function
        self.lock = threading.Lock()
        self.leader: Call | None = None
        self.waiting: deque[Call] = deque()
        self.quickest = float("inf")  # seconds of a call; others on the CPU make it look slower, nothing quicker
        self.ahead: dict[Any, Any] = {}  # what the main thread has called ahead

    def __call__(self, name: str, inputs: Inputs) -> Any:
        """Return what the function returns, or raise what it raises."""
        if self.quickest < WORTH_SECONDS:
            return self.function(name, inputs)
        if not may_wait():
            return self.called_ahead(name, inputs)
        rows = count_rows(inputs)
        if rows > MOST_ROWS_OF_ONE:
            return self.function(name, inputs)
        call = Call(name, inputs, rows)
        with self.lock:
            found_nobody = self.leader is None
            if found_nobody:
                self.leader = call
            else:
                self.waiting.append(call)
        if found_nobody:
            return self.first(call)
        if not call.wake.wait(PATIENCE_SECONDS):
            self.lose_patience(call)
        if call.leads:
            self.lead(call)
        return call.result() if call.settled else self.function(name, inputs)

    def first(self, call: Call) -> Any:
        """Return the result of a call that found nobody; others may come meanwhile."""
        try:
            return self.timed(call.name, call.inputs)
        finally:
            self.hand_over(call)

    def timed(self, name: str, inputs: Inputs) -> Any:
        """Return what the function returns, and see how long it takes."""
        began = time.perf_counter()
        outputs = self.function(name, inputs)
        self.quickest = min(self.quickest, time.perf_counter() - began)
        return outputs

    @property
    def worthwhile(self) -> bool:
        """Whether calls take so long that it is worth to join them."""
        return self.quickest >= WORTH_SECONDS

    def lead(self, leader: Call) -> None:
        """Call once for the leader and those that wait, then leave it to the next of them."""
        try:
            with self.lock:
                calls = self.take(leader)
            self.settle(calls)
        finally:
            self.hand_over(leader)

    def take(self, leader: Call) -> list[Call]:
        """Return the leader's call and, out of the queue, those that fit in with it."""
        taken, left = [leader], deque[Call]()
        rows = leader.rows
        for call in self.waiting:
            if call.name == leader.name and rows + call.rows <= MOST_ROWS:
                taken.append(call)
                rows += call.rows
            else:
                left.append(call)
        self.waiting = left
        return taken

    def settle(self, calls: Sequence[Call]) -> None:
        """Call once for all; where that fails, for each half, so that a row that is refused costs the others little."""
        try:
            outputs = self.function(calls[0].name, joined([call.inputs for call in calls]))
            parts = list(split(outputs, [call.rows for call in calls]))
        except BaseException as error:
            if len(calls) == 1:
                calls[0].settle(error=error)
                return
        else:
            for call, part in zip(calls, parts, strict=True):
                call.settle(part)
            return
        middle = len(calls) // 2
        self.settle(calls[:middle])
        self.settle(calls[middle:])

    def hand_over(self, leader: Call) -> None:
        """Let the next one lead."""
        with self.lock:
            if self.leader is not leader:  # others have lost patience with it
                return
            self.leader = successor = self.waiting.popleft() if self.waiting else None
            if successor is not None:
                successor.leads = True
                successor.wake.set()

    def call_ahead(self, name: str, parts: Sequence[Inputs]) -> bool:
        """Call once for what this thread, the main one, is going to call for each; return False when that fails."""
        try:
            outputs = self.function(name, joined(parts))
            found = split(outputs, [count_rows(part) for part in parts])
            self.ahead |= {key_of(name, part): output for part, output in zip(parts, found, strict=True)}
        except Exception:  # each of them raises what is its own
            return False
        return True

    def called_ahead(self, name: str, inputs: Inputs) -> Any:
        """Return what was called ahead, or else what the function returns now."""
        if self.ahead and (key := key_of(name, inputs)) in self.ahead:
            return self.ahead[key]
        return self.timed(name, inputs)

    def lose_patience(self, call: Call) -> None:
        """Lead instead of a leader that does not come back; who is in its hands already goes on alone."""
        with self.lock:
            if call in self.waiting:
                self.waiting.remove(call)
                self.leader = call
                call.leads = True


def may_wait() -> bool:
    """Whether this thread may wait for another; a server's main loop must not."""
    return threading.current_thread() is not threading.main_thread()


def key_of(name: str, inputs: Inputs) -> Any:
    """Return what is the same only for the same method and the same inputs, bit for bit."""
    arrays = inputs if isinstance(inputs, list) else [inputs]
    return name, *(tuple(array.tolist()) if array.dtype == object else array.tobytes() for array in arrays)


def count_rows(inputs: Inputs) -> int:
    """Return how many rows inputs are."""
    return len(inputs[0]) if isinstance(inputs, list) else len(inputs)


def joined(parts: Sequence[Inputs]) -> Inputs:
    """Return the rows of several inputs as one; all have the model's one form."""
    if len(parts) == 1:
        return parts[0]
    if isinstance(parts[0], np.ndarray):
        return np.concatenate(parts)
    return [np.concatenate(arrays) for arrays in zip(*parts, strict=True)]


def split(outputs: Any, counts: Sequence[int]) -> Iterator[Any]:
    """Yield the outputs of each of several inputs: of an array, or of a list of arrays; ValueError of anything else."""
    if len(counts) == 1:
        yield outputs
        return
    arrays = outputs if isinstance(outputs, list) else [outputs]
    rows = sum(counts)
    if not all(isinstance(array, np.ndarray) and array.ndim and len(array) == rows for array in arrays):
        raise ValueError("the outputs are no arrays of as many rows as there are inputs")
    for start, stop in pairwise(accumulate(counts, initial=0)):
        parts = [array[start:stop] for array in arrays]
        yield parts if isinstance(outputs, list) else parts[0]
