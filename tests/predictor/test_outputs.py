"""What a model answers: which outputs a manifest may list, and how an estimator's predictions become them."""

import json
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from marshmallow import ValidationError

from predictor.manifest import Manifest, ManifestSchema
from predictor.outputs import (
    NotGivenError,
    Output,
    WrongShapeError,
    as_whole_labels,
    chances_by_target,
    class_names,
    classes_by_target,
    shaped,
)
from servers.running import ROOT


def manifest(predictions: list[Any], **more: Any) -> Manifest:
    """Return the manifest of three numbers that has these predictions of examples, and other keys."""
    document = json.loads((ROOT / "model.json").read_text())
    examples = [{"features": [1.0, 2.0, 3.0], "prediction": prediction} for prediction in predictions]
    made: Manifest = ManifestSchema().load(document | {"examples": examples, "scale": None} | more)
    return made


RENT, PRICE = {"name": "rent"}, {"name": "price", "scale": 2.5}
LEVEL, ANSWER = {"name": "level", "classes": ["high", "low"]}, {"name": "answer", "classes": [False, True]}
NUMBERS: dict[str, Any] = {"predictions": [{"rent": 1.0, "price": 2.0}], "outputs": [RENT, PRICE]}
LABELS: dict[str, Any] = {
    "predictions": [{"level": "low", "answer": True}], "outputs": [LEVEL, ANSWER], "task": "classification",
}  # fmt: skip


@pytest.mark.parametrize(
    ("described", "targets"),
    [
        ({"predictions": [1.0]}, [Output("y")]),
        ({"predictions": [1.0], "scale": 3.0}, [Output("y", scale=3.0)]),
        ({"predictions": ["a"], "task": "classification", "classes": ["a", 1, True]}, [Output("y", ["a", 1, True])]),
        ({"predictions": [-1, 1], "task": "anomaly", "classes": [-1, 1]}, [Output("y", [-1, 1])]),
        ({"predictions": [0, 7], "task": "clustering"}, [Output("y")]),
        ({"predictions": [1.0], "outputs": [RENT | {"quantile": 0.9}]}, [Output("rent", quantile=0.9)]),
        (NUMBERS, [Output("rent"), Output("price", scale=2.5)]),
        (LABELS, [Output("level", ["high", "low"]), Output("answer", [False, True])]),
    ],
)
def test_targets_are_those_of_the_manifest(described: dict[str, Any], targets: list[Output]) -> None:
    assert manifest(**described).targets == targets


@pytest.mark.parametrize(
    ("described", "says"),
    [
        (
            {"predictions": ["a"], "task": "classification", "classes": ["a", None]},
            {"classes": {1: ["Field may not be null."]}},
        ),
        (
            {"predictions": ["a"], "task": "classification", "classes": ["a", ["b"]]},
            {"classes": ["a class must be a string, a number, true or false"]},
        ),
        (
            {"predictions": ["1"], "task": "classification", "classes": ["0", "1", 1]},
            {"classes": ["two classes are the same key in JSON: '1'"]},
        ),
        (
            {"predictions": [True], "task": "classification", "classes": ["x" * 99, True, "true", "x" * 99]},
            {"classes": [f"two classes are the same key in JSON: '{'x' * 63}"]},
        ),
        (
            LABELS | {"outputs": [LEVEL, {"name": "answer", "classes": ["true", True]}]},
            {"classes": ["two classes are the same key in JSON: 'true'"]},
        ),
        *(
            (
                {"predictions": [1], "task": "anomaly", "classes": classes},
                {"classes": ["the classes of anomalies are -1 and 1"]},
            )
            for classes in (None, [1, -1], [-1, 1, 2])
        ),
        *(
            (
                {"predictions": [1, prediction], "task": task, "classes": classes},
                {"examples": ["an anomaly or a cluster is predicted by a whole number"]},
            )
            for task, classes in (("anomaly", [-1, 1]), ("clustering", None))
            for prediction in (1.0, True, "1")
        ),
        (
            {"predictions": [1.0], "outputs": [RENT]},
            {"outputs": ["one target needs no list, unless it is a quantile"]},
        ),
        (NUMBERS | {"outputs": [RENT, PRICE, RENT]}, {"outputs": ["two targets have the name 'rent'"]}),
        (
            NUMBERS | {"outputs": [{"name": "n" * 99}, {"name": "n" * 99}]},
            {"outputs": [f"two targets have the name '{'n' * 63}"]},
        ),
        *(
            (NUMBERS | more, {"outputs": ["several targets are numbers, or each has classes of its own"]})
            for more in ({"classes": ["a", "b"]}, {"predictions": [1], "task": "clustering"})
        ),
        (
            NUMBERS | {"task": "classification"},
            {"outputs": ["the targets' classes do not fit the task classification"]},
        ),
        (LABELS | {"task": "regression"}, {"outputs": ["the targets' classes do not fit the task regression"]}),
        (NUMBERS | {"outputs": [RENT, LEVEL]}, {"outputs": ["the targets' classes do not fit the task regression"]}),
        *(
            (
                NUMBERS | {"predictions": [NUMBERS["predictions"][0], prediction]},
                {"examples": ["a prediction is not an object of the targets, in their order"]},
            )
            for prediction in (1.0, [1.0, 2.0], {"price": 2.0, "rent": 1.0}, {"rent": 1.0})
        ),
        (
            NUMBERS | {"outputs": [RENT, {"name": "n" * 201}]},
            {"outputs": {1: {"name": ["Length must be between 1 and 200."]}}},
        ),
        (
            NUMBERS | {"outputs": [RENT, {"name": ""}]},
            {"outputs": {1: {"name": ["Length must be between 1 and 200."]}}},
        ),
        (NUMBERS | {"outputs": [RENT, PRICE | {"unit": "€"}]}, {"outputs": {1: {"unit": ["Unknown field."]}}}),
    ],
)
def test_outputs_that_no_model_has_are_refused(described: dict[str, Any], says: Any) -> None:
    with pytest.raises(ValidationError) as refused:
        manifest(**described)
    assert refused.value.messages == says


@pytest.mark.parametrize("described", [NUMBERS, LABELS, {"predictions": [1.0], "outputs": [RENT | {"quantile": 0.9}]}])
def test_outputs_are_read_as_they_are_written(described: dict[str, Any]) -> None:
    made = manifest(**described)
    assert json.loads(made.to_json())["outputs"] == described["outputs"] == made.public()["outputs"]
    assert ManifestSchema().load(json.loads(made.to_json())) == made


@pytest.mark.parametrize(
    ("classes", "names"),
    [(None, []), (["A b", 1, True, False, 1.5], ["A b", "1", "true", "false", "1.5"])],
)
def test_labels_are_keys_of_json(classes: Any, names: list[str]) -> None:
    assert class_names(classes) == names


@pytest.mark.parametrize(
    ("shape", "rows", "targets", "as_shape"),
    [((3,), 3, 1, (3,)), ((3, 1), 3, 1, (3,)), ((1, 1), 1, 1, (1,)), ((3, 2), 3, 2, (3, 2))],
)
def test_predictions_have_one_shape(shape: Any, rows: int, targets: int, as_shape: Any) -> None:
    predictions = np.arange(float(np.prod(shape))).reshape(shape)
    got = shaped(predictions, rows, targets)
    assert got.shape == as_shape
    assert got.ravel().tolist() == predictions.ravel().tolist()


@pytest.mark.parametrize(
    ("shape", "targets", "wanted"),
    [
        ((), 1, "one value a row"),
        ((2,), 1, "one value a row"),
        ((3, 2), 1, "one value a row"),
        ((3,), 2, "2 values a row"),
        ((3, 1), 2, "2 values a row"),
        ((2, 3), 2, "2 values a row"),
    ],
)
def test_predictions_of_another_shape_are_told(shape: Any, targets: int, wanted: str) -> None:
    with pytest.raises(WrongShapeError) as refused:
        shaped(np.zeros(shape), 3, targets)
    assert str(refused.value) == f"it predicts an array of shape {shape} for 3 rows, not {wanted}"


BITS, WORDS = Output("a", [0, 1]), Output("b", ["x", "y"])


@pytest.mark.parametrize(
    ("outputs", "dtype"),
    [([BITS, BITS], np.int64), ([BITS, Output("n")], np.float64), ([BITS, Output("c", [False, True])], np.float64)],
)
def test_labels_that_are_whole_numbers_are_predicted_as_such(outputs: list[Output], dtype: Any) -> None:
    got = as_whole_labels(np.array([[0.0, 1.0]]), outputs)
    assert (got.dtype, got.tolist()) == (dtype, [[0, 1]])


def test_labels_that_are_words_stay_words() -> None:
    assert as_whole_labels(np.array([[0, "x"]], dtype=object), [BITS, BITS]).tolist() == [[0, "x"]]


@pytest.mark.parametrize(
    ("own", "classes"),
    [
        ([np.array([0, 1]), np.array(["x", "y"])], [[0, 1], ["x", "y"]]),
        (np.array([0, 1]), [[0, 1], [0, 1]]),  # the positions of the targets
    ],
)
def test_each_target_has_its_classes(own: Any, classes: Any) -> None:
    assert classes_by_target(SimpleNamespace(classes_=own), 2) == classes


@pytest.mark.parametrize(
    ("given", "outputs", "chances"),
    [
        ([[[0.25, 0.75]], [[1.0, 0.0]]], [BITS, WORDS], [[[0.25, 0.75]], [[1.0, 0.0]]]),
        ([[0.75, 0.0], [0.5, 1.0]], [BITS, WORDS], None),
        (np.array([[0.75, 0.0], [0.5, 1.0]]), [BITS, WORDS], [[[0.25, 0.75], [0.5, 0.5]], [[1.0, 0.0], [0.0, 1.0]]]),
        (np.array([[0.75, 0.0]]), [BITS, Output("c", ["x", "y", "z"])], None),
        (np.array([[0.75, 0.0, 1.0]]), [BITS, WORDS], None),
        (np.array([0.75, 0.0]), [BITS, WORDS], None),
        ([[[0.25, 0.75]], [[1.0, 0.0, 0.0]]], [BITS, WORDS], None),
        ([[[0.25, 0.75]]], [BITS, WORDS], None),
    ],
)
def test_each_target_has_its_probabilities(given: Any, outputs: list[Output], chances: Any) -> None:
    if chances is None:
        with pytest.raises(NotGivenError):
            chances_by_target(given, outputs)
    else:
        assert [array.tolist() for array in chances_by_target(given, outputs)] == chances
