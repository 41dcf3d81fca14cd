"""What is learnt, and by which estimator: the one that was named, the default, or the best by cross-validation."""

import argparse
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator

from tables import Table, example_table, read
from training import TrainingError
from training.estimators import make_estimator
from training.evaluate import Scores, cross_validate, is_better, leading, mean_and_deviation
from training.fit import task_of
from training.options import AUTO, DEFAULT_CLASSIFIER, DEFAULT_REGRESSOR, KINDS
from training.pipelines import pipeline_for
from training.problem import Problem

DEFAULT = {"regression": DEFAULT_REGRESSOR, "classification": DEFAULT_CLASSIFIER}
ENSEMBLES = {
    "regression": ["sklearn.ensemble.RandomForestRegressor", "sklearn.ensemble.HistGradientBoostingRegressor"],
    "classification": ["sklearn.ensemble.RandomForestClassifier", "sklearn.ensemble.HistGradientBoostingClassifier"],
}

MOST_UNEVEN = 10

OnFold = Callable[[int, int], Any]


@dataclass(frozen=True)
class Choice:
    """An unfitted pipeline and its scores by fold, and what it was compared with, as the manifest has it."""

    estimator: BaseEstimator
    by_fold: list[Scores]
    compared: list[dict[str, Any]]


def named_estimator(options: argparse.Namespace) -> BaseEstimator | None:
    """Return the estimator that the command line names, None where it leaves the choice."""
    if options.estimator in (None, AUTO):
        return None
    estimator = make_estimator(options.estimator, options.settings, seed=options.seed)
    if options.task and options.task != task_of(estimator):
        raise TrainingError(
            f"--task {options.task}, but {type(estimator).__name__} is for {task_of(estimator)}; leave one of them out"
        )
    return estimator


def problem_of(options: argparse.Namespace, estimator: BaseEstimator | None) -> Problem:
    """Return what the command line asks to learn: a named estimator says the task, too."""
    task = options.task or (None if estimator is None else task_of(estimator))  # an ensemble has a length: its trees
    table = example_table() if options.data is None else read_table(options, task)
    task = task or table.task
    if task == "regression" and table.target.dtype.kind not in "iuf":
        who = "--task regression" if estimator is None else type(estimator).__name__
        raise TrainingError(
            f"{who} predicts numbers, but the target {table.target_name!r} holds labels such as "
            f"{str(table.target.flat[0])!r}; choose a classifier with --estimator"
        )
    return Problem.of(table, task)


def read_table(options: argparse.Namespace, task: str | None) -> Table:
    """Return the table that the command line names."""
    by_hand = {kind: getattr(options, kind) for kind in KINDS}
    header = False if options.no_header else None
    return read(options.data, options.target, header=header, drop=options.drop, keep=options.keep, task=task, **by_hand)


def choose(problem: Problem, named: BaseEstimator | None, options: argparse.Namespace, on_fold: OnFold) -> Choice:
    """Return the pipeline to train; `on_fold(done, folds)` is called as cross-validation goes on."""
    how = {"test_size": options.test_size, "seed": options.seed}
    if options.estimator == AUTO:
        return compare(problem, on_fold=on_fold, **how)
    default = DEFAULT[problem.task]
    estimator = make_estimator(default, options.settings, seed=options.seed) if named is None else named
    scale = options.scale or (None if named is None and problem.classifies and is_uneven(problem) else False)
    pipeline = pipeline_for(estimator, problem, scale=scale, seed=options.seed)
    return Choice(pipeline, cross_validate(pipeline, problem, on_fold=on_fold, **how), [])


def is_uneven(problem: Problem) -> bool:
    """Whether a matrix has columns of so different sizes that a logistic regression would not converge."""
    if not problem.table.is_matrix:
        return False
    spreads = np.nanstd(problem.inputs, axis=0)
    spreads = spreads[spreads > 0]
    return bool(len(spreads) and (spreads.max() > MOST_UNEVEN * spreads.min() or spreads.max() > MOST_UNEVEN))


def compare(problem: Problem, *, test_size: float, seed: int, on_fold: OnFold) -> Choice:
    """Return the best of a linear model, a forest and gradient boosting, the simplest of equals."""
    metric = leading(problem.task, several=problem.several)
    scale = None if problem.classifies else False  # least squares finds the same at any scale
    names = [DEFAULT[problem.task], *ENSEMBLES[problem.task]]
    compared: list[dict[str, Any]] = []
    best: Choice | None = None
    for number, dotted in enumerate(names):
        pipeline = pipeline_for(make_estimator(dotted, [], seed=seed), problem, scale=scale, seed=seed)

        def on_part(done: int, folds: int, number: int = number) -> None:
            on_fold(number * folds + done, len(names) * folds)

        try:
            by_fold = cross_validate(pipeline, problem, test_size=test_size, seed=seed, on_fold=on_part)
        except TrainingError as refusal:  # of this one; another may do
            compared.append({"class": dotted, "refused": str(refusal)})
            continue
        compared.append({"class": dotted, "cross_validated": mean_and_deviation(by_fold)})
        if by_fold and (best is None or is_better(metric, mean(by_fold, metric), mean(best.by_fold, metric))):
            best = Choice(pipeline, by_fold, compared)
    if best is None:
        reason = compared[0].get("refused", "there are too few rows to compare estimators")
        raise TrainingError(f"--estimator auto: {reason}; name an estimator")
    return best


def mean(by_fold: list[Scores], metric: str) -> float:
    """Return the mean of a metric over the folds."""
    return float(np.mean([scores[metric] for scores in by_fold]))
