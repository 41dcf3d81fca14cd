"""An estimator that computes with OpenMP: its threads do not survive the fork between loading and serving."""

import json
from pathlib import Path

import joblib
import numpy as np
import pytest

import train
from servers.processes import wait_until, workers_of
from servers.running import FUNCTION, GUNICORN, running
from tests.hosts import Live

pytestmark = pytest.mark.slow

ROWS = np.random.default_rng(0).random((300, 3)).round(6)


@pytest.fixture(scope="module")
def boosting(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("boosting")
    table = np.column_stack([ROWS, ROWS @ [3, 1, 1] + 2])
    np.savetxt(folder / "table.csv", table, delimiter=",", header="a,b,c,y", comments="")
    kind = ["--estimator", "sklearn.ensemble.HistGradientBoostingRegressor"]
    train.main([str(folder / "table.csv"), "--target", "y", *kind, "--out", str(folder)])
    return folder


@pytest.mark.parametrize(
    ("command", "omp_num_threads"),
    [(GUNICORN, ""), (GUNICORN, "4"), (FUNCTION, "4")],
    ids=["gunicorn", "gunicorn told to use 4 threads", "functions-framework told to use 4 threads"],
)
def test_histogram_boosting_answers_as_scikit_learn_after_the_fork(
    boosting: Path, tmp_path: Path, command: list[str], omp_num_threads: str
) -> None:
    expected = joblib.load(boosting / "model.pkl").predict(ROWS).tolist()
    settings = {"MODEL_DIR": str(boosting), "WEB_CONCURRENCY": "2", "OMP_NUM_THREADS": omp_num_threads}
    with running(command, tmp_path / "log", **settings) as server:
        workers = 2 if command is GUNICORN else 1
        wait_until(lambda: len(workers_of(server.process.pid)) == workers, "all workers run")
        for row, prediction in list(zip(ROWS.tolist(), expected, strict=True))[:20]:
            # A new connection each time, so that either worker gets some; Live gives up after 30 s.
            got = Live("live", server.url).send(json.dumps({"features": row}).encode())
            assert (got.status, got.json()) == (200, {"prediction": prediction, "model_version": "1.0"})
        got = Live("live", server.url).send(json.dumps({"instances": ROWS.tolist()}).encode())
        assert got.json() == {"predictions": expected, "model_version": "1.0"}
