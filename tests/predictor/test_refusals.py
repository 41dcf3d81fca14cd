"""Of which exceptions the caller is told as of values that cannot be predicted, and which are a fault of ours."""

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
from predictor import NotPredictable, Predictor
from tests.hosts import InProcess
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
        (fitted(own_error), False),
        (fitted(of_numpy), False),
        (fitted(of_a_wrong_width), False),
    ],
    ids=["a forest", "an encoder", "scikit-learn's check", "own", "numpy in own", "numpy's own code"],
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
