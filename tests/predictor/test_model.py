"""What counts as the same prediction again, and what a model without one leads to."""

import dataclasses
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from sklearn.utils.validation import check_array

import predictor
from predictor import NotPredictable, Predictor
from predictor.model import relative_difference, usual_size
from predictor.outputs import NotGivenError, Output
from servers.running import ROOT


@pytest.fixture(scope="module")
def example() -> Predictor:
    return predictor.load(ROOT)


def replaying(example: Predictor, expected: list[Any], got: Any) -> Predictor:
    """Return a predictor whose manifest expects some predictions, and whose estimator gives others."""
    golden = [{"features": [float(i), 2.0, 3.0], "prediction": value} for i, value in enumerate(expected)]
    estimator = SimpleNamespace(predict=got if callable(got) else lambda _: np.array(got, dtype=object))
    return Predictor(dataclasses.replace(example.manifest, examples=golden), estimator)


@pytest.mark.parametrize(
    ("expected", "got", "same"),
    [
        (10.0, 10.0, True),
        (10.0, 10.0 + 1e-9, True),
        (10.0, 10.0 + 1e-7, False),
        (10.0, -10.0, False),
        (0.0, 0.0, True),
        (0.0, 1.0, False),
        (0.0, 1e-10, False),
        ("apple", "apple", True),
        ("apple", "cherry", False),  # the right type and the wrong value
        ("1", 1, False),
        (1, 1, True),
        (1, 2, False),
        (1, True, False),  # equal for Python, another label
        (1, 1.0, False),
        (True, True, True),
        (True, False, False),
    ],
)
def test_a_golden_example_is_the_same_again_or_not(example: Predictor, expected: Any, got: Any, same: bool) -> None:
    assert replaying(example, ["x", expected], ["x", got]).replay() == ([] if same else [1])
    assert replaying(example, [expected, "x"], [got, "x"]).replay() == ([] if same else [0])


@pytest.mark.parametrize(
    ("got", "expected", "scale", "tolerance", "difference"),
    [
        (11.0, 10.0, 0.0, 1e-9, 1 / 11),
        (10.0, 11.0, 0.0, 1e-9, 1 / 11),
        (-10.0, 10.0, 0.0, 1e-9, 2.0),
        (0.0, 0.0, 0.0, 1e-9, 0.0),
        (0.0, 1e-9, 100.0, 1e-9, 1e-11),  # beside their usual size
        (0.0, 1e-9, 100.0, 1.0, 1e-8),  # of which less counts where more is tolerated
        (0.0, 1e-9, 100.0, 1e-6, 1e-8),
        (0.0, 1e-9, 100.0, 1e-8, 1e-10),
        (0.0, 1e-9, 100.0, 1e-10, 1e-11),  # but never more than all of it
        (0.0, 1e-9, 100.0, 0.0, 1e-11),
    ],
)
def test_a_difference_is_relative(
    got: float, expected: float, scale: float, tolerance: float, difference: float
) -> None:
    assert relative_difference(got, expected, scale, tolerance) == pytest.approx(difference, rel=1e-12)


def test_the_examples_that_have_no_prediction_are_named(example: Predictor) -> None:
    def not_the_second(matrix: Any) -> Any:
        return np.array([1.0, np.nan, 3.0])[: len(matrix)]

    assert replaying(example, [1.0, 2.0, 3.0], not_the_second).replay() == [1]


def test_all_examples_are_named_when_the_estimator_refuses_without_a_reason(example: Predictor) -> None:
    def refuse(_: Any) -> Any:
        raise NotPredictable([])

    assert replaying(example, [1.0, 2.0], refuse).replay() == [0, 1]


def test_an_estimator_that_refuses_what_float32_cannot_hold_names_the_rows(example: Predictor) -> None:
    def refuse(matrix: Any) -> Any:
        return check_array(matrix, dtype=np.float32)

    with pytest.raises(NotPredictable) as refused:
        replaying(example, [], refuse).predict(np.array([[1.0, 2.0], [1e39, 1.0], [3.0, -1e39], [1e38, 1.0]]))
    assert refused.value.rows == [1, 2]


@pytest.mark.parametrize("columns", [2, 3])
def test_probabilities_come_as_the_estimator_gives_them(example: Predictor, columns: int) -> None:
    given = np.full((2, columns), 1 / columns)
    estimator = SimpleNamespace(predict_proba=lambda matrix: given[: len(matrix)])
    got = Predictor(example.manifest, estimator).predict_proba(np.zeros((2, 3)))
    assert got.shape == (2, columns)
    assert (got == given).all()


@pytest.mark.parametrize("beyond", [np.nan, np.inf])
def test_probabilities_that_are_no_numbers_name_their_row(example: Predictor, beyond: float) -> None:
    estimator = SimpleNamespace(predict_proba=lambda _: np.array([[0.5, 0.5], [0.5, beyond]]))
    with pytest.raises(NotPredictable) as refused:
        Predictor(example.manifest, estimator).predict_proba(np.zeros((2, 3)))
    assert refused.value.rows == [1]


@pytest.mark.parametrize(
    ("predictions", "size"),
    [([1.0, -2.0, 30.0], 2.0), ([[1.0, 3.0], [-5.0, 7.0]], 4.0), ([], None), ([1, 2], None), (["a"], None)],
)
def test_the_usual_size_of_predictions_is_their_median(predictions: Any, size: float | None) -> None:
    assert usual_size(predictions) == size


BITS, WORDS, NUMBER = Output("bits", [0, 1]), Output("words", ["x", "y"]), Output("number")


def answering(example: Predictor, outputs: list[Output], **methods: Any) -> Predictor:
    """Return a predictor of these targets, whose estimator has these methods."""
    task = "regression" if outputs[0].classes is None else "classification"
    described: dict[str, Any] = {"outputs": outputs} if len(outputs) > 1 else {"classes": outputs[0].classes}
    return Predictor(dataclasses.replace(example.manifest, task=task, **described), SimpleNamespace(**methods))


@pytest.mark.parametrize(
    ("outputs", "shape", "given"),
    [
        ([BITS], (2,), True),
        ([BITS], (2, 2), True),
        ([BITS], (2, 3), False),
        ([BITS], (2, 1), False),
        ([BITS, WORDS], (2, 2), True),
        ([BITS, WORDS], (2,), False),
        ([BITS, WORDS], (2, 4), False),
        ([BITS, WORDS, BITS], (2, 3), True),
        ([BITS, WORDS, BITS], (2, 2), False),
    ],
)
def test_scores_are_one_a_row_or_one_for_each_class_or_target(
    example: Predictor, outputs: list[Output], shape: tuple[int, ...], given: bool
) -> None:
    scores = np.arange(float(np.prod(shape))).reshape(shape)
    answers = answering(example, outputs, decision_function=lambda _: scores)
    assert answers.gives_scores
    if given:
        assert answers.decision_function(np.zeros((2, 3))).tolist() == scores.tolist()
    else:
        with pytest.raises(NotGivenError):
            answers.decision_function(np.zeros((2, 3)))


@pytest.mark.parametrize(
    ("task", "classes", "methods", "told"),
    [
        ("regression", None, ["predict_proba", "decision_function"], (False, False)),
        ("classification", [0, 1], [], (False, False)),
        ("classification", [0, 1], ["predict_proba", "decision_function"], (True, False)),
        ("classification", [0, 1], ["decision_function"], (False, True)),
        ("anomaly", [-1, 1], ["predict_proba", "decision_function"], (False, True)),
        ("clustering", None, ["predict_proba", "decision_function"], (False, False)),
        ("clustering", [0, 1], ["predict_proba", "decision_function"], (True, False)),
    ],
)
def test_what_a_model_tells_beside_predictions_depends_on_its_task(
    example: Predictor, task: str, classes: Any, methods: list[str], told: tuple[bool, bool]
) -> None:
    manifest = dataclasses.replace(example.manifest, task=task, classes=classes)
    answers = Predictor(manifest, SimpleNamespace(**dict.fromkeys(methods, print)))
    assert (answers.gives_probabilities, answers.gives_scores) == told


def test_labels_of_several_targets_are_whole_numbers_where_all_are(example: Predictor) -> None:
    floats = np.array([[0.0, 1.0], [1.0, 1.0]])
    whole = answering(example, [BITS, BITS], predict=lambda _: floats).predict(np.zeros((2, 3)))
    assert (whole.dtype.kind, whole.tolist()) == ("i", [[0, 1], [1, 1]])
    numbers = answering(example, [NUMBER, NUMBER], predict=lambda _: floats).predict(np.zeros((2, 3)))
    assert numbers.dtype.kind == "f"


def refusing(limit: float) -> Any:
    """Return a method that refuses, as scikit-learn does, rows whose first number reaches a limit."""

    def refuse(matrix: Any) -> Any:
        check_array(np.where(matrix[:, :1] < limit, 0.0, np.inf))
        return np.full((len(matrix), 2), 0.5)

    return refuse


def test_the_row_that_one_method_refuses_is_named(example: Predictor) -> None:
    answers = answering(example, [BITS], predict=refusing(np.inf), predict_proba=refusing(7))
    with pytest.raises(NotPredictable) as refused:
        answers.predict_proba(np.array([[1.0, 0, 0], [8.0, 0, 0], [2.0, 0, 0], [9.0, 0, 0]]))
    assert refused.value.rows == [1]


@pytest.mark.parametrize(
    ("outputs", "limit", "raised"),
    [
        ([BITS, BITS], 7, NotPredictable),  # of the manifest's example it tells it
        ([BITS, BITS], -7, NotGivenError),
        ([BITS], -7, NotPredictable),
    ],
)
def test_what_several_targets_never_have_is_not_the_callers_fault(
    example: Predictor, outputs: list[Output], limit: float, raised: type[Exception]
) -> None:
    answers = answering(example, outputs, predict_proba=refusing(limit))
    golden = [{"features": [first, 2.0, 3.0], "prediction": {}} for first in (1.0, 9.0)]
    answers.manifest = dataclasses.replace(answers.manifest, examples=golden)
    with pytest.raises(raised) as refused:
        answers.predict_proba(np.array([[1.0, 0, 0], [8.0, 0, 0]]))
    assert type(refused.value) is raised


@pytest.mark.parametrize(
    ("outputs", "expected", "predicted", "differing"),
    [
        ([NUMBER, WORDS], [{"number": 1.0, "words": "x"}] * 3, [[1.0, "x"]] * 3, []),
        ([NUMBER, WORDS], [{"number": 1.0, "words": "x"}] * 3, [[1.0, "x"], [1.0, "y"], [2.0, "x"]], [1, 2]),
        ([NUMBER, WORDS], [{"number": 1.0, "words": "x"}] * 3, [[2.0, "y"], [1.0, "x"], [2.0, "x"]], [0, 2]),
    ],
)
def test_examples_of_several_targets_are_compared_target_by_target(
    example: Predictor, outputs: list[Output], expected: Any, predicted: Any, differing: list[int]
) -> None:
    golden = [{"features": [float(i), 2.0, 3.0], "prediction": row} for i, row in enumerate(expected)]
    manifest = dataclasses.replace(example.manifest, examples=golden, outputs=outputs)
    estimator = SimpleNamespace(predict=lambda _: np.array(predicted, dtype=object))
    assert Predictor(manifest, estimator).replay() == differing


@pytest.mark.parametrize(
    ("predicted", "rows"),
    [
        ([1.0, np.nan, 2.0], [1]),
        ([np.inf, 1.0, -np.inf], [0, 2]),
        ([[1.0, 2.0], [1.0, np.nan], [np.nan, 2.0]], [1, 2]),
    ],
)
def test_rows_without_a_finite_prediction_are_named(example: Predictor, predicted: Any, rows: list[int]) -> None:
    with pytest.raises(NotPredictable) as refused:
        answering(example, [NUMBER, NUMBER], predict=lambda _: np.array(predicted)).predict(np.zeros((3, 3)))
    assert refused.value.rows == rows


def test_chances_of_one_target_that_are_no_numbers_name_their_row(example: Predictor) -> None:
    chances = [np.array([["a", "b"]] * 3), np.array([[0.5, 0.5], [0.5, 0.5], [np.nan, 0.5]])]
    with pytest.raises(NotPredictable) as refused:
        answering(example, [WORDS, BITS], predict_proba=lambda _: chances).predict_proba(np.zeros((3, 3)))
    assert refused.value.rows == [2]
