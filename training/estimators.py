"""Choosing and making a scikit-learn estimator from the words of a command line."""

import ast
import difflib
import importlib
import itertools
from collections.abc import Sequence
from typing import Any

from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline
from sklearn.utils import get_tags

from training import TrainingError

PREDICTORS = (ClassifierMixin, RegressorMixin)
# scikit-learn's 100 are too few for many a table, and a fit that needs fewer stops by itself.
ITERATIONS = 1_000


def make_estimator(dotted: str, settings: Sequence[str], *, seed: int) -> BaseEstimator:
    """Return an unfitted estimator; TrainingError names what is wrong."""
    estimator = _construct(_find(dotted))
    parameters = dict(_setting(text, estimator) for text in settings)
    if "random_state" in estimator.get_params():
        parameters.setdefault("random_state", seed)
    if isinstance(estimator, LogisticRegression):
        parameters.setdefault("max_iter", ITERATIONS)
    estimator.set_params(**parameters)
    _check_complete(estimator)
    return estimator


def final_step(estimator: BaseEstimator) -> Any:
    """Return the estimator that predicts: the last step of a pipeline."""
    return estimator.steps[-1][1] if isinstance(estimator, Pipeline) else estimator


def _find(dotted: str) -> type[BaseEstimator]:
    module_name, _, name = dotted.rpartition(".")
    if dotted.startswith("sklearn."):
        try:
            named = getattr(importlib.import_module(module_name), name, None)
        except ImportError:
            named = None
        if isinstance(named, type) and issubclass(named, BaseEstimator) and issubclass(named, PREDICTORS):
            return named
    raise TrainingError(f"--estimator {dotted}: scikit-learn has no such regressor or classifier{_similar(name)}")


def _similar(name: str) -> str:
    from sklearn.utils import all_estimators  # imports all of scikit-learn, so only to help

    public = {
        kind.__name__: ".".join([*itertools.takewhile(_is_public, kind.__module__.split(".")), kind.__name__])
        for _, kind in all_estimators(type_filter=["classifier", "regressor"])
    }
    close = difflib.get_close_matches(name, public, n=2)
    return f"; do you mean {' or '.join(public[match] for match in close)}?" if close else ""


def _is_public(part: str) -> bool:
    return not part.startswith("_")


def _construct(kind: type[BaseEstimator]) -> BaseEstimator:
    try:
        return kind()
    except TypeError as error:
        raise TrainingError(
            f"{kind.__name__} cannot be made from the command line ({error}); choose another with --estimator"
        ) from None


def _check_complete(estimator: BaseEstimator) -> None:
    try:
        get_tags(estimator)  # asks the estimator that this one wraps, if it wraps one
    except AttributeError:
        raise TrainingError(
            f"{type(estimator).__name__} wraps another estimator, which a command line cannot give; choose another "
            "with --estimator"
        ) from None


def _setting(text: str, estimator: BaseEstimator) -> tuple[str, Any]:
    name, equals, value = text.partition("=")
    if not equals:
        raise TrainingError(f"--set {text}: write it as PARAMETER=VALUE")
    valid = sorted(estimator.get_params())
    if name not in valid:
        raise TrainingError(
            f"--set {text}: {type(estimator).__name__} has no parameter {name!r}; it has {', '.join(valid)}"
        )
    try:
        return name, ast.literal_eval(value)
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        return name, value  # a plain word, such as solver=lbfgs
