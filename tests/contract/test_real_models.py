"""Real tables, trained by train.py, served by both live hosts, compared with scikit-learn bit for bit."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pytest
from sklearn.datasets import load_diabetes, load_wine

from servers.running import FUNCTION, GUNICORN, ROOT, running
from tests.hosts import Live

pytestmark = pytest.mark.slow

MODELS = {
    "diabetes-forest": ["diabetes.csv", "--estimator", "sklearn.ensemble.RandomForestRegressor"],
    "diabetes-ridge": ["diabetes.csv", "--estimator", "sklearn.linear_model.Ridge", "--scale"],
    "wine-forest": ["wine.csv", "--estimator", "sklearn.ensemble.RandomForestClassifier"],
    "wine-logistic": ["wine.csv", "--estimator", "sklearn.linear_model.LogisticRegression", "--scale"],
}


@pytest.fixture(scope="session")
def tables(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("tables")
    load_diabetes(as_frame=True).frame.to_csv(folder / "diabetes.csv", index=False)
    wine = load_wine(as_frame=True)
    frame = wine.frame.assign(target=[wine.target_names[label] for label in wine.target])
    frame.to_csv(folder / "wine.csv", index=False)
    return folder


@pytest.fixture(scope="session", params=MODELS)
def model(request: pytest.FixtureRequest, tables: Path) -> Path:
    out = tables / request.param
    table, *rest = MODELS[request.param]
    command = [sys.executable, str(ROOT / "train.py"), str(tables / table), "--target", "target", "--out", str(out)]
    subprocess.run([*command, *rest], check=True, capture_output=True)
    return out


@pytest.mark.parametrize("command", [GUNICORN, FUNCTION], ids=["gunicorn", "functions-framework"])
def test_every_answer_equals_scikit_learns(model: Path, command: list[str], tables: Path, tmp_path: Path) -> None:
    estimator = joblib.load(model / "model.pkl")
    manifest = json.loads((model / "model.json").read_text())
    names = [feature["name"] for feature in manifest["features"]]
    table = np.genfromtxt(
        tables / f"{model.name.split('-')[0]}.csv", delimiter=",", skip_header=1, usecols=range(len(names))
    )
    expected = estimator.predict(table).tolist()
    rows: list[list[float]] = table.tolist()
    with running(command, tmp_path / "log", MODEL_DIR=str(model)) as server:
        host = Live("live", server.url)

        def ask(document: Any) -> Any:
            got = host.send(json.dumps(document).encode())
            assert got.status == 200, got.body
            return got.json()

        named = [dict(reversed(list(zip(names, row, strict=True)))) for row in rows]
        assert ask({"instances": rows}) == {"predictions": expected, "model_version": "1.0"}
        assert ask({"instances": named})["predictions"] == expected
        for row, by_name in list(zip(rows, named, strict=True))[::40]:
            # BLAS rounds a matrix of one row otherwise than the same row among others.
            prediction = estimator.predict([row]).tolist()[0]
            assert ask({"features": row}) == {"prediction": prediction, "model_version": "1.0"}
            assert ask({"features": by_name}) == {"prediction": prediction, "model_version": "1.0"}
        request = {"instances": rows, "probabilities": True}
        if manifest["task"] == "classification":
            labels = estimator.classes_.tolist()
            probabilities = estimator.predict_proba(table).tolist()
            assert ask(request) == {
                "predictions": expected,
                "probabilities": [dict(zip(labels, row, strict=True)) for row in probabilities],
                "model_version": "1.0",
            }
        else:
            assert host.send(json.dumps(request).encode()).status == 422
