"""Rows of the table that an estimator was fitted on, read as pandas reads them: their types are those of the fit."""

import io
import json
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np

from tables.errors import TableError
from tables.parquet import MAGIC, closed_database
from tables.read import content
from tables.sniff import check_kind, decode, sniff
from training import TrainingError
from training.adopting.knowledge import NUMBER

if TYPE_CHECKING:
    import pandas as pd


def read_rows(path: Path, names: Sequence[str], kinds: Mapping[str, str]) -> "pd.DataFrame":
    """Return the columns `names` of a CSV or Parquet file; `kinds` say of some what they hold."""
    frame = read_all(path, names, kinds)
    absent = [name for name in names if name not in frame.columns]
    if absent:
        raise TrainingError(f"--examples {path} has no column {', '.join(absent)}; the estimator was fitted on it")
    return _typed(frame[list(names)], kinds, path)


def read_all(path: Path, names: Sequence[str] = (), kinds: Mapping[str, str] = MappingProxyType({})) -> "pd.DataFrame":
    """Return a CSV or Parquet file as pandas reads it; TrainingError when it has no rows."""
    try:
        data = content(path)
        check_kind(data)
        frame = _read_parquet(data) if data.startswith(MAGIC) else _read_csv(data, names, kinds)
    except OSError as error:
        raise TrainingError(f"cannot read {path}: {error.strerror}; give the path of a CSV or Parquet file") from None
    except (ValueError, TableError) as error:
        raise TrainingError(f"--examples {path}: {' '.join(str(error).split()):.300}") from None
    if not len(frame):
        raise TrainingError(f"--examples {path} has no rows; give at least one")
    return frame


def _read_csv(data: bytes, names: Sequence[str], kinds: Mapping[str, str]) -> "pd.DataFrame":
    import pandas as pd

    text, encoding, _ = decode(data)
    if not text.strip():
        raise TableError("it has no rows")
    reading, _ = sniff(text, next(iter(names), ""), encoding)
    form: dict[str, Any] = {"sep": reading.delimiter, "quotechar": reading.quote, "skiprows": reading.skipped_lines}
    form["escapechar"] = reading.escape or None
    frame: pd.DataFrame = pd.read_csv(io.StringIO(text), **form)
    words = [name for name in frame if kinds.get(str(name)) == NUMBER and frame[name].dtype.kind not in "iufb"]
    if words and reading.delimiter != ",":
        frame = pd.read_csv(io.StringIO(text), decimal=",", **form)
    return frame


def _read_parquet(data: bytes) -> "pd.DataFrame":
    """Return the table in a Parquet file with the types that pandas had when it wrote it."""
    import duckdb

    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / "rows.parquet"
        copy.write_bytes(data)
        with closed_database(str(copy)) as database:
            try:
                frame = database.execute("SELECT * FROM read_parquet(?)", [str(copy)]).df()
                beside = database.execute("SELECT key, value FROM parquet_kv_metadata(?)", [str(copy)]).fetchall()
            except duckdb.Error as error:
                raise TableError(f"it cannot be read as Parquet: {str(error).splitlines()[0][:200]}") from None
    described: dict[str, Any] = next((json.loads(value) for key, value in beside if key == b"pandas"), {})
    for column in described.get("columns", []):
        if column.get("pandas_type") == "categorical" and column.get("name") in frame:
            frame[column["name"]] = frame[column["name"]].astype("category")
    return frame


def _typed(frame: "pd.DataFrame", kinds: Mapping[str, str], path: Path) -> "pd.DataFrame":
    """Return rows in which the columns that are said to be numbers or dates are such."""
    import pandas as pd

    frame = frame.copy()
    for name in frame.columns:
        kind, kept = kinds.get(name), frame[name].dtype.kind
        try:
            if kind == "date" and kept != "M":
                frame[name] = pd.to_datetime(frame[name], format="ISO8601").astype("datetime64[us]")
            if kind == NUMBER and kept not in "iufb":
                frame[name] = pd.to_numeric(frame[name]).astype(np.float64)
        except (ValueError, TypeError) as error:
            reason = " ".join(str(error).split())
            raise TrainingError(f"--examples {path}: the column {name!r} must hold {kind}s: {reason:.200}") from None
    return frame
