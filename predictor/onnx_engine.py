"""The compiled engine: ONNX Runtime in the estimator's place, without scikit-learn, SciPy, joblib or pandas.

It starts in a third of the time and predicts one row of a forest in a hundredth. `training.compile` writes its file, or
somebody brings one.
"""

import functools
import json
import math
import os
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from predictor.columns import MISSING, Column, Inputs, Values
from predictor.manifest import Manifest
from predictor.words import TermCounter

# The key under which the file says what the engine must know beside the graph.
METADATA = "tandem"
# A forest's leaves and a text's terms take memory by the row, so a large batch goes through in pieces.
ROWS_AT_ONCE = 1_000
# How far another CPU may round the predictions of a file that was never compared with an estimator.
TOLERANCE = 1e-5
# What a graph may take of a column besides strings.
ELEMENTS: dict[str, type[np.generic]] = {
    "tensor(double)": np.float64,
    "tensor(float)": np.float32,
    "tensor(int64)": np.int64,
    "tensor(int32)": np.int32,
    "tensor(bool)": np.bool_,
}
# A path that no file can have: a graph's numbers may lie in other files, which ONNX Runtime would read from here.
NOWHERE = "/dev/null"


def choose_engine(manifest: Manifest, wanted: str) -> tuple[str, str]:
    """Return which engine serves, "onnxruntime" or "sklearn", and why; `wanted` is ENGINE's value."""
    if manifest.is_onnx:
        return "onnxruntime", f"the model is {manifest.artifact['file']}"
    if manifest.compiled is None:
        return "sklearn", "the manifest lists no compiled model"
    if wanted == "sklearn":
        return "sklearn", "ENGINE=sklearn"
    return "onnxruntime", (
        f"the manifest lists {manifest.compiled['file']}, whose largest difference on {manifest.compiled['samples']} "
        f"rows was {manifest.compiled['largest_difference']:.1e} ({manifest.compiled['precision']})"
    )


class CompiledModel:
    """A converted estimator, with its `predict` and, if it gives probabilities, its `predict_proba`.

    They take a matrix, or, where `columns` are given, one array a column. `outputs` are the names of what they give, by
    default those of the graph.
    """

    def __init__(
        self,
        data: bytes,
        classes: list[Any] | None,
        precision: str = "",
        columns: Sequence[Column] = (),
        outputs: Sequence[str] = (),
    ) -> None:
        self.session = _session(data)
        self.columns = columns
        self.classes = classes
        self.booleans = bool(classes) and isinstance(classes[0], bool)  # type: ignore[index]
        inputs = self.session.get_inputs()
        self.inputs = {found.name: found.type for found in inputs}
        self.shapes = {found.name: (-1, 1)[: len(found.shape)] for found in inputs}
        self.rows_at_once = 1 if inputs[0].shape[0] == 1 else ROWS_AT_ONCE  # some files take one row and no other
        beside = json.loads(self.session.get_modelmeta().custom_metadata_map.get(METADATA, "{}"))
        # Files of before and of elsewhere have no such entry; theirs are float32 throughout, or in no part.
        self.float32 = beside.get("float32", precision == "float32" or "tensor(float)" in self.inputs.values())
        self.known = {name: frozenset(values) for name, values in beside.get("known", {}).items()}
        self.counters = {name: TermCounter(rules) for name, rules in beside.get("words", {}).items()}
        self.n_features_in_: int | None
        if columns:
            self.n_features_in_ = sum(len(column.input_names) for column in columns)
        else:
            width = inputs[0].shape[1]
            self.n_features_in_ = width if isinstance(width, int) else None
        self.answer, *probabilities = outputs or [output.name for output in self.session.get_outputs()]
        if probabilities:  # scikit-learn's estimators have this method or not in the same way
            self.predict_proba = functools.partial(self.run, probabilities[0])

    def predict(self, inputs: Inputs) -> NDArray[Any]:
        """Return numbers or class labels, of shape (n,), or (n, targets) where there are several."""
        outputs = self.run(self.answer, inputs)
        outputs = outputs.reshape(len(outputs)) if outputs.ndim > 1 and outputs.size == len(outputs) else outputs
        return outputs.astype(bool) if self.booleans else outputs  # ONNX has the labels 0 and 1 for them

    def run(self, output: str, inputs: Inputs) -> NDArray[Any]:
        """Return what one of the graph's outputs gives."""
        feeds = self._feeds_of_columns(inputs) if self.columns else self._feeds_of_matrix(inputs)
        rows, most = len(next(iter(feeds.values()))), self.rows_at_once
        if rows <= most:
            return self._output(output, feeds)
        starts = range(0, rows, most)
        pieces = [{name: values[start : start + most] for name, values in feeds.items()} for start in starts]
        return np.concatenate([self._output(output, piece) for piece in pieces])

    def _output(self, name: str, feeds: dict[str, NDArray[Any]]) -> NDArray[Any]:
        found = self.session.run([name], feeds)[0]
        if isinstance(found, list):  # a map from label to probability for each row, as files of skl2onnx give
            return np.array([[row[label] for label in self.classes or ()] for row in found])
        outputs: NDArray[Any] = found
        return outputs

    def unknown(self, inputs: Inputs) -> NDArray[np.bool_]:
        """Return where a category is one that the encoder refuses: a row of booleans for each row."""
        given = self._given(inputs)
        return np.column_stack([_not_among(given[name], known) for name, known in self.known.items()])

    def _given(self, inputs: Any) -> dict[str, Values]:
        """Return the estimator's columns, by name, or, of a matrix, by number."""
        if not self.columns:
            return {str(index): values for index, values in enumerate(inputs.T)}
        given: dict[str, Values] = {}
        for column, values in zip(self.columns, inputs, strict=True):
            given |= column.inputs(values)
        return given

    def _feeds_of_matrix(self, matrix: Any) -> dict[str, NDArray[Any]]:
        ((name, element),) = self.inputs.items()
        if self.float32:
            _check_float32(matrix)
        if self.known:
            self._check_known(self._given(matrix))
        return {name: matrix.astype(ELEMENTS[element], copy=False)}

    def _feeds_of_columns(self, arrays: Any) -> dict[str, NDArray[Any]]:
        given = self._given(arrays)
        if self.float32:
            for values in given.values():
                if values.dtype.kind == "f":
                    _check_float32(values)
        if self.known:
            self._check_known(given)
        return {name: self._feed(name, element, given) for name, element in self.inputs.items()}

    def _check_known(self, given: dict[str, Values]) -> None:
        """Refuse what the encoder refuses, in scikit-learn's own words."""
        for name, known in self.known.items():
            found = given[name][_not_among(given[name], known)].tolist()
            if found:
                raise ValueError(f"Found unknown categories [{found[0]!r:.64}] in column {name!r} during transform")

    def _feed(self, name: str, element: str, given: dict[str, Values]) -> NDArray[Any]:
        counter = self.counters.get(name)
        if counter:
            return counter.count(given[counter.column].tolist())
        values = given[name]
        if element == "tensor(string)":
            strings = [MISSING if value is None else value for value in values.tolist()]
            return np.array(strings, dtype=object).reshape(self.shapes[name])
        return values.astype(ELEMENTS[element], copy=False).reshape(self.shapes[name])


def _check_float32(values: NDArray[np.float64]) -> None:
    if np.isinf(values.astype(np.float32)).any():
        # scikit-learn's trees refuse these too; ONNX Runtime would predict something from infinity.
        raise ValueError("a value is beyond float32")


def _not_among(values: Values, known: frozenset[Any]) -> NDArray[np.bool_]:
    """Return which values are not known; the missing one is null in the list of those that are."""
    numbers = values.dtype.kind == "f"
    cells = [None if numbers and math.isnan(value) else value for value in values.tolist()]
    return np.array([cell not in known for cell in cells], dtype=bool)


def _session(data: bytes) -> Any:
    # ONNX Runtime 1.29 and later report to their maker from a thread of their own; off is off only before the import.
    os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
    import onnxruntime

    options = onnxruntime.SessionOptions()
    # No thread pool: gunicorn forks the process that made the session, and threads do not survive a fork.
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    # What a request took is given back: one large batch must not keep its memory for the life of the worker.
    options.enable_cpu_mem_arena = False
    options.log_severity_level = 4  # errors are raised; as lines of its own they would be said twice
    # By itself it would also take its own format, whose bytes it believes.
    options.add_session_config_entry("session.load_model_format", "ONNX")
    options.add_session_config_entry("session.model_external_initializers_file_folder_path", NOWHERE)
    return onnxruntime.InferenceSession(data, options, providers=["CPUExecutionProvider"])
