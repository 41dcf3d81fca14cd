"""Tables to train from: a CSV file, or the built-in example."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from training import TrainingError


@dataclass(frozen=True)
class Table:
    """Features of shape (rows, columns), one target value a row, their names, and the digest of where they came from."""

    features: NDArray[np.float64]
    target: NDArray[Any]
    feature_names: list[str]
    target_name: str
    sha256: str

    @property
    def classifies(self) -> bool:
        """Whether the target holds labels that are no numbers."""
        return self.target.dtype.kind not in "iuf"


def example_table() -> Table:
    """Return the built-in example: y = 3 x1 + x2 + x3 + 2, exactly, so that (1, 2, 3) gives 10; with these rows least squares
    finds the coefficients to the last bit.

    RandomState is frozen by NumPy's policy (NEP 19): every version draws these rows.
    """
    drawn = np.random.RandomState(188).randint(0, 6, (31, 3))
    features = np.vstack([[[1, 2, 3]], drawn]).astype(np.float64)
    target = features @ [3.0, 1.0, 1.0] + 2.0
    digest = hashlib.sha256(features.astype("<f8").tobytes() + target.astype("<f8").tobytes()).hexdigest()
    return Table(features, target, ["x1", "x2", "x3"], "y", digest)


def read_table(path: Path, target: str, drop: Sequence[str]) -> Table:
    """Return the table in a CSV file whose first line names the columns; TrainingError names what is wrong with it."""
    import pandas as pd  # only here: serving must not pay for it

    try:
        data = path.read_bytes()
        header = pd.read_csv(path, header=None, nrows=1, dtype=str, keep_default_na=False)
        frame = pd.read_csv(path, skipinitialspace=True)
    except OSError as error:
        raise TrainingError(f"cannot read {path}: {error.strerror}; give the path of a CSV file") from None
    except (ValueError, UnicodeDecodeError) as error:
        reason = " ".join(str(error).split())
        raise TrainingError(f"{path} is not a CSV file in UTF-8 with a header line: {reason}") from None
    _check_header([str(name).strip() for name in header.iloc[0]], path)
    frame.columns = [str(name).strip() for name in frame.columns]
    _check_columns(list(frame.columns), target, drop, path)
    labels = _target(frame[target], path)
    features = frame.drop(columns=[target, *drop])
    for name in features.columns:
        _check_feature(features[name], path)
    return Table(
        features.to_numpy(dtype=np.float64), labels, list(features.columns), target, hashlib.sha256(data).hexdigest()
    )


def _check_header(names: list[str], path: Path) -> None:
    for position, name in enumerate(names, start=1):
        if not name:
            raise TrainingError(f"column {position} of {path} has no name; name it in the first line, or remove it")
        if names.count(name) > 1:
            raise TrainingError(f"two columns of {path} are named {name!r}; give each its own name")


def _check_columns(names: list[str], target: str, drop: Sequence[str], path: Path) -> None:
    for name in (target, *drop):
        if name not in names:
            raise TrainingError(f"{path} has no column {name!r}; it has {', '.join(names)}")
    if not set(names) - {target, *drop}:
        raise TrainingError(f"{path} has no column left to predict {target!r} from")


def _target(column: Any, path: Path) -> NDArray[Any]:
    missing = int(column.isna().sum())
    if missing == len(column):
        raise TrainingError(f"the target {column.name!r} of {path} is empty; name another column with --target")
    if missing:
        raise TrainingError(
            f"the target {column.name!r} of {path} is missing in {missing} of {len(column)} rows, first in line "
            f"{_line(column.isna())}; remove those rows"
        )
    if column.nunique() < 2:
        raise TrainingError(f"the target {column.name!r} of {path} has one value only, so there is nothing to learn")
    kind = column.dtype.kind
    if kind in "iufb":
        values: NDArray[Any] = column.to_numpy()
        if kind == "f" and not np.isfinite(values).all():
            raise TrainingError(f"the target {column.name!r} of {path} holds an infinite value; remove that row")
        return values
    return np.array([str(value) for value in column])


def _check_feature(column: Any, path: Path) -> None:
    if column.isna().all():
        raise TrainingError(f"column {column.name!r} of {path} is empty; leave it out with --drop {column.name}")
    if column.dtype.kind not in "iuf":
        text = column.isna() | ~column.astype(str).str.fullmatch(r"[-+0-9.eE]+")
        raise TrainingError(
            f"column {column.name!r} of {path} is not numeric: {str(column[text].dropna().iloc[0])!r} in line "
            f"{_line(text & ~column.isna())}; encode it as numbers, or leave it out with --drop {column.name}"
        )
    if np.isinf(column).any():
        raise TrainingError(
            f"column {column.name!r} of {path} holds an infinite value in line {_line(np.isinf(column))}; remove that row"
        )


def _line(mask: Any) -> int:
    """Return the number of the file's line that holds the first row of a mask; the header is line 1."""
    return int(np.argmax(mask.to_numpy())) + 2
