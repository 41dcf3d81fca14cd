"""Imputers: what stands in for a missing number or a missing string, and the columns that say where one was missing."""

from dataclasses import replace
from typing import Any

import numpy as np
from onnx import TensorProto
from sklearn.impute import MissingIndicator, SimpleImputer

from training.converters.graph import MISSING, STRING, Columns, Graph, NotConvertedError, Part
from training.converters.registry import transforms


@transforms(SimpleImputer)
def convert_simple_imputer(graph: Graph, imputer: Any, columns: Columns) -> list[Part]:
    """Convert one value a column, with its indicators behind."""
    if not is_missing(imputer.missing_values):
        raise NotConvertedError(f"it takes {imputer.missing_values!r} for missing")
    strings = [part.type == STRING for part in columns]
    if any(strings):
        if not all(strings):
            raise NotConvertedError("it fills numbers and strings at once")
        filled = [_filled_string(part, value) for part, value in zip(columns, imputer.statistics_, strict=True)]
    else:
        filled = _filled_numbers(graph, imputer, columns)
    indicated = convert_missing_indicator(graph, imputer.indicator_, columns) if imputer.add_indicator else []
    return filled + indicated


def _filled_numbers(graph: Graph, imputer: Any, columns: Columns) -> list[Part]:
    value = graph.matrix(columns)
    statistics = np.asarray(imputer.statistics_, np.float64)
    known = np.flatnonzero(~np.isnan(statistics))  # a column without any value is left out, or filled with zeros
    if imputer.keep_empty_features:
        statistics, known = np.nan_to_num(statistics), np.arange(len(statistics))
    if len(known) < len(statistics):
        value = graph.node("Gather", value, graph.constant(known, np.int64), axis=1)
    filled = graph.node("Where", graph.node("IsNaN", value), graph.constant(statistics[known]), value)
    return [Part(filled, len(known))]


def _filled_string(part: Part, value: Any) -> Part:
    if not isinstance(value, str):
        raise NotConvertedError(f"it fills strings with {value!r}")
    return part if part.filled is not None else replace(part, filled=value)


@transforms(MissingIndicator)
def convert_missing_indicator(graph: Graph, indicator: Any, columns: Columns) -> list[Part]:
    """Convert one column of 0 and 1 for each that had gaps."""
    parts = []
    for part in graph.select(columns, indicator.features_):
        if part.type == STRING:
            absent = graph.node("Equal", part.value, graph.constant([MISSING], object))
            if part.filled is not None:
                raise NotConvertedError("it looks for gaps that are filled already")
        else:
            absent = graph.node("IsNaN", graph.number(part))
        parts.append(Part(graph.node("Cast", absent, to=TensorProto.DOUBLE), part.width))
    return parts


def is_missing(value: Any) -> bool:
    """Whether a value is one of those that stand for a missing one: NaN, None, pandas' NA."""
    return value is None or type(value).__name__ == "NAType" or (isinstance(value, float) and np.isnan(value))
