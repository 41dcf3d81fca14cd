"""Which function converts which of scikit-learn's estimators, and the way from an estimator to its function."""

from collections.abc import Callable
from typing import Any

from training.converters.graph import Columns, Graph, NotConvertedError, Part, Prediction

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
    if transformer in ("passthrough", None):
        return list(columns)
    convert = TRANSFORMERS.get(type(transformer))
    if convert is None:
        from training.converters.others import transform_by_skl2onnx

        return transform_by_skl2onnx(graph, transformer, columns)
    return named(transformer, convert, graph, columns)


def predict(graph: Graph, estimator: Any, columns: Columns) -> Prediction:
    """Add a fitted regressor or classifier to the graph and return what it predicts."""
    convert = PREDICTORS.get(type(estimator))
    if convert is None:
        from training.converters.others import predict_by_skl2onnx

        return predict_by_skl2onnx(graph, estimator, columns)
    return named(estimator, convert, graph, columns)


def named(estimator: Any, convert: Callable[[Graph, Any, Columns], Any], graph: Graph, columns: Columns) -> Any:
    """Call a converter whose refusal is to name the estimator."""
    try:
        return convert(graph, estimator, columns)
    except NotConvertedError as error:
        name = type(estimator).__name__
        raise NotConvertedError(str(error) if ": " in str(error) else f"{name}: {error}") from None
