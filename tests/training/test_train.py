"""The artifact: the built-in example, real tables, the same bytes every time, and nothing half written."""

import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pytest
from sklearn.datasets import load_diabetes, load_wine
from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor
from sklearn.linear_model import LinearRegression, LogisticRegression, Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import predictor
import train
from tests.training.conftest import TrainCommand

ROOT = Path(train.__file__).parent
FOREST = "sklearn.ensemble.RandomForest"

# The table, the arguments, and the estimator that the artifact must equal.
MODELS: dict[str, tuple[str, list[str], Callable[[], Any]]] = {
    "a linear regression": ("diabetes", [], LinearRegression),
    "a forest on numbers": (
        "diabetes",
        ["--estimator", f"{FOREST}Regressor", "--set", "n_estimators=20"],
        lambda: RandomForestRegressor(n_estimators=20, random_state=0),
    ),
    "a scaled ridge": (
        "diabetes",
        ["--estimator", "sklearn.linear_model.Ridge", "--scale"],
        lambda: make_pipeline(StandardScaler(), Ridge(random_state=0)),
    ),
    "a forest on labels": (
        "wine",
        ["--estimator", f"{FOREST}Classifier", "--set", "n_estimators=20"],
        lambda: RandomForestClassifier(n_estimators=20, random_state=0),
    ),
    "a scaled logistic regression": (
        "wine",
        ["--scale"],
        lambda: make_pipeline(StandardScaler(), LogisticRegression(random_state=0)),
    ),
}


def bundled(name: str) -> tuple[Any, Any, Any]:
    """Return scikit-learn's own features, target and feature names of a table."""
    bunch = {"diabetes": load_diabetes, "wine": load_wine}[name]()
    target = bunch.target_names[bunch.target] if name == "wine" else bunch.target
    return bunch.data, target, bunch.feature_names


def test_the_built_in_example_predicts_exactly_what_the_readme_promises(run_train: TrainCommand) -> None:
    run = run_train()
    assert (run.status, run.err, sorted(run.files)) == (0, "", ["model.json", "model.pkl"])
    served = predictor.load(run.directory)
    assert served.predict(np.array([[1.0, 2.0, 3.0], [2.0, 3.0, 4.0]])).tolist() == [10.0, 15.0]
    assert (served.manifest.name, served.manifest.version) == ("example", "1.0")


def test_a_freshly_trained_example_is_the_committed_model(run_train: TrainCommand) -> None:
    rows = np.random.default_rng(0).normal(size=(100, 3)) * 100
    fresh = predictor.load(run_train().directory)
    assert fresh.predict(rows) == pytest.approx(predictor.load(ROOT).predict(rows), rel=1e-12)


def test_the_pickle_loads_with_plain_joblib(run_train: TrainCommand) -> None:
    estimator = joblib.load(run_train().directory / "model.pkl")
    assert type(estimator) is LinearRegression
    assert estimator.predict([[1.0, 2.0, 3.0]]).tolist() == [10.0]


@pytest.mark.parametrize("model", MODELS)
def test_the_artifact_predicts_what_scikit_learn_fitted_on_all_rows_predicts(
    model: str, run_train: TrainCommand, request: pytest.FixtureRequest
) -> None:
    table, arguments, make = MODELS[model]
    features, target, _ = bundled(table)
    run = run_train(request.getfixturevalue(table), "--target", "target", *arguments)
    assert (run.status, run.err) == (0, "")
    served, direct = predictor.load(run.directory), make().fit(features, target)
    assert served.predict(features).tolist() == direct.predict(features).tolist()
    if served.gives_probabilities:
        assert served.predict_proba(features).tolist() == direct.predict_proba(features).tolist()


@pytest.mark.parametrize("model", MODELS)
def test_the_manifest_tells_everything_about_the_model(
    model: str, run_train: TrainCommand, request: pytest.FixtureRequest
) -> None:
    table, arguments, make = MODELS[model]
    path = request.getfixturevalue(table)
    features, target, names = bundled(table)
    run = run_train(path, "--target", "target", *arguments)
    document = json.loads(run.files["model.json"])
    pickled = run.files["model.pkl"]
    sha256 = hashlib.sha256(pickled).hexdigest()
    assert (document["name"], document["version"], document["target"]) == (table, "1.0", "target")
    assert document["artifact"] == {"file": "model.pkl", "sha256": sha256, "size": len(pickled)}
    assert document["features"] == [
        {"name": name, "kind": "number", "missing": False, "minimum": column.min(), "maximum": column.max()}
        for name, column in zip(names, features.T, strict=True)
    ]
    assert (document["task"], document["classes"]) == (
        ("classification", sorted(set(target))) if table == "wine" else ("regression", None)
    )
    assert {key: document["training"][key] for key in ("rows", "data_sha256", "seed", "test_size")} == {
        "rows": len(target),
        "data_sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
        "seed": 0,
        "test_size": 0.2,
    }
    fitted = make().fit(features, target)
    assert document["estimator"]["class"].rpartition(".")[2] == type(fitted).__name__
    assert f"{type(fitted).__module__}:{type(fitted).__name__}" in document["globals"]
    assert document["globals"] == sorted(set(document["globals"]))
    rows = [example["features"] for example in document["examples"]]
    assert [example["prediction"] for example in document["examples"]] == fitted.predict(rows).tolist()


@pytest.mark.slow
@pytest.mark.parametrize("model", ["the example", "a forest on numbers", "a scaled logistic regression"])
def test_the_same_command_in_two_processes_writes_the_same_bytes(
    model: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    arguments = []
    if model in MODELS:
        table, options, _ = MODELS[model]
        arguments = [str(request.getfixturevalue(table)), "--target", "target", *options]
    written = []
    for seed in ("1", "2"):
        out = tmp_path / seed
        out.mkdir()
        done = subprocess.run(
            [sys.executable, str(ROOT / "train.py"), *arguments, "--out", "."],
            env=os.environ | {"PYTHONHASHSEED": seed},
            cwd=out,
            capture_output=True,
            text=True,
            check=False,
        )
        assert (done.returncode, done.stderr) == (0, "")
        written.append({path.name: path.read_bytes() for path in out.iterdir()})
    assert sorted(written[0]) == ["model.json", "model.pkl", "report.html"]
    assert written[0] == written[1]


def test_the_command_line_fails_with_one_line_and_status_2(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, str(ROOT / "train.py"), "no.csv", "--target", "y", "--out", str(tmp_path)],
        capture_output=True,
        text=True,
        check=False,
    )
    message = "train.py: cannot read no.csv: No such file or directory; give the path of a CSV or Parquet file\n"
    assert (done.returncode, done.stdout, done.stderr) == (2, "", message)
    assert list(tmp_path.iterdir()) == []


def test_a_failure_after_writing_and_before_renaming_leaves_the_old_files(
    run_train: TrainCommand, diabetes: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = run_train().files

    def refuse(source: Path, place: Path) -> None:
        assert {path.name for path in Path(source).parent.iterdir()} == {"model.pkl", "model.json"}
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", refuse)
    run = run_train(diabetes, "--target", "target")
    assert (run.status, run.err) == (
        2,
        f"train.py: cannot write to {run.directory}: No space left on device; choose another folder with --out\n",
    )
    assert run.files == before
