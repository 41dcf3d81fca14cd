"""Of which exceptions the caller is told as of values that cannot be predicted, and which are a fault of ours."""

import dataclasses
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.ensemble import RandomForestRegressor
from sklearn.linear_model import LinearRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder
from sklearn.utils.validation import check_array

from handlers.service import Service, process_service
from predictor import NotPredictable, Predictor, load
from tests.hosts import InProcess
from tests.models import strict_regressor
from webapp import create_app

ROWS = np.arange(30.0).reshape(10, 3)


class Own(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """A step of somebody's own, which fails for values from 1000 on in one way or another."""

    def __init__(self, failing: Any = None) -> None:
        self.failing = failing

    def fit(self, _: Any, __: Any = None) -> "Own":
        self.fitted_ = True
        return self

    def transform(self, matrix: Any) -> Any:
        if (matrix >= 1000).any():
            return self.failing(matrix)
        return matrix


def own_error(_: Any) -> Any:
    raise ValueError("an error of its own")


def of_numpy(matrix: Any) -> Any:
    return np.ones(2) + np.ones(3)


def of_a_wrong_width(matrix: Any) -> Any:
    return np.concatenate([matrix, np.ones((1, 2))])


def of_a_wrong_depth(matrix: Any) -> Any:
    return check_array(matrix[0])


class Unreadable:
    def __array__(self, *_: Any, **__: Any) -> Any:
        raise ValueError("an error of its own")


def unreadable(_: Any) -> Any:
    return check_array(Unreadable())


def checked(matrix: Any) -> Any:
    return check_array(matrix * 1e308)


def fitted(failing: Any) -> Any:
    return make_pipeline(Own(failing), LinearRegression()).fit(ROWS, ROWS.sum(axis=1))


@pytest.mark.parametrize(
    ("estimator", "refused"),
    [
        (RandomForestRegressor(n_estimators=2).fit(ROWS, ROWS.sum(axis=1)), True),
        (make_pipeline(OneHotEncoder(), LinearRegression()).fit(ROWS, ROWS.sum(axis=1)), True),
        (fitted(checked), True),
        (fitted(of_a_wrong_depth), True),
        (fitted(unreadable), False),
        (fitted(own_error), False),
        (fitted(of_numpy), False),
        (fitted(of_a_wrong_width), False),
    ],
    ids=[
        "a forest",
        "an encoder",
        "scikit-learn's check",
        "its own words",
        "own in a check",
        "own",
        "numpy in own",
        "numpy's own code",
    ],
)
def test_a_check_of_scikit_learn_blames_the_caller_and_nothing_else_does(
    estimator: Any, refused: bool, caplog: pytest.LogCaptureFixture
) -> None:
    predictor = Predictor(process_service().predictor.manifest, estimator)
    matrix = np.array([[1e39, 2, 3]])
    with pytest.raises(NotPredictable if refused else ValueError) as raised:
        predictor.predict(matrix)
    assert isinstance(raised.value, NotPredictable) == refused
    got = InProcess("own", create_app(Service(predictor))).send(b'{"features":[1e39,2,3]}')
    assert got.status == (422 if refused else 500)
    errors = [record for record in caplog.records if record.levelname == "ERROR"]
    assert [record.exc_info is not None for record in errors] == ([] if refused else [True])


@pytest.fixture(scope="module")
def strict(tmp_path_factory: pytest.TempPathFactory) -> Predictor:
    folder = tmp_path_factory.mktemp("strict")
    strict_regressor(folder)
    loaded = load(folder)
    one_example = dataclasses.replace(loaded.manifest, examples=loaded.manifest.examples[:1])
    return Predictor(one_example, loaded.estimator)


@pytest.mark.parametrize(
    ("rows", "cells"),
    [
        ([[1.0, "Ulm", 1, "gas"]], [(0, 1)]),
        ([[1.0, "Ulm", 4, "wood"]], [(0, 1), (0, 2)]),  # wood is taken by its encoder
        ([[1.0, "Köln", 1, "gas"], [2.0, "Ulm", 9, "gas"], [3.0, "", 9, "oil"]], [(1, 1), (1, 2), (2, 1), (2, 2)]),
        ([[1.0, f"town {n // 2}", 7, "gas"] for n in range(60)], [(n, column) for n in range(60) for column in (1, 2)]),
        # So many different ones are tried, column by column.
        ([[1.0, f"town {n}", 1, "gas"] for n in range(60)], [(n, 1) for n in range(50)]),
        (
            [[1.0, f"town {n}", 10 + n, "gas"] for n in range(45)],
            sorted([*((n, 1) for n in range(45)), *((n, 2) for n in range(5))]),
        ),
    ],
    ids=["one", "beside one that is taken", "several rows", "the same again", "many", "many of two columns"],
)
def test_each_cell_whose_category_is_refused_is_named(rows: list[list[Any]], cells: Any, strict: Predictor) -> None:
    with pytest.raises(NotPredictable, match=r"^the model takes no other categories than it knows$") as refused:
        strict.predict(strict.manifest.inputs(rows))
    assert (refused.value.cells, refused.value.rows) == (cells, [])


@pytest.mark.parametrize("frame", [False, True], ids=["matrix", "frame"])
@pytest.mark.parametrize(
    ("rows", "culprits"), [(1, [0]), (2, [0]), (2, [1]), (3, [2]), (5, [1, 4]), (8, [3]), (9, [8]), (9, [0, 1])]
)
def test_the_first_row_that_a_check_refuses_is_named(
    rows: int, culprits: list[int], frame: bool, strict: Predictor
) -> None:
    def predict(given: Any) -> Any:
        return check_array(np.asarray(given)[:, :1].astype(np.float64) * 1e300)[:, 0]

    manifest = strict.manifest if frame else process_service().predictor.manifest
    more = ["Köln", 1, "gas"] if frame else [0.0, 0.0]
    cells = [[1e10 if row in culprits else 0.0, *more] for row in range(rows)]
    with pytest.raises(NotPredictable, match=r"^the prediction is not a finite number for this input$") as refused:
        Predictor(manifest, SimpleNamespace(predict=predict)).predict(manifest.inputs(cells))
    assert (refused.value.cells, refused.value.rows) == ([], culprits[:1])


def test_all_rows_that_float32_cannot_hold_are_named(strict: Predictor) -> None:
    rows = [[area, "Köln", 1, "gas"] for area in (1.0, 1e39, float(np.finfo(np.float32).max), -1e39)]
    estimator = SimpleNamespace(predict=lambda frame: check_array(frame[["area"]], dtype=np.float32))
    with pytest.raises(NotPredictable) as refused:
        Predictor(strict.manifest, estimator).predict(strict.manifest.inputs(rows))
    assert (refused.value.cells, refused.value.rows) == ([], [1, 3])
