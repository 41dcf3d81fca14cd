"""Which function converts which of scikit-learn's estimators, and the way from an estimator to its function."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from training.converters.graph import Columns, Graph, NotConvertedError, Part, Prediction
from training.converters.others import predict_by_skl2onnx, transform_by_skl2onnx

Transformer = Callable[[Graph, Any, Columns], list[Part]]
Predictor = Callable[[Graph, Any, Columns], Prediction]

TRANSFORMERS: dict[type, Transformer] = {}
PREDICTORS: dict[type, Predictor] = {}


def transforms(*kinds: type) -> Callable[[Transformer], Transformer]:
    """Register the converter of some transformers' `transform`."""

    def register(convert: Transformer) -> Transformer:
        TRANSFORMERS.update(dict.fromkeys(kinds, convert))
        return convert

    return register


def predicts(*kinds: type) -> Callable[[Predictor], Predictor]:
    """Register the converter of some estimators' `predict` and `predict_proba`."""

    def register(convert: Predictor) -> Predictor:
        PREDICTORS.update(dict.fromkeys(kinds, convert))
        return convert

    return register


def transform(graph: Graph, transformer: Any, columns: Columns) -> list[Part]:
    """Add a fitted transformer to the graph and return the columns that come out of it."""
    if isinstance(transformer, str) and transformer == "passthrough":
        return list(columns)
    if type(transformer) not in TRANSFORMERS:
        return transform_by_skl2onnx(graph, transformer, columns)
    with named(transformer):
        return TRANSFORMERS[type(transformer)](graph, transformer, columns)


def predict(graph: Graph, estimator: Any, columns: Columns) -> Prediction:
    """Add a fitted regressor or classifier to the graph and return what it predicts."""
    if type(estimator) not in PREDICTORS:
        return predict_by_skl2onnx(graph, estimator, columns)
    with named(estimator):
        return PREDICTORS[type(estimator)](graph, estimator, columns)


@contextmanager
def named(estimator: Any) -> Iterator[None]:
    """Put the name of the estimator before the reason why it is not converted; the innermost is the one."""
    try:
        yield
    except NotConvertedError as error:
        reason = str(error)
        raise NotConvertedError(reason if ": " in reason else f"{type(estimator).__name__}: {reason}") from None
