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
from training.answers import Answers, answers_of
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
    Of several targets these are means, and `by_target` has the scores of each.
    """
    train, test = split(problem, test_size, seed)
    fitted = fit(estimator, *problem.take(train))
    plain = fit(DummyClassifier(strategy="prior") if problem.classifies else DummyRegressor(), *problem.take(train))
    answers, held_out = judged(fitted, problem, test)
    _, baseline = judged(plain, problem, test)
    result: dict[str, Any] = {
        "held_out": mean_of(held_out),
        "baseline": mean_of(baseline),
        "held_out_rows": len(test),
        "folds": len(by_fold),
    }
    result["cross_validated"] = {
        name: value for name, value in mean_and_deviation(by_fold).items() if name in result["held_out"]
    }
    never = {name: never_found(answer) for name, answer in answers.items()} if problem.classifies else {}
    if problem.several:
        result["by_target"] = {name: {"held_out": held_out[name], "baseline": baseline[name]} for name in held_out}
        for name, labels in never.items():
            result["by_target"][name] |= {"never_found": labels} if labels else {}
    elif any(never.values()):
        result["never_found"] = never[problem.table.target_name]
    return result


def never_found(answer: Answers) -> dict[str, int]:
    """Return the classes of which no row is told right, and how many rows each has."""
    recalls = metrics.recall_score(answer.truth, answer.predicted, labels=answer.labels, average=None, zero_division=1)
    labels = np.asarray(answer.labels)[recalls == 0]
    return {str(label): int((answer.truth == label).sum()) for label in labels.tolist()}


def cross_validate(
    estimator: BaseEstimator, problem: Problem, *, test_size: float, seed: int, on_fold: Callable[[int, int], Any]
) -> list[Scores]:
    """Return the scores of each fold of the rows that are not held out; `on_fold(done, folds)` is called after each."""
    train, _ = split(problem, test_size, seed)
    folds = list(_folds(problem, train, seed))
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


def leading(task: str, *, several: bool) -> str:
    """Return the metric that decides: of several targets, which have units of their own, one without a unit."""
    return "r2" if several and task == "regression" else LEADING[task]


def leading_of(result: dict[str, Any], task: str) -> str:
    """Return the metric that decides among those of a result: R2 needs more than one row."""
    name = leading(task, several="by_target" in result)
    return name if name in result["held_out"] else LEADING[task]


def beats_baseline(result: dict[str, Any], task: str) -> bool:
    """Whether the model is better than the baseline on the held-out rows, by the leading metric."""
    name = leading_of(result, task)
    return is_better(name, result["held_out"][name], result["baseline"][name])


def is_better(name: str, value: float, baseline: float) -> bool:
    """Whether a metric is better than the baseline's."""
    return value < baseline if name in LESS_IS_MORE else value > baseline


def split(problem: Problem, test_size: float, seed: int) -> tuple[Rows, Rows]:
    """Return the rows to fit on and those held out; TrainingError when there are too few for that."""
    rows = np.arange(len(problem.target))
    strata = strata_of(problem) if problem.classifies else None
    counts = None if strata is None else np.bincount(strata)
    # Each class needs a row among those held out.
    held_out = test_size if counts is None or test_size * len(rows) > len(counts) - 1 else len(counts)
    try:
        train, test = train_test_split(rows, test_size=held_out, random_state=seed, stratify=strata)
    except ValueError as error:
        raise TrainingError(f"{len(rows)} rows cannot be split with --test-size {test_size}: {error}") from None
    targets = problem.targets.values() if problem.classifies else ()
    if any(len(np.unique(target[train])) < len(np.unique(target)) for target in targets):
        raise TrainingError(f"--test-size {test_size} leaves no row of some class to learn from; make it smaller")
    return train, test


def strata_of(problem: Problem) -> NDArray[np.intp] | None:
    """Return to which class each row belongs, of several targets to which classes together; None where some are alone.

    TrainingError when a class has one row only.
    """
    for name, target in problem.targets.items():
        labels, counts = np.unique(target, return_counts=True)
        if counts.min() < 2:
            rare = str(labels[counts.argmin()])
            raise TrainingError(f"the class {rare!r} of {name!r} has one row only; add rows or remove it")
    strata = np.unique(problem.target, axis=0, return_inverse=True)[1].reshape(-1)
    return strata if np.bincount(strata).min() > 1 else None


def _folds(problem: Problem, rows: Rows, seed: int) -> Any:
    strata = strata_of(problem) if problem.classifies else None
    if strata is None:
        splitter, folds, groups = KFold, min(FOLDS, len(rows)), None
    else:
        groups = strata[rows]
        counts = np.bincount(groups)
        splitter, folds = StratifiedKFold, min(FOLDS, int(counts[counts > 0].min()))
    if folds < 2:
        return []
    return splitter(folds, shuffle=True, random_state=seed).split(np.zeros((len(rows), 1)), groups)


def _score(estimator: BaseEstimator, problem: Problem, fit_on: Rows, judge_on: Rows) -> Scores:
    return mean_of(judged(fit(estimator, *problem.take(fit_on)), problem, judge_on)[1])


def judged(fitted: Any, problem: Problem, rows: Rows) -> tuple[dict[str, Answers], dict[str, Scores]]:
    """Return what is predicted of some rows, and how good that is, for each target."""
    scores_of = _classification_scores if problem.classifies else _regression_scores
    try:
        answers = answers_of(fitted, problem, rows)
        scores = {name: scores_of(answer) for name, answer in answers.items()}
    except ValueError as error:
        raise refusal(fitted, "has no prediction for rows that it was not fitted on", error) from error
    if not all(np.isfinite(list(found.values())).all() for found in scores.values()):
        raise TrainingError("the errors of the predictions are too large to compute; divide the numbers of the table")
    return answers, scores


def mean_of(by_target: dict[str, Scores]) -> Scores:
    """Return the mean over the targets of each metric that all have."""
    first, *others = by_target.values()
    names = [name for name in first if all(name in scores for scores in others)]
    return {name: float(np.mean([scores[name] for scores in by_target.values()])) for name in names}


def _regression_scores(answer: Answers) -> Scores:
    target, predicted = answer.truth, answer.predicted
    scores = {
        "mae": float(metrics.mean_absolute_error(target, predicted)),
        "rmse": float(metrics.root_mean_squared_error(target, predicted)),
    }
    # R2 compares with the spread of the target, which one row does not have.
    return {"r2": float(metrics.r2_score(target, predicted))} | scores if len(target) > 1 else scores


def _classification_scores(answer: Answers) -> Scores:
    target, labels, probabilities = answer.truth, answer.labels, answer.probabilities
    scores = {
        "accuracy": float(metrics.accuracy_score(target, answer.predicted)),
        "balanced_accuracy": float(metrics.balanced_accuracy_score(target, answer.predicted)),
    }
    if probabilities is not None and set(target.tolist()) <= set(labels):  # of several targets, rows may have others
        scores["log_loss"] = float(metrics.log_loss(target, probabilities, labels=labels))
        if set(target.tolist()) == set(labels):  # the area under a curve needs every class among the judged rows
            chances = probabilities[:, 1] if len(labels) == 2 else probabilities
            scores["roc_auc"] = float(metrics.roc_auc_score(target, chances, multi_class="ovr", labels=labels))
    return scores
