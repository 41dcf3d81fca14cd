"""Converting a fitted estimator: what is kept is equal, what is not equal is refused with a reason."""

import dataclasses
import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.ensemble import (
    BaggingClassifier,
    ExtraTreesClassifier,
    ExtraTreesRegressor,
    GradientBoostingClassifier,
    GradientBoostingRegressor,
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
    RandomForestClassifier,
    RandomForestRegressor,
)
from sklearn.impute import SimpleImputer
from sklearn.kernel_ridge import KernelRidge
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.neighbors import RadiusNeighborsRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import PolynomialFeatures, StandardScaler
from sklearn.svm import SVC

from predictor import ArtifactError, NotPredictable, Predictor, load
from predictor.columns import Number
from predictor.onnx_engine import CompiledModel, choose_engine
from servers.running import ROOT
from training import NotCompiledError
from training.compile import compile_model

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
        pytest.param(RandomForestRegressor(30, random_state=0), POSITIVE, "double", id="forest"),
        pytest.param(RandomForestClassifier(30, random_state=0), WORDS, "double", id="forest-words"),
        pytest.param(RandomForestClassifier(30, random_state=0), HIGH, "double", id="forest-booleans"),
        pytest.param(GradientBoostingRegressor(random_state=0), POSITIVE, "double", id="boosting"),
        pytest.param(HistGradientBoostingRegressor(max_iter=20), POSITIVE, "double", id="histograms"),
        pytest.param(HistGradientBoostingClassifier(max_iter=20), THIRDS, "double", id="histograms-integers"),
        pytest.param(make_pipeline(PolynomialFeatures(3), LinearRegression()), POSITIVE, "double", id="polynomial"),
        pytest.param(GradientBoostingClassifier(random_state=0), THIRDS, "double", id="boosting-integers"),
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
            KernelRidge(),
            ["in double, the largest relative difference is", "more than 1e-12"],
        ),
        (RadiusNeighborsRegressor(), ["ONNX Runtime refuses the conversion"]),
        (
            GradientBoostingRegressor(n_estimators=3, init=LinearRegression()),
            ["GradientBoostingRegressor: it starts from another estimator, which computes in float32"],
        ),
    ],
    ids=["rounding", "neighbours", "start"],
)
def test_what_is_not_equal_is_refused_with_the_reason(estimator: Any, reasons: list[str]) -> None:
    with pytest.raises(NotCompiledError) as refusal:
        compile_model(estimator.fit(FEATURES, NUMBERS), FEATURES)
    message = str(refusal.value)
    assert [reason for reason in reasons if reason not in message] == []
    assert "\n" not in message
    assert len(message) < 600


def test_a_larger_tolerance_admits_more() -> None:
    fitted = KernelRidge().fit(FEATURES, NUMBERS)
    facts = compile_model(fitted, FEATURES, tolerance=0.9).facts
    assert 1e-12 < facts["largest_difference"] <= facts["tolerance"] == 0.9


@pytest.mark.parametrize("kind", [RandomForestClassifier, ExtraTreesClassifier, BaggingClassifier])
def test_labels_are_the_same_at_ties(kind: Any) -> None:
    # Both classes are as likely nearly everywhere, so the last bit of a sum decides.
    fitted = kind(n_estimators=20, random_state=0).fit(np.round(FEATURES), RANDOM.randint(0, 2, 300))
    ties = np.round(np.random.RandomState(1).uniform(-50, 50, (2_000, 3)))
    assert (np.ptp(fitted.predict_proba(ties), axis=1) < 1e-9).sum() > 20
    model = CompiledModel(compile_model(fitted, FEATURES).data, [0, 1], "double")
    assert model.predict(ties).tolist() == fitted.predict(ties).tolist()
    assert model.predict_proba(ties).tolist() == fitted.predict_proba(ties).tolist()


GAPS = np.where(np.random.RandomState(2).uniform(size=FEATURES.shape) < 0.1, np.nan, FEATURES)


@pytest.mark.parametrize(
    "estimator",
    [
        HistGradientBoostingRegressor(max_iter=20),
        RandomForestRegressor(20, random_state=0),
        ExtraTreesRegressor(20, random_state=0),
        make_pipeline(SimpleImputer(strategy="median", add_indicator=True), LinearRegression()),
    ],
    ids=["histograms", "forest", "extra-trees", "imputer"],
)
def test_gaps_of_a_matrix_go_the_same_way(estimator: Any) -> None:
    columns = [Number(name, missing=True) for name in "abc"]
    facts = compile_model(estimator.fit(GAPS, POSITIVE), GAPS, columns).facts
    assert (facts["precision"], facts["samples"]) == ("double", 10_300)
    assert facts["largest_difference"] <= 1e-12


def test_sets_of_categories_go_the_same_way() -> None:
    matrix = np.column_stack([FEATURES[:, 0], np.digitize(FEATURES[:, 1], np.linspace(-45, 45, 30))])
    matrix[::9, 1] = np.nan
    fitted = HistGradientBoostingRegressor(max_iter=20, categorical_features=[1]).fit(matrix, POSITIVE)
    facts = compile_model(fitted, matrix, [Number("a"), Number("b", missing=True)]).facts
    assert facts["largest_difference"] <= 1e-12


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
    done = train(tmp_path, "--estimator", "sklearn.kernel_ridge.KernelRidge", "--set", "kernel=cosine")
    assert done.returncode == 2
    (line,) = done.stderr.splitlines()
    assert line.startswith(
        "train.py: not compiled, scikit-learn will serve the pickle: KernelRidge: its kernel is 'cosine'"
    )
    assert sorted(path.name for path in tmp_path.iterdir()) == ["model.json", "model.pkl"]
    predictor = load(tmp_path)
    assert choose_engine(predictor.manifest, "auto") == ("sklearn", "the manifest lists no compiled model")
    assert type(predictor.estimator).__name__ == "KernelRidge"


@pytest.fixture(scope="module")
def example(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("example")
    assert train(out).returncode == 0
    return out


def test_the_digest_of_a_file_alone_is_refused_with_the_right_one(example: Path) -> None:
    predictor = load(example)
    assert predictor.manifest.compiled is not None
    digest = hashlib.sha256((example / "model.json").read_bytes()).hexdigest()
    assert predictor.sha256 == predictor.manifest.sha256 == digest
    for engine in ("auto", "sklearn"):
        load(example, engine, sha256=digest)
        for described in (predictor.manifest.artifact, predictor.manifest.compiled):
            says = f"is the digest of {described['file']} alone; .*: MODEL_SHA256={digest}"
            with pytest.raises(ArtifactError, match=says):
                load(example, engine, sha256=described["sha256"])


def test_the_compiled_engine_does_not_need_the_pickle(example: Path, tmp_path: Path) -> None:
    for name in ("model.json", "model.onnx"):
        shutil.copy(example / name, tmp_path)
    assert load(tmp_path).replay() == []
    with pytest.raises(ArtifactError, match=r"^cannot read .*/model.pkl "):
        load(tmp_path, "sklearn")


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
