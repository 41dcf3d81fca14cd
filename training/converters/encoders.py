"""Encoders of categories: each becomes a table, filled by asking the fitted encoder itself about every category."""

import warnings
from typing import Any

import numpy as np
from numpy.typing import NDArray
from onnx import TensorProto, helper
from sklearn.preprocessing import OneHotEncoder, OrdinalEncoder, TargetEncoder

from training.converters.graph import ML, INTEGER, MISSING, STRING, Columns, Graph, NotConvertedError, Part
from training.converters.imputers import is_missing
from training.converters.registry import transforms

# No column of people's has this for a category, so an encoder takes it for unknown.
UNKNOWN_STRING = "\ufdd1"


@transforms(OneHotEncoder, OrdinalEncoder, TargetEncoder)
def convert_encoder(graph: Graph, encoder: Any, columns: Columns) -> list[Part]:
    """Convert each column by its own table: the rows of known categories, of a missing one, of any other."""
    singles = graph.singles(columns)
    if len(singles) != len(encoder.categories_):
        raise NotConvertedError("it got another number of columns")
    return [_looked_up(graph, encoder, index, part) for index, part in enumerate(singles)]


def _looked_up(graph: Graph, encoder: Any, index: int, part: Part) -> Part:
    known = list(encoder.categories_[index])
    strings = part.type == STRING
    if any(isinstance(value, str) != strings for value in known if not is_missing(value)):
        raise NotConvertedError("its categories are of another type than the column")
    gaps = any(is_missing(value) for value in known)
    keys = [value for value in known if not is_missing(value)]
    unknown = UNKNOWN_STRING if strings else _another(keys)
    rows = [_row(encoder, index, value) for value in keys]
    other = _row(encoder, index, unknown)
    absent = _row(encoder, index, np.nan) if gaps else other
    if other is None:
        _refuse_unknown(graph, part, keys, gaps)
        other = rows[0] if rows else absent
        absent = other if absent is None else absent
    if other is None or absent is None:
        raise NotConvertedError("it knows no category")
    if strings:
        filled = part.filled
        if filled is not None:
            absent = rows[keys.index(filled)] if filled in keys else other
        return _table(graph, part, [*keys, MISSING], [*rows, absent], other)
    return _table(graph, part, [float(key) for key in keys] + [np.nan], [*rows, absent], other)


def _refuse_unknown(graph: Graph, part: Part, keys: list[Any], gaps: bool) -> None:
    """Let the engine refuse what the encoder refuses; it sees the inputs only."""
    if not part.origins:
        raise NotConvertedError("it refuses unknown categories of a column that is not an input")
    known: list[Any] = [value if isinstance(value, str) else float(value) for value in keys]
    missing = [None] if gaps or (part.filled is not None and part.filled in keys) else []
    graph.known[part.origins[0]] = known + missing


def _another(keys: list[Any]) -> float:
    """Return a number that is none of the categories."""
    return float(max([0.0, *map(float, keys)]) + 1)


def _row(encoder: Any, index: int, value: Any) -> NDArray[np.float64] | None:
    """Return what the encoder makes of a value in one of its columns, None when it refuses it."""
    cells = np.empty((1, len(encoder.categories_)), dtype=object)
    cells[0] = [categories[0] for categories in encoder.categories_]
    cells[0, index] = value
    if all(categories.dtype.kind in "fiu" for categories in encoder.categories_):
        cells = cells.astype(np.float64)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of the names that it was fitted with, and of unknown categories
            made = encoder.transform(cells)
    except ValueError:
        return None
    dense = made.toarray() if hasattr(made, "toarray") else np.asarray(made)
    start, stop = _span(encoder, index)
    row: NDArray[np.float64] = dense[0, start:stop].astype(np.float64)
    return row


def _span(encoder: Any, index: int) -> tuple[int, int]:
    """Return where the columns begin and end that an encoder makes of one column."""
    if isinstance(encoder, OneHotEncoder):
        widths = encoder._n_features_outs
        return sum(widths[:index]), sum(widths[: index + 1])
    each = len(encoder.classes_) if getattr(encoder, "target_type_", "") == "multiclass" else 1
    return index * each, (index + 1) * each


def _table(graph: Graph, part: Part, keys: list[Any], rows: list[NDArray[Any]], other: NDArray[Any]) -> Part:
    value = graph.number(part) if part.type == INTEGER else part.value
    kind = TensorProto.STRING if part.type == STRING else TensorProto.DOUBLE
    width = len(other)
    single = width == 1
    said = [float(row[0]) for row in rows] if single else list(range(len(rows)))
    default = float(other[0]) if single else len(rows)
    result = TensorProto.DOUBLE if single or kind == TensorProto.DOUBLE else TensorProto.INT64
    found = graph.node(
        "LabelEncoder", value, domain=ML,
        keys_tensor=helper.make_tensor("keys", kind, [len(keys)], keys),
        values_tensor=helper.make_tensor("values", result, [len(said)], said),
        default_tensor=helper.make_tensor("default", result, [1], [default]),
    )  # fmt: skip
    if single:
        return Part(found)
    index = graph.node("Squeeze", found, graph.constant([1], np.int64))
    if result == TensorProto.DOUBLE:
        index = graph.node("Cast", index, to=TensorProto.INT64)
    return Part(graph.node("Gather", graph.constant(np.vstack([*rows, other])), index, axis=0), width)
