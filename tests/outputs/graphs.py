"""ONNX files as people bring them, each with rows of its table."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import onnx
import onnxruntime
import pandas as pd
from onnx import TensorProto, helper, numpy_helper
from skl2onnx import to_onnx
from skl2onnx.common.data_types import DoubleTensorType, FloatTensorType, Int64TensorType, StringTensorType
from sklearn.compose import make_column_transformer
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.multiclass import OneVsRestClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from sklearn.svm import LinearSVC

RANDOM = np.random.RandomState(0)
X = pd.DataFrame(RANDOM.rand(60, 3).round(3), columns=["a", "b", "c"])
WORDS = np.where(X["a"] > 0.6, "high", np.where(X["b"] > 0.5, "low", "middle"))
FLATS = pd.DataFrame({
    "area": (RANDOM.rand(60) * 90 + 10).round(1),
    "city": RANDOM.choice(["Ulm", "Bremen", "Köln"], 60),
    "rooms": RANDOM.randint(1, 6, 60),
})  # fmt: skip
WEIGHTS = np.array([[1.0, -1.0], [2.0, 0.5], [0.25, 3.0]])
Value = onnx.ValueInfoProto


class Brought(NamedTuple):
    """An ONNX file, rows of its table, and how to give them to it."""

    data: bytes
    rows: pd.DataFrame
    feeds: Callable[[pd.DataFrame], dict[str, Any]]

    def answers(self, rows: pd.DataFrame) -> list[Any]:
        """Return what ONNX Runtime itself answers."""
        session = onnxruntime.InferenceSession(self.data, providers=["CPUExecutionProvider"])
        found: list[Any] = session.run(None, self.feeds(rows))
        return found


def value(name: str, element: int = TensorProto.FLOAT, shape: Any = (None, 3)) -> Value:
    return helper.make_tensor_value_info(name, element, shape)


def file_of(nodes: list[Any], inputs: list[Value], outputs: list[Value], constants: Any = (), **more: Any) -> bytes:
    graph = helper.make_graph(nodes, "graph", inputs, outputs, list(constants))
    opsets = [helper.make_opsetid("", more.pop("opset", 17)), helper.make_opsetid("my", 1)]
    model = helper.make_model(graph, opset_imports=opsets, ir_version=8, **more)
    data: bytes = model.SerializeToString()
    return data


def linear(width: int = 2, rows: Any = None, columns: Any = 3, dtype: Any = np.float32) -> bytes:
    element = TensorProto.FLOAT if dtype == np.float32 else TensorProto.DOUBLE
    constant = numpy_helper.from_array(WEIGHTS[:, :width].astype(dtype), "w")
    taken, given = value("X", element, [rows, columns]), value("Y", element, [rows, width])
    return file_of([helper.make_node("MatMul", ["X", "w"], ["Y"])], [taken], [given], [constant])


def matrix(name: str, dtype: Any = np.float32) -> Callable[[pd.DataFrame], dict[str, Any]]:
    return lambda rows: {name: rows.to_numpy(dtype=dtype)}


def columns(rows: pd.DataFrame) -> dict[str, Any]:
    types = {"area": np.float32, "rooms": np.int64, "city": object}
    return {name: rows[name].to_numpy(dtype=types[name]).reshape(-1, 1) for name in rows}


def converted(estimator: Any, zipmap: bool | None = None, types: Any = None) -> bytes:
    taken = types or [("float_input", FloatTensorType([None, 3]))]
    options = {} if zipmap is None else {id(estimator): {"zipmap": zipmap}}
    data: bytes = to_onnx(estimator, initial_types=taken, options=options, target_opset=17).SerializeToString()
    return data


def of_flats(estimator: Any) -> bytes:
    encoder = OneHotEncoder(handle_unknown="ignore", sparse_output=False)
    parts = make_column_transformer((StandardScaler(), ["area"]), (encoder, ["city"]), ("passthrough", ["rooms"]))
    fitted = make_pipeline(parts, estimator).fit(FLATS, np.where(FLATS["area"] > 50, 1, 0))
    types = [FloatTensorType([None, 1]), StringTensorType([None, 1]), Int64TensorType([None, 1])]
    return converted(fitted, types=list(zip(FLATS, types, strict=True)))


NUMBER = RANDOM.rand(60)
MADE: dict[str, Callable[[], Brought]] = {
    "number": lambda: Brought(linear(1), X, matrix("X")),
    "double": lambda: Brought(linear(1, dtype=np.float64), X, matrix("X", np.float64)),
    "ridge": lambda: Brought(
        converted(Ridge().fit(X.to_numpy(), NUMBER), types=[("X", DoubleTensorType([None, 3]))]), X, matrix("X", float)
    ),
    "several": lambda: Brought(linear(2), X, matrix("X")),
    "one row": lambda: Brought(linear(1, rows=1), X, matrix("X")),
    "free width": lambda: Brought(linear(1, columns=None), X, matrix("X")),
    "words": lambda: Brought(converted(LogisticRegression().fit(X.to_numpy(), WORDS)), X, matrix("float_input")),
    "whole": lambda: Brought(
        converted(RandomForestClassifier(5, random_state=0).fit(X.to_numpy(), X["a"] > 0.5), zipmap=False),
        X,
        matrix("float_input"),
    ),
    "each": lambda: Brought(
        converted(OneVsRestClassifier(LogisticRegression()).fit(X.to_numpy(), WORDS), zipmap=False),
        X,
        matrix("float_input"),
    ),
    "scores": lambda: Brought(converted(LinearSVC().fit(X.to_numpy(), WORDS)), X, matrix("float_input")),
    "flats": lambda: Brought(of_flats(LogisticRegression()), FLATS, columns),
    "rents": lambda: Brought(of_flats(Ridge()), FLATS, columns),
}


def write(brought: Brought, folder: Path) -> list[str]:
    """Write an ONNX file and its rows, and return the options that adopt it."""
    (folder / "theirs.onnx").write_bytes(brought.data)
    brought.rows.to_csv(folder / "rows.csv", index=False)
    return ["--adopt", str(folder / "theirs.onnx"), "--examples", str(folder / "rows.csv")]
