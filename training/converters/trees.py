"""Decision trees and the ensembles that add them up: forests, extra trees, bagging, AdaBoost."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from onnx import TensorProto
from sklearn.ensemble import ExtraTreesClassifier, ExtraTreesRegressor, RandomForestClassifier, RandomForestRegressor
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor, ExtraTreeClassifier, ExtraTreeRegressor

from training.converters.ensemble import TreeEnsemble
from training.converters.graph import Columns, Graph, NotConvertedError, Prediction
from training.converters.registry import predicts

TREES = (DecisionTreeClassifier, DecisionTreeRegressor, ExtraTreeClassifier, ExtraTreeRegressor)
FOREST_REGRESSORS = (RandomForestRegressor, ExtraTreesRegressor)
FOREST_CLASSIFIERS = (RandomForestClassifier, ExtraTreesClassifier)


@predicts(DecisionTreeRegressor, ExtraTreeRegressor)
def convert_tree_regressor(graph: Graph, tree: Any, columns: Columns) -> Prediction:
    """Convert one tree of numbers."""
    return Prediction(add_trees(graph, [tree], [values_of(tree)], columns))


@predicts(DecisionTreeClassifier, ExtraTreeClassifier)
def convert_tree_classifier(graph: Graph, tree: Any, columns: Columns) -> Prediction:
    """Convert one tree of labels."""
    return most_probable(graph, add_trees(graph, [tree], [values_of(tree)], columns))


@predicts(*FOREST_REGRESSORS)
def convert_forest_regressor(graph: Graph, forest: Any, columns: Columns) -> Prediction:
    """Convert a forest of numbers."""
    return Prediction(mean_of_trees(graph, forest.estimators_, columns))


@predicts(*FOREST_CLASSIFIERS)
def convert_forest_classifier(graph: Graph, forest: Any, columns: Columns) -> Prediction:
    """Convert a forest of labels."""
    return most_probable(graph, mean_of_trees(graph, forest.estimators_, columns))


def mean_of_trees(
    graph: Graph, trees: Sequence[Any], columns: Columns, features: Sequence[NDArray[Any]] | None = None
) -> str:
    """Return the sum of what trees say, in their order, divided by their number, as scikit-learn rounds it."""
    total = add_trees(graph, trees, [values_of(tree) for tree in trees], columns, features)
    return graph.node("Div", total, graph.constant([float(len(trees))]))


def most_probable(graph: Graph, probabilities: str) -> Prediction:
    """Return the prediction of the first among the most probable labels."""
    return Prediction(graph.node("ArgMax", probabilities, axis=1, keepdims=0), probabilities)


def values_of(tree: Any) -> NDArray[np.float64]:
    """Return what each node of a tree says, of shape (nodes, numbers)."""
    values: NDArray[np.float64] = tree.tree_.value
    _, targets, classes = values.shape
    if targets > 1 < classes:
        raise NotConvertedError("it predicts several labels a row")
    return values.reshape(len(values), targets * classes)


def add_trees(
    graph: Graph,
    trees: Sequence[Any],
    values: Sequence[NDArray[np.float64]],
    columns: Columns,
    features: Sequence[NDArray[Any]] | None = None,
) -> str:
    """Return the sum over trees of the `values` of the leaves that a row falls in, of shape (rows, numbers).

    `features` are those that each tree was grown on. A leaf of TreeEnsemble holds one number: where it has more to say,
    it says its own index in a table.
    """
    width = values[0].shape[1]
    matrix = as_float32(graph, graph.matrix(columns))
    ensemble = TreeEnsemble(1 if width == 1 else len(trees))
    tables, leaves = [], 0
    for index, (tree, value) in enumerate(zip(trees, values, strict=True)):
        nodes = tree.tree_
        leaf = nodes.children_left < 0
        said = value[:, 0] if width == 1 else np.where(leaf, np.cumsum(leaf) - 1.0 + leaves, 0)
        ensemble.add(
            feature=nodes.feature if features is None else np.asarray(features[index])[nodes.feature],
            threshold=nodes.threshold, left=nodes.children_left, right=nodes.children_right, leaf=leaf, weight=said,
            missing_left=nodes.missing_go_to_left, target=0 if width == 1 else index,
        )  # fmt: skip
        tables.append(value[leaf])
        leaves += int(leaf.sum())
    sums = ensemble.node(graph, matrix)
    if width == 1:
        return sums
    said_by_each = graph.node("Gather", graph.constant(np.vstack(tables)), integers(graph, sums), axis=0)
    return graph.node("ReduceSum", said_by_each, graph.constant([1], np.int64), keepdims=0)


def as_float32(graph: Graph, matrix: str) -> str:
    """Return the matrix rounded to float32, as these trees see it; they refuse what that type cannot hold."""
    graph.float32 = True
    return graph.node("Cast", graph.node("Cast", matrix, to=TensorProto.FLOAT), to=TensorProto.DOUBLE)


def integers(graph: Graph, value: str) -> str:
    """Return whole numbers as int64."""
    return graph.node("Cast", value, to=TensorProto.INT64)
