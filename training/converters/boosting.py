"""Gradient boosting, both of scikit-learn's kinds: one sum of trees a class, and the inverse link of its loss."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.dummy import DummyClassifier, DummyRegressor
from sklearn.ensemble import (
    GradientBoostingClassifier,
    GradientBoostingRegressor,
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
)

from training.converters.ensemble import TreeEnsemble
from training.converters.graph import Columns, Graph, NotConvertedError, Prediction
from training.converters.registry import predicts, transform
from training.converters.trees import as_float32, integers


@predicts(GradientBoostingRegressor)
def convert_gradient_boosting_regressor(graph: Graph, boosting: Any, columns: Columns) -> Prediction:
    """Convert gradient boosting of numbers."""
    return Prediction(_sum_of_stages(graph, boosting, columns))


@predicts(GradientBoostingClassifier)
def convert_gradient_boosting_classifier(graph: Graph, boosting: Any, columns: Columns) -> Prediction:
    """Convert gradient boosting of labels."""
    raw = _sum_of_stages(graph, boosting, columns)
    doubled = graph.node("Mul", raw, graph.constant([2.0])) if boosting.loss == "exponential" else raw
    return labels(graph, raw, doubled, boosting.n_classes_, "GreaterOrEqual")


@predicts(HistGradientBoostingRegressor)
def convert_hist_gradient_boosting_regressor(graph: Graph, boosting: Any, columns: Columns) -> Prediction:
    """Convert histogram gradient boosting of numbers."""
    raw = _sum_of_iterations(graph, boosting, columns)
    return Prediction(graph.node("Exp", raw) if boosting.loss in ("poisson", "gamma") else raw)


@predicts(HistGradientBoostingClassifier)
def convert_hist_gradient_boosting_classifier(graph: Graph, boosting: Any, columns: Columns) -> Prediction:
    """Convert histogram gradient boosting of labels."""
    raw = _sum_of_iterations(graph, boosting, columns)
    return labels(graph, raw, raw, len(boosting.classes_), "Greater")


def labels(graph: Graph, raw: str, logits: str, classes: int, comparison: str) -> Prediction:
    """Return labels and probabilities from the raw scores of the classes, or of the second of two."""
    if classes > 2:
        index = graph.node("ArgMax", raw, axis=1, keepdims=0)
        return Prediction(index, graph.node("Softmax", logits, axis=1), raw)
    positive = graph.node(comparison, graph.node("Squeeze", raw, graph.constant([1], np.int64)), graph.constant(0.0))
    second = graph.node("Sigmoid", logits)
    first = graph.node("Sub", graph.constant([1.0]), second)
    return Prediction(integers(graph, positive), graph.concat([first, second]), raw)


def _sum_of_stages(graph: Graph, boosting: Any, columns: Columns) -> str:
    width = boosting.estimators_.shape[1]
    ensemble = TreeEnsemble(width)
    for target, constant in enumerate(_start(boosting)):
        ensemble.add_constant(float(constant), target)
    for stage in boosting.estimators_:
        for target, tree in enumerate(stage):
            nodes = tree.tree_
            ensemble.add(
                feature=nodes.feature, threshold=nodes.threshold,
                left=nodes.children_left, right=nodes.children_right, leaf=nodes.children_left < 0,
                weight=boosting.learning_rate * nodes.value[:, 0, 0], missing_left=nodes.missing_go_to_left,
                target=target,
            )  # fmt: skip
    return ensemble.node(graph, as_float32(graph, graph.matrix(columns)))


def _start(boosting: Any) -> NDArray[np.float64]:
    """Return what boosting starts from, when that is the same for all rows."""
    if not isinstance(boosting.init_, str | DummyClassifier | DummyRegressor):
        raise NotConvertedError("it starts from another estimator, which computes in float32")
    starts = boosting._raw_predict_init(np.zeros((1, boosting.n_features_in_), np.float32))
    start: NDArray[np.float64] = starts[0]
    return start


def _sum_of_iterations(graph: Graph, boosting: Any, columns: Columns) -> str:
    if boosting._preprocessor is not None:  # it gives the categories numbers
        columns = transform(graph, boosting._preprocessor, columns)
    ensemble = TreeEnsemble(boosting.n_trees_per_iteration_)
    for target, constant in enumerate(np.ravel(boosting._baseline_prediction)):
        ensemble.add_constant(float(constant), target)
    for iteration in boosting._predictors:
        for target, tree in enumerate(iteration):
            nodes = tree.nodes
            sets = np.flatnonzero(nodes["is_categorical"] & ~nodes["is_leaf"].astype(bool))
            ensemble.add(
                feature=nodes["feature_idx"], threshold=nodes["num_threshold"], left=nodes["left"],
                right=nodes["right"], leaf=nodes["is_leaf"].astype(bool), weight=nodes["value"],
                missing_left=nodes["missing_go_to_left"], target=target,
                members={int(node): _members(tree, nodes[node]["bitset_idx"]) for node in sets},
            )  # fmt: skip
    return ensemble.node(graph, graph.matrix(columns))


def _members(tree: Any, index: int) -> NDArray[np.float64]:
    """Return the categories that a split sends to the left."""
    bits = np.unpackbits(tree.raw_left_cat_bitsets[index].view(np.uint8), bitorder="little")
    # Only missing values may go left, and a set must not be empty: no category is negative.
    categories: NDArray[np.float64] = np.flatnonzero(bits).astype(np.float64)
    return categories if len(categories) else np.array([-1.0])
