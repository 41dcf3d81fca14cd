"""Fitting, with scikit-learn's refusals turned into one line each."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, clone, is_classifier

from training import TrainingError
from training.estimators import final_step
from training.table import Table

# Beyond it, not every whole number is a float.
LARGEST_LABEL = 2**53


def task_of(estimator: BaseEstimator, table: Table) -> str:
    """Return "classification" or "regression"; TrainingError when the target is not of that kind."""
    name = type(final_step(estimator)).__name__
    if not is_classifier(estimator):
        if table.classifies:
            raise TrainingError(
                f"{name} predicts numbers, but the target {table.target_name!r} holds labels such as "
                f"{str(table.target[0])!r}; choose a classifier with --estimator"
            )
        return "regression"
    if table.target.dtype.kind == "f" and (table.target % 1).any():
        raise TrainingError(
            f"{name} predicts labels, but the target {table.target_name!r} holds fractions; choose a regressor "
            "with --estimator"
        )
    return "classification"


def labels_or_numbers(table: Table, task: str) -> NDArray[Any]:
    """Return the target as it is learnt: a CSV file that writes the labels 0 and 1 as 0.0 and 1.0 means integers."""
    if task == "classification" and table.target.dtype.kind == "f":
        if np.abs(table.target).max() > LARGEST_LABEL:
            raise TrainingError(
                f"the target {table.target_name!r} holds numbers that are too large for labels; write them as words"
            )
        return table.target.astype(np.int64)
    return table.target


def check_missing_values(estimator: BaseEstimator, table: Table) -> None:
    """Refuse missing values that the estimator cannot take (a StandardScaler before it lets them pass)."""
    missing = np.isnan(table.features)
    if missing.any() and not final_step(estimator).__sklearn_tags__().input_tags.allow_nan:
        column = int(missing.any(axis=0).argmax())
        line = table.lines[int(missing[:, column].argmax())]
        raise TrainingError(
            f"column {table.feature_names[column]!r} has no value in line {line} and "
            f"{type(final_step(estimator)).__name__} cannot take that; fill it in, --drop the column, "
            "or use sklearn.ensemble.HistGradientBoosting*"
        )


def fit(estimator: BaseEstimator, features: NDArray[np.float64], target: NDArray[Any]) -> Any:
    """Return a fitted copy of an estimator; TrainingError with scikit-learn's reason when it refuses."""
    try:
        fitted = clone(estimator).fit(features, target)
    except Exception as error:  # each estimator has its own way to refuse
        raise refusal(estimator, "cannot be fitted", error) from error
    if not hasattr(fitted, "n_features_in_"):
        raise refusal(estimator, "cannot be served", "it does not say how many features it takes; choose another")
    return fitted


def refusal(estimator: BaseEstimator, what: str, reason: object) -> TrainingError:
    """Return the error that names the estimator and gives its reason in one line."""
    return TrainingError(f"{type(final_step(estimator)).__name__} {what}: {' '.join(str(reason).split())}")
