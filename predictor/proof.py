"""Proving that a model predicts its examples, in a process that ends again.

Whoever loads the model forks the processes that serve it, and the threads by which OpenMP predicts do not survive a
fork: a worker would wait for them for ever. So the process that loads never predicts; a fork of it does.
"""

import json
import math
import os
import select
import signal
import time
import warnings
from collections.abc import Callable
from typing import Any, NoReturn

from predictor.artifact import REMEDY, ArtifactError
from predictor.late_imports import imported_late, real
from predictor.model import Predictor

SECONDS = 120


def prove(predictor: Predictor, seconds: float = SECONDS) -> None:
    """Return when the model reproduces the examples of its manifest in a child process; ArtifactError otherwise."""
    report = in_child(lambda: _report(predictor), seconds)
    if "error" in report:
        raise ArtifactError(f"the model cannot predict the examples of its manifest ({report['error']}); {REMEDY}")
    if report["differing"]:
        raise ArtifactError(
            f"the model does not reproduce example {report['differing'][0]} of its manifest; the installed packages "
            f"predict other numbers than those it was trained with: {REMEDY}"
        )
    for name in report["imported"]:  # or each process that serves would do that for itself
        real(name)


def _report(predictor: Predictor) -> dict[str, Any]:
    try:
        return {"differing": predictor.replay()[:1], "imported": imported_late()}
    except BaseException as error:  # an estimator that is not what it seems can raise anything
        return {"error": f"{type(error).__name__}: {error}"[:500]}


def in_child(report: Callable[[], dict[str, Any]], seconds: float) -> dict[str, Any]:
    """Return what a function reports in a child process, or as "error" why that one could not."""
    if not hasattr(os, "fork"):
        return report()
    reading, writing = os.pipe()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of threads in the parent: the child only predicts
        child = os.fork()
    if child == 0:
        signal.alarm(math.ceil(seconds) + 1)  # it ends, too, when the parent is killed meanwhile
        _report_and_end(report, writing)
    os.close(writing)
    report_bytes = None
    try:
        report_bytes = _read_until(reading, time.monotonic() + seconds)
    finally:
        os.close(reading)
        status = _end(child, kill=report_bytes is None)
    if report_bytes is None:
        return {"error": f"not within {seconds:g} s"}
    if not report_bytes:
        return {"error": f"its process ended by signal {status}"}
    reported: dict[str, Any] = json.loads(report_bytes)
    return reported


def _report_and_end(report: Callable[[], dict[str, Any]], writing: int) -> NoReturn:
    """Do what the child does; nothing of its parent's is done twice."""
    try:
        os.write(writing, json.dumps(report()).encode())
    finally:
        os._exit(0)


def _read_until(reading: int, end: float) -> bytes | None:
    """Return what the child wrote, None if it has not ended by then."""
    received = b""
    while select.select([reading], [], [], max(0.0, end - time.monotonic()))[0]:
        part = os.read(reading, 65_536)
        if not part:
            return received
        received += part
    return None


def _end(child: int, *, kill: bool) -> int:
    """Wait for the end of the child, and return the signal that ended it."""
    if kill:
        os.kill(child, signal.SIGKILL)
    try:
        return os.waitpid(child, 0)[1] & 0x7F
    except ChildProcessError:  # gunicorn's master waits for every child when it is told that one ended
        return 0
