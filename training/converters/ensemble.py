"""The standard operator TreeEnsemble (ai.onnx.ml 5) in double precision, written from arrays of nodes."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from onnx import numpy_helper

from training.converters.graph import ML, Graph

LESS_OR_EQUAL, MEMBER = 0, 6
SUM = 1


class TreeEnsemble:
    """Trees whose leaves add to one of `targets` sums each, in the order in which they were added."""

    def __init__(self, targets: int) -> None:
        self.targets = targets
        self.inner = self.leaves = 0
        self.roots: list[int] = []
        self.nodes: dict[str, list[NDArray[Any]]] = {}
        self.members: list[NDArray[np.float64]] = []

    def add(
        self,
        *,
        feature: NDArray[Any],
        threshold: NDArray[np.float64],
        left: NDArray[Any],
        right: NDArray[Any],
        leaf: NDArray[np.bool_],
        weight: NDArray[np.float64],
        missing_left: NDArray[Any],
        target: int = 0,
        members: dict[int, NDArray[np.float64]] | None = None,
    ) -> None:
        """Add a tree: arrays with one element a node, the first being the root; `members` of the sets by node."""
        if leaf[0]:
            self.add_constant(float(weight[0]), target)
            return
        inner = np.flatnonzero(~leaf)
        place = np.where(leaf, np.cumsum(leaf) - 1 + self.leaves, np.cumsum(~leaf) - 1 + self.inner)
        modes = np.full(len(inner), LESS_OR_EQUAL)
        for node, values in (members or {}).items():
            modes[np.searchsorted(inner, node)] = MEMBER
            self.members += [values, np.array([np.nan])]
        self._extend(
            roots=int(place[0]),
            nodes_featureids=feature[inner],
            nodes_splits=threshold[inner],
            nodes_modes=modes,
            nodes_truenodeids=place[left[inner]],
            nodes_trueleafs=leaf[left[inner]],
            nodes_falsenodeids=place[right[inner]],
            nodes_falseleafs=leaf[right[inner]],
            nodes_missing_value_tracks_true=missing_left[inner],
            leaf_weights=weight[leaf],
            leaf_targetids=np.full(int(leaf.sum()), target),
        )

    def add_constant(self, weight: float, target: int = 0) -> None:
        """Add a tree that is one leaf."""
        one = np.array([1])
        self._extend(
            roots=self.inner,
            nodes_featureids=one * 0,
            nodes_splits=one * 0.0,
            nodes_modes=one * LESS_OR_EQUAL,
            nodes_truenodeids=one * self.leaves,
            nodes_trueleafs=one,
            nodes_falsenodeids=one * self.leaves,
            nodes_falseleafs=one,
            nodes_missing_value_tracks_true=one * 0,
            leaf_weights=one * weight,
            leaf_targetids=one * target,
        )

    def _extend(self, *, roots: int, **arrays: NDArray[Any]) -> None:
        self.roots.append(roots)
        self.inner += len(arrays["nodes_splits"])
        self.leaves += len(arrays["leaf_weights"])
        for name, array in arrays.items():
            self.nodes.setdefault(name, []).append(array)

    def node(self, graph: Graph, matrix: str) -> str:
        """Add the operator to a graph and return its sums, of shape (rows, targets)."""
        joined = {name: np.concatenate(arrays) for name, arrays in self.nodes.items()}
        tensors: dict[str, Any] = {
            name: numpy_helper.from_array(joined.pop(name).astype(dtype))
            for name, dtype in {"nodes_splits": np.float64, "nodes_modes": np.uint8, "leaf_weights": np.float64}.items()
        }
        if self.members:
            tensors["membership_values"] = numpy_helper.from_array(np.concatenate(self.members))
        numbers = {name: array.astype(np.int64).tolist() for name, array in joined.items()}
        return graph.node(
            "TreeEnsemble", matrix, domain=ML, aggregate_function=SUM, post_transform=0,
            n_targets=self.targets, tree_roots=self.roots, **tensors, **numbers,
        )  # fmt: skip
