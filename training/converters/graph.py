"""The ONNX graph that converters write: nodes, constants, and the columns that run through it."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from onnx import ModelProto, NodeProto, TensorProto, helper, numpy_helper

from predictor.columns import MISSING as MISSING  # noqa: PLC0414

ML = "ai.onnx.ml"
# The first operator sets with TreeEnsemble, and with Equal for strings; IR 10 is theirs.
OPERATOR_SETS = {"": 21, ML: 5}
IR_VERSION = 10


NUMBER, INTEGER, STRING = "number", "integer", "string"
ELEMENTS = {NUMBER: TensorProto.DOUBLE, INTEGER: TensorProto.INT64, STRING: TensorProto.STRING}


class NotConvertedError(Exception):
    """The graph cannot do what the estimator does; the message says what, in a few words."""


@dataclass(frozen=True)
class Part:
    """One or more columns of one type: a value of the graph, of shape (rows, width).

    `filled` is what an imputer puts in the place of a missing string. `origins` are the model's inputs that these are,
    unchanged: names, or numbers in its matrix.
    """

    value: str
    width: int = 1
    type: str = NUMBER
    filled: str | None = None
    origins: tuple[str, ...] = ()


Columns = Sequence[Part]


def width(columns: Columns) -> int:
    """Return how many columns there are."""
    return sum(part.width for part in columns)


@dataclass(frozen=True)
class Prediction:
    """What an estimator predicts: numbers, (rows, targets), or the index of a label, (rows,), and probabilities."""

    value: str
    probabilities: str = ""
    # Where probabilities are not what stacking and voting ask for.
    decision: str = ""


@dataclass
class Graph:
    """A graph under construction, and what the engine must know beside it."""

    inputs: list[Any] = field(default_factory=list)
    nodes: list[NodeProto] = field(default_factory=list)
    constants: dict[tuple[str, tuple[int, ...], bytes], str] = field(default_factory=dict)
    initializers: list[TensorProto] = field(default_factory=list)
    taken: set[str] = field(default_factory=set)
    # Inputs whose values scikit-learn refuses: those that float32 cannot hold, and categories that it does not know.
    float32: bool = False
    known: dict[str, list[Any]] = field(default_factory=dict)
    # How a text becomes terms, by input.
    words: dict[str, Any] = field(default_factory=dict)
    # "float32" where an operator has no double form.
    precision: str = "double"

    def name(self, wanted: str) -> str:
        """Return a name that no value of the graph has yet."""
        free, number = wanted, 0
        while free in self.taken:
            number += 1
            free = f"{wanted}_{number}"
        self.taken.add(free)
        return free

    def input(self, name: str, type: str, width: int = 1) -> Part:
        """Add an input of the model."""
        if self.name(name) != name:
            raise NotConvertedError(f"two inputs are named {name!r}")
        return self.add_input(name, type, width)

    def add_input(self, name: str, type: str, width: int) -> Part:
        """Add an input by a name that is taken for it."""
        shape: list[str | int] = ["rows", width]
        self.inputs.append(helper.make_tensor_value_info(name, ELEMENTS[type], shape))
        return Part(name, width, type, origins=(name,) if width == 1 else tuple(map(str, range(width))))

    def node(self, operator: str, *inputs: str, domain: str = "", **attributes: Any) -> str:
        """Add a node with one output and return the output's name."""
        return self.node_of(operator, inputs, 1, domain=domain, **attributes)[0]

    def node_of(
        self, operator: str, inputs: Sequence[str], outputs: int, *, domain: str = "", **attributes: Any
    ) -> list[str]:
        """Add a node and return the names of its outputs."""
        names = [self.name(operator) for _ in range(outputs)]
        self.nodes.append(helper.make_node(operator, inputs, names, name=names[0], domain=domain, **attributes))
        return names

    def constant(self, values: Any, dtype: Any = np.float64) -> str:
        """Return the name of a constant; equal ones are kept once."""
        array = np.asarray(values, dtype=dtype)
        key = (
            array.dtype.str,
            array.shape,
            repr(array.tolist()).encode() if array.dtype == object else array.tobytes(),
        )
        if key not in self.constants:
            name = self.constants[key] = self.name("constant")
            self.initializers.append(_tensor(array, name))
        return self.constants[key]

    def matrix(self, columns: Columns) -> str:
        """Return all columns side by side, in double precision."""
        return self.concat([self.number(part) for part in columns])

    def concat(self, values: Sequence[str]) -> str:
        """Return values side by side."""
        if not values:
            raise NotConvertedError("nothing is left of the columns")
        return values[0] if len(values) == 1 else self.node("Concat", *values, axis=1)

    def number(self, part: Part) -> str:
        """Return the value of a part in double precision."""
        if part.type == STRING:
            raise NotConvertedError(f"it takes the strings of {(part.origins or (part.value,))[0]!r} as they are")
        return self.node("Cast", part.value, to=TensorProto.DOUBLE) if part.type == INTEGER else part.value

    def singles(self, columns: Columns) -> list[Part]:
        """Return the columns one by one."""
        return [self._pick(part, [j]) for part in columns for j in range(part.width)]

    def select(self, columns: Columns, indices: Sequence[int]) -> list[Part]:
        """Return some of the columns, in that order."""
        wanted = [int(index) for index in indices]
        if all(part.width == 1 for part in columns):
            return [columns[index] for index in wanted]
        if any(part.type == STRING for part in columns):
            singles = self.singles(columns)
            return [singles[index] for index in wanted]
        whole = columns[0] if len(columns) == 1 else Part(self.matrix(columns), sum(part.width for part in columns))
        return [self._pick(whole, wanted)]

    def _pick(self, part: Part, indices: Sequence[int]) -> Part:
        if list(indices) == list(range(part.width)):
            return part
        picked = self.node("Gather", part.value, self.constant(indices, np.int64), axis=1)
        origins = tuple(part.origins[j] for j in indices) if part.origins else ()
        return replace(part, value=picked, width=len(indices), origins=origins)

    def model(self, outputs: Sequence[tuple[str, str, int, Sequence[str | int]]]) -> ModelProto:
        """Return the model with these outputs: name, value, element type and dimensions."""
        results = []
        for wanted, value, element, dimensions in outputs:
            name = self.name(wanted)
            self.nodes.append(helper.make_node("Identity", [value], [name], name=name))
            results.append(helper.make_tensor_value_info(name, element, dimensions))
        used = {name for node in self.nodes for name in node.input}
        inputs = [value for value in self.inputs if value.name in used]
        graph = helper.make_graph(self.nodes, "model", inputs, results, self.initializers)
        sets = [helper.make_opsetid(domain, version) for domain, version in OPERATOR_SETS.items()]
        return helper.make_model(graph, opset_imports=sets, ir_version=IR_VERSION, producer_name="tandem")


def _tensor(array: NDArray[Any], name: str) -> TensorProto:
    if array.dtype == object:  # strings
        texts: list[Any] = [str(text) for text in array.ravel()]
        return helper.make_tensor(name, TensorProto.STRING, array.shape, texts)
    return numpy_helper.from_array(array, name)


def scalar(value: float) -> NDArray[np.float64]:
    """Return a number as an array that broadcasts."""
    return np.array([value], dtype=np.float64)
