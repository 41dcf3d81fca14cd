"""From a fitted estimator to `model.bigquery.onnx`, which BigQuery ML imports, kept when it predicts the same.

BigQuery's ONNX Runtime is old: it takes the operators of opset 17 and ai.onnx.ml 3, which know single precision only.
"""

import os
import warnings
from collections.abc import Sequence
from copy import deepcopy
from importlib.metadata import version
from typing import Any

import numpy as np
from numpy.typing import NDArray
from onnx import ModelProto, checker
from sklearn.compose import ColumnTransformer
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import OneHotEncoder

from predictor.columns import Category, Column, Inputs
from predictor.loading import first_line
from predictor.manifest import BIGQUERY_FILE
from predictor.model import usual_size
from training import NotCompiledError
from training.compile import Compiled, count_targets, facts_of
from training.differences import given_to, largest_difference
from training.samples import sample_rows

SETS = {"": 17, "ai.onnx.ml": 3}
IR_VERSION = 8
TOLERANCE = 1e-4  # of single precision, which has seven digits
MATRIX = "features"


def compile_for_bigquery(fitted: Any, rows: Inputs, columns: Sequence[Column], *, seed: int) -> Compiled:
    """Return the conversion, if it predicts what `fitted` does; NotCompiledError when it does not.

    `rows` are the training rows: a matrix, or one array a column where the estimator takes a frame.
    """
    if count_targets(fitted, columns, rows) > 1:
        raise NotCompiledError("BigQuery ML gets models of one target")
    model = _converted(fitted, _inputs(columns, matrix=isinstance(rows, np.ndarray)))
    _check_form(model)
    data = model.SerializeToString(deterministic=True)
    samples = sample_rows(columns, rows, seed)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of unknown categories, of names that a matrix has not
            scale = usual_size(fitted.predict(given_to(columns, rows))) or 0.0
            given, imported = given_to(columns, samples), _Imported(data, fitted, columns)
            # With no tolerance, a number near zero counts as one of the usual size, whose digits it is made of.
            difference = largest_difference(fitted, imported, samples, given, scale=scale, tolerance=0.0)
    except NotCompiledError:
        raise
    except Exception as error:  # ONNX Runtime has a dozen kinds of them
        raise NotCompiledError(f"ONNX Runtime refuses the conversion ({first_line(error)})") from None
    if not difference <= TOLERANCE:
        raise NotCompiledError(f"the largest relative difference is {difference:.1e}, more than {TOLERANCE:.0e}")
    count = len(samples if isinstance(samples, np.ndarray) else samples[0])
    proof = {"precision": "float32", "samples": count, "largest_difference": difference}
    return Compiled(data, facts_of(BIGQUERY_FILE, data, allowed=TOLERANCE, **proof))


class _Imported:
    """The file as BigQuery runs it: single precision, one value a column."""

    def __init__(self, data: bytes, fitted: Any, columns: Sequence[Column]) -> None:
        os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")  # off is off only before the import
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.log_severity_level = 4  # what it logs, it raises, too
        self.session = onnxruntime.InferenceSession(data, options, providers=["CPUExecutionProvider"])
        self.inputs = {given.name: given.type for given in self.session.get_inputs()}
        self.outputs = [output.name for output in self.session.get_outputs()]
        self.columns = columns
        self.booleans = hasattr(fitted, "classes_") and fitted.classes_.dtype.kind == "b"

    def predict(self, samples: Inputs) -> NDArray[Any]:
        """Return numbers or labels, of shape (n,)."""
        outputs = self._run(self.outputs[0], samples).reshape(-1)
        return outputs.astype(bool) if self.booleans else outputs

    def predict_proba(self, samples: Inputs) -> NDArray[Any]:
        """Return the probabilities of the classes."""
        return self._run(self.outputs[1], samples)

    def _run(self, output: str, samples: Inputs) -> NDArray[Any]:
        if isinstance(samples, np.ndarray):
            values: list[Any] = [samples.astype(np.float32)]
        else:
            pairs = zip(self.columns, samples, strict=True)
            values = [array.reshape(-1, 1) for column, cells in pairs for array in column.inputs(cells).values()]
        types = {"tensor(float)": np.float32, "tensor(int64)": np.int64, "tensor(string)": object}
        fed = zip(self.inputs.items(), values, strict=True)
        feeds = {name: array.astype(types[element]) for (name, element), array in fed}
        outputs: NDArray[Any] = self.session.run([output], feeds)[0]
        return outputs


def _inputs(columns: Sequence[Column], *, matrix: bool) -> list[tuple[str, Any]]:
    """Return the names and types of the inputs: one matrix, or one a column."""
    from skl2onnx.common.data_types import FloatTensorType, Int64TensorType, StringTensorType

    for column in columns:
        if column.missing:
            raise NotCompiledError(
                f"column {column.name!r} may be missing, which has no form there; fill its gaps, or --drop it"
            )
    if matrix:
        return [(MATRIX, FloatTensorType([None, len(columns)]))]
    inputs = []
    for column in columns:
        whole = isinstance(column, Category) and column.whole_numbers
        kind = Int64TensorType if whole else StringTensorType if column.own_dtype == "str" else FloatTensorType
        inputs += [(name, kind([None, 1])) for name in column.input_names]
    return inputs


def _converted(fitted: Any, inputs: list[tuple[str, Any]]) -> ModelProto:
    """Return what skl2onnx makes of an estimator with these inputs."""
    from skl2onnx import to_onnx

    options = {"zipmap": False} if hasattr(fitted, "classes_") else None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about the converter's own insides
            model: ModelProto = to_onnx(
                _plainer(fitted), name="model", initial_types=inputs, options=options, target_opset=SETS
            )
            sets = {imported.domain: imported for imported in model.opset_import}
            del model.opset_import[:]  # it names some twice
            model.opset_import.extend(sets.values())
            checker.check_model(model, full_check=True)
    except NotCompiledError:
        raise
    except Exception as error:  # converters raise anything
        raise NotCompiledError(f"skl2onnx {version('skl2onnx')} cannot convert it: {first_line(error):.160}") from None
    return model


def _plainer(fitted: Any) -> Any:
    """Return an estimator that predicts the same, of which skl2onnx knows more.

    Where no category is rare, an encoder that takes unseen ones for rare ones ignores them.
    """
    copied = deepcopy(fitted)
    steps = [step for _, step in copied.steps] if isinstance(copied, Pipeline) else []
    for transformers in [step.transformers_ for step in steps if isinstance(step, ColumnTransformer)]:
        for _, encoder, _ in transformers:
            if not isinstance(encoder, OneHotEncoder) or encoder.handle_unknown != "infrequent_if_exist":
                continue
            if any(rare is not None for rare in encoder.infrequent_categories_):
                raise NotCompiledError("some categories are rare and taken together, which skl2onnx does not know")
            encoder.handle_unknown = "ignore"
    return copied


def _check_form(model: ModelProto) -> None:
    """Refuse what BigQuery does not import: newer or other operators, inputs or outputs that are no tensors."""
    newer = [imported for imported in model.opset_import if imported.version > SETS.get(imported.domain, 0)]
    if newer or model.ir_version > IR_VERSION:
        used = ", ".join(f"{imported.domain or 'ai.onnx'} {imported.version}" for imported in newer)
        raise NotCompiledError(f"it needs operators that BigQuery does not have: {used or model.ir_version}")
    if not all(value.type.HasField("tensor_type") for value in [*model.graph.input, *model.graph.output]):
        raise NotCompiledError("it has an input or an output that is no tensor")
