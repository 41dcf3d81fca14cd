"""Functions from a Flask request to a Flask response; each is a view of the web app and a Cloud Function."""

import contextlib
import ctypes
import os

# Both hosts load the model in one process and then fork those that serve, and OpenMP's threads do not survive a fork:
# whoever computes by them afterwards waits for ever. Nothing predicts before the fork, but LightGBM computes by OpenMP
# while it is unpickled. One thread needs no others, and requests run side by side in threads and workers anyway. It
# must be set before numpy and scikit-learn are imported.
os.environ["OMP_NUM_THREADS"] = "1"
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

# One heap for all threads: glibc would give each its own, in which what a large body left behind serves no other thread,
# and with time four hostile bodies took 636 MB instead of 440. Python's lock lets one thread at a time ask for memory
# anyway. mallopt(3) is glibc's alone.
M_ARENA_MAX = -8
with contextlib.suppress(AttributeError):
    ctypes.CDLL(None).mallopt(M_ARENA_MAX, 1)
