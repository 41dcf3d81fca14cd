"""Converting a fitted estimator: what is kept is equal, what is not equal is refused with a reason."""

import dataclasses
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.ensemble import (
    GradientBoostingClassifier,
    GradientBoostingRegressor,
    HistGradientBoostingRegressor,
    RandomForestClassifier,
    RandomForestRegressor,
)
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import PolynomialFeatures, StandardScaler
from sklearn.svm import SVC

from predictor import ArtifactError, NotPredictable, Predictor, load
from predictor.onnx_engine import CompiledModel, choose_engine
from tests.servers import ROOT
from training.compile import NotCompiledError, compile_model

RANDOM = np.random.RandomState(0)
FEATURES = RANDOM.uniform(-50, 50, (300, 3))
NUMBERS = FEATURES @ [3.0, 1.0, 1.0] + 2 + 20 * np.sin(FEATURES[:, 0] / 9)
POSITIVE = NUMBERS - NUMBERS.min() + 100
HIGH = np.median(POSITIVE) < POSITIVE
WORDS = np.where(HIGH, "high", "low")
THIRDS = np.digitize(NUMBERS, np.quantile(NUMBERS, [0.3, 0.6]))


def models() -> list[Any]:
    return [
        pytest.param(LinearRegression(), NUMBERS, "double", id="linear"),
        pytest.param(make_pipeline(StandardScaler(), LogisticRegression()), WORDS, "double", id="logistic-words"),
        pytest.param(make_pipeline(StandardScaler(), LogisticRegression()), THIRDS, "double", id="logistic-integers"),
        pytest.param(make_pipeline(StandardScaler(), LogisticRegression()), HIGH, "double", id="logistic-booleans"),
        pytest.param(RandomForestRegressor(30, random_state=0), POSITIVE, "float32", id="forest"),
        pytest.param(RandomForestClassifier(30, random_state=0), WORDS, "float32", id="forest-words"),
        pytest.param(RandomForestClassifier(30, random_state=0), HIGH, "float32", id="forest-booleans"),
        pytest.param(GradientBoostingRegressor(random_state=0), POSITIVE, "float32", id="boosting"),
        pytest.param(GradientBoostingClassifier(random_state=0), THIRDS, "float32", id="boosting-integers"),
        pytest.param(make_pipeline(StandardScaler(), SVC()), WORDS, "double", id="no-probabilities"),
    ]


@pytest.mark.parametrize(("estimator", "target", "precision"), models())
def test_a_conversion_answers_as_the_estimator_does(estimator: Any, target: Any, precision: str) -> None:
    fitted = estimator.fit(FEATURES, target)
    compiled = compile_model(fitted, FEATURES)
    tolerance = {"double": 1e-12, "float32": 1e-5}[precision]
    facts = compiled.facts
    assert (facts["precision"], facts["samples"], facts["size"]) == (precision, 10_300, len(compiled.data))
    assert facts["largest_difference"] <= facts["tolerance"] == tolerance
    classes = fitted.classes_.tolist() if hasattr(fitted, "classes_") else None
    model = CompiledModel(compiled.data, classes, precision)
    others = np.random.RandomState(1).uniform(-55, 55, (500, 3))
    predicted = model.predict(others)
    if classes is None:
        np.testing.assert_allclose(predicted, fitted.predict(others), rtol=tolerance * 10)
    else:
        assert predicted.tolist() == fitted.predict(others).tolist()
        assert {type(label) for label in predicted.tolist()} == {type(classes[0])}
    assert hasattr(model, "predict_proba") == hasattr(fitted, "predict_proba")
    if hasattr(fitted, "predict_proba"):
        np.testing.assert_allclose(model.predict_proba(others), fitted.predict_proba(others), rtol=0, atol=tolerance)


@pytest.mark.parametrize(
    ("estimator", "reasons"),
    [
        (
            make_pipeline(PolynomialFeatures(4), LinearRegression()),
            ["in double, ONNX Runtime refuses the conversion", "in float32, the largest relative difference is"],
        ),
        (HistGradientBoostingRegressor(random_state=0), ["cannot convert HistGradientBoostingRegressor"]),
    ],
    ids=["polynomial", "hist-gradient-boosting"],
)
def test_what_is_not_equal_is_refused_with_the_reason(estimator: Any, reasons: list[str]) -> None:
    with pytest.raises(NotCompiledError) as refusal:
        compile_model(estimator.fit(FEATURES, NUMBERS), FEATURES)
    message = str(refusal.value)
    assert [reason for reason in reasons if reason not in message] == []
    assert "\n" not in message
    assert len(message) < 600


def test_a_larger_tolerance_admits_more() -> None:
    fitted = make_pipeline(PolynomialFeatures(4), LinearRegression()).fit(FEATURES, NUMBERS)
    facts = compile_model(fitted, FEATURES, tolerance=0.9).facts
    assert 1e-5 < facts["largest_difference"] <= facts["tolerance"] == 0.9


def test_a_label_that_differs_is_refused_whatever_the_tolerance() -> None:
    # Both classes are as likely everywhere, so rounding decides.
    fitted = RandomForestClassifier(20, random_state=0).fit(FEATURES, RANDOM.randint(0, 2, 300))
    try:
        compiled = compile_model(fitted, FEATURES, tolerance=1.0)
    except NotCompiledError as refusal:
        assert "predicted labels differ" in str(refusal)  # noqa: PT017  # either outcome is right, a wrong label is not
    else:
        model = CompiledModel(compiled.data, [0, 1], "float32")
        assert model.predict(FEATURES).tolist() == fitted.predict(FEATURES).tolist()


def train(out: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, str(ROOT / "train.py"), "--compile", "--no-report", "--out", str(out), *arguments],
        capture_output=True, text=True, check=False, cwd=ROOT, env={**os.environ, "COLUMNS": "400"},
    )  # fmt: skip


@pytest.mark.slow
def test_the_same_command_writes_the_same_bytes(tmp_path: Path) -> None:
    forest = ["--estimator", "sklearn.ensemble.RandomForestRegressor", "--set", "n_estimators=5"]
    for out in ("one", "two"):
        done = train(tmp_path / out, *forest)
        assert done.returncode == 0, done.stderr
        assert "the largest difference on 10,032 rows is" in done.stdout
    for name in ("model.pkl", "model.json", "model.onnx"):
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()


@pytest.mark.slow
def test_a_model_that_cannot_be_compiled_is_served_from_its_pickle(tmp_path: Path) -> None:
    assert train(tmp_path).returncode == 0
    assert load(tmp_path).manifest.compiled is not None
    done = train(tmp_path, "--estimator", "sklearn.ensemble.HistGradientBoostingRegressor")
    assert done.returncode == 2
    (line,) = done.stderr.splitlines()
    assert line.startswith("train.py: not compiled, scikit-learn will serve the pickle: skl2onnx ")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["model.json", "model.pkl"]
    predictor = load(tmp_path)
    assert choose_engine(predictor.manifest, "auto") == ("sklearn", "the manifest lists no compiled model")
    assert type(predictor.estimator).__name__ == "HistGradientBoostingRegressor"


@pytest.fixture(scope="module")
def example(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("example")
    assert train(out).returncode == 0
    return out


def test_the_digest_that_is_pinned_is_that_of_the_file_that_serves(example: Path) -> None:
    manifest = load(example).manifest
    assert manifest.compiled is not None
    pickled, compiled = manifest.artifact["sha256"], manifest.compiled["sha256"]
    load(example, sha256=compiled)
    load(example, "sklearn", sha256=pickled)
    with pytest.raises(ArtifactError, match=f"asks for the model {pickled}, but model.onnx is {compiled}; "):
        load(example, sha256=pickled)


def test_the_engine_is_chosen_with_a_reason(example: Path) -> None:
    manifest = load(example).manifest
    engine, why = choose_engine(manifest, "auto")
    assert engine == "onnxruntime"
    assert why.startswith("the manifest lists model.onnx, whose largest difference on 10032 rows was ")
    assert choose_engine(manifest, "sklearn") == ("sklearn", "ENGINE=sklearn")
    assert isinstance(load(example).estimator, CompiledModel)
    assert isinstance(load(example, "sklearn").estimator, LinearRegression)


def test_a_prediction_beyond_doubles_is_refused(example: Path) -> None:
    with pytest.raises(NotPredictable) as refusal:
        load(example).predict(np.array([[1.0, 2, 3], [1e308, 1e308, 1e308]]))
    assert refusal.value.rows == [1]


@pytest.mark.parametrize("target", [POSITIVE, WORDS], ids=["numbers", "words"])
def test_a_value_beyond_float32_is_refused_as_the_forest_refuses_it(example: Path, target: Any) -> None:
    kind = RandomForestClassifier if target is WORDS else RandomForestRegressor
    fitted = kind(5, random_state=0).fit(FEATURES, target)
    classes = fitted.classes_.tolist() if target is WORDS else None
    manifest = dataclasses.replace(load(example).manifest, classes=classes)
    model = CompiledModel(compile_model(fitted, FEATURES).data, classes, "float32")
    matrix = np.array([[1.0, 2, 3], [1, 1e39, 3]])
    for estimator in (fitted, model):
        with pytest.raises(NotPredictable) as refusal:
            Predictor(manifest, estimator).predict(matrix)
        assert refusal.value.rows == [1]
