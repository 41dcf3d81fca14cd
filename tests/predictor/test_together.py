"""Threads that meet in a slow model: what is called for whom, and that each gets its own result, whatever happens."""

import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import numpy as np
import pytest

from predictor import together as module
from predictor.columns import Inputs
from predictor.together import MOST_ROWS, MOST_ROWS_OF_ONE, Together, count_rows

SECONDS = 10.0


def until(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + SECONDS
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.0005)


def doubled(_: str, inputs: Inputs) -> Any:
    return 2 * np.asarray(inputs)[:, 0]


class Slow:
    """A function that notes its calls and, while it is closed, holds them."""

    def __init__(self, function: Callable[[str, Inputs], Any] = doubled) -> None:
        self.function = function
        self.calls: list[tuple[str, int]] = []
        self.open = threading.Event()
        self.threads = ThreadPoolExecutor(80)
        self.together = Together(self)

    def __call__(self, name: str, inputs: Inputs) -> Any:
        self.calls.append((name, count_rows(inputs)))
        assert self.open.wait(SECONDS)
        return self.function(name, inputs)

    def ask(self, value: float, rows: int = 1, name: str = "predict") -> "Future[Any]":
        """Call in a thread of its own; return once the function or the queue has it."""
        before = len(self.calls) + len(self.together.waiting)
        asked = self.threads.submit(self.together, name, np.full((rows, 1), value))
        until(lambda: len(self.calls) + len(self.together.waiting) > before or asked.done())
        return asked


@pytest.fixture
def slow() -> Iterator[Slow]:
    made = Slow()
    yield made
    made.open.set()
    made.threads.shutdown()


def results(asked: list["Future[Any]"]) -> list[Any]:
    return [each.result(SECONDS).tolist() for each in asked]


def test_what_waits_is_called_once(slow: Slow) -> None:
    asked = [slow.ask(value) for value in range(16)]
    slow.open.set()
    assert results(asked) == [[2.0 * value] for value in range(16)]
    assert slow.calls == [("predict", 1), ("predict", 15)]


def test_a_thread_that_is_alone_waits_for_nobody(slow: Slow) -> None:
    slow.open.set()
    for value in range(3):
        assert results([slow.ask(value)]) == [[2.0 * value]]
    assert slow.calls == [("predict", 1)] * 3


def test_requests_of_several_rows_are_joined_up_to_a_limit(slow: Slow) -> None:
    asked = [slow.ask(value, rows) for value, rows in enumerate([1, 16, 16, 16, 15, 2, 16])]
    slow.open.set()
    assert results(asked) == [[2.0 * value] * rows for value, rows in enumerate([1, 16, 16, 16, 15, 2, 16])]
    # What no longer fits waits for the next call; what comes after it and fits does not.
    assert [rows for _, rows in slow.calls] == [1, 63, 18]
    assert max(rows for _, rows in slow.calls) <= MOST_ROWS


def test_requests_may_fill_a_call(slow: Slow) -> None:
    asked = [slow.ask(value, rows) for value, rows in enumerate([1, 16, 16, 16, 16, 1])]
    slow.open.set()
    assert results(asked) == [[2.0 * value] * rows for value, rows in enumerate([1, 16, 16, 16, 16, 1])]
    assert [rows for _, rows in slow.calls] == [1, MOST_ROWS, 1]


def test_a_large_request_is_a_call_of_its_own(slow: Slow) -> None:
    asked = [slow.ask(1), slow.ask(2, MOST_ROWS_OF_ONE + 1)]
    assert slow.calls == [("predict", 1), ("predict", MOST_ROWS_OF_ONE + 1)]  # both at once
    slow.open.set()
    assert results(asked) == [[2.0], [4.0] * (MOST_ROWS_OF_ONE + 1)]


def test_methods_are_called_apart_and_none_is_left_behind(slow: Slow) -> None:
    names = ["predict", "predict", "predict_proba", "predict", "predict_proba"]
    asked = [slow.ask(value, name=name) for value, name in enumerate(names)]
    slow.open.set()
    assert results(asked) == [[2.0 * value] for value in range(5)]
    assert slow.calls == [("predict", 1), ("predict", 2), ("predict_proba", 2)]


def test_the_main_thread_never_waits(slow: Slow) -> None:
    asked = [slow.ask(1), slow.ask(2)]
    slow.open.set()
    assert slow.together("predict", np.array([[3.0]])).tolist() == [6.0]
    assert results(asked) == [[2.0], [4.0]]

    slow.together.leader = module.Call("predict", np.array([[1.0]]), 1)  # it never comes back
    assert slow.together("predict", np.array([[4.0]])).tolist() == [8.0]


def test_a_quick_function_is_not_worth_waiting_for(slow: Slow, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "WORTH_SECONDS", SECONDS)
    slow.open.set()
    assert results([slow.ask(0)]) == [[0.0]]
    slow.open.clear()
    asked = [slow.ask(value) for value in range(1, 5)]
    assert slow.calls == [("predict", 1)] * 5  # at once, each by itself
    slow.open.set()
    assert results(asked) == [[2.0 * value] for value in range(1, 5)]


def refuses_negatives(_: str, inputs: Inputs) -> Any:
    values = np.asarray(inputs)[:, 0]
    if (values == -3).any():
        raise SystemExit("the model ends the process")
    if (values == -2).any():
        raise MemoryError
    if (values < 0).any():
        raise ValueError(f"refused: {values.min()}")
    return 2 * values


@pytest.mark.parametrize(
    ("culprits", "most_calls"),
    [
        ({5: -1}, 9),  # all sixteen, then the halves of what failed
        ({0: -1}, 9),
        ({3: -1, 11: -2}, 15),
        ({7: -3}, 9),
        (dict.fromkeys(range(16), -1), 31),
    ],
)  # fmt: skip
def test_a_row_that_is_refused_is_refused_alone(slow: Slow, culprits: dict[int, int], most_calls: int) -> None:
    slow.function = refuses_negatives
    asked = [slow.ask(1)] + [slow.ask(culprits.get(number, number)) for number in range(16)]
    slow.open.set()
    assert results(asked[:1]) == [[2.0]]
    for number, each in enumerate(asked[1:]):
        if number not in culprits:
            assert results([each]) == [[2.0 * number]]
            continue
        kind = {-1: ValueError, -2: MemoryError, -3: SystemExit}[culprits[number]]
        assert type(each.exception(SECONDS)) is kind
    assert len(slow.calls) - 1 <= most_calls


def test_the_first_one_that_is_refused_leaves_the_others_their_turn(slow: Slow) -> None:
    slow.function = refuses_negatives
    asked = [slow.ask(-3), slow.ask(1), slow.ask(2)]
    slow.open.set()
    assert isinstance(asked[0].exception(SECONDS), SystemExit)
    assert results(asked[1:]) == [[2.0], [4.0]]
    assert slow.calls == [("predict", 1), ("predict", 2)]


def only_alone(_: str, inputs: Inputs) -> Any:
    if count_rows(inputs) > 1:
        raise MemoryError
    return doubled("", inputs)


@pytest.mark.parametrize(
    "function",
    [
        only_alone,
        lambda _, inputs: doubled("", inputs) if len(inputs) == 1 else doubled("", inputs).tolist(),
        lambda _, inputs: doubled("", inputs) if len(inputs) == 1 else doubled("", inputs)[1:],
        lambda _, inputs: doubled("", inputs) if len(inputs) == 1 else np.float64(1),
        lambda _, inputs: doubled("", inputs) if len(inputs) == 1 else None,
    ],
    ids=["refuses", "a list", "too few", "a number", "nothing"],
)
def test_what_cannot_be_split_is_called_again_for_each(slow: Slow, function: Any) -> None:
    slow.function = function
    asked = [slow.ask(value) for value in range(5)]
    slow.open.set()
    assert results(asked) == [[2.0 * value] for value in range(5)]


def test_columns_and_lists_of_arrays_are_joined_and_split(slow: Slow) -> None:
    def by_target(_: str, inputs: Inputs) -> Any:
        numbers, words = inputs
        return [np.column_stack([numbers, -numbers]), words + "!"]

    slow.function = by_target
    asked = []
    for number, word in enumerate(["a", "b", "c"]):
        words = np.array([word, word.upper()], dtype=object)
        before = len(slow.calls) + len(slow.together.waiting)
        asked.append(slow.threads.submit(slow.together, "predict_proba", [np.array([number, number + 0.5]), words]))
        until(lambda before=before: len(slow.calls) + len(slow.together.waiting) > before)  # type: ignore[misc]
    slow.open.set()
    for number, (word, each) in enumerate(zip("abc", asked, strict=True)):
        numbers, words = each.result(SECONDS)
        assert numbers.tolist() == [[number, -number], [number + 0.5, -number - 0.5]]
        assert words.tolist() == [f"{word}!", f"{word.upper()}!"]
    assert slow.calls == [("predict_proba", 2), ("predict_proba", 4)]


def test_who_waits_for_one_that_hangs_goes_on_without_it(slow: Slow, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PATIENCE_SECONDS", 0.05)
    released = threading.Event()

    def hangs(name: str, inputs: Inputs) -> Any:
        if (np.asarray(inputs)[:, 0] == 99).any():
            assert released.wait(SECONDS)
        return doubled(name, inputs)

    slow.function = hangs
    slow.open.set()
    hung = slow.ask(99)
    assert results([slow.ask(value) for value in range(4)]) == [[2.0 * value] for value in range(4)]
    began = time.monotonic()
    assert results([slow.ask(value) for value in range(4)]) == [[2.0 * value] for value in range(4)]
    assert time.monotonic() - began < SECONDS / 2
    assert slow.together.leader is None  # whoever lost patience has handed over, too
    released.set()
    assert results([hung]) == [[198.0]]
    assert slow.together.leader is None
    assert not slow.together.waiting


def test_who_is_in_the_hands_of_one_that_hangs_goes_on_alone(slow: Slow, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PATIENCE_SECONDS", 0.2)
    released = threading.Event()

    def hangs_together(name: str, inputs: Inputs) -> Any:
        if count_rows(inputs) > 1:
            assert released.wait(SECONDS)
        return doubled(name, inputs)

    slow.function = hangs_together
    asked = [slow.ask(value) for value in range(4)]
    slow.open.set()
    until(lambda: sum(each.done() for each in asked) == 3)  # all but the one that leads
    released.set()
    assert results(asked) == [[2.0 * value] for value in range(4)]


def test_who_leads_instead_of_one_that_hangs_is_waited_for(slow: Slow, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PATIENCE_SECONDS", 0.05)
    released = {99.0: threading.Event(), 5.0: threading.Event()}

    def holds(name: str, inputs: Inputs) -> Any:
        event = released.get(np.asarray(inputs)[0, 0])
        assert event is None or event.wait(SECONDS)
        return doubled(name, inputs)

    slow.function = holds
    slow.open.set()
    hung, leads = slow.ask(99), slow.ask(5)
    until(lambda: len(slow.calls) == 2)
    monkeypatch.setattr(module, "PATIENCE_SECONDS", SECONDS)
    waits = slow.ask(7)
    assert (len(slow.calls), len(slow.together.waiting)) == (2, 1)
    released[5.0].set()
    assert results([leads, waits]) == [[10.0], [14.0]]
    released[99.0].set()
    assert results([hung]) == [[198.0]]
    assert slow.together.leader is None


@contextmanager
def frequent_switches() -> Iterator[None]:
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    try:
        yield
    finally:
        sys.setswitchinterval(before)


def test_of_thousands_each_gets_its_own() -> None:
    def function(name: str, inputs: Inputs) -> Any:
        values = np.asarray(inputs)[:, 0]
        time.sleep(module.WORTH_SECONDS * 2)
        if (values % 97 == 0).any():
            raise ValueError("refused")
        return values * (2 if name == "predict" else 3)

    joined = Together(function)

    def ask(seed: int) -> int:
        chance = np.random.RandomState(seed)
        wrong = 0
        for _ in range(100):
            values = [float(chance.randint(1, 100_000)) for _ in range(chance.choice([1, 1, 1, 2, 5, 16, 20]))]
            name, factor = [("predict", 2), ("predict_proba", 3)][chance.randint(2)]
            try:
                got = joined(name, np.array(values).reshape(-1, 1)).tolist()
            except ValueError:
                wrong += not any(value % 97 == 0 for value in values)
            else:
                wrong += got != [factor * value for value in values] or any(value % 97 == 0 for value in values)
        return wrong

    with frequent_switches(), ThreadPoolExecutor(32) as threads:
        assert sum(threads.map(ask, range(32))) == 0
    assert joined.leader is None
    assert not joined.waiting


PARTS: dict[str, list[Inputs]] = {
    "matrices": [np.array([[1.0], [2.0]]), np.array([[3.0]])],
    "columns": [[np.array([1.0]), np.array(["a"], dtype=object)], [np.array([2.0]), np.array(["b"], dtype=object)]],
}


@pytest.mark.parametrize("parts", PARTS.values(), ids=PARTS)
def test_what_was_called_ahead_is_not_called_again(parts: list[Inputs]) -> None:
    calls: list[tuple[str, int]] = []

    def function(name: str, inputs: Inputs) -> Any:
        calls.append((name, count_rows(inputs)))
        return 2 * (inputs[0] if isinstance(inputs, list) else inputs[:, 0])

    together = Together(function)
    assert together.call_ahead("predict", parts)
    rows = sum(map(count_rows, parts))
    assert calls == [("predict", rows)]
    alone = [function("predict", part).tolist() for part in parts]
    calls.clear()
    assert [together("predict", part).tolist() for part in parts] == alone
    assert calls == []
    together("predict_proba", parts[0])  # another method, and other rows
    together("predict", parts[0][::-1] if isinstance(parts[0], np.ndarray) else [parts[0][0], parts[1][1]])
    assert calls == [("predict_proba", count_rows(parts[0])), ("predict", count_rows(parts[0]))]


@pytest.mark.parametrize("function", [refuses_negatives, lambda _, inputs: doubled("", inputs)[1:]])
def test_what_cannot_be_called_ahead_is_called_by_itself(function: Callable[[str, Inputs], Any]) -> None:
    together = Together(function)
    parts: list[Inputs] = [np.array([[-1.0]]), np.array([[1.0], [5.0]])]
    assert not together.call_ahead("predict", parts)
    assert together.ahead == {}
    assert together("predict", parts[1]).tolist() == function("predict", parts[1]).tolist()
