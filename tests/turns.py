"""Tests marked `alone` run while no other process of this run of pytest-xdist runs any test."""

import fcntl
import tempfile
from pathlib import Path
from typing import TextIO

import pytest


class Turns:
    """Two locked files: everyone passes the gate to come into the room, one who wants to be alone waits in the gate."""

    def __init__(self, run: str) -> None:
        self.gate, self.room = (open_lock(f"tandem-tests-{run}-{name}") for name in ("gate", "room"))
        self.alone = False

    def enter(self, *, alone: bool) -> None:
        """Wait until the others allow it; who was alone before stays alone."""
        if not self.alone:
            fcntl.flock(self.gate, fcntl.LOCK_EX)
            fcntl.flock(self.room, fcntl.LOCK_EX if alone else fcntl.LOCK_SH)
            fcntl.flock(self.gate, fcntl.LOCK_UN)
        self.alone = alone

    def leave(self) -> None:
        fcntl.flock(self.room, fcntl.LOCK_UN)
        self.alone = False


def open_lock(name: str) -> TextIO:
    return (Path(tempfile.gettempdir()) / name).open("w")


def wants_to_be_alone(item: pytest.Item | None) -> bool:
    return item is not None and item.get_closest_marker("alone") is not None
