"""Whether what C code will follow without looking leads anywhere: trees, sparse matrices, trees of neighbours.

scikit-learn's and SciPy's C code believes the indices in these objects. One that a pickle sets out of range would read
or write memory of somebody else's, or never come to an end.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from predictor.usual import ForbiddenUse

CATEGORY_WORDS = 8  # of 32 bits each: HistGradientBoosting knows 256 categories


def require(usual: bool, instance: Any) -> None:
    """Raise ForbiddenUse when the state of an instance is not usual."""
    if not usual:
        raise ForbiddenUse(f"give a {type(instance).__name__} an unusual state")


def _go_down(left: Any, right: Any, inner: Any) -> bool:
    """Whether the children of a tree's inner nodes exist and come after them, as scikit-learn numbers its nodes."""
    first, last = np.minimum(left[inner], right[inner]), np.maximum(left[inner], right[inner])
    return bool((first > inner).all() and (last < len(left)).all())


def check_tree(tree: Any, state: Any) -> None:
    """Look at the nodes of a decision tree before it gets them."""
    nodes = state["nodes"]
    left, right = nodes["left_child"], nodes["right_child"]
    inner = np.flatnonzero(left != -1)
    feature = nodes["feature"][inner]
    require(nodes.ndim == 1 and 0 < len(nodes) == state["node_count"] and _go_down(left, right, inner), tree)
    require(bool((feature >= 0).all() and (feature < tree.n_features).all()), tree)


def check_neighbours(tree: Any, state: Any) -> None:
    """Look at the indices of a KDTree or BallTree before it gets them."""
    data, indices, nodes, bounds, *_ = state
    start, end, leaf = nodes["idx_start"], nodes["idx_end"], nodes["is_leaf"]
    points, inner = len(data), np.flatnonzero(leaf == 0)
    require(data.ndim == 2 and indices.shape == (points,) and bounds.shape[1:] == (len(nodes), data.shape[1]), tree)
    require(len(bounds) == (2 if type(tree).__name__.startswith("KDTree") else 1), tree)
    require(points > 0 and indices.min() >= 0 and indices.max() < points, tree)
    require(bool((start >= 0).all() and (start <= end).all() and (end <= points).all()), tree)
    require(state[6] == len(nodes) > 0 and bool((2 * inner + 2 < len(nodes)).all()), tree)


def _decision_tree(estimator: Any) -> None:
    if "tree_" in vars(estimator):  # fitted
        tree, width = estimator.tree_, estimator.n_features_in_
        require(type(width) is int and tree.n_features == width and tree.node_count > 0, estimator)


def _gradient_boosting(estimator: Any) -> None:
    for tree in vars(estimator).get("estimators_", np.empty(0)).flat:
        require(type(tree.n_features_in_) is int and tree.n_features_in_ == estimator.n_features_in_, estimator)
        _decision_tree(tree)


def _histogram_boosting(estimator: Any) -> None:
    for tree in (tree for trees in vars(estimator).get("_predictors", ()) for tree in trees):
        nodes, categories = tree.nodes, tree.raw_left_cat_bitsets
        inner = np.flatnonzero(nodes["is_leaf"] == 0)
        feature, rows = nodes["feature_idx"][inner], nodes["bitset_idx"][inner][nodes["is_categorical"][inner] != 0]
        require(len(nodes) > 0 and _go_down(nodes["left"], nodes["right"], inner), estimator)
        require(bool((feature >= 0).all() and (feature < estimator.n_features_in_).all()), estimator)
        require(bool((rows < len(categories)).all()) and categories.shape[1:] == (CATEGORY_WORDS,), estimator)
    if "_predictors" in vars(estimator):
        require(len(estimator._bin_mapper.is_categorical_) == estimator.n_features_in_, estimator)


def _compressed(matrix: Any) -> None:
    try:
        matrix.check_format(full_check=True)
    except ValueError:
        require(False, matrix)


def _coordinates(matrix: Any) -> None:
    try:
        matrix._check()
    except ValueError:
        require(False, matrix)


_CHECKS: dict[str, tuple[str, Callable[[Any], None]]] = {
    "sklearn.tree._classes": (
        "DecisionTreeClassifier DecisionTreeRegressor ExtraTreeClassifier ExtraTreeRegressor",
        _decision_tree,
    ),
    "sklearn.ensemble._gb": ("GradientBoostingClassifier GradientBoostingRegressor", _gradient_boosting),
    "sklearn.ensemble._hist_gradient_boosting.gradient_boosting": (
        "HistGradientBoostingClassifier HistGradientBoostingRegressor",
        _histogram_boosting,
    ),
    "scipy.sparse._bsr": ("bsr_array bsr_matrix", _compressed),
    "scipy.sparse._coo": ("coo_array coo_matrix", _coordinates),
    "scipy.sparse._csc": ("csc_array csc_matrix", _compressed),
    "scipy.sparse._csr": ("csr_array csr_matrix", _compressed),
}
CHECKS = {f"{module}:{name}": check for module, (names, check) in _CHECKS.items() for name in names.split()}


def check_of(instance: Any) -> Callable[[Any], None] | None:
    """Return the look that an object gets when the whole pickle is read, since its parts may change until then."""
    return CHECKS.get(f"{type(instance).__module__}:{type(instance).__name__}")
