"""Encoders of categories: each becomes a table, filled by asking the fitted encoder itself about every category."""

import warnings
from typing import Any

import numpy as np
from numpy.typing import NDArray
from onnx import TensorProto, helper
from sklearn.preprocessing import OneHotEncoder, OrdinalEncoder, TargetEncoder

from training.converters.graph import INTEGER, MISSING, ML, STRING, Columns, Graph, NotConvertedError, Part
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
    keys = [value for value in known if not is_missing(value)]
    strings = part.type == STRING
    if any(isinstance(value, str) != strings for value in keys):
        raise NotConvertedError("its categories are of another type than the column")
    rows = {value: _row(encoder, index, value) for value in known}
    gaps = [value for value in known if is_missing(value)]
    other = _row(encoder, index, UNKNOWN_STRING if strings else _another(keys))
    if other is None:  # what then comes out of the graph does not matter
        _refuse_unknown(graph, part, keys, bool(gaps))
        other = next(iter(rows.values()))
    absent = rows[gaps[0]] if gaps else other
    if part.filled is not None:
        absent = rows.get(part.filled, other)
    table = np.vstack([row for row in (*(rows[key] for key in keys), absent, other) if row is not None])
    return _table(graph, part, [*keys, MISSING] if strings else [*map(float, keys), np.nan], table)


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
            encoded = encoder.transform(cells)
    except ValueError:
        return None
    dense = encoded.toarray() if hasattr(encoded, "toarray") else np.asarray(encoded)
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


def _table(graph: Graph, part: Part, keys: list[Any], table: NDArray[np.float64]) -> Part:
    """Return the row of the table that belongs to each key, the last one for all that are none."""
    value = graph.number(part) if part.type == INTEGER else part.value
    kind = TensorProto.STRING if part.type == STRING else TensorProto.DOUBLE
    width = table.shape[1]
    said = table[:, 0].tolist() if width == 1 else list(range(len(table)))
    # ONNX Runtime has this operator from numbers to numbers of the same type only.
    result = TensorProto.INT64 if width > 1 and kind == TensorProto.STRING else TensorProto.DOUBLE
    looked_up = graph.node(
        "LabelEncoder", value, domain=ML,
        keys_tensor=helper.make_tensor("keys", kind, [len(keys)], keys),
        values_tensor=helper.make_tensor("values", result, [len(keys)], said[:-1]),
        default_tensor=helper.make_tensor("default", result, [1], said[-1:]),
    )  # fmt: skip
    if width == 1:
        return Part(looked_up)
    index = graph.node("Squeeze", looked_up, graph.constant([1], np.int64))
    if result == TensorProto.DOUBLE:
        index = graph.node("Cast", index, to=TensorProto.INT64)
    return Part(graph.node("Gather", graph.constant(table), index, axis=0), width)
