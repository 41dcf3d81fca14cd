"""Regressors of several targets, compiled: each target as near to scikit-learn as one alone, and answered by name."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pandas as pd
import pytest
from sklearn.compose import TransformedTargetRegressor, make_column_transformer
from sklearn.cross_decomposition import PLSRegression
from sklearn.dummy import DummyRegressor
from sklearn.ensemble import (
    ExtraTreesRegressor,
    GradientBoostingRegressor,
    HistGradientBoostingRegressor,
    RandomForestRegressor,
)
from sklearn.linear_model import LinearRegression, MultiTaskLasso, Ridge
from sklearn.multioutput import MultiOutputClassifier, MultiOutputRegressor, RegressorChain
from sklearn.neighbors import KNeighborsRegressor
from sklearn.neural_network import MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from sklearn.svm import SVR
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

import train
from handlers.service import load_service
from predictor.columns import Number
from predictor.onnx_engine import CompiledModel
from training import NotCompiledError
from training.bigquery import compile_for_bigquery
from training.compile import compile_model
from webapp import create_app

RANDOM = np.random.RandomState(0)
X = RANDOM.rand(80, 3)
# The targets differ a million times in size, so that what is right for one of them is not enough for the other.
Y = np.column_stack([X @ [1.0, 2.0, 3.0] + 1e-6 * RANDOM.rand(80), 1e6 * X[:, 1] - 5, RANDOM.rand(80)])

MODELS: dict[str, Callable[[], Any]] = {
    "linear": LinearRegression,
    "ridge": Ridge,
    "lasso": lambda: MultiTaskLasso(alpha=0.001),
    "pipeline": lambda: make_pipeline(StandardScaler(), Ridge()),
    "tree": lambda: DecisionTreeRegressor(max_depth=5),
    "forest": lambda: RandomForestRegressor(8, random_state=0),
    "extra trees": lambda: ExtraTreesRegressor(8, random_state=0),
    "dummy": DummyRegressor,
    "each linear": lambda: MultiOutputRegressor(LinearRegression()),
    "each boosting": lambda: MultiOutputRegressor(GradientBoostingRegressor(n_estimators=5)),
    "each histogram": lambda: MultiOutputRegressor(HistGradientBoostingRegressor(max_iter=5)),
    "each vectors": lambda: MultiOutputRegressor(SVR()),
    "scaled target": lambda: TransformedTargetRegressor(Ridge(), transformer=StandardScaler()),
    "neighbours": KNeighborsRegressor,
    "neurons": lambda: MLPRegressor(hidden_layer_sizes=[5], max_iter=20, random_state=0),
    "least squares": PLSRegression,
}


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", MODELS)
def test_every_target_is_predicted_as_by_scikit_learn(name: str) -> None:
    fitted = MODELS[name]().fit(X, Y)
    compiled = compile_model(fitted, X)
    model = CompiledModel(compiled.data, None, compiled.facts["precision"])
    expected = fitted.predict(X)
    assert compiled.facts["largest_difference"] <= 1e-12
    for rows in (X, X[:1]):
        got = model.predict(rows)
        assert got.shape == (len(rows), 3)
        np.testing.assert_allclose(
            got, expected[: len(rows)], rtol=1e-11, atol=1e-9 * np.abs(expected).mean(axis=0).min()
        )


REFUSED: dict[str, tuple[Callable[[], Any], str]] = {
    "a chain": (lambda: RegressorChain(LinearRegression()).fit(X, Y), "cannot convert RegressorChain"),
    "labels": (lambda: DecisionTreeClassifier().fit(X, (Y > 1).astype(int)), "several labels stays with scikit-learn"),
    "labels one by one": (
        lambda: MultiOutputClassifier(DecisionTreeClassifier()).fit(X, (Y[:, :2] > 1).astype(int)),
        "several labels stays with scikit-learn",
    ),
}


@pytest.mark.parametrize("what", REFUSED)
def test_what_does_not_compile_is_one_clear_line(what: str) -> None:
    made, says = REFUSED[what]
    with pytest.raises(NotCompiledError, match=says) as refusal:
        compile_model(made(), X)
    assert "\n" not in str(refusal.value)


def test_a_difference_in_the_small_target_is_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """Beside a large target, too."""
    predict = CompiledModel.predict
    monkeypatch.setattr(CompiledModel, "predict", lambda *given: predict(*given) + np.array([1e-9, 0, 0]))
    with pytest.raises(NotCompiledError, match="the largest relative difference is"):
        compile_model(LinearRegression().fit(X, Y), X)


def test_bigquery_gets_one_target() -> None:
    with pytest.raises(NotCompiledError, match="BigQuery ML gets models of one target"):
        compile_for_bigquery(LinearRegression().fit(X, Y), X, [Number(name) for name in "abc"], seed=0)


@pytest.mark.parametrize(
    "estimator", ["LinearRegression", pytest.param("HistGradientBoostingRegressor", marks=pytest.mark.slow)]
)
def test_a_trained_model_is_served_compiled_by_name(estimator: str, tmp_path: Path) -> None:
    table = pd.DataFrame(X, columns=["a", "b", "c"]).assign(city=["Ulm", "Bremen"] * 40, rent=Y[:, 0], price=Y[:, 1])
    table.to_csv(tmp_path / "t.csv", index=False)
    module = "linear_model" if estimator == "LinearRegression" else "ensemble"
    train.main([
        *(str(tmp_path / "t.csv"), "--target", "rent,price", "--estimator", f"sklearn.{module}.{estimator}"),
        *("--compile", "--no-report", "--out", str(tmp_path / "model")),
    ])  # fmt: skip
    rows = json.loads(table[["a", "b", "c", "city"]].to_json(orient="values"))
    answers = {}
    for engine in ("auto", "sklearn"):
        app = create_app(load_service({"MODEL_DIR": str(tmp_path / "model"), "ENGINE": engine}))
        answer = app.test_client().post("/predict", json={"instances": rows}).get_json()
        answers[engine] = [[row["rent"], row["price"]] for row in answer["predictions"]]
        assert isinstance(app.extensions["tandem"].predictor.estimator, CompiledModel) == (engine == "auto")
    np.testing.assert_allclose(answers["auto"], answers["sklearn"], rtol=1e-9)


def test_behind_a_column_transformer(tmp_path: Path) -> None:
    frame = pd.DataFrame({"a": X[:, 0], "city": ["Ulm", "Bremen"] * 40})
    parts = make_column_transformer((StandardScaler(), ["a"]), (OneHotEncoder(), ["city"]))
    fitted = make_pipeline(parts, MultiOutputRegressor(GradientBoostingRegressor(n_estimators=3))).fit(frame, Y)
    joblib.dump(fitted, tmp_path / "theirs.pkl")
    frame.to_csv(tmp_path / "rows.csv", index=False)
    train.main([
        *("--adopt", str(tmp_path / "theirs.pkl"), "--examples", str(tmp_path / "rows.csv"), "--target", "x,y,z"),
        *("--compile", "--out", str(tmp_path / "model")),
    ])  # fmt: skip
    manifest = json.loads((tmp_path / "model" / "model.json").read_text())
    assert manifest["compiled"]["largest_difference"] <= 1e-12
    assert [output["name"] for output in manifest["outputs"]] == ["x", "y", "z"]
