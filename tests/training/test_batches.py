"""Whether rows may be predicted together is tried in training, and only what is the same bit for bit is recorded."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.ensemble import GradientBoostingRegressor, HistGradientBoostingRegressor, RandomForestClassifier
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.multioutput import MultiOutputClassifier
from sklearn.neighbors import KNeighborsRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder
from sklearn.svm import SVR

from predictor import ArtifactError
from predictor.columns import Category, Column, Inputs, Number
from predictor.loading import read_manifest
from predictor.together import MOST_ROWS
from servers.running import ROOT
from tests.training.conftest import TrainCommand
from training.batches import SIZES, is_batch_invariant

RANDOM = np.random.RandomState(0)
ROWS = RANDOM.uniform(0, 10, (200, 3))
NUMBERS = ROWS @ [1.0, 2.0, 3.0] + RANDOM.normal(size=200)
LABELS = np.greater(NUMBERS, NUMBERS.mean()).astype(int)
COLUMNS: list[Column] = [Number("a"), Number("b"), Number("c")]


def invariant(estimator: Any, rows: Inputs = ROWS, columns: list[Column] = COLUMNS) -> bool:
    return is_batch_invariant(
        estimator, lambda method, inputs: getattr(estimator, method)(inputs), columns, rows, seed=0
    )


@pytest.mark.parametrize(
    ("estimator", "target", "expected"),
    [
        (RandomForestClassifier(10, random_state=0), LABELS, True),
        (GradientBoostingRegressor(n_estimators=10, random_state=0), NUMBERS, True),
        (HistGradientBoostingRegressor(max_iter=10, random_state=0), NUMBERS, True),
        (KNeighborsRegressor(), NUMBERS, True),
        (SVR(), NUMBERS, True),
        (MultiOutputClassifier(RandomForestClassifier(5, random_state=0)), np.column_stack([LABELS] * 2), True),
        (LinearRegression(), NUMBERS, False),
        (LogisticRegression(), LABELS, False),
    ],
    ids=lambda value: type(value).__name__,
)
def test_what_is_the_same_alone_and_together(estimator: Any, target: Any, expected: bool) -> None:
    assert invariant(estimator.fit(ROWS, target)) == expected


class Odd(RegressorMixin, BaseEstimator):  # type: ignore[misc]
    """An estimator that may predict rows otherwise when they are together."""

    def __init__(self, *, when: int = 0, what: str = "nothing") -> None:
        self.when, self.what = when, what

    def predict(self, matrix: Any) -> Any:
        predicted = np.asarray(matrix)[:, 0].copy()
        if len(matrix) >= self.when:
            match self.what:
                case "the last bit":
                    predicted[-1] = np.nextafter(predicted[-1], np.inf)
                case "the order":
                    predicted = predicted[::-1].copy()
                case "the type":
                    predicted = predicted.astype(np.float32).astype(object)
                case "the sign of zero":
                    predicted = -predicted * 0.0
                case "too few":
                    predicted = predicted[1:]
                case "a list":
                    return predicted.tolist()
                case "a failure":
                    raise ValueError("too many rows")
        return predicted


@pytest.mark.parametrize("when", [2, 7, 33, MOST_ROWS])
@pytest.mark.parametrize(
    "what", ["the last bit", "the order", "the type", "the sign of zero", "too few", "a list", "a failure"]
)
def test_what_is_otherwise_in_batches_of_one_size_is_found(when: int, what: str) -> None:
    assert not invariant(Odd(when=when, what=what))
    assert invariant(Odd())


def test_each_size_that_a_server_may_make_is_bounded_by_one_that_was_tried() -> None:
    assert max(SIZES) == MOST_ROWS


def test_what_is_another_at_each_call_is_not_the_same() -> None:
    class Dice(Odd):
        def predict(self, matrix: Any) -> Any:
            return np.random.default_rng().uniform(size=len(matrix))

    assert not invariant(Dice())


def test_beside_predictions_counts_too() -> None:
    class Beside(Odd):
        def predict_proba(self, matrix: Any) -> Any:
            return np.full((len(matrix), 2), 1 / len(matrix))

    assert not invariant(Beside())


def test_rows_that_are_refused_alone_say_nothing() -> None:
    cities = np.array(["x", "y"] * 20, dtype=object)
    encoder = make_pipeline(OneHotEncoder(handle_unknown="error"), RandomForestClassifier(5, random_state=0))
    encoder.fit(cities.reshape(-1, 1), [0, 1] * 20)

    def call(method: str, inputs: Inputs) -> Any:
        return getattr(encoder, method)(np.asarray(inputs[0]).reshape(-1, 1))

    columns: list[Column] = [Category("city", values=["x", "y"])]
    assert is_batch_invariant(encoder, call, columns, [cities], seed=0)


@pytest.mark.parametrize(
    ("estimator", "more", "recorded"),
    [
        ("tree.DecisionTreeRegressor", [], (True, None)),
        ("tree.DecisionTreeRegressor", ["--compile"], (True, True)),
        ("linear_model.LinearRegression", [], (None, None)),
    ],
)
def test_it_is_recorded_where_it_is_so(
    run_train: TrainCommand, tmp_path: Path, estimator: str, more: list[str], recorded: tuple[Any, Any]
) -> None:
    table = tmp_path / "table.csv"
    np.savetxt(table, np.column_stack([ROWS, NUMBERS]), delimiter=",", header="a,b,c,y", comments="")
    run = run_train(table, "--target", "y", "--estimator", f"sklearn.{estimator}", *more)
    document = json.loads(run.files["model.json"])
    found = document.get("batch_invariant"), (document["compiled"] or {}).get("batch_invariant")
    assert found == recorded
    manifest = read_manifest(run.directory / "model.json")
    assert manifest.batch_invariant == bool(recorded[0])
    assert json.loads(manifest.to_json()) == document


@pytest.mark.parametrize("value", ["yes", None, 2, [True]])
def test_a_manifest_says_it_plainly(tmp_path: Path, value: Any) -> None:
    document = json.loads((ROOT / "model.json").read_text())
    (tmp_path / "model.json").write_text(json.dumps(document | {"batch_invariant": value}))
    with pytest.raises(ArtifactError, match="batch_invariant"):
        read_manifest(tmp_path / "model.json")
