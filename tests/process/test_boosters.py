"""LightGBM and XGBoost on both hosts: their threads do not survive a fork, so a model is tried where nothing forks.

They are no development packages: TANDEM_BOOSTERS is an environment that has them beside these, as CI makes it.
"""

import json
import os
import subprocess
from pathlib import Path

import numpy as np
import pytest

from tests.hosts import Live
from tests.servers import ROOT, running

BOOSTERS = os.environ.get("TANDEM_BOOSTERS", "")
ROWS = np.random.RandomState(0).rand(300, 3)
MAKE = """
import sys, joblib, numpy as np
from {module} import {kind}
rows = np.random.RandomState(0).rand(300, 3)
model = {kind}(n_estimators=20).fit(rows, rows @ [1.0, 2.0, 3.0])
joblib.dump(model, sys.argv[1])
print(model.predict(rows[:5]).tolist())
"""

pytestmark = pytest.mark.skipif(not BOOSTERS, reason="TANDEM_BOOSTERS names no environment with LightGBM and XGBoost")


@pytest.mark.parametrize(
    "command", [["gunicorn"], ["functions-framework", "--target", "predict"]], ids=["web", "function"]
)
@pytest.mark.parametrize(("module", "kind"), [("lightgbm", "LGBMRegressor"), ("xgboost", "XGBRegressor")])
def test_a_booster_is_adopted_and_served(module: str, kind: str, command: list[str], tmp_path: Path) -> None:
    binaries, pickled, out = Path(BOOSTERS) / "bin", str(tmp_path / "m.pkl"), str(tmp_path / "out")

    def run(*arguments: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            [str(binaries / "python"), *arguments], cwd=ROOT, capture_output=True, text=True, timeout=120, check=False
        )

    made = run("-W", "ignore", "-c", MAKE.format(module=module, kind=kind), pickled)
    assert made.returncode == 0, made.stderr
    expected = json.loads(made.stdout.splitlines()[-1])
    adopting = ["train.py", "--adopt", pickled, "--features", "a,b,c", "--out", out]
    refused = run(*adopting)
    assert (refused.returncode, f"TRUSTED_MODULES={module}\n" in refused.stderr) == (2, True)
    assert run(*adopting, "--yes").returncode == 0
    server = [str(binaries / command[0]), *command[1:]]
    settings = {"MODEL_DIR": out, "TRUSTED_MODULES": module, "OMP_NUM_THREADS": "4", "WEB_CONCURRENCY": "2"}
    with running(server, tmp_path / "log", **settings) as live:
        for _ in range(4):
            got = Live(module, live.url).send(json.dumps({"instances": ROWS[:5].tolist()}).encode())
            assert (got.status, got.json()) == (200, {"predictions": expected, "model_version": "1.0"})
