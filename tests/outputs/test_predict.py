"""Whole answers of POST /predict on both hosts, as the estimator itself predicts."""

from collections.abc import Callable
from typing import Any

import numpy as np
import orjson
import pytest

from tests.dialects.conftest import Hosts
from tests.outputs.conftest import ROWS

Found = Callable[[str], tuple[Hosts, Any]]

NAMES = {"numbers": ["rent", "price"], "labels": ["level", "answer"], "each": ["level", "answer"]}
SEVERAL = ["numbers", "labels", "each", "bits", "chain", "scored bits"]
ONE = ["column", "forest", "factor", "clusters", "birch", "mixture", "two", "four", "quantile"]


def objects(name: str, rows: Any) -> list[Any]:
    names = NAMES.get(name, ["y1", "y2"])
    return [dict(zip(names, row, strict=True)) for row in rows]


def answer(**members: Any) -> bytes:
    return orjson.dumps(members | {"model_version": "1.0"})


@pytest.mark.parametrize("name", SEVERAL)
def test_several_targets_are_answered_by_name(found: Found, name: str) -> None:
    both, estimator = found(name)
    as_answered = (lambda found: found.astype(int)) if name == "chain" else (lambda found: found)
    expected = objects(name, as_answered(estimator.predict(np.array(ROWS))).tolist())
    assert both.post("/predict", {"instances": ROWS}).body == answer(predictions=expected)
    [alone] = objects(name, as_answered(estimator.predict(np.array(ROWS[1:2]))).tolist())
    assert both.post("/predict", {"features": ROWS[1]}).body == answer(prediction=alone)


@pytest.mark.parametrize("name", ONE)
def test_one_target_is_answered_as_ever(found: Found, name: str) -> None:
    both, estimator = found(name)
    expected = estimator.predict(np.array(ROWS)).reshape(-1).tolist()
    assert both.post("/predict", {"instances": ROWS}).body == answer(predictions=expected)
    assert both.post("/predict", {"features": {"b": 0.7, "a": 0.2}}).body == answer(prediction=expected[1])


@pytest.mark.parametrize("name", ["labels", "each"])
def test_probabilities_of_each_target(found: Found, name: str) -> None:
    both, estimator = found(name)
    level, yes = [array.tolist() for array in estimator.predict_proba(np.array(ROWS))]
    expected = [
        {"level": dict(zip(["high", "low"], a, strict=True)), "answer": dict(zip(["no", "yes"], b, strict=True))}
        for a, b in zip(level, yes, strict=True)
    ]
    labels = objects(name, estimator.predict(np.array(ROWS)).tolist())
    asked = both.post("/predict", {"instances": ROWS, "probabilities": True})
    assert asked.body == answer(predictions=labels, probabilities=expected)
    asked = both.post("/predict", {"probabilities": True, "features": ROWS[0]})
    assert asked.body == answer(prediction=labels[0], probabilities=expected[0])


@pytest.mark.parametrize("name", ["bits", "chain"])
def test_the_chance_of_yes_becomes_those_of_both_labels(found: Found, name: str) -> None:
    both, estimator = found(name)
    chances = estimator.predict_proba(np.array(ROWS))
    got = both.post("/predict", {"instances": ROWS, "probabilities": True}).json()["probabilities"]
    assert got == objects(name, [[{"0": 1 - chance, "1": chance} for chance in row] for row in chances.tolist()])


def test_probabilities_of_parts_of_a_mixture(found: Found) -> None:
    both, estimator = found("mixture")
    got = both.post("/predict", {"instances": ROWS, "probabilities": True}).json()["probabilities"]
    assert [list(row.values()) for row in got] == estimator.predict_proba(np.array(ROWS)).tolist()
    assert list(got[0]) == ["0", "1"]


SCORED: dict[str, Callable[[Any], Any]] = {
    "forest": lambda row: row,
    "factor": lambda row: row,
    "two": lambda row: row,
    "four": lambda row: {str(label): score for label, score in enumerate(row)},
    "scored bits": lambda row: {"y1": row[0], "y2": row[1]},
}


@pytest.mark.parametrize("name", SCORED)
def test_scores_are_the_decision_function(found: Found, name: str) -> None:
    both, estimator = found(name)
    expected = [SCORED[name](row) for row in estimator.decision_function(np.array(ROWS)).tolist()]
    got = both.post("/predict", {"instances": ROWS, "scores": True}).json()
    assert list(got) == ["predictions", "scores", "model_version"]
    assert got["scores"] == expected
    one = both.post("/predict", {"features": ROWS[1], "scores": True}).json()
    assert list(one) == ["prediction", "scores", "model_version"]
    assert one["scores"] == pytest.approx(expected[1])


@pytest.mark.parametrize(
    ("name", "what"),
    [
        ("numbers", "probabilities"),
        ("numbers", "scores"),
        ("labels", "scores"),
        ("bits", "scores"),  # it has a decision_function, and probabilities too
        ("clusters", "scores"),
        ("clusters", "probabilities"),
        ("mixture", "scores"),
        ("forest", "probabilities"),
        ("two", "probabilities"),
        ("pairs", "scores"),  # a number for each pair of classes
        ("odd chain", "probabilities"),  # scikit-learn's own method fails
        ("quantile", "scores"),
    ],
)
def test_what_a_model_does_not_give_is_refused(found: Found, name: str, what: str) -> None:
    both, _ = found(name)
    got = both.post("/predict", {"instances": ROWS, what: True})
    assert got.status == 422
    assert got.json()["detail"] == f"this model gives no {what}"
    assert got.json()["errors"] == [{"pointer": f"#/{what}", "detail": "leave it out, or false"}]
    assert both.post("/predict", {"instances": ROWS, what: False}).status == 200


@pytest.mark.parametrize("value", [1, "yes", None, [], {}])
def test_scores_is_true_or_false(found: Found, value: Any) -> None:
    [error] = found("forest")[0].post("/predict", {"features": ROWS[0], "scores": value}).json()["errors"]
    assert error["pointer"] == "#/scores"
    assert error["detail"].startswith("must be true or false, not ")


def test_a_row_with_one_target_that_is_not_finite_is_named(found: Found) -> None:
    got = found("numbers")[0].post("/predict", {"instances": [ROWS[0], [0.0, 1e305], ROWS[1]]})
    assert got.status == 422
    assert [error["pointer"] for error in got.json()["errors"]] == ["#/instances/1"]
