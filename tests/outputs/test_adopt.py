"""What the manifest says of other outputs, and what is refused: at adoption, and at the start."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pandas as pd
import pytest
from sklearn.base import BaseEstimator, ClassifierMixin, OutlierMixin, RegressorMixin
from sklearn.cluster import KMeans
from sklearn.dummy import DummyRegressor
from sklearn.ensemble import HistGradientBoostingRegressor, RandomForestClassifier
from sklearn.linear_model import LinearRegression, QuantileRegressor
from sklearn.multioutput import MultiOutputClassifier
from sklearn.naive_bayes import GaussianNB

import train
from predictor import ArtifactError, load
from tests.outputs.conftest import LABELS, MODELS, NUMBERS, TARGETS, X, adopt
from training import TrainingError
from training.adopting.proof import are_same
from training.outputs import check_predictions, quantiles_of, targets_of

Change = Callable[[dict[str, Any]], Any]


def manifest_of(name: str, folder: Path) -> dict[str, Any]:
    out = adopt(MODELS[name](), folder, TARGETS.get(name, "y"))
    found: dict[str, Any] = json.loads((out / "model.json").read_text())
    return found


@pytest.mark.parametrize(
    ("name", "task", "classes", "target", "outputs"),
    [
        ("column", "regression", None, "y", None),
        ("numbers", "regression", None, "rent, price", [{"name": "rent"}, {"name": "price"}]),
        (
            "labels",
            "classification",
            None,
            "level, answer",
            [{"name": "level", "classes": ["high", "low"]}, {"name": "answer", "classes": ["no", "yes"]}],
        ),
        (
            "bits",
            "classification",
            None,
            "y1, y2",
            [{"name": "y1", "classes": [0, 1]}, {"name": "y2", "classes": [0, 1]}],
        ),
        ("quantile", "regression", None, "rent", [{"name": "rent", "quantile": 0.9}]),
        ("forest", "anomaly", [-1, 1], "y", None),
        ("factor", "anomaly", [-1, 1], "y", None),
        ("clusters", "clustering", [0, 1, 2], "y", None),
        ("birch", "clustering", [0, 1, 2], "y", None),
        ("mixture", "clustering", [0, 1], "y", None),
        ("two", "classification", ["high", "low"], "y", None),
    ],
)
def test_the_manifest_names_the_outputs(  # noqa: PLR0917
    name: str, task: str, classes: Any, target: str, outputs: Any, tmp_path: Path
) -> None:
    manifest = manifest_of(name, tmp_path)
    for output in manifest.get("outputs", ()):
        assert (output.pop("scale", 0) > 0) == (task == "regression" and len(outputs) > 1)
    got = tuple(manifest.get(key) for key in ("task", "classes", "target", "outputs"))
    assert got == (task, classes, target, outputs)
    assert ("outputs" in manifest) == (outputs is not None)


class Odd(RegressorMixin, BaseEstimator):
    """Predicts whatever it is told to."""

    def __init__(self, found: Any) -> None:
        self.found = found


class OddClassifier(ClassifierMixin, Odd):
    classes_ = [np.array([1, 2]), np.array([0, 1])]


class OddDetector(OutlierMixin, BaseEstimator):
    pass


@pytest.mark.parametrize(
    ("estimator", "predictions", "says"),
    [
        (
            Odd(0),
            np.zeros((3, 2, 2)),
            "Odd predicts an array of shape (3, 2, 2) for 3 rows; it must be one value a row",
        ),
        (Odd(0), np.zeros((1, 3)), "shape (1, 3) for 3 rows"),
        (Odd(0), np.array(1.0), "shape () for 3 rows"),
        (Odd(0), np.zeros((3, 0)), "shape (3, 0) for 3 rows"),
        (Odd(0), np.zeros((3, 1001)), "predicts 1001 values a row; the most that are served are 1000"),
        (Odd(0), np.array(["a", "b", "c"]), "predicts values of type <U1; regression needs numbers"),
        (Odd(0), np.zeros(3, dtype=object), "predicts values of type object; regression needs numbers"),
        (Odd(0), np.zeros(3, dtype=complex), "predicts values of type complex128; regression needs numbers"),
        (Odd(0), np.array([[0, 1], [0, np.nan], [0, 1]]), "predicts no finite number for the examples"),
        (OddClassifier(0), np.array([["1", "0"]] * 3), "predicts '1' for target 1, which is none of its classes"),
        (OddClassifier(0), np.ones((3, 3)), "has classes for 2 targets, and predicts 3"),
        (OddDetector(), np.array([1, 0, -1]), "predicts other labels of anomalies than -1 and 1"),
        (OddDetector(), np.ones((3, 2), dtype=int), "predicts 2 values a row; anomaly has one"),
        (KMeans(2), np.zeros(3), "predicts values of type float64; clustering needs labels"),
    ],
)
def test_predictions_that_cannot_be_answered(estimator: Any, predictions: Any, says: str) -> None:
    with pytest.raises(TrainingError) as refused:
        check_predictions(estimator, predictions, 3)
    assert says in str(refused.value)


@pytest.mark.parametrize(
    ("target", "says"),
    [
        ("a,b,c", "the estimator predicts 2 targets, --target names 3"),
        ("a,a", "must give each target a name of its own"),
        ("a," + "b" * 201, "a name of its own, of at most 200 characters"),
        ("a,", "the estimator predicts 2 targets"),
        (" , ", "the estimator predicts 2 targets"),
    ],
)
def test_names_of_targets_that_do_not_fit(
    target: str, says: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit, match="2"):
        adopt(LinearRegression().fit(X, NUMBERS), tmp_path, target)
    [line] = capsys.readouterr().err.splitlines()
    assert says in line
    assert not (tmp_path / "model").exists()


class Several(Odd):
    """As XGBoost and quantile-forest say it."""

    def __init__(self, quantile_alpha: Any) -> None:
        self.quantile_alpha = quantile_alpha


@pytest.mark.parametrize(
    ("estimator", "quantiles"),
    [
        (QuantileRegressor(quantile=0.25, alpha=0.5), [0.25]),
        (HistGradientBoostingRegressor(loss="quantile", quantile=0.9), [0.9]),
        (HistGradientBoostingRegressor(quantile=0.9), []),
        (DummyRegressor(quantile=0.5), []),
        (LinearRegression(), []),
        (Several([0.1, 0.9]), [0.1, 0.9]),
        (Several(np.array([0.5])), [0.5]),
        (Several(["a", 2]), []),
        (Several([0.1, 9.0]), []),
        (Several(None), []),
    ],
)
def test_quantiles_are_known(estimator: Any, quantiles: list[float]) -> None:
    assert quantiles_of(estimator) == quantiles


def test_several_quantiles_are_named(tmp_path: Path) -> None:
    outputs = targets_of(Several([0.1, 0.9]), "regression", "rent", np.array([[1.0, 2.0], [3.0, 4.0]]))
    assert outputs is not None
    assert [(output.name, output.quantile) for output in outputs] == [("rent 0.1", 0.1), ("rent 0.9", 0.9)]


def second(manifest: dict[str, Any], **more: Any) -> None:
    manifest["outputs"][1].update(more)


HOSTILE: dict[str, tuple[str, Change, str]] = {
    "a name twice": ("numbers", lambda m: second(m, name="rent"), "two targets have the name 'rent'"),
    "no name": ("numbers", lambda m: second(m, name=""), "Length must be between 1 and 200"),
    "a long name": ("numbers", lambda m: second(m, name="n" * 201), "Length must be between 1 and 200"),
    "an unknown key": ("numbers", lambda m: second(m, unit="EUR"), "Unknown field"),
    "a string for a target": ("numbers", lambda m: m["outputs"].append("rent"), "Invalid input type"),
    "no targets": ("numbers", lambda m: m.update(outputs=[]), "Shorter than minimum"),
    "one target of two": ("numbers", lambda m: m["outputs"].pop(), "one target needs no list"),
    "a target too many": (
        "numbers",
        lambda m: m["outputs"].append({"name": "more"}),
        "a prediction is not an object of the targets",
    ),
    "classes of numbers": ("numbers", lambda m: second(m, classes=["a", "b"]), "do not fit the task regression"),
    "no classes of labels": ("labels", lambda m: m["outputs"][1].pop("classes"), "do not fit the task classification"),
    "classes of all": ("labels", lambda m: m.update(classes=["a"]), "each has classes of its own"),
    "other classes": ("labels", lambda m: second(m, classes=["no", "maybe"]), "classes are not those of the manifest"),
    "classes that collide": (
        "labels",
        lambda m: second(m, classes=[1, "1"]),
        "two classes are the same key in JSON: '1'",
    ),
    "truths that collide": ("two", lambda m: m.update(classes=[True, "true"]), "the same key in JSON: 'true'"),
    "a list for a class": ("labels", lambda m: second(m, classes=[["a"], "b"]), "a class must be a string, a number"),
    "null for a class": ("two", lambda m: m.update(classes=[None, "b"]), "may not be null"),
    "an infinite scale": ("numbers", lambda m: second(m, scale="inf"), "Special numeric values"),
    "a quantile of 2": ("quantile", lambda m: m["outputs"][0].update(quantile=2), "less than or equal to 1"),
    "a list for a prediction": (
        "numbers",
        lambda m: m["examples"][0].update(prediction=[1.0, 2.0]),
        "a prediction is not an object of the targets",
    ),
    "targets in another order": ("numbers", lambda m: m["outputs"].reverse(), "in their order"),
    "one value of another": (
        "numbers",
        lambda m: m["examples"][1]["prediction"].update(price=1e6),
        "does not reproduce example 1",
    ),
    "one label of another": (
        "labels",
        lambda m: m["examples"][1]["prediction"].update(answer="maybe"),
        "does not reproduce example 1",
    ),
    "anomalies by other labels": (
        "forest",
        lambda m: m.update(classes=[0, 1]),
        "the classes of anomalies are -1 and 1",
    ),
    "a number for a cluster": (
        "clusters",
        lambda m: m["examples"][0].update(prediction=0.5),
        "predicted by a whole number",
    ),
    "one for several": (
        "numbers",
        lambda m: [m.pop("outputs"), [e.update(prediction=1.0) for e in m["examples"]]],
        "it predicts an array of shape (3, 2) for 3 rows, not one value a row",
    ),
    "several for one": (
        "column",
        lambda m: [
            m.update(outputs=[{"name": "a"}, {"name": "b"}]),
            [e.update(prediction={"a": 1.0, "b": 2.0}) for e in m["examples"]],
        ],
        "it predicts an array of shape (3, 1) for 3 rows, not 2 values a row",
    ),
}


@pytest.fixture(scope="session")
def artifacts(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """Return a function from the name of a model to its artifact, made once."""
    made: dict[str, Path] = {}

    def find(name: str) -> Path:
        if name not in made:
            made[name] = adopt(MODELS[name](), tmp_path_factory.mktemp("artifact"), TARGETS.get(name, "y"))
        return made[name]

    return find


@pytest.mark.parametrize("what", HOSTILE)
def test_a_manifest_that_lies_about_outputs_is_refused(
    artifacts: Callable[[str], Path], what: str, tmp_path: Path
) -> None:
    name, change, says = HOSTILE[what]
    manifest = json.loads((artifacts(name) / "model.json").read_text())
    change(manifest)
    (tmp_path / "model.json").write_text(json.dumps(manifest))
    (tmp_path / "model.pkl").write_bytes((artifacts(name) / "model.pkl").read_bytes())
    with pytest.raises(ArtifactError) as refused:
        load(tmp_path)
    assert says in str(refused.value)
    assert len(str(refused.value).splitlines()) == 1


def test_the_last_bits_of_each_target_may_differ_by_its_own_size(
    artifacts: Callable[[str], Path], tmp_path: Path
) -> None:
    """Of a target of about 3, a difference of 1e-5 is another prediction, however large the other target is."""
    for target, same in (("price", True), ("rent", False)):
        manifest = json.loads((artifacts("numbers") / "model.json").read_text())
        manifest["examples"][0]["prediction"][target] += 1e-5
        (tmp_path / "model.json").write_text(json.dumps(manifest))
        (tmp_path / "model.pkl").write_bytes((artifacts("numbers") / "model.pkl").read_bytes())
        if same:
            assert load(tmp_path).replay() == []
        else:
            with pytest.raises(ArtifactError, match="does not reproduce example 0"):
                load(tmp_path)


@pytest.mark.parametrize("model", [RandomForestClassifier(3, random_state=0), MultiOutputClassifier(GaussianNB())])
def test_targets_of_differently_many_classes_are_adopted_with_examples(model: Any, tmp_path: Path) -> None:
    frame = pd.DataFrame(X, columns=["a", "b"])
    labels = np.column_stack([np.where(X[:, 0] > 0.3, np.where(X[:, 0] > 0.6, "high", "low"), "none"), LABELS[:, 1]])
    frame.to_csv(tmp_path / "rows.csv", index=False)
    fitted = model.fit(frame, labels)
    assert [chances.shape[1] for chances in fitted.predict_proba(frame)] == [3, 2]
    joblib.dump(fitted, tmp_path / "theirs.pkl")
    train.main([
        *("--adopt", str(tmp_path / "theirs.pkl"), "--examples", str(tmp_path / "rows.csv")),
        *("--target", "level,answer", "--out", str(tmp_path / "out")),
    ])  # fmt: skip
    predictor = load(tmp_path / "out")
    assert [len(output.classes or ()) for output in predictor.manifest.targets] == [3, 2]
    assert predictor.predict(X).tolist() == fitted.predict(frame).tolist()


@pytest.mark.parametrize(
    ("other", "same"),
    [
        ([np.ones((2, 3)), np.zeros((2, 2))], True),
        ([np.full((2, 3), 1 + 1e-13), np.zeros((2, 2))], True),
        ([np.ones((2, 3)), np.ones((2, 2))], False),
        ([np.ones((2, 3)), np.zeros((2, 3))], False),
        ([np.ones((2, 3))], False),
        ([np.ones((2, 3)), np.zeros((2, 2)), np.zeros((2, 2))], False),
        (np.ones((2, 3)), False),
    ],
)
def test_probabilities_of_several_targets_are_compared_target_by_target(other: Any, same: bool) -> None:
    one = [np.ones((2, 3)), np.zeros((2, 2))]
    assert are_same(one, one)
    assert are_same(one, other, 1e-12) == same
