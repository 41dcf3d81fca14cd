"""What a fitted estimator answers for rows whose targets are known, one target at a time."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from predictor.outputs import NotGivenError, Output, chances_by_target, classes_by_target
from training.problem import Problem, Rows


@dataclass(frozen=True)
class Answers:
    """Of one target: the truth, what is predicted, and of labels all that there are, with their probabilities."""

    truth: NDArray[Any]
    predicted: NDArray[Any]
    labels: list[Any]
    probabilities: NDArray[np.float64] | None


def answers_of(fitted: Any, problem: Problem, rows: Rows) -> dict[str, Answers]:
    """Return the answers for some rows by the names of the targets."""
    inputs, _ = problem.take(rows)
    names, count = list(problem.targets), len(problem.targets)
    predicted = np.asarray(fitted.predict(inputs)).reshape(len(rows), count)
    labels: list[list[Any]] = [[]] * count
    chances: list[Any] = [None] * count
    if problem.classifies:
        labels = classes_by_target(fitted, count) if problem.several else [fitted.classes_.tolist()]
        chances = probabilities_of(fitted, inputs, labels)
    return {
        name: Answers(problem.targets[name][rows], column, *more)
        for name, column, *more in zip(names, predicted.T, labels, chances, strict=True)
    }


def probabilities_of(fitted: Any, inputs: Any, labels: list[list[Any]]) -> list[Any]:
    """Return the probabilities of each target's labels, None of each where the estimator gives none."""
    if not hasattr(fitted, "predict_proba"):
        return [None] * len(labels)
    probabilities = fitted.predict_proba(inputs)
    if len(labels) == 1:
        return [probabilities]
    try:
        return [*chances_by_target(probabilities, [Output("", classes) for classes in labels])]
    except NotGivenError:
        return [None] * len(labels)
