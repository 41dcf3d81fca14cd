"""The columns that an ONNX file takes: one tensor of all numbers, or an input for each column."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from predictor.columns import Boolean, Column, Number
from training import TrainingError
from training.adopting.columns import arrays_of, cells_of, column_of
from training.adopting.graphs import BOOL, FLOATS, STRING, WHOLE, Value
from training.adopting.inputs import Inputs, default_rows
from training.adopting.knowledge import NUMBER, Known
from training.adopting.rows import read_all, read_rows

if TYPE_CHECKING:
    import pandas as pd


def inputs_of_file(
    path: Path,
    taken: Sequence[Value],
    *,
    features: Sequence[str],
    target: str,
    examples: Path | None,
    kinds: Mapping[str, str],
) -> Inputs:
    """Return rows for an ONNX file, those of the examples or some of numbers; TrainingError when it takes no rows."""
    check_takes_rows(path, taken)
    matrix = is_matrix(taken)
    names = names_of_matrix(path, taken[0], features, target, examples) if matrix else [value.name for value in taken]
    if features and list(features) != names:
        raise TrainingError(f"{path} takes the columns {', '.join(names)}; leave --features out")
    if unknown := sorted(set(kinds) - set(names)):
        raise TrainingError(f"{path} takes no column {', '.join(unknown)}; its columns are {', '.join(names)}")
    values = list(taken) * (len(names) if matrix else 1)
    if examples is None:
        columns, rows = columns_unseen(path, names, values), default_rows(len(names)).tolist()
    else:
        numbers = {
            name: NUMBER for name, value in zip(names, values, strict=True) if value.element in {*FLOATS, *WHOLE}
        }
        frame = read_rows(examples, names, numbers)
        columns = [
            column_seen(value, frame[name], kinds.get(name, "")) for name, value in zip(names, values, strict=True)
        ]
        rows = list(zip(*(cells_of(column, frame[column.name]) for column in columns), strict=True))
    arrays = arrays_of(columns, rows)
    return Inputs("matrix" if matrix else "frame", columns, arrays, np.column_stack(arrays) if matrix else arrays)


def is_matrix(taken: Sequence[Value]) -> bool:
    """Whether an ONNX file takes one tensor of numbers, of which each column is a feature."""
    return len(taken) == 1 and taken[0].element in FLOATS and len(taken[0].shape) == 2


def check_takes_rows(path: Path, taken: Sequence[Value]) -> None:
    """Refuse inputs that are neither one matrix of numbers nor a column each, of any number of rows."""
    for value in taken:
        if value.element not in {*FLOATS, *WHOLE, STRING, BOOL} or not (value.is_column or is_matrix(taken)):
            raise TrainingError(
                f"{path} takes {value}; what is served takes one tensor of floats, [rows, columns], or one input a "
                "column, [rows, 1], of floats, whole numbers, strings or booleans"
            )
        if value.shape[0] not in {None, 1}:
            raise TrainingError(
                f"{path} takes {value}, so many rows at once and no others; export it with a free first dimension"
            )


def names_of_matrix(path: Path, value: Value, features: Sequence[str], target: str, examples: Path | None) -> list[str]:
    """Return the names of a matrix's columns: as given, those of the examples but the target, or x1 and so on."""
    width = value.shape[1]
    names = list(features)
    if not names and examples is not None:
        names = [str(name) for name in read_all(examples).columns if name != target]
        if width == 1 and value.name in names:
            names = [value.name]
    if not names and width is not None:
        names = [f"x{number}" for number in range(1, width + 1)]
    if not names:
        raise TrainingError(
            f"{path} does not say how many columns it takes; give --examples ROWS.csv or --features A,B"
        )
    if width not in {None, len(names)}:
        whose = "--features names" if features else f"{examples} has, beside the target {target!r},"
        raise TrainingError(f"{path} takes {width} columns, but {whose} {len(names)}: give them with --features A,B")
    if len(set(names)) < len(names) or not all(names):
        raise TrainingError("--features must give each feature a name of its own")
    return names


def columns_unseen(path: Path, names: Sequence[str], values: Sequence[Value]) -> list[Column]:
    """Return columns of which only the type is known."""
    if strings := [name for name, value in zip(names, values, strict=True) if value.element == STRING]:
        raise TrainingError(
            f"{path} takes strings in its column {strings[0]!r}; give rows of its table with --examples ROWS.csv"
        )
    return [
        Number(name, dtype=value.element if value.element in WHOLE else "")
        for name, value in zip(names, values, strict=True)
    ]


def column_seen(value: Value, series: "pd.Series[Any]", by_hand: str) -> Column:
    """Return the column that rows show of an input; TrainingError for cells that it does not take."""
    name = str(series.name)
    if value.element in FLOATS:
        return replace(column_of(series, Known(), NUMBER), dtype="")
    if series.isna().any():
        raise TrainingError(
            f"--examples: the column {name!r} has empty cells, which an input of {value.element}s has not"
        )
    if value.element == STRING:
        return replace(column_of(series.astype("str"), Known(), by_hand), missing=False)
    column = column_of(series, Known(), "" if value.element == BOOL else NUMBER)
    if value.element == BOOL and not isinstance(column, Boolean):
        raise TrainingError(f"--examples: the column {name!r} must hold true or false")
    return replace(column, dtype="" if value.element == BOOL else value.element)
