"""Whatever has no converter here: skl2onnx converts it, in double precision, and its nodes join the graph."""

import warnings
from importlib.metadata import version
from typing import Any

import numpy as np
from onnx import ModelProto, TensorProto, helper
from sklearn.base import is_classifier

from training.converters.graph import ML, Columns, Graph, NotConvertedError, Part, Prediction, width

# The newest of skl2onnx; its operators mean the same in the graph's own sets.
SETS = {"": 21, ML: 3}


def predict_by_skl2onnx(graph: Graph, estimator: Any, columns: Columns) -> Prediction:
    """Add what skl2onnx makes of an estimator."""
    classifies = is_classifier(estimator)
    gives = classifies and hasattr(estimator, "predict_proba")
    options = {"zipmap": False} if gives else None
    outputs = _joined(graph, _converted(estimator, width(columns), options, 1 + gives), graph.matrix(columns))
    if not classifies:
        return Prediction(_double(graph, *outputs[0]))
    label = _index(graph, outputs[0][0], estimator.classes_)
    return Prediction(label, _double(graph, *outputs[1]) if gives else "")


def transform_by_skl2onnx(graph: Graph, transformer: Any, columns: Columns) -> list[Part]:
    """Add what skl2onnx makes of a transformer."""
    outputs = _joined(graph, _converted(transformer, width(columns), None, 1), graph.matrix(columns))
    names = transformer.get_feature_names_out() if hasattr(transformer, "get_feature_names_out") else None
    if names is None:
        raise NotConvertedError("it does not say how many columns it makes")
    return [Part(_double(graph, *outputs[0]), len(names))]


def _converted(estimator: Any, features: int, options: dict[str, Any] | None, outputs: int) -> ModelProto:
    """Return skl2onnx' model with so many of its outputs, and no node that serves others only."""
    from skl2onnx import to_onnx
    from skl2onnx.common.data_types import DoubleTensorType
    from skl2onnx.helpers.onnx_helper import select_model_inputs_outputs

    name = type(estimator).__name__
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about the converter's own insides
            kind = [("features", DoubleTensorType([None, features]))]
            model: ModelProto = to_onnx(estimator, name="model", initial_types=kind, options=options, target_opset=SETS)
            kept = list(model.graph.output)[:outputs]
            model = select_model_inputs_outputs(model, [output.name for output in kept])
            for output, typed in zip(model.graph.output, kept, strict=True):
                output.CopyFrom(typed)  # the selection forgets their types
            return model
    except Exception as error:  # converters raise anything
        reason = " ".join(str(error).split())
        raise NotConvertedError(f"skl2onnx {version('skl2onnx')} cannot convert {name}: {reason:.80}") from None


def _joined(graph: Graph, model: ModelProto, matrix: str) -> list[tuple[str, int]]:
    """Add a model's nodes to the graph; return the names and the element types of its outputs."""
    for imported in model.opset_import:
        if imported.domain not in SETS:
            raise NotConvertedError(f"skl2onnx uses operators of {imported.domain}")
    names = {"": "", model.graph.input[0].name: matrix}
    for initializer in model.graph.initializer:
        name = names[initializer.name] = graph.name("constant")
        initializer.name = name
        graph.initializers.append(initializer)
    for node in model.graph.node:
        inputs = [names[name] for name in node.input]
        names |= {name: graph.name(node.op_type) for name in node.output if name}
        joined = helper.make_node(
            node.op_type, inputs, [names[name] for name in node.output], name=graph.name("node"), domain=node.domain
        )
        joined.attribute.extend(node.attribute)
        graph.nodes.append(joined)
    return [(names[output.name], output.type.tensor_type.elem_type) for output in model.graph.output]


def _double(graph: Graph, value: str, element: int) -> str:
    if element == TensorProto.DOUBLE:
        return value
    graph.precision = "float32"
    return graph.node("Cast", value, to=TensorProto.DOUBLE)


def _index(graph: Graph, label: str, classes: Any) -> str:
    """Return the index of a label, of shape (rows,)."""
    flat = graph.node("Reshape", label, graph.constant([-1], np.int64))
    if classes.dtype.kind in "iub":
        if classes.tolist() == list(range(len(classes))):
            return flat
        return graph.node(
            "LabelEncoder", flat, domain=ML,
            keys_int64s=[int(value) for value in classes], values_int64s=list(range(len(classes))),
        )  # fmt: skip
    keys = [str(value) for value in classes]
    return graph.node(
        "LabelEncoder", flat, domain=ML, keys_strings=keys, values_int64s=list(range(len(keys))), default_int64=-1
    )
