"""A model is tried in a process that ends: what happens there neither hangs nor ends the one that serves."""

import os
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from predictor import ArtifactError, Predictor, load
from predictor.proof import in_child, prove
from servers.processes import children
from tests.files import copy_model


def predictor_with(tmp_path: Path, predict: Callable[[Any], Any]) -> Predictor:
    class Estimator:
        pass

    estimator = Estimator()
    estimator.predict = predict  # type: ignore[attr-defined]
    return Predictor(load(copy_model(tmp_path)).manifest, estimator)


def test_the_process_that_loads_never_predicts(tmp_path: Path) -> None:
    pids = tmp_path / "pids"

    def predict(matrix: Any) -> Any:
        pids.write_text(str(os.getpid()))
        return matrix @ [3.0, 2.0, 1.0]

    with pytest.raises(ArtifactError, match="does not reproduce example 1 of its manifest"):
        prove(predictor_with(tmp_path, predict))
    assert int(pids.read_text()) != os.getpid()
    with pytest.raises(ProcessLookupError):
        os.kill(int(pids.read_text()), 0)


def crash(_: Any) -> None:
    os.kill(os.getpid(), signal.SIGSEGV)


def refuse(_: Any) -> None:
    raise TypeError("no\nsuch table")


@pytest.mark.parametrize(
    ("predict", "says"),
    [
        (crash, "(its process ended by signal 11)"),
        (refuse, "(TypeError: no such table)"),
        (lambda _: sys.exit(3), "(SystemExit: 3)"),
        (lambda _: time.sleep(60), "(not within 1 s)"),
        (lambda matrix: np.zeros(len(matrix) + 1), "(WrongShapeError: it predicts an array of shape (6,) for 5 rows, "),
    ],
    ids=["crashes", "refuses", "exits", "hangs", "predicts too many"],
)
def test_whatever_the_model_does_is_one_line(predict: Callable[[Any], Any], says: str, tmp_path: Path) -> None:
    before, others = len(os.listdir("/proc/self/fd")), children()
    with pytest.raises(ArtifactError) as refused:
        prove(predictor_with(tmp_path, predict), seconds=1 if "1 s" in says else 30)
    assert says in str(refused.value)
    assert str(refused.value).isprintable()
    assert len(os.listdir("/proc/self/fd")) == before
    assert children() <= others  # none is left behind; another test's server may run in this process


@pytest.mark.parametrize("length", [1, 65_536, 200_000])
def test_a_report_of_any_length_arrives_whole(length: int) -> None:
    assert in_child(lambda: {"error": "x" * length}, 30) == {"error": "x" * length}


def test_a_child_that_reports_nothing_is_an_error() -> None:
    assert in_child(lambda: {"error": b"no text"}, 30) == {"error": "its process ended by signal 0"}
