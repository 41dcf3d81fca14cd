"""Unpickling that builds only what the manifest lists.

A pickle is a program: `find_class` is the one door through which it reaches the functions and classes that it
calls (https://docs.python.org/3/library/pickle.html#restricting-globals). Here that door has a list.
"""

import io
import pickle
from collections.abc import Collection
from typing import Any

from joblib.numpy_pickle import NumpyUnpickler


class ForbiddenGlobal(pickle.UnpicklingError):
    """The pickle names something that the manifest does not list; it was not imported."""


def global_name(module: str, name: str) -> str:
    """Return how the manifest writes a global; the colon keeps `a.b:c` and `a:b.c` apart."""
    return f"{module}:{name}"


class RestrictedUnpickler(NumpyUnpickler):  # type: ignore[misc]
    """joblib's unpickler, object arrays nested in it included, with a list of allowed globals."""

    def __init__(self, data: bytes, allowed: Collection[str]) -> None:
        super().__init__("", io.BytesIO(data), ensure_native_byte_order=True)
        self.allowed = allowed

    def find_class(self, module: str, name: str) -> Any:
        """Import a global that is on the list; ForbiddenGlobal for any other, before its module is imported."""
        if global_name(module, name) not in self.allowed:
            raise ForbiddenGlobal(global_name(module, name))
        return super().find_class(module, name)


class _RecordingUnpickler(NumpyUnpickler):  # type: ignore[misc]
    def __init__(self, data: bytes) -> None:
        super().__init__("", io.BytesIO(data), ensure_native_byte_order=True)
        self.seen: set[str] = set()

    def find_class(self, module: str, name: str) -> Any:
        self.seen.add(global_name(module, name))
        return super().find_class(module, name)


def globals_of_trusted(data: bytes) -> list[str]:
    """Return the globals that a pickle names, sorted, by loading it: only for bytes that this process dumped."""
    unpickler = _RecordingUnpickler(data)
    unpickler.load()
    return sorted(unpickler.seen)
