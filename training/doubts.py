"""What a good colleague would ask about a model before it is deployed."""

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.model_selection import cross_val_score
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

from predictor.columns import Column
from training.evaluate import is_better, leading_of, split
from training.metric_tables import TITLES, digits, with_deviation
from training.problem import Problem

# A model that scores so well on rows that it has never seen is a reason to look for a leak.
SUSPICIOUS = 0.99
MOST_ROWS, MOST_COLUMNS = 2_000, 200
MOST_REPEATED, FEWEST_REPEATED = 0.05, 10
# How many standard deviations, and which part of the mean, are no accident.
DEVIATIONS, PART = 4, 0.1
FEWEST_HELD_OUT = 20
FEWEST_OF_A_CLASS, MOST_CLASSES = 3, 5


def doubts(problem: Problem, metrics: dict[str, Any], *, test_size: float, seed: int) -> list[str]:
    """Return what makes the metrics of a model doubtful, a sentence each."""
    return [
        *worse_than_baseline(problem, metrics),
        *far_from_cross_validated(problem, metrics),
        *classes_never_found(problem, metrics),
        *repeated_rows(problem, test_size, seed),
        *leaks(problem, metrics, seed),
    ]


def worse_than_baseline(problem: Problem, metrics: dict[str, Any]) -> list[str]:
    """Name the metrics by which the model is worse than the baseline, if it is better by the leading one."""
    held_out, baseline = metrics["held_out"], metrics["baseline"]
    leading = leading_of(metrics, problem.task)
    if not is_better(leading, held_out[leading], baseline[leading]):
        return []  # said by itself, in red
    worse = [name for name in held_out if name in baseline and is_better(name, baseline[name], held_out[name])]
    shown = ", ".join(f"{TITLES[name]} ({digits(held_out[name])} against {digits(baseline[name])})" for name in worse)
    return [f"the model is worse than the baseline by {shown}"] if worse else []


def far_from_cross_validated(problem: Problem, metrics: dict[str, Any]) -> list[str]:
    """Say when the held-out rows tell another story than the folds."""
    name = leading_of(metrics, problem.task)
    if name not in metrics["cross_validated"] or metrics["held_out_rows"] < FEWEST_HELD_OUT:
        return []
    value, crossed = metrics["held_out"][name], metrics["cross_validated"][name]
    distance = abs(value - crossed["mean"])
    if distance <= max(DEVIATIONS * crossed["std"], PART * abs(crossed["mean"])):
        return []
    return [
        f"held out, {TITLES[name]} is {digits(value)}, far from {with_deviation(crossed)} "
        "cross-validated: there are few rows, or a few odd ones; try another --seed before you believe either"
    ]


def classes_never_found(problem: Problem, metrics: dict[str, Any]) -> list[str]:
    """Name the classes of which the model tells none of the held-out rows."""
    by_target = metrics.get("by_target") or {problem.table.target_name: metrics}
    return [line for name, found in by_target.items() for line in never_found_of(name, found.get("never_found", {}))]


def never_found_of(name: str, found: dict[str, int]) -> list[str]:
    """Name the classes of one target of which the model tells none of the held-out rows."""
    never = {label: rows for label, rows in found.items() if rows >= FEWEST_OF_A_CLASS}
    if not never:
        return []
    shown = ", ".join(f"{label!r} ({rows:,} rows)" for label, rows in list(never.items())[:MOST_CLASSES])
    more = f" and {len(never) - MOST_CLASSES:,} more" if len(never) > MOST_CLASSES else ""
    return [
        f"of {name!r}, the model finds none of the held-out {shown}{more}: it cannot tell "
        f"{'this class' if len(never) == 1 else 'these classes'}; add rows of it, or try --estimator auto"
    ]


def repeated_rows(problem: Problem, test_size: float, seed: int) -> list[str]:
    """Say when held-out rows stand among the rows that were learnt from, too."""
    targets = {f"\0{number}": values for number, values in enumerate(problem.targets.values())}
    whole = problem.table.frame.assign(**targets)
    train, test = split(problem, test_size, seed)
    digests = pd.util.hash_pandas_object(whole, index=False).to_numpy()
    known = int(np.isin(digests[test], digests[train]).sum())
    if known < max(FEWEST_REPEATED, MOST_REPEATED * len(test)):
        return []
    return [
        f"{known:,} of the {len(test):,} held-out rows are the same as rows that were learnt from, so the metrics are "
        "too good if the rows are copies; remove the copies"
    ]


def leaks(problem: Problem, metrics: dict[str, Any], seed: int) -> list[str]:
    """Name the columns that tell a target alone, where the model is suspiciously good."""
    name = "balanced_accuracy" if problem.classifies else "r2"
    by_target = metrics.get("by_target") or {problem.table.target_name: metrics}
    good = [target for target, found in by_target.items() if found["held_out"].get(name, 0) >= SUSPICIOUS]
    if len(problem.table.columns) < 2:
        return []
    known = problem.table.notices
    rows = np.random.default_rng(seed).permutation(len(problem.target))[:MOST_ROWS]
    return [
        f"column {column.name!r} alone tells {target!r} nearly always: will it be known when you predict? If not, "
        "--drop it"
        for target in good
        for column in problem.table.columns[:MOST_COLUMNS]
        if score_alone(problem, column, problem.targets[target], rows) >= SUSPICIOUS
        and not any(notice.startswith(f"column {column.name!r} gives") for notice in known)
    ]


def score_alone(problem: Problem, column: Column, target: NDArray[Any], rows: Any) -> float:
    """Return how well a small tree predicts a target from one column."""
    values = problem.table.frame[column.name].iloc[rows]
    codes = (
        values.to_numpy(dtype=np.float64) if values.dtype.kind == "f" else pd.factorize(values)[0].astype(np.float64)
    )
    tree, metric = (
        (DecisionTreeClassifier, "balanced_accuracy") if problem.classifies else (DecisionTreeRegressor, "r2")
    )
    try:
        scores = cross_val_score(tree(random_state=0), codes.reshape(-1, 1), target[rows], scoring=metric, cv=3)
    except ValueError:  # too few rows of a class
        return 0.0
    return float(scores.mean())
