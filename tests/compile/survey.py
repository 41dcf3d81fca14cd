"""Which of scikit-learn's regressors and classifiers compile: `python -m tests.compile.survey`."""

import inspect
import warnings
from collections.abc import Iterator
from typing import Any

import numpy as np
from sklearn.base import is_classifier
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor
from sklearn.utils import all_estimators

from tests.compile import tables
from training import NotCompiledError, samples
from training.compile import compile_model

RANDOM = np.random.RandomState(0)
MATRIX = RANDOM.uniform(0, 5, (300, 4))
NUMBERS = MATRIX @ [3.0, 1.0, 1.0, 0.5] + 4 * np.sin(MATRIX[:, 0] * 3) + 5
HIGH = np.median(NUMBERS) < NUMBERS

HEAD = """# What compiles

Every regressor and classifier of scikit-learn 1.9 that predicts one value a row, with its defaults (ensembles: 20
members), on a matrix of numbers and behind a ColumnTransformer on a table with text, categories, a date and gaps. A
number is the largest difference that was seen between scikit-learn and ONNX Runtime, relative for numbers, absolute for
probabilities, 0 where every bit was the same; labels never differ. `python -m tests.compile.survey` prints the table,
and a test compares it. What does not compile is served from its pickle by scikit-learn.

| estimator | numbers | mixed, with gaps | why not |
| --- | --- | --- | --- |
"""


def estimators() -> Iterator[Any]:
    """Yield an estimator of each kind, unfitted."""
    for _, kind in all_estimators(type_filter=["classifier", "regressor"]):
        classifies = is_classifier_kind(kind)
        linear = LogisticRegression() if classifies else LinearRegression()
        tree = DecisionTreeClassifier(max_depth=4) if classifies else DecisionTreeRegressor(max_depth=4)
        parameters = inspect.signature(kind).parameters
        given: dict[str, Any] = {"n_estimators": 20} if "n_estimators" in parameters else {}
        if "estimators" in parameters:
            given["estimators"] = [("linear", linear), ("tree", tree)]
        elif "estimator" in parameters and (
            parameters["estimator"].default is inspect.Parameter.empty or kind.__name__ == "SelfTrainingClassifier"
        ):
            given["estimator"] = linear
        if "random_state" in parameters:
            given["random_state"] = 0
        if not kind.__name__.startswith(("Multi", "CCA", "PLSCanonical")) and "Chain" not in kind.__name__:
            yield kind(**given)


def is_classifier_kind(kind: Any) -> bool:
    """Whether a class is one of classifiers."""
    return "ClassifierMixin" in {base.__name__ for base in kind.__mro__}


def outcome(estimator: Any, mixed: bool) -> tuple[str, str]:
    """Return the difference, or nothing and the reason why not."""
    target: Any = (tables.HIGH if mixed else HIGH) if is_classifier(estimator) else tables.NUMBERS if mixed else NUMBERS
    if not is_classifier(estimator):
        target = target - target.min() + 1
    try:
        if mixed:
            made = tables.ordinal(estimator) if isinstance(estimator, tables.HISTOGRAMS) else tables.scaled(estimator)
            fitted = made.fit(tables.FRAME, target)
        else:
            fitted = estimator.fit(MATRIX, target)
    except ValueError as error:
        return "", f"cannot be fitted so ({' '.join(str(error).split()):.40}…)"
    try:
        facts = (compile_model(fitted, tables.ARRAYS, tables.COLUMNS) if mixed else compile_model(fitted, MATRIX)).facts
    except NotCompiledError as error:
        return "", str(error).replace("|", "/")[:110]
    unit = "" if facts["precision"] == "double" else " (float32)"
    return f"{facts['largest_difference']:.0e}".replace("0e+00", "0") + unit, ""


def rows() -> Iterator[list[str]]:
    """Yield the cells of the table's rows."""
    samples.RANDOM_ROWS = 500
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for estimator in estimators():
            (plain, reason), (mixed, other) = outcome(estimator, mixed=False), outcome(estimator, mixed=True)
            yield [type(estimator).__name__, plain or "no", mixed or "no", reason or other]


if __name__ == "__main__":
    print(HEAD, end="")  # noqa: T201
    for cells in rows():
        print(f"| {' | '.join(cells)} |", flush=True)  # noqa: T201
