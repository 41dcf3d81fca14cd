"""Measurements of Tandem on this machine; never deployed."""


class BenchmarkError(Exception):
    """The benchmark cannot go on; the message is one line."""
