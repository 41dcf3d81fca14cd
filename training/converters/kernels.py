"""Estimators that compare a row with rows of the training data by a kernel."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.kernel_ridge import KernelRidge
from sklearn.svm import SVR, NuSVR

from training.converters.graph import Columns, Graph, NotConvertedError, Prediction, scalar
from training.converters.registry import predicts


@predicts(SVR, NuSVR)
def convert_support_vector_regressor(graph: Graph, machine: Any, columns: Columns) -> Prediction:
    """Convert a weighted sum of kernels of support vectors."""
    vectors, weights = machine.support_vectors_, machine.dual_coef_
    if not isinstance(vectors, np.ndarray):  # fitted on a sparse matrix
        vectors, weights = vectors.toarray(), weights.toarray()
    values = kernel(graph, machine.kernel, graph.matrix(columns), vectors, machine._gamma, machine.degree, machine.coef0)
    total = graph.node("MatMul", values, graph.constant(weights.reshape(-1, 1)))
    return Prediction(graph.node("Add", total, graph.constant(machine.intercept_)))


@predicts(KernelRidge)
def convert_kernel_ridge(graph: Graph, ridge: Any, columns: Columns) -> Prediction:
    """Convert a weighted sum of kernels of the training rows."""
    rows = np.asarray(ridge.X_fit_)
    gamma = 1.0 / rows.shape[1] if ridge.gamma is None else ridge.gamma
    values = kernel(graph, ridge.kernel, graph.matrix(columns), rows, gamma, ridge.degree, ridge.coef0)
    return Prediction(graph.node("MatMul", values, graph.constant(np.reshape(ridge.dual_coef_, (-1, 1)))))


def kernel(
    graph: Graph, name: Any, matrix: str, rows: NDArray[np.float64], gamma: float, degree: float, shift: float
) -> str:
    """Return the kernel of each row with each of `rows`, in scikit-learn's terms."""
    if name == "rbf":
        return graph.node("Exp", graph.node("Mul", distances(graph, matrix, rows), graph.constant(scalar(-gamma))))
    product = graph.node("MatMul", matrix, graph.constant(rows.T))
    if name == "linear":
        return product
    scaled = graph.node("Mul", product, graph.constant(scalar(gamma)))
    shifted = graph.node("Add", scaled, graph.constant(scalar(shift)))
    if name in ("poly", "polynomial"):
        return graph.node("Pow", shifted, graph.constant(scalar(degree)))
    if name == "sigmoid":
        return graph.node("Tanh", shifted)
    raise NotConvertedError(f"its kernel is {name!r:.40}")


def distances(graph: Graph, matrix: str, rows: NDArray[np.float64]) -> str:
    """Return the squared distance of each row from each of `rows`, which are never negative."""
    axes = graph.constant([1], np.int64)
    own = graph.node("ReduceSumSquare", matrix, axes, keepdims=1)
    both = graph.node("MatMul", matrix, graph.constant(-2 * rows.T))
    total = graph.node("Add", graph.node("Add", own, both), graph.constant((rows**2).sum(axis=1)))
    return graph.node("Max", total, graph.constant(scalar(0)))
