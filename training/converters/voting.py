"""Estimators that ask others and join their answers: voting, stacking, bagging, AdaBoost."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from onnx import TensorProto
from sklearn.ensemble import (
    AdaBoostClassifier,
    AdaBoostRegressor,
    BaggingClassifier,
    BaggingRegressor,
    StackingClassifier,
    StackingRegressor,
    VotingClassifier,
    VotingRegressor,
)  # fmt: skip

from training.converters.graph import Columns, Graph, NotConvertedError, Part, Prediction, width
from training.converters.registry import predict, predicts
from training.converters.trees import TREES, add_trees, integers, mean_of_trees, most_probable, values_of


def sum_of(graph: Graph, values: Sequence[str]) -> str:
    """Return values added from left to right, as scikit-learn rounds their sum."""
    total = values[0]
    for value in values[1:]:
        total = graph.node("Add", total, value)
    return total


def average(graph: Graph, values: Sequence[str], weights: Sequence[float] | None = None) -> str:
    """Return the mean of values, weighted or not."""
    if weights is not None:
        values = [
            graph.node("Mul", value, graph.constant([float(weight)]))
            for value, weight in zip(values, weights, strict=True)
        ]
    divisor = float(len(values)) if weights is None else float(np.sum(weights))
    return graph.node("Div", sum_of(graph, values), graph.constant([divisor]))


@predicts(VotingRegressor)
def convert_voting_regressor(graph: Graph, voting: Any, columns: Columns) -> Prediction:
    """Convert the mean of several regressors."""
    values = [predict(graph, estimator, columns).value for estimator in voting.estimators_]
    return Prediction(average(graph, values, voting._weights_not_none))


@predicts(VotingClassifier)
def convert_voting_classifier(graph: Graph, voting: Any, columns: Columns) -> Prediction:
    """Convert the mean of probabilities, or the label that most classifiers say."""
    predictions = [predict(graph, estimator, columns) for estimator in voting.estimators_]
    if voting.voting == "soft":
        chances = average(graph, [probabilities(prediction) for prediction in predictions], voting._weights_not_none)
        return most_probable(graph, chances)
    weights = voting._weights_not_none or [1.0] * len(predictions)
    each = [np.eye(len(voting.classes_)) * weight for weight in weights]
    labels = [prediction.value for prediction in predictions]
    votes = [graph.node("Gather", graph.constant(v), label, axis=0) for v, label in zip(each, labels, strict=True)]
    return Prediction(graph.node("ArgMax", sum_of(graph, votes), axis=1, keepdims=0))


def probabilities(prediction: Prediction) -> str:
    """Return an estimator's probabilities."""
    if not prediction.probabilities:
        raise NotConvertedError("it asks for probabilities that a converted estimator does not give")
    return prediction.probabilities


@predicts(StackingRegressor)
def convert_stacking_regressor(graph: Graph, stacking: Any, columns: Columns) -> Prediction:
    """Convert regressors whose predictions another one takes for its columns."""
    parts = [Part(predict(graph, estimator, columns).value) for estimator in stacking.estimators_]
    return predict(graph, stacking.final_estimator_, parts + (list(columns) if stacking.passthrough else []))


@predicts(StackingClassifier)
def convert_stacking_classifier(graph: Graph, stacking: Any, columns: Columns) -> Prediction:
    """Convert classifiers whose answers another one takes for its columns."""
    parts = []
    for estimator, method in zip(stacking.estimators_, stacking.stack_method_, strict=True):
        prediction = predict(graph, estimator, columns)
        classes = len(estimator.classes_)
        if method == "predict_proba":
            part = Part(probabilities(prediction), classes)
            parts += graph.select([part], [1]) if classes == 2 else [part]
        elif method == "decision_function" and prediction.decision:
            parts.append(Part(prediction.decision, 1 if classes == 2 else classes))
        else:
            raise NotConvertedError(f"it asks for {method}")
    return predict(graph, stacking.final_estimator_, parts + (list(columns) if stacking.passthrough else []))


@predicts(BaggingRegressor)
def convert_bagging_regressor(graph: Graph, bagging: Any, columns: Columns) -> Prediction:
    """Convert the mean of regressors that know some of the columns each."""
    if isinstance(bagging.estimators_[0], TREES):
        return Prediction(mean_of_trees(graph, bagging.estimators_, columns, bagging.estimators_features_))
    return Prediction(average(graph, [prediction.value for prediction in _predictions(graph, bagging, columns)]))


@predicts(BaggingClassifier)
def convert_bagging_classifier(graph: Graph, bagging: Any, columns: Columns) -> Prediction:
    """Convert the mean of classifiers that know some of the columns each."""
    if any(len(estimator.classes_) != len(bagging.classes_) for estimator in bagging.estimators_):
        raise NotConvertedError("one of its estimators has not seen all labels")
    if isinstance(bagging.estimators_[0], TREES):
        return most_probable(graph, mean_of_trees(graph, bagging.estimators_, columns, bagging.estimators_features_))
    chances = [probabilities(prediction) for prediction in _predictions(graph, bagging, columns)]
    return most_probable(graph, average(graph, chances))


def _predictions(graph: Graph, bagging: Any, columns: Columns) -> list[Prediction]:
    # One matrix for all, since each picks its columns from it.
    whole = [Part(graph.matrix(columns), width(columns))]
    pairs = zip(bagging.estimators_, bagging.estimators_features_, strict=True)
    return [predict(graph, estimator, graph.select(whole, features)) for estimator, features in pairs]


@predicts(AdaBoostClassifier)
def convert_ada_boost_classifier(graph: Graph, boosting: Any, columns: Columns) -> Prediction:
    """Convert weighted votes, with a softmax of their sums."""
    classes = len(boosting.classes_)
    pairs = list(zip(boosting.estimators_, boosting.estimator_weights_, strict=False))
    says = [_votes(boosting, estimator, float(weight)) for estimator, weight in pairs]
    if all(isinstance(estimator, TREES) for estimator, _ in pairs):
        said = [vote[values_of(estimator).argmax(axis=1)] for (estimator, _), vote in zip(pairs, says, strict=True)]
        total = add_trees(graph, [estimator for estimator, _ in pairs], said, columns)
    else:
        labels = [predict(graph, estimator, columns).value for estimator, _ in pairs]
        votes = [
            graph.node("Gather", graph.constant(vote), index, axis=0) for vote, index in zip(says, labels, strict=True)
        ]
        total = sum_of(graph, votes)
    decision = graph.node("Div", total, graph.constant([float(boosting.estimator_weights_.sum())]))
    if classes > 2:
        logits = graph.node("Div", decision, graph.constant([classes - 1.0]))
        return Prediction(graph.node("ArgMax", decision, axis=1, keepdims=0), graph.node("Softmax", logits, axis=1))
    axes = graph.constant([1], np.int64)
    signed = graph.node("Mul", decision, graph.constant([-1.0, 1.0]))
    single = graph.node("ReduceSum", signed, axes, keepdims=1)
    logits = graph.node("Mul", single, graph.constant([-0.5, 0.5]))
    positive = graph.node("Greater", graph.node("Squeeze", single, axes), graph.constant(0.0))
    return Prediction(integers(graph, positive), graph.node("Softmax", logits, axis=1))


def _votes(boosting: Any, estimator: Any, weight: float) -> NDArray[np.float64]:
    """Return what each label that an estimator can say adds to each class."""
    said = np.asarray(estimator.classes_)[:, None] == boosting.classes_[None, :]
    return np.where(said, weight, -1 / (len(boosting.classes_) - 1) * weight)


@predicts(AdaBoostRegressor)
def convert_ada_boost_regressor(graph: Graph, boosting: Any, columns: Columns) -> Prediction:
    """Convert the weighted median of several regressors."""
    count = len(boosting.estimators_)
    values = graph.concat([predict(graph, estimator, columns).value for estimator in boosting.estimators_])
    ordered, order = graph.node_of("TopK", [values, graph.constant([count], np.int64)], 2, axis=1, largest=0, sorted=1)
    weights = graph.node("Gather", graph.constant(boosting.estimator_weights_[:count]), order, axis=0)
    sums = graph.node("CumSum", weights, graph.constant(1, np.int64))
    last = graph.node("Gather", sums, graph.constant([count - 1], np.int64), axis=1)
    half = graph.node("Mul", last, graph.constant([0.5]))
    above = graph.node("Cast", graph.node("GreaterOrEqual", sums, half), to=TensorProto.INT32)
    index = graph.node("ArgMax", above, axis=1, keepdims=1)
    return Prediction(graph.node("GatherElements", ordered, index, axis=1))
