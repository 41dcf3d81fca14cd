"""How good is it? Metrics on a held-out set and by cross-validation, beside a baseline that looks at no feature."""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn import metrics
from sklearn.base import BaseEstimator
from sklearn.dummy import DummyClassifier, DummyRegressor
from sklearn.model_selection import KFold, StratifiedKFold, train_test_split

from training import TrainingError
from training.fit import fit, refusal
from training.table import Table

FOLDS = 5
Scores = dict[str, float]

# What "better" means for the metrics of which less is more.
LESS_IS_MORE = frozenset({"mae", "rmse", "log_loss"})
LEADING = {"regression": "rmse", "classification": "balanced_accuracy"}


def evaluate(
    estimator: BaseEstimator,
    table: Table,
    task: str,
    *,
    test_size: float,
    seed: int,
    on_fold: Callable[[int, int], Any],
) -> dict[str, Any]:
    """Return the metrics of an estimator that was never fitted on the rows it is judged by.

    `held_out` and `baseline` are scores on the held-out rows; `cross_validated` are mean and standard deviation over
    the folds of the other rows. `on_fold(done, folds)` is called after each fold.
    """
    train, test = _split(table, task, test_size, seed)
    baseline = DummyClassifier(strategy="prior") if task == "classification" else DummyRegressor()
    folds = list(_folds(table.target[train], task, seed))
    by_fold: list[Scores] = []
    for done, (fit_on, judge_on) in enumerate(folds):
        on_fold(done, len(folds))
        by_fold.append(_score(estimator, table, task, train[fit_on], train[judge_on]))
    on_fold(len(folds), len(folds))
    result: dict[str, Any] = {
        "held_out": _score(estimator, table, task, train, test),
        "baseline": _score(baseline, table, task, train, test),
        "held_out_rows": len(test),
        "folds": len(folds),
    }
    names = [name for name in result["held_out"] if all(name in scores for scores in by_fold)]
    values = {name: [scores[name] for scores in by_fold] for name in names if by_fold}
    result["cross_validated"] = {
        name: {"mean": float(np.mean(scores)), "std": float(np.std(scores))} for name, scores in values.items()
    }
    return result


def beats_baseline(result: dict[str, Any], task: str) -> bool:
    """Whether the model is better than the baseline on the held-out rows, by the task's leading metric."""
    name = LEADING[task]
    model, baseline = result["held_out"][name], result["baseline"][name]
    return bool(model < baseline if name in LESS_IS_MORE else model > baseline)


def _split(table: Table, task: str, test_size: float, seed: int) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    rows = np.arange(len(table.target))
    counts = np.unique(table.target, return_counts=True)[1] if task == "classification" else None
    if counts is not None and counts.min() < 2:
        rare = np.unique(table.target)[counts.argmin()]
        raise TrainingError(f"the class {str(rare)!r} of {table.target_name!r} has one row only; add rows or remove it")
    try:
        train, test = train_test_split(
            rows, test_size=test_size, random_state=seed, stratify=None if counts is None else table.target
        )
    except ValueError as error:
        raise TrainingError(f"{len(rows)} rows cannot be split with --test-size {test_size}: {error}") from None
    if counts is not None and len(np.unique(table.target[train])) < len(counts):
        raise TrainingError(f"--test-size {test_size} leaves no row of some class to learn from; make it smaller")
    return train, test


def _folds(target: NDArray[Any], task: str, seed: int) -> Any:
    if task == "classification":
        smallest = int(np.unique(target, return_counts=True)[1].min())
        folds = min(FOLDS, smallest)
        splitter: Any = StratifiedKFold
    else:
        folds, splitter = min(FOLDS, len(target)), KFold
    if folds < 2:
        return []
    return splitter(folds, shuffle=True, random_state=seed).split(np.zeros((len(target), 1)), target)


def _score(estimator: BaseEstimator, table: Table, task: str, fit_on: Any, judge_on: Any) -> Scores:
    fitted = fit(estimator, table.features[fit_on], table.target[fit_on])
    judge = _classification_scores if task == "classification" else _regression_scores
    try:
        scores = judge(fitted, table.features[judge_on], table.target[judge_on])
    except ValueError as error:
        raise refusal(estimator, "has no prediction for rows that it was not fitted on", error) from error
    if not np.isfinite(list(scores.values())).all():
        raise TrainingError("the errors of the predictions are too large to compute; divide the numbers of the table")
    return scores


def _regression_scores(fitted: Any, features: NDArray[np.float64], target: NDArray[Any]) -> Scores:
    predicted = fitted.predict(features)
    scores = {
        "mae": float(metrics.mean_absolute_error(target, predicted)),
        "rmse": float(metrics.root_mean_squared_error(target, predicted)),
    }
    # R2 compares with the spread of the target, which one row does not have.
    return {"r2": float(metrics.r2_score(target, predicted))} | scores if len(target) > 1 else scores


def _classification_scores(fitted: Any, features: NDArray[np.float64], target: NDArray[Any]) -> Scores:
    predicted = fitted.predict(features)
    scores = {
        "accuracy": float(metrics.accuracy_score(target, predicted)),
        "balanced_accuracy": float(metrics.balanced_accuracy_score(target, predicted)),
    }
    labels = fitted.classes_
    if hasattr(fitted, "predict_proba"):
        probabilities = fitted.predict_proba(features)
        scores["log_loss"] = float(metrics.log_loss(target, probabilities, labels=labels))
        if set(target) == set(labels):  # the area under a curve needs every class among the judged rows
            chances = probabilities[:, 1] if len(labels) == 2 else probabilities
            scores["roc_auc"] = float(metrics.roc_auc_score(target, chances, multi_class="ovr", labels=labels))
    return scores
