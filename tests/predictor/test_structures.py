"""Crafted states of what C code follows without looking: refused before anything follows them."""

import io
import pickle
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from scipy import sparse
from sklearn.ensemble import GradientBoostingRegressor, HistGradientBoostingRegressor, RandomForestRegressor
from sklearn.neighbors import BallTree, KDTree, KNeighborsRegressor
from sklearn.tree import DecisionTreeRegressor

from predictor.artifact import ArtifactError
from predictor.pickled import unpickle
from predictor.trusted import TRUSTED

Change = Callable[[Any], Any]
X = np.random.default_rng(0).random((120, 3))
X[:, 2] = (X[:, 2] * 4).round()
Y = X @ [3.0, 2.0, 1.0]
TREE = DecisionTreeRegressor(max_depth=3).fit(X, Y)
FOREST = RandomForestRegressor(2, max_depth=3).fit(X, Y)
BOOSTING = GradientBoostingRegressor(n_estimators=2).fit(X, Y)
HISTOGRAM = HistGradientBoostingRegressor(max_iter=2, min_samples_leaf=5, categorical_features=[2]).fit(X, Y)
NEIGHBOURS = KNeighborsRegressor(algorithm="kd_tree", leaf_size=10).fit(X, Y)
BALLS = KNeighborsRegressor(algorithm="ball_tree", leaf_size=10).fit(X, Y)
ONE_LEAF = KNeighborsRegressor(1, algorithm="kd_tree").fit(X[:1], Y[:1])
CONSTANT = np.ones(len(X))
CSR = sparse.csr_array(np.eye(4))
COO = sparse.coo_array(np.eye(4))


def crafted(value: Any, kind: str = "", change: Change = lambda state: state) -> bytes:
    """Return the pickle of a value in which each object of a class gets another state than its own."""

    class Crafting(pickle.Pickler):
        def reducer_override(self, instance: Any) -> Any:
            if type(instance).__name__ != kind:
                return NotImplemented
            function, arguments, state, *_ = instance.__reduce_ex__(4)
            return function, arguments, change(state)

    buffer = io.BytesIO()
    Crafting(buffer, 4).dump(value)
    return buffer.getvalue()


def node(field: str, value: int, where: int = 0) -> Change:
    """Return the change of one field of one node, in a state that has nodes."""

    def change(state: Any) -> Any:
        nodes = state["nodes"].copy()
        nodes[field][where] = value
        return {**state, "nodes": nodes}

    return change


def point(index: int, **fields: int) -> Change:
    """Return the change of a tree of neighbours: of its third array, the nodes, or of one number of its state."""

    def change(state: Any) -> Any:
        state = list(state)
        state[index] = state[index].copy()
        for field, value in fields.items():
            state[index][field][0] = value
        return tuple(state)

    return change


def put(index: int, value: Any) -> Change:
    return lambda state: (*state[:index], value, *state[index + 1 :])


def first_nodes(end: int) -> Change:
    """Return the change that leaves a tree of neighbours some of its nodes, and bounds for them."""

    def change(state: Any) -> Any:
        data, indices, nodes, bounds, *more = state
        nodes, bounds = nodes[:end].copy(), bounds[:, :end].copy()
        more[2] = len(nodes)
        return data, indices, nodes, bounds, *more

    return change


def categories_at(row: Callable[[int], int]) -> Change:
    """Return the change that makes nodes look up their categories in another row, given how many there are."""

    def change(state: Any) -> Any:
        nodes = state["nodes"].copy()
        nodes["bitset_idx"][nodes["is_categorical"] != 0] = row(len(state["raw_left_cat_bitsets"]))
        return {**state, "nodes": nodes}

    return change


def changed(**more: Any) -> Change:
    return lambda state: {**state, **more}


@pytest.mark.parametrize(
    "value",
    [
        TREE,
        FOREST,
        BOOSTING,
        HISTOGRAM,
        NEIGHBOURS,
        BALLS,
        ONE_LEAF,
        DecisionTreeRegressor().fit(X, CONSTANT),
        DecisionTreeRegressor(max_depth=2).fit(X[:, :1], Y),
        GradientBoostingRegressor(n_estimators=2).fit(X, CONSTANT),
        HistGradientBoostingRegressor(max_iter=2).fit(X, CONSTANT),
    ],
    ids=repr,
)
def test_what_is_as_it_was_fitted_is_loaded(value: Any) -> None:
    loaded = unpickle(crafted(value), TRUSTED)
    rows = X[:, : value.n_features_in_]
    np.testing.assert_array_equal(loaded.predict(rows), value.predict(rows))


@pytest.mark.parametrize(
    "value", [DecisionTreeRegressor(), GradientBoostingRegressor(), HistGradientBoostingRegressor()], ids=repr
)
def test_what_was_never_fitted_is_loaded(value: Any) -> None:
    assert unpickle(crafted(value), TRUSTED).get_params() == value.get_params()


@pytest.mark.parametrize(
    ("value", "kind", "change"),
    [
        pytest.param(TREE, "Tree", node("left_child", 10**6), id="a child beyond the nodes"),
        pytest.param(TREE, "Tree", node("left_child", TREE.tree_.node_count), id="a child just beyond the nodes"),
        pytest.param(TREE, "Tree", node("right_child", -5), id="a child before the nodes"),
        pytest.param(TREE, "Tree", node("right_child", 0), id="a node that is its own child"),
        pytest.param(TREE, "Tree", node("left_child", 0, where=1), id="a circle"),
        pytest.param(TREE, "Tree", node("feature", 3), id="a feature beyond the row"),
        pytest.param(TREE, "Tree", node("feature", -1), id="a feature before the row"),
        pytest.param(FOREST, "Tree", node("feature", 10**9), id="in a forest"),
        pytest.param(BOOSTING, "Tree", node("feature", 10**9), id="in a boosting"),
        pytest.param(TREE, "Tree", changed(node_count=10**6), id="more nodes than there are"),
        pytest.param(TREE, "Tree", lambda s: {**s, "nodes": s["nodes"][:0], "node_count": 0}, id="no node"),
        pytest.param(TREE, "DecisionTreeRegressor", changed(n_features_in_=1), id="rows narrower than the tree"),
        pytest.param(BOOSTING, "GradientBoostingRegressor", changed(n_features_in_=1), id="and in a boosting"),
        pytest.param(HISTOGRAM, "TreePredictor", node("left", 10**6), id="histogram: a child beyond the nodes"),
        pytest.param(HISTOGRAM, "TreePredictor", node("right", 0), id="histogram: a circle"),
        pytest.param(HISTOGRAM, "TreePredictor", node("feature_idx", 3), id="histogram: a feature beyond the row"),
        pytest.param(
            HISTOGRAM,
            "TreePredictor",
            changed(raw_left_cat_bitsets=np.zeros((0, 8), np.uint32)),
            id="histogram: categories beyond their bits",
        ),
        pytest.param(HISTOGRAM, "TreePredictor", categories_at(lambda _: 10**6), id="histogram: beyond the categories"),
        pytest.param(HISTOGRAM, "TreePredictor", categories_at(lambda rows: rows), id="histogram: just beyond them"),
        pytest.param(HISTOGRAM, "TreePredictor", lambda s: {**s, "nodes": s["nodes"][:0]}, id="histogram: no node"),
        pytest.param(
            HISTOGRAM, "_BinMapper", changed(is_categorical_=np.zeros(1, np.uint8)), id="histogram: bins for one column"
        ),
        pytest.param(NEIGHBOURS, "KDTree", point(2, idx_end=10**6), id="points beyond the end"),
        pytest.param(NEIGHBOURS, "KDTree", point(2, idx_start=-1), id="points before the start"),
        pytest.param(NEIGHBOURS, "KDTree", put(1, np.full(120, 10**6)), id="an index beyond the points"),
        pytest.param(NEIGHBOURS, "KDTree", put(1, np.full(120, 120)), id="an index just beyond the points"),
        pytest.param(
            NEIGHBOURS, "KDTree", lambda s: (s[0][:0], s[1][:0], *s[2:]), id="no point, though nodes have some"
        ),
        pytest.param(NEIGHBOURS, "KDTree", first_nodes(0), id="no node of neighbours"),
        pytest.param(NEIGHBOURS, "KDTree", first_nodes(-1), id="a node of neighbours without its second child"),
        pytest.param(NEIGHBOURS, "KDTree", lambda s: put(3, s[3][:1])(s), id="lower bounds alone"),
        pytest.param(NEIGHBOURS, "KDTree", put(3, np.zeros((2, 1, 3))), id="fewer bounds than nodes"),
        pytest.param(NEIGHBOURS, "KDTree", put(6, 10**6), id="more nodes of neighbours than there are"),
        pytest.param(KDTree(X, 200), "KDTree", point(2, is_leaf=0), id="a leaf with children"),
        pytest.param(BallTree(X), "BallTree", put(1, np.full(120, -1)), id="in a ball tree"),
        pytest.param(CSR, "csr_array", changed(indices=np.full(4, 10**6, np.int32)), id="a column beyond the matrix"),
        pytest.param(CSR, "csr_array", changed(indptr=np.array([0, 9, 9, 9, 9], np.int32)), id="a row beyond the data"),
        pytest.param(COO, "coo_array", changed(coords=(np.full(4, 9), np.full(4, 9))), id="coordinates beyond"),
    ],
)
def test_a_state_that_leads_out_of_range_is_refused(value: Any, kind: str, change: Change) -> None:
    named = kind if kind in {"Tree", "KDTree", "BallTree"} else type(value).__name__  # who would follow it
    with pytest.raises(ArtifactError, match=f"the pickle wants to give a {named} an unusual state"):
        unpickle(crafted(value, kind, change), TRUSTED)


@pytest.mark.parametrize(
    "arguments",
    [
        (3, np.array([1]), 9),
        (3, np.array([], int), 0),
        (0, np.array([1]), 1),
        (-1, np.array([1]), 1),
        (3, np.array([0]), 1),
        (3, np.array([1.0]), 1),
        (3.0, np.array([1]), 1),
        (3, np.array([[1]]), 1),
    ],
    ids=repr,
)
def test_a_tree_of_unusual_form_is_not_made(arguments: Any) -> None:
    class Tree:
        def __reduce__(self) -> Any:
            return type(TREE.tree_), arguments

    with pytest.raises(ArtifactError, match=r"^the pickle wants to make an unusual tree, which no estimator does"):
        unpickle(pickle.dumps(Tree()), TRUSTED)


def test_a_tree_that_was_never_filled_is_refused() -> None:
    empty = crafted(TREE, "Tree", lambda _: None)
    with pytest.raises(ArtifactError, match="the pickle wants to give a DecisionTreeRegressor an unusual state"):
        unpickle(empty, TRUSTED)
