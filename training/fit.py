"""Fitting, with scikit-learn's refusals turned into one line each."""

from contextlib import nullcontext
from typing import Any

from joblib import parallel_config
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, clone, is_classifier
from sklearn.ensemble import (
    ExtraTreesClassifier,
    ExtraTreesRegressor,
    RandomForestClassifier,
    RandomForestRegressor,
)

from training import TrainingError
from training.estimators import final_step

# Their trees grow side by side and come out the same; what else has n_jobs gains nothing, or starts processes for it.
FORESTS = (ExtraTreesClassifier, ExtraTreesRegressor, RandomForestClassifier, RandomForestRegressor)


def task_of(estimator: BaseEstimator) -> str:
    """Return "classification" or "regression"."""
    return "classification" if is_classifier(estimator) else "regression"


def fit(estimator: BaseEstimator, inputs: Any, target: NDArray[Any]) -> Any:
    """Return a fitted copy of an estimator; TrainingError with scikit-learn's reason when it refuses."""
    beside = isinstance(final_step(estimator), FORESTS)
    try:
        with parallel_config("threading", n_jobs=-1) if beside else nullcontext():
            fitted = clone(estimator).fit(inputs, target)
    except Exception as error:  # each estimator has its own way to refuse
        raise refusal(estimator, "cannot be fitted", error) from error
    if not hasattr(fitted, "n_features_in_"):
        raise refusal(estimator, "cannot be served", "it does not say how many features it takes; choose another")
    return fitted


def refusal(estimator: BaseEstimator, what: str, reason: object) -> TrainingError:
    """Return the error that names the estimator and gives its reason in one line."""
    return TrainingError(f"{type(final_step(estimator)).__name__} {what}: {' '.join(str(reason).split())}")
