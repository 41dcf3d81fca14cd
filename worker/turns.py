"""In which order, and how many at a time, the main loop looks at what its clients sent."""

import functools
import selectors
from collections.abc import Callable
from typing import Any

Ready = tuple[selectors.SelectorKey, int]


class LongestWaitFirst(selectors.DefaultSelector):
    """A selector that lets nobody wait for two turns of others.

    Linux lists first what was ready the last time. A client whose request just missed a turn would be the last in the
    next one, and so miss it again: with 16 connections the slowest hundredth took twice as long as the others.
    """

    def __init__(self, look_ahead: Callable[[list[Ready]], list[Ready]] = list) -> None:
        super().__init__()
        self.look_ahead = look_ahead

    def select(self, timeout: float | None = None) -> list[Ready]:
        """Return what is ready, connections in the order of their last answers, as far as it is for this turn."""
        return self.look_ahead(sorted(super().select(timeout), key=silent_until))


def silent_until(ready: Ready) -> float:
    """Return until when a connection may be silent; it is counted from its last answer."""
    callback = ready[0].data
    return callback.args[0].timeout if isinstance(callback, functools.partial) else 0.0


def connection_of(ready: Ready, methods: tuple[Any, ...]) -> Any:
    """Return the connection that one of these methods is going to be called with, None when it is another."""
    callback = ready[0].data
    return callback.args[0] if isinstance(callback, functools.partial) and callback.func in methods else None
