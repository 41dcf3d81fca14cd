"""A whole model: the inputs of its columns, the converted estimator, its labels and probabilities as outputs."""

import json
from collections.abc import Sequence
from typing import Any

import numpy as np
from onnx import ModelProto, TensorProto, checker, helper

import training.converters  # noqa: F401  # registers the converters
from predictor.onnx_engine import METADATA
from training.converters.graph import NUMBER, Graph, NotConvertedError
from training.converters.registry import predict

MATRIX = "features"


def convert(estimator: Any, inputs: Sequence[tuple[str, str]] | int, targets: int = 1) -> tuple[ModelProto, str]:
    """Return the model and its precision; `inputs` are names and types of columns, or the width of one matrix.

    `targets` is how many numbers it predicts of a row.

    NotConvertedError when something in the estimator has no form in ONNX.
    """
    graph = Graph()
    if isinstance(inputs, int):
        columns = [graph.input(MATRIX, NUMBER, inputs)]
    else:
        columns = [graph.input(name, type) for name, type in inputs]
    prediction = predict(graph, estimator, columns)
    shape: list[str | int] = ["rows"] if targets == 1 else ["rows", targets]
    outputs = [("prediction", *_answer(graph, estimator, prediction.value, targets), shape)]
    if prediction.probabilities and hasattr(estimator, "predict_proba"):
        outputs.append(("probabilities", prediction.probabilities, TensorProto.DOUBLE, ["rows", "classes"]))
    elif hasattr(estimator, "predict_proba"):
        raise NotConvertedError(f"{type(estimator).__name__} gives probabilities, its conversion none")
    model = graph.model(outputs)
    beside = {"float32": graph.float32, "known": graph.known, "words": graph.words}
    helper.set_model_props(model, {METADATA: json.dumps(beside, ensure_ascii=False)})
    checker.check_model(model)
    return model, graph.precision


def _answer(graph: Graph, estimator: Any, value: str, targets: int) -> tuple[str, int]:
    """Return the output of labels, of shape (rows,), or numbers, (rows,) or (rows, targets), and its element type."""
    if not hasattr(estimator, "classes_"):
        shape = [-1] if targets == 1 else [-1, targets]
        return graph.node("Reshape", value, graph.constant(shape, np.int64)), TensorProto.DOUBLE
    classes = estimator.classes_
    if classes.dtype.kind in "iub":
        if classes.tolist() == list(range(len(classes))):
            return value, TensorProto.INT64
        return graph.node("Gather", graph.constant(classes, np.int64), value), TensorProto.INT64
    if not all(isinstance(label, str) for label in classes):
        raise NotConvertedError("its labels are neither text nor whole numbers")
    return graph.node("Gather", graph.constant(classes, object), value), TensorProto.STRING
