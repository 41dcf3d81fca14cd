"""What an ONNX file says of itself: the columns that it takes, and the labels, probabilities or numbers it gives."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tables.read import content
from training import TrainingError

if TYPE_CHECKING:
    import onnx

FLOATS, WHOLE, STRING, BOOL, MAPS = ("float", "double"), ("int64", "int32"), "string", "bool", "maps"
# Attributes under which classifiers and ZipMap keep their labels.
LABELS = ("classlabels_int64s", "classlabels_strings", "classlabels_ints")


@dataclass(frozen=True)
class Value:
    """An input or an output: its name, what its elements are, and its dimensions, None where they are free."""

    name: str
    element: str
    shape: Sequence[int | None]

    def __str__(self) -> str:
        """Return it in words."""
        sizes = ", ".join("any" if size is None else str(size) for size in self.shape)
        return f"{self.name!r:.60} ({self.element}{f' of [{sizes}]' if sizes else ''})"

    @property
    def is_column(self) -> bool:
        """Whether it has one value a row."""
        return len(self.shape) == 1 or (len(self.shape) == 2 and self.shape[1] == 1)

    @property
    def is_labels(self) -> bool:
        """Whether it may be the label of each row."""
        return self.element in {*WHOLE, STRING, BOOL}


def read_graph(path: Path) -> tuple[bytes, "onnx.ModelProto"]:
    """Return the bytes of an ONNX file and what they say; TrainingError when it is none, or not all of one."""
    import onnx

    try:
        data = content(path)
        model = onnx.load_model_from_string(data)
    except OSError as error:
        raise TrainingError(f"cannot read {path}: {error.strerror}; give the path of an ONNX file") from None
    except Exception:  # protobuf's DecodeError, of a package without types
        raise TrainingError(f"{path} is no ONNX file, or one that is cut") from None
    if not model.graph.input or not model.graph.output:
        raise TrainingError(f"{path} is no ONNX file: it has no graph with an input and an output")
    for tensor in tensors_of(model):
        if tensor.data_location == onnx.TensorProto.EXTERNAL or tensor.external_data:
            place = next((entry.value for entry in tensor.external_data if entry.key == "location"), "")
            raise TrainingError(
                f"{path} keeps numbers in another file ({place!r:.60}), which is not read; write all of it into one "
                "file, as onnx.save does"
            )
    return data, model


def tensors_of(message: Any) -> "Iterator[onnx.TensorProto]":
    """Yield the constants of a model, wherever they stand in it."""
    import onnx

    if isinstance(message, onnx.TensorProto):
        yield message
        return
    for field, value in message.ListFields():
        if field.message_type is not None:
            for part in [value] if hasattr(value, "ListFields") else value:
                yield from tensors_of(part)


def inputs_of_graph(model: "onnx.ModelProto") -> list[Value]:
    """Return what a graph takes; files of before list their constants there, too."""
    constants = {tensor.name for tensor in model.graph.initializer}
    return [described(value) for value in model.graph.input if value.name not in constants]


def described(value: "onnx.ValueInfoProto") -> Value:
    """Return an input or output as it is declared."""
    import onnx

    kind = value.type.WhichOneof("value") or "nothing"
    if kind == "sequence_type" and value.type.sequence_type.elem_type.WhichOneof("value") == "map_type":
        return Value(value.name, MAPS, ())
    if kind != "tensor_type":
        return Value(value.name, kind.removesuffix("_type"), ())
    tensor = value.type.tensor_type
    try:
        element = onnx.TensorProto.DataType.Name(tensor.elem_type).lower()
    except ValueError:
        element = "unknown"
    sizes = [size.dim_value if size.HasField("dim_value") else None for size in tensor.shape.dim]
    return Value(value.name, element, sizes)


def answers_of(path: Path, model: "onnx.ModelProto") -> tuple[Value, list[Value]]:
    """Return the output that is the prediction, and those that may be probabilities; TrainingError for others."""
    outputs = [described(value) for value in model.graph.output]
    labels = [output for output in outputs if output.is_labels]
    others = [output for output in outputs if output.element in {*FLOATS, MAPS}]
    if len(labels) == 1:
        return labels[0], others
    if not labels and len(others) == 1 and others[0].element != MAPS:
        return others[0], []
    listed = ", ".join(map(str, outputs[:5]))
    raise TrainingError(
        f"{path} gives {listed}; what is served is one output of labels, with or without their probabilities, or one "
        "of numbers"
    )


def labels_in(model: "onnx.ModelProto") -> list[Any]:
    """Return the labels that the last classifier of a graph names; none where it names none."""
    import onnx

    for node in reversed(model.graph.node):
        for attribute in node.attribute:
            if attribute.name in LABELS:
                found = onnx.helper.get_attribute_value(attribute)
                if len(found):
                    return [label.decode() if isinstance(label, bytes) else int(label) for label in found]
    return []


def maker_of(model: "onnx.ModelProto") -> dict[str, Any]:
    """Return what the manifest says of the model in the place of an estimator."""
    producer = f"{model.producer_name} {model.producer_version}".strip()[:100]
    operators = {(used.domain or "ai.onnx")[:100]: used.version for used in model.opset_import[:10]}
    return {"class": "ONNX", "parameters": {"producer": producer, "operators": operators}}
