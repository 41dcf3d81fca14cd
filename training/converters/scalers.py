"""Transformers of numbers, each in the order of operations that scikit-learn rounds in."""

from functools import partial
from typing import Any

import numpy as np
from onnx import TensorProto
from sklearn.decomposition import PCA, TruncatedSVD
from sklearn.feature_selection import (
    RFE,
    RFECV,
    GenericUnivariateSelect,
    SelectFdr,
    SelectFpr,
    SelectFromModel,
    SelectFwe,
    SelectKBest,
    SelectPercentile,
    SequentialFeatureSelector,
    VarianceThreshold,
)
from sklearn.preprocessing import (
    Binarizer,
    FunctionTransformer,
    MaxAbsScaler,
    MinMaxScaler,
    Normalizer,
    PolynomialFeatures,
    RobustScaler,
    StandardScaler,
)
from sklearn.utils import check_array

from training.converters.functions import add_function
from training.converters.graph import Columns, Graph, NotConvertedError, Part, scalar, width
from training.converters.registry import transforms

SELECTORS = (
    GenericUnivariateSelect, RFE, RFECV, SelectFdr, SelectFpr, SelectFromModel, SelectFwe, SelectKBest,
    SelectPercentile, SequentialFeatureSelector, VarianceThreshold,
)  # fmt: skip


@transforms(StandardScaler)
def convert_standard_scaler(graph: Graph, scaler: Any, columns: Columns) -> list[Part]:
    """Convert (x - mean) / deviation."""
    return _shifted(graph, columns, scaler.mean_ if scaler.with_mean else None, scaler.scale_)


@transforms(RobustScaler)
def convert_robust_scaler(graph: Graph, scaler: Any, columns: Columns) -> list[Part]:
    """Convert (x - median) / range between quantiles."""
    return _shifted(graph, columns, scaler.center_, scaler.scale_)


@transforms(MaxAbsScaler)
def convert_max_abs_scaler(graph: Graph, scaler: Any, columns: Columns) -> list[Part]:
    """Convert x / largest."""
    if getattr(scaler, "clip", False):
        raise NotConvertedError("it clips")
    return _shifted(graph, columns, None, scaler.scale_)


def _shifted(graph: Graph, columns: Columns, center: Any, scale: Any) -> list[Part]:
    value = graph.matrix(columns)
    if center is not None:
        value = graph.node("Sub", value, graph.constant(center))
    if scale is not None:
        value = graph.node("Div", value, graph.constant(scale))
    return [Part(value, width(columns))]


@transforms(MinMaxScaler)
def convert_min_max_scaler(graph: Graph, scaler: Any, columns: Columns) -> list[Part]:
    """Convert x * scale + minimum."""
    value = graph.node("Mul", graph.matrix(columns), graph.constant(scaler.scale_))
    value = graph.node("Add", value, graph.constant(scaler.min_))
    if scaler.clip:
        low, high = scaler.feature_range
        value = graph.node("Clip", value, graph.constant(float(low)), graph.constant(float(high)))
    return [Part(value, width(columns))]


@transforms(FunctionTransformer)
def convert_function_transformer(graph: Graph, transformer: Any, columns: Columns) -> list[Part]:
    """Convert the identity and NumPy's functions of one number."""
    if transformer.func is None or _only_checks(transformer.func):
        return list(columns)
    if transformer.kw_args:
        raise NotConvertedError("it calls a function with arguments")
    return [Part(add_function(graph, transformer.func, graph.matrix(columns)), width(columns))]


def _only_checks(function: Any) -> bool:
    """Whether this is how HistGradientBoosting lets numbers pass."""
    return isinstance(function, partial) and function.func is check_array


@transforms(Binarizer)
def convert_binarizer(graph: Graph, binarizer: Any, columns: Columns) -> list[Part]:
    """Convert x > threshold."""
    above = graph.node("Greater", graph.matrix(columns), graph.constant(scalar(binarizer.threshold)))
    return [Part(graph.node("Cast", above, to=TensorProto.DOUBLE), width(columns))]


@transforms(Normalizer)
def convert_normalizer(graph: Graph, normalizer: Any, columns: Columns) -> list[Part]:
    """Convert rows to length one."""
    return [Part(normalized(graph, graph.matrix(columns), normalizer.norm), width(columns))]


def normalized(graph: Graph, value: str, norm: str) -> str:
    """Return rows divided by their norm, rows of zeros as they are."""
    axes = graph.constant([1], np.int64)
    if norm == "max":
        size = graph.node("ReduceMax", graph.node("Abs", value), axes, keepdims=1)
    else:
        size = graph.node({"l1": "ReduceL1", "l2": "ReduceL2"}[norm], value, axes, keepdims=1)
    zero = graph.node("Equal", size, graph.constant(scalar(0)))
    return graph.node("Div", value, graph.node("Where", zero, graph.constant(scalar(1)), size))


@transforms(PolynomialFeatures)
def convert_polynomial_features(graph: Graph, features: Any, columns: Columns) -> list[Part]:
    """Convert products of columns; a product of many is the product of two shorter ones."""
    value = graph.matrix(columns)
    powers = features.powers_
    degree = int(powers.sum(axis=1).max())
    padded = graph.concat([ones(graph, value), value])
    product = None
    terms = [
        [0] * (degree - row.sum()) + [j + 1 for j, power in enumerate(row) for _ in range(power)] for row in powers
    ]
    for position in range(degree):
        factors = graph.node("Gather", padded, graph.constant([term[position] for term in terms], np.int64), axis=1)
        product = factors if product is None else graph.node("Mul", product, factors)
    return [Part(product or ones(graph, value), len(powers))]


def ones(graph: Graph, value: str) -> str:
    """Return a column of ones beside a value, whatever that holds."""
    gap = graph.node("IsNaN", graph.node("Gather", value, graph.constant([0], np.int64), axis=1))
    return graph.node("Cast", graph.node("Or", gap, graph.node("Not", gap)), to=TensorProto.DOUBLE)


@transforms(*SELECTORS)
def convert_selector(graph: Graph, selector: Any, columns: Columns) -> list[Part]:
    """Convert the choice of some columns."""
    return graph.select(columns, selector.get_support(indices=True))


@transforms(PCA, TruncatedSVD)
def convert_projection(graph: Graph, projection: Any, columns: Columns) -> list[Part]:
    """Convert a projection on components."""
    value = graph.matrix(columns)
    components = projection.components_
    if getattr(projection, "whiten", False):
        raise NotConvertedError("it whitens")
    shift = None
    if isinstance(projection, PCA):
        shift = projection.mean_.reshape(1, -1) @ components.T
    value = graph.node("MatMul", value, graph.constant(components.T))
    if shift is not None:
        value = graph.node("Sub", value, graph.constant(shift))
    return [Part(value, len(components))]
