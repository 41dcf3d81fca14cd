"""Stops, reloads, recycled and killed workers under load; `make chaos` does the same many times."""

import json
import threading
import time
from collections.abc import Callable
from pathlib import Path

import joblib
import numpy as np
import pytest

import train
from servers.processes import cpu_seconds, wait_until, workers_of
from servers.running import GUNICORN, running
from tests.hosts import Answer, Live
from tests.process.chaos import THREADS, Outcome, killed, recycled, reloaded, stopped

pytestmark = [pytest.mark.slow, pytest.mark.alone]

SOME = 50


def assert_nothing_is_lost(outcome: Outcome) -> None:
    tally = outcome.tally
    assert (tally.lost, tally.sent - tally.late) == (0, tally.answered)
    assert tally.answered > SOME


@pytest.mark.parametrize("workers", [1, 2])
def test_a_stop_under_load_loses_nothing_and_takes_less_than_ten_seconds(tmp_path: Path, workers: int) -> None:
    outcome = stopped(tmp_path, 1, workers=workers)
    assert_nothing_is_lost(outcome)
    assert outcome.tally.late <= THREADS  # all 12 clients, were the queue not emptied
    assert outcome.statuses == {0}
    assert outcome.seconds[0] < 10


@pytest.mark.parametrize("scenario", [reloaded, recycled])
def test_new_workers_take_over_without_a_loss(tmp_path: Path, scenario: Callable[..., Outcome]) -> None:
    outcome = scenario(tmp_path, 1, workers=2)
    assert_nothing_is_lost(outcome)
    assert (outcome.tally.refused, outcome.tally.late) == (0, 0)


@pytest.mark.parametrize("workers", [1, 2])
def test_a_killed_worker_takes_only_its_requests_along(tmp_path: Path, workers: int) -> None:
    outcome = killed(tmp_path, 1, workers=workers)
    tally = outcome.tally
    assert tally.lost <= THREADS
    assert (tally.answered + tally.lost, tally.refused) == (tally.sent, 0)
    assert outcome.seconds[0] < 2


@pytest.fixture(scope="module")
def forest(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of a model that takes milliseconds for a row."""
    folder = tmp_path_factory.mktemp("forest")
    table = np.random.default_rng(0).random((300, 4))
    np.savetxt(folder / "table.csv", table, delimiter=",", header="a,b,c,y", comments="")
    kind = ["--estimator", "sklearn.ensemble.RandomForestRegressor", "--set", "n_estimators=200"]
    train.main([str(folder / "table.csv"), "--target", "y", *kind, "--out", str(folder)])
    return folder


def rows_for_seconds(estimator: object, seconds: float) -> list[list[float]]:
    """Return so many rows that this machine predicts them in about the given time."""
    rows = np.random.default_rng(1).random((100_000, 3)).round(3)
    began = time.monotonic()
    estimator.predict(rows[:2000])  # type: ignore[attr-defined]
    found: list[list[float]] = rows[: int(2000 * seconds / (time.monotonic() - began))].tolist()
    return found


def test_a_request_in_flight_at_a_stop_is_answered(forest: Path, tmp_path: Path) -> None:
    estimator = joblib.load(forest / "model.pkl")
    rows = rows_for_seconds(estimator, 0.8)
    body = json.dumps({"instances": rows}).encode()
    answers: list[tuple[Answer, float]] = []
    with running(GUNICORN, tmp_path / "log", MODEL_DIR=str(forest)) as server:
        worker = workers_of(server.process.pid)[0]
        host = Live("live", server.url)
        before = cpu_seconds(worker)
        client = threading.Thread(target=lambda: answers.append((host.send(body), time.monotonic())))
        client.start()
        wait_until(lambda: cpu_seconds(worker) > before + 0.1, "the worker predicts")
        began = time.monotonic()
        assert server.stop() == 0
        assert time.monotonic() - began < 10
        client.join(30)
    [(answer, moment)] = answers
    assert moment > began
    assert answer.json() == {"predictions": estimator.predict(rows).tolist(), "model_version": "1.0"}
