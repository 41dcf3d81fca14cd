"""Who is measured, and the models that they serve."""

import os
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parent.parent
# Environments without the development packages, as a deployment has them; `make bench` makes both.
OURS = ROOT / ".bench/ours/bin"
PEER = ROOT / ".bench/peer/bin"

FOREST = ["--estimator", "sklearn.ensemble.RandomForestRegressor", "--set", "n_estimators=100"]


@dataclass(frozen=True)
class Contender:
    """A server: its name in results.json, its name for people, and how it is started."""

    key: str
    title: str
    command: list[str]
    folder: Path = ROOT
    environ: dict[str, str] = field(default_factory=dict)


GUNICORN = [str(OURS / "gunicorn")]
FUNCTION = [str(OURS / "functions-framework"), "--target", "predict", "--port", "{port}"]
UVICORN = [str(PEER / "uvicorn"), "--host", "127.0.0.1", "--port", "{port}", "--no-access-log"]

CONTENDERS = [
    Contender("peer", "FastAPI + uvicorn", [*UVICORN, "fastapi_app:app"], ROOT / "benchmarks/peers"),
    Contender("sklearn", "Tandem, scikit-learn", GUNICORN, environ={"ENGINE": "sklearn"}),
    Contender("compiled", "Tandem, compiled", GUNICORN),
    Contender("function", "Tandem as a function, scikit-learn", FUNCTION, environ={"ENGINE": "sklearn"}),
    Contender("function_compiled", "Tandem as a function, compiled", FUNCTION),
    Contender(
        "peer_async", "FastAPI + uvicorn, async def", [*UVICORN, "fastapi_app:app_async"], ROOT / "benchmarks/peers"
    ),
]


def train_models(folder: Path) -> dict[str, Path]:
    """Return the folders of the models, trained and compiled: the built-in example and a forest of a hundred trees."""
    random = np.random.RandomState(0)
    features = random.uniform(0, 5, (1000, 3))
    target = features @ [3.0, 1.0, 1.0] + np.sin(features[:, 0] * 3) + random.normal(0, 0.1, 1000) + 10
    table = folder / "table.csv"
    np.savetxt(table, np.column_stack([features, target]), delimiter=",", header="x1,x2,x3,y", comments="", fmt="%.4f")
    arguments = {"linear": [], "forest": [str(table), "--target", "y", *FOREST]}
    for name, more in arguments.items():
        command = [sys.executable, "train.py", "--compile", "--no-report", "--out", str(folder / name), *more]
        subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.DEVNULL, env=dict(os.environ))
    return {name: folder / name for name in arguments}
