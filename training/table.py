"""Tables to train from: a CSV file, or the built-in example."""

import csv
import hashlib
import io
import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from training import TrainingError

LONGEST_NAME = 200  # the manifest takes no longer ones


@dataclass(frozen=True)
class Table:
    """Features of shape (rows, columns), one target value and one line a row, their names, the digest of the file."""

    features: NDArray[np.float64]
    target: NDArray[Any]
    feature_names: list[str]
    target_name: str
    sha256: str
    lines: Sequence[int]

    @property
    def classifies(self) -> bool:
        """Whether the target holds labels that are no numbers."""
        return self.target.dtype.kind not in "iuf"


def example_table() -> Table:
    """Return the built-in example: y = 3 x1 + x2 + x3 + 2, exactly, so that (1, 2, 3) gives 10.

    With these rows least squares finds the coefficients to the last bit.
    RandomState is frozen by NumPy's policy (NEP 19): every version draws these rows.
    """
    drawn = np.random.RandomState(188).randint(0, 6, (31, 3))
    features = np.vstack([[[1, 2, 3]], drawn]).astype(np.float64)
    target = features @ [3.0, 1.0, 1.0] + 2.0
    digest = hashlib.sha256(features.astype("<f8").tobytes() + target.astype("<f8").tobytes()).hexdigest()
    return Table(features, target, ["x1", "x2", "x3"], "y", digest, range(2, 2 + len(target)))


def read_table(path: Path, target: str, drop: Sequence[str]) -> Table:
    """Return the table in a CSV file whose first line names the columns; TrainingError names what is wrong with it."""
    import pandas as pd  # only here: serving must not pay for it

    try:
        data = path.read_bytes()
    except OSError as error:
        raise TrainingError(f"cannot read {path}: {error.strerror}; give the path of a CSV file") from None
    try:
        text = data.decode("utf-8-sig")
        names, lines = _outline(text, path)
        _check_columns(names, target, drop, path)
        frame = pd.read_csv(
            io.StringIO(text, newline=""),
            header=0,
            names=names,
            index_col=False,
            skipinitialspace=True,
            low_memory=False,
        )
    except (ValueError, csv.Error) as error:
        reason = " ".join(str(error).split())
        raise TrainingError(f"{path} is not a CSV file in UTF-8 with a header line: {reason}") from None
    frame.index = pd.Index(lines)  # so that messages can name them
    labels = _target(frame[target], path)
    feature_names = [name for name in names if name not in {target, *drop}]
    features = np.column_stack([_feature(frame[name], path) for name in feature_names])
    return Table(features, labels, feature_names, target, hashlib.sha256(data).hexdigest(), lines)


def _outline(text: str, path: Path) -> tuple[list[str], list[int]]:
    """Return the columns' names, and for each row the number of the line in which it starts.

    pandas would shift or fill up the rows that are longer or shorter than the header, and knows no line numbers.
    """
    names: list[str] = []
    lines: list[int] = []
    reader = csv.reader(io.StringIO(text, newline=""), skipinitialspace=True)
    end = 0
    for record in reader:
        line, end = end + 1, reader.line_num
        if not record:
            continue
        if not names:
            names = [name.strip() for name in record]
            _check_header(names, path)
        elif len(record) != len(names):
            raise TrainingError(
                f"line {line} of {path} has {len(record)} values, but the header names {len(names)} columns; correct it"
            )
        else:
            lines.append(line)
    if not lines:
        raise TrainingError(f"{path} has no rows; give a CSV file with a header line and rows below it")
    return names, lines


def _check_header(names: list[str], path: Path) -> None:
    for position, name in enumerate(names, start=1):
        if not name:
            raise TrainingError(f"column {position} of {path} has no name; name it in the first line, or remove it")
        if len(name) > LONGEST_NAME:
            raise TrainingError(f"the name of column {position} of {path} is longer than {LONGEST_NAME}; shorten it")
        if names.count(name) > 1:
            raise TrainingError(f"two columns of {path} are named {name!r}; give each its own name")
    if len(names) == 1:
        raise TrainingError(f"{path} has one column only, {names[0]!r}; separate the columns with commas")


def _check_columns(names: list[str], target: str, drop: Sequence[str], path: Path) -> None:
    for name in (target, *drop):
        if name not in names:
            others = f" and {len(names) - 20} more" if len(names) > 20 else ""
            raise TrainingError(f"{path} has no column {name!r}; it has {', '.join(names[:20])}{others}")
    if target in drop:
        raise TrainingError(f"--drop {shlex.quote(target)}: that is the target; drop other columns only")
    if not set(names) - {target, *drop}:
        raise TrainingError(f"{path} has no column left to predict {target!r} from; drop fewer")


def _target(column: Any, path: Path) -> NDArray[Any]:
    missing = int(column.isna().sum())
    if missing == len(column):
        raise TrainingError(f"the target {column.name!r} of {path} is empty; name another column with --target")
    if missing:
        raise TrainingError(
            f"the target {column.name!r} of {path} is missing in {missing} of {len(column)} rows, first in line "
            f"{column.isna().idxmax()}; remove those rows"
        )
    if column.nunique() < 2:
        raise TrainingError(
            f"the target {column.name!r} of {path} has one value only, so there is nothing to learn; name another "
            "column with --target"
        )
    if column.dtype.kind == "b":
        return np.asarray(column)
    numbers = _numbers(column)
    if numbers.isna().any():
        return np.array([str(value) for value in column])
    if np.isinf(numbers).any():
        line = np.isinf(numbers).idxmax()
        raise TrainingError(
            f"the target {column.name!r} of {path} holds an infinite value in line {line}; remove that row"
        )
    return np.asarray(numbers)


def _feature(column: Any, path: Path) -> NDArray[np.float64]:
    remedy = f"leave it out with --drop {shlex.quote(column.name)}"
    if column.isna().all():
        raise TrainingError(f"column {column.name!r} of {path} is empty; {remedy}")
    numbers = _numbers(column)
    wrong = column.notna() & numbers.isna()
    if wrong.any():
        line = wrong.idxmax()
        raise TrainingError(
            f"column {column.name!r} of {path} is not numeric: {str(column[line])!r} in line {line}; encode it as "
            f"numbers, or {remedy}"
        )
    if np.isinf(numbers).any():
        line = np.isinf(numbers).idxmax()
        raise TrainingError(f"column {column.name!r} of {path} holds an infinite value in line {line}; remove that row")
    return np.asarray(numbers, dtype=np.float64)


def _numbers(column: Any) -> Any:
    """Return a column as numbers, with NaN for what is none; pandas leaves integers of more than 64 bits as text."""
    import pandas as pd

    return column if column.dtype.kind in "iuf" else pd.to_numeric(column.astype(str), errors="coerce")
