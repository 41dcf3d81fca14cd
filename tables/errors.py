"""What is wrong with a table: every fault of it in one error."""

from collections.abc import Iterable

SHOWN_FAULTS = 10


class TableError(Exception):
    """A table cannot be used; `faults` says why, one line a fault."""

    def __init__(self, *faults: str) -> None:
        self.faults = [" ".join(fault.split()) for fault in faults]
        super().__init__("\n".join(self.faults))


def first_few(faults: Iterable[str]) -> list[str]:
    """Return the first ten faults, and how many more there are."""
    every = list(faults)
    more = len(every) - SHOWN_FAULTS
    return [*every[:SHOWN_FAULTS], f"and {more:,} more"] if more > 0 else every
