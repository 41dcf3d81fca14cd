"""Servers as child processes, for tests and benchmarks; never deployed."""
