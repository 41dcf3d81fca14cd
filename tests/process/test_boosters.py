"""LightGBM and XGBoost on both hosts: their threads do not survive a fork, so a model is tried where nothing forks.

They are no development packages: `make test-all` first makes `.bench/boosters`, an environment of their own.
"""

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from servers.processes import wait_until, workers_of
from servers.running import ROOT, running
from tests.hosts import Live

BOOSTERS = ROOT / ".bench" / "boosters" / "bin"
ALONE = """
import sys
from pathlib import Path
import joblib, json, numpy as np
from {module} import {kind}

rows = np.random.default_rng(0).random((300, 3)).round(6)
model = {kind}(n_estimators=20).fit(rows, rows @ [1.0, 2.0, 3.0])
joblib.dump(model, Path(sys.argv[1], "m.pkl"))
print(json.dumps([rows[:50].tolist(), model.predict(rows[:50]).tolist()]))
"""
PIPELINE = """
import sys
from pathlib import Path
import json, numpy as np, pandas as pd
from {module} import {kind}
from predictor.artifact import dump, save
from predictor.columns import Category, Number
from sklearn.compose import make_column_transformer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from tables import Table
from training.describe import describe
from training.problem import Problem

random = np.random.default_rng(0)
frame = pd.DataFrame({{"size": random.random(300).round(6), "colour": random.choice(["red", "green"], 300)}})
target = (frame["size"] + (frame["colour"] == "red")).to_numpy()
columns = [Number("size"), Category("colour", values=["red", "green"])]
problem = Problem.of(Table(frame, columns, target, "y", "0" * 64, range(300)), "regression")
steps = make_column_transformer((OneHotEncoder(), ["colour"]), (StandardScaler(), ["size"]))
model = make_pipeline(steps, {kind}(n_estimators=20)).fit(problem.inputs, target)
pickled = dump(model)
save(pickled, describe(model, problem, pickled, name="m", version="1.0", training=None), Path(sys.argv[1]))
print(json.dumps([frame[:50].values.tolist(), model.predict(problem.inputs[:50]).tolist()]))
"""
BOTH_HOSTS = pytest.mark.parametrize(
    ("command", "workers"),
    [(["gunicorn"], "WEB_CONCURRENCY"), (["functions-framework", "--target", "predict"], "WORKERS")],
    ids=["gunicorn", "functions-framework"],
)
BOOSTER = pytest.mark.parametrize(("module", "kind"), [("lightgbm", "LGBMRegressor"), ("xgboost", "XGBRegressor")])

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        not BOOSTERS.exists() and "CI" not in os.environ, reason="make .bench/boosters installs LightGBM and XGBoost"
    ),
]


def run(*arguments: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [str(BOOSTERS / "python"), "-W", "ignore", *arguments],
        cwd=ROOT, capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip


def made(program: str, folder: Path) -> tuple[Any, Any]:
    """Run a program that makes a model in a folder, and return some rows and what the estimator predicts for them."""
    done = run("-c", program, str(folder))
    assert done.returncode == 0, done.stderr
    rows, predictions = json.loads(done.stdout.splitlines()[-1])
    return rows, predictions


def check_served(folder: Path, module: str, command: list[str], workers: str, known: tuple[Any, Any]) -> None:
    """Assert that two workers answer what the estimator predicts, also where OpenMP is told to use threads."""
    rows, expected = known
    server = [str(BOOSTERS / command[0]), *command[1:]]
    settings = {"MODEL_DIR": str(folder), "TRUSTED_MODULES": module, workers: "2", "OMP_NUM_THREADS": "2"}
    with running(server, folder / "log", **settings) as live:
        wait_until(lambda: len(workers_of(live.process.pid)) == 2, "both workers run")
        for _ in range(6):  # a connection each, so that either worker gets some
            got = Live("live", live.url).send(json.dumps({"instances": rows}).encode())
            assert (got.status, got.json()) == (200, {"predictions": expected, "model_version": "1.0"})


@BOTH_HOSTS
@BOOSTER
def test_a_booster_is_adopted_and_served(
    module: str, kind: str, command: list[str], workers: str, tmp_path: Path
) -> None:
    known = made(ALONE.format(module=module, kind=kind), tmp_path)
    adopting = ["train.py", "--adopt", str(tmp_path / "m.pkl"), "--features", "a,b,c", "--out", str(tmp_path)]
    refused = run(*adopting)
    assert (refused.returncode, f"TRUSTED_MODULES={module}\n" in refused.stderr) == (2, True)
    assert run(*adopting, "--yes").returncode == 0
    check_served(tmp_path, module, command, workers, known)


@BOTH_HOSTS
@BOOSTER
def test_a_booster_behind_a_column_transformer_is_served(
    module: str, kind: str, command: list[str], workers: str, tmp_path: Path
) -> None:
    known = made(PIPELINE.format(module=module, kind=kind), tmp_path)
    check_served(tmp_path, module, command, workers, known)


def test_a_booster_that_nobody_trusts_or_installed_is_one_line(tmp_path: Path) -> None:
    made(PIPELINE.format(module="lightgbm", kind="LGBMRegressor"), tmp_path)
    distributions = json.loads((tmp_path / "model.json").read_text())["packages"]
    assert "lightgbm" in distributions
    for server, says in [
        (str(BOOSTERS / "gunicorn"), "set TRUSTED_MODULES=lightgbm\n"),
        ("gunicorn", "which is not installed; make add PACKAGE=lightgbm=="),
    ]:
        path = f"{ROOT / '.venv' / 'bin'}:{os.environ['PATH']}"
        with running([server], tmp_path / "log", wait=False, MODEL_DIR=str(tmp_path), PATH=path) as live:
            assert live.wait(60) == 1
        assert live.output().count("\n") == 1
        assert says in live.output()
