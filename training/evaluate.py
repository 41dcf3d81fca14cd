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
from training.problem import Problem, Rows

FOLDS = 5
Scores = dict[str, float]

# What "better" means for the metrics of which less is more.
LESS_IS_MORE = frozenset({"mae", "rmse", "log_loss"})
LEADING = {"regression": "rmse", "classification": "balanced_accuracy"}


def evaluate(
    estimator: BaseEstimator, problem: Problem, *, test_size: float, seed: int, by_fold: list[Scores]
) -> dict[str, Any]:
    """Return the metrics of an estimator that was never fitted on the rows it is judged by.

    `held_out` and `baseline` are scores on the held-out rows; `cross_validated` are mean and standard deviation over
    the folds of the other rows, whose scores cross_validate() gives. `never_found` are classes that it never tells.
    """
    train, test = split(problem, test_size, seed)
    fitted = fit(estimator, *problem.take(train))
    baseline = DummyClassifier(strategy="prior") if problem.classifies else DummyRegressor()
    result: dict[str, Any] = {
        "held_out": _judged(fitted, problem, test),
        "baseline": _score(baseline, problem, train, test),
        "held_out_rows": len(test),
        "folds": len(by_fold),
    }
    result["cross_validated"] = {
        name: value for name, value in mean_and_deviation(by_fold).items() if name in result["held_out"]
    }
    if problem.classifies and (never := never_found(fitted, problem, test)):
        result["never_found"] = never
    return result


def never_found(fitted: Any, problem: Problem, rows: Rows) -> dict[str, int]:
    """Return the classes of which no row is told right, and how many rows each has."""
    inputs, target = problem.take(rows)
    recalls = metrics.recall_score(
        target, fitted.predict(inputs), labels=fitted.classes_, average=None, zero_division=1
    )
    labels = fitted.classes_[recalls == 0]
    return {str(label): int((target == label).sum()) for label in labels.tolist()}


def cross_validate(
    estimator: BaseEstimator, problem: Problem, *, test_size: float, seed: int, on_fold: Callable[[int, int], Any]
) -> list[Scores]:
    """Return the scores of each fold of the rows that are not held out; `on_fold(done, folds)` is called after each."""
    train, _ = split(problem, test_size, seed)
    folds = list(_folds(problem.target[train], problem.task, seed))
    by_fold: list[Scores] = []
    for done, (fit_on, judge_on) in enumerate(folds):
        on_fold(done, len(folds))
        by_fold.append(_score(estimator, problem, train[fit_on], train[judge_on]))
    on_fold(len(folds), len(folds))
    return by_fold


def mean_and_deviation(by_fold: list[Scores]) -> dict[str, dict[str, float]]:
    """Return mean and standard deviation of the metrics that every fold has."""
    names = [name for name in by_fold[0] if all(name in scores for scores in by_fold)] if by_fold else []
    values = {name: [scores[name] for scores in by_fold] for name in names}
    return {name: {"mean": float(np.mean(scores)), "std": float(np.std(scores))} for name, scores in values.items()}


def beats_baseline(result: dict[str, Any], task: str) -> bool:
    """Whether the model is better than the baseline on the held-out rows, by the task's leading metric."""
    name = LEADING[task]
    return is_better(name, result["held_out"][name], result["baseline"][name])


def is_better(name: str, value: float, baseline: float) -> bool:
    """Whether a metric is better than the baseline's."""
    return value < baseline if name in LESS_IS_MORE else value > baseline


def split(problem: Problem, test_size: float, seed: int) -> tuple[Rows, Rows]:
    """Return the rows to fit on and those held out; TrainingError when there are too few for that."""
    target = problem.target
    rows = np.arange(len(target))
    counts = np.unique(target, return_counts=True)[1] if problem.classifies else None
    if counts is not None and counts.min() < 2:
        rare = str(np.unique(target)[counts.argmin()])
        raise TrainingError(
            f"the class {rare!r} of {problem.table.target_name!r} has one row only; add rows or remove it"
        )
    # Each class needs a row among those held out.
    held_out = test_size if counts is None or test_size * len(rows) > len(counts) - 1 else len(counts)
    try:
        train, test = train_test_split(
            rows, test_size=held_out, random_state=seed, stratify=None if counts is None else target
        )
    except ValueError as error:
        raise TrainingError(f"{len(rows)} rows cannot be split with --test-size {test_size}: {error}") from None
    if counts is not None and len(np.unique(target[train])) < len(counts):
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


def _score(estimator: BaseEstimator, problem: Problem, fit_on: Rows, judge_on: Rows) -> Scores:
    return _judged(fit(estimator, *problem.take(fit_on)), problem, judge_on)


def _judged(fitted: Any, problem: Problem, judge_on: Rows) -> Scores:
    judge = _classification_scores if problem.classifies else _regression_scores
    try:
        scores = judge(fitted, *problem.take(judge_on))
    except ValueError as error:
        raise refusal(fitted, "has no prediction for rows that it was not fitted on", error) from error
    if not np.isfinite(list(scores.values())).all():
        raise TrainingError("the errors of the predictions are too large to compute; divide the numbers of the table")
    return scores


def _regression_scores(fitted: Any, inputs: Any, target: NDArray[Any]) -> Scores:
    predicted = fitted.predict(inputs)
    scores = {
        "mae": float(metrics.mean_absolute_error(target, predicted)),
        "rmse": float(metrics.root_mean_squared_error(target, predicted)),
    }
    # R2 compares with the spread of the target, which one row does not have.
    return {"r2": float(metrics.r2_score(target, predicted))} | scores if len(target) > 1 else scores


def _classification_scores(fitted: Any, inputs: Any, target: NDArray[Any]) -> Scores:
    predicted = fitted.predict(inputs)
    scores = {
        "accuracy": float(metrics.accuracy_score(target, predicted)),
        "balanced_accuracy": float(metrics.balanced_accuracy_score(target, predicted)),
    }
    labels = fitted.classes_
    if hasattr(fitted, "predict_proba"):
        probabilities = fitted.predict_proba(inputs)
        scores["log_loss"] = float(metrics.log_loss(target, probabilities, labels=labels))
        if set(target) == set(labels):  # the area under a curve needs every class among the judged rows
            chances = probabilities[:, 1] if len(labels) == 2 else probabilities
            scores["roc_auc"] = float(metrics.roc_auc_score(target, chances, multi_class="ovr", labels=labels))
    return scores
