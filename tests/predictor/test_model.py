"""What counts as the same prediction again, and what a model without one leads to."""

import dataclasses
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from sklearn.utils.validation import check_array

import predictor
from predictor import NotPredictable, Predictor
from predictor.model import relative_difference
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
