"""What holds other estimators and hands columns on: pipelines, column transformers, unions, searches."""

from typing import Any

import numpy as np
from sklearn.compose import ColumnTransformer, TransformedTargetRegressor
from sklearn.experimental import enable_halving_search_cv  # noqa: F401  # makes the halving searches importable
from sklearn.linear_model import RANSACRegressor
from sklearn.model_selection import (
    FixedThresholdClassifier,
    GridSearchCV,
    HalvingGridSearchCV,
    HalvingRandomSearchCV,
    RandomizedSearchCV,
    TunedThresholdClassifierCV,
)
from sklearn.multioutput import MultiOutputRegressor
from sklearn.pipeline import FeatureUnion, Pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler
from sklearn.semi_supervised import SelfTrainingClassifier

from training.converters.functions import add_function
from training.converters.graph import Columns, Graph, NotConvertedError, Part, Prediction
from training.converters.registry import predict, predicts, transform, transforms

SEARCHES = (GridSearchCV, RandomizedSearchCV, HalvingGridSearchCV, HalvingRandomSearchCV)


@predicts(Pipeline)
def convert_pipeline(graph: Graph, pipeline: Any, columns: Columns) -> Prediction:
    """Convert steps that end in an estimator."""
    for _, step in pipeline.steps[:-1]:
        columns = transform(graph, step, columns)
    return predict(graph, pipeline.steps[-1][1], columns)


@transforms(Pipeline)
def convert_transforming_pipeline(graph: Graph, pipeline: Any, columns: Columns) -> list[Part]:
    """Convert steps that end in a transformer."""
    for _, step in pipeline.steps:
        columns = transform(graph, step, columns)
    return list(columns)


@transforms(ColumnTransformer)
def convert_column_transformer(graph: Graph, transformer: Any, columns: Columns) -> list[Part]:
    """Convert transformers that get some of the columns each."""
    parts: list[Part] = []
    for name, step, _ in transformer.transformers_:
        indices = transformer._transformer_to_input_indices.get(name, [])
        if len(indices) == 0 or (isinstance(step, str) and step == "drop"):
            continue
        transformed = transform(graph, step, graph.select(columns, indices))
        parts += _weighted(graph, transformed, (transformer.transformer_weights or {}).get(name))
    return parts


@transforms(FeatureUnion)
def convert_feature_union(graph: Graph, union: Any, columns: Columns) -> list[Part]:
    """Convert transformers that get the same columns."""
    parts: list[Part] = []
    for name, step in union.transformer_list:
        if step != "drop":
            parts += _weighted(graph, transform(graph, step, columns), (union.transformer_weights or {}).get(name))
    return parts


def _weighted(graph: Graph, parts: list[Part], weight: float | None) -> list[Part]:
    if weight is None:
        return parts
    return [Part(graph.node("Mul", graph.number(part), graph.constant([weight])), part.width) for part in parts]


@predicts(*SEARCHES)
def convert_search(graph: Graph, search: Any, columns: Columns) -> Prediction:
    """Convert the best that a search found."""
    return predict(graph, search.best_estimator_, columns)


@predicts(MultiOutputRegressor)
def convert_for_each_target(graph: Graph, regressor: Any, columns: Columns) -> Prediction:
    """Convert one regressor for each target."""
    column = graph.constant([-1, 1], np.int64)
    values = [predict(graph, one, columns).value for one in regressor.estimators_]
    return Prediction(graph.concat([graph.node("Reshape", value, column) for value in values]))


@predicts(SelfTrainingClassifier, RANSACRegressor)
def convert_wrapper(graph: Graph, wrapper: Any, columns: Columns) -> Prediction:
    """Convert what predicts in the wrapper's place."""
    return predict(graph, wrapper.estimator_, columns)


@predicts(TunedThresholdClassifierCV, FixedThresholdClassifier)
def convert_threshold(graph: Graph, classifier: Any, columns: Columns) -> Prediction:
    """Convert a classifier of two labels that says the second from another probability on than a half."""
    inner = predict(graph, classifier.estimator_, columns)
    fixed = isinstance(classifier, FixedThresholdClassifier)
    label = classifier.pos_label if fixed else classifier._curve_scorer._get_pos_label()
    threshold = classifier.threshold if fixed else classifier.best_threshold_
    if classifier.response_method == "decision_function" or not inner.probabilities:
        raise NotConvertedError("its threshold is not one of a probability")
    threshold = 0.5 if threshold == "auto" else threshold
    positive = 1 if label is None else int(np.flatnonzero(classifier.classes_ == label)[0])
    chance = graph.node("Gather", inner.probabilities, graph.constant(positive, np.int64), axis=1)
    says = graph.node("GreaterOrEqual", chance, graph.constant(float(threshold)))
    names = [graph.constant([index], np.int64) for index in (positive, 1 - positive)]
    return Prediction(graph.node("Where", says, *names), inner.probabilities)


@predicts(TransformedTargetRegressor)
def convert_transformed_target(graph: Graph, regressor: Any, columns: Columns) -> Prediction:
    """Convert a regressor whose predictions are taken back to the target's own scale."""
    value = predict(graph, regressor.regressor_, columns).value
    transformer = regressor.transformer_
    if isinstance(transformer, FunctionTransformer):
        return Prediction(add_function(graph, transformer.inverse_func, value))
    if not isinstance(transformer, StandardScaler):
        raise NotConvertedError(f"the target is transformed by {type(transformer).__name__}")
    if transformer.with_std:
        value = graph.node("Mul", value, graph.constant(transformer.scale_))
    return Prediction(graph.node("Add", value, graph.constant(transformer.mean_)) if transformer.with_mean else value)
