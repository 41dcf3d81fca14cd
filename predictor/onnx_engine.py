"""The compiled engine: ONNX Runtime in the estimator's place, without scikit-learn, SciPy or joblib.

It starts in a third of the time and predicts one row of a forest in a hundredth. `training.compile` writes its file.
"""

import functools
import os
from typing import Any

import numpy as np
from numpy.typing import NDArray

from predictor.manifest import Manifest

# Takes the part of a missing string: a code point that is never a character.
MISSING = "\ufdd0"


def choose_engine(manifest: Manifest, wanted: str) -> tuple[str, str]:
    """Return which engine serves, "onnxruntime" or "sklearn", and why; `wanted` is ENGINE's value."""
    if manifest.compiled is None:
        return "sklearn", "the manifest lists no compiled model"
    if wanted == "sklearn":
        return "sklearn", "ENGINE=sklearn"
    return "onnxruntime", (
        f"the manifest lists {manifest.compiled['file']}, whose largest difference on {manifest.compiled['samples']} "
        f"rows was {manifest.compiled['largest_difference']:.1e} ({manifest.compiled['precision']})"
    )


class CompiledModel:
    """A converted estimator, with its `predict` and, if it gives probabilities, its `predict_proba`."""

    def __init__(self, data: bytes, classes: list[Any] | None, precision: str) -> None:
        self.session = _session(data)
        inputs = self.session.get_inputs()[0]
        self.n_features_in_ = inputs.shape[1]
        self.input = inputs.name
        self.dtype = np.float64 if inputs.type == "tensor(double)" else np.float32
        self.float32 = precision == "float32"
        self.booleans = bool(classes) and isinstance(classes[0], bool)  # type: ignore[index]
        self.answer, *probabilities = [output.name for output in self.session.get_outputs()]
        if probabilities:  # scikit-learn's estimators have this method or not in the same way
            self.predict_proba = functools.partial(self._run, probabilities[0])

    def predict(self, matrix: NDArray[np.float64]) -> NDArray[Any]:
        """Return numbers or class labels, of shape (n,)."""
        outputs = self._run(self.answer, matrix).reshape(len(matrix))
        return outputs.astype(bool) if self.booleans else outputs  # ONNX has the labels 0 and 1 for them

    def _run(self, output: str, matrix: NDArray[np.float64]) -> NDArray[Any]:
        converted = matrix.astype(self.dtype, copy=False)
        if self.float32 and not np.isfinite(matrix.astype(np.float32)).all():
            # scikit-learn's trees refuse these too; ONNX Runtime would predict something from infinity.
            raise ValueError("a value is beyond float32")
        outputs: NDArray[Any] = self.session.run([output], {self.input: converted})[0]
        return outputs


def _session(data: bytes) -> Any:
    # ONNX Runtime 1.29 and later report to their maker from a thread of their own; off is off only before the import.
    os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
    import onnxruntime

    options = onnxruntime.SessionOptions()
    # No thread pool: gunicorn forks the process that made the session, and threads do not survive a fork.
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    # What a request took is given back: one large batch must not keep its memory for the life of the worker.
    options.enable_cpu_mem_arena = False
    options.log_severity_level = 3  # errors only; they are raised, too
    return onnxruntime.InferenceSession(data, options, providers=["CPUExecutionProvider"])
