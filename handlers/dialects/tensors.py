"""Tensors of the Open Inference Protocol: read from JSON or bytes, written as JSON or bytes.

https://github.com/triton-inference-server/server/blob/main/docs/protocol/extension_binary_data.md
"""

import itertools
import math
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from handlers.dialects.dialect import INVALID
from handlers.dialects.inputs import Given
from handlers.responses import Problem
from predictor.columns import kind_of

# Name -> type of the elements on the wire, little-endian. BYTES, of lengths and strings, has none.
TYPES = {
    "BOOL": np.dtype("?"),
    **{
        f"{sign}INT{8 * size}": np.dtype(f"<{sign.lower() or 'i'}{size}") for sign in ("U", "") for size in (1, 2, 4, 8)
    },
    **{f"FP{8 * size}": np.dtype(f"<f{size}") for size in (2, 4, 8)},
}
DATATYPES = [*TYPES, "BYTES"]
# Name -> NumPy's letter for the kind of its type, "S" for strings.
KINDS = {name: wire.kind for name, wire in TYPES.items()} | {"BYTES": "S"}
# What elements are in JSON; null is a column's to allow.
NULL = type(None)
EXPECTED: dict[str, tuple[set[type], str]] = {
    "b": ({bool, NULL}, "true or false"),
    "i": ({int, NULL}, "a whole number"),
    "u": ({int, NULL}, "a whole number"),
    "f": ({int, float, NULL}, "a number"),
    "S": ({str, NULL}, "a string"),
}
LENGTH = 4


class Tensor(NamedTuple):
    """An input: its elements in row-major order, strings and what JSON holds as a list, and how many columns it has."""

    name: str
    rows: int
    columns: int
    values: Given


def read_tensor(given: Any, tail: memoryview, max_rows: int) -> tuple[Tensor, memoryview]:
    """Return an input tensor, and what its bytes leave of `tail`; Problem 422 when it is none."""
    if type(given) is not dict or type(given.get("name")) is not str:
        raise Problem(422, "each of inputs must be an object with a name, shape, datatype and data")
    name = given["name"]
    shape, datatype = given.get("shape"), given.get("datatype")
    if type(shape) is not list or len(shape) not in {1, 2} or set(map(type, shape)) != {int} or min(shape) < 0:
        raise fault(name, "shape must be [rows] or [rows, columns]")
    if datatype not in DATATYPES:
        raise fault(name, f"datatype must be one of {', '.join(DATATYPES)}")
    rows, columns = shape if len(shape) == 2 else (shape[0], 1)
    if rows > max_rows:
        raise Problem(413, f"a request takes at most {max_rows} rows, this one has {rows}")
    parameters = given.get("parameters")
    size = parameters.get("binary_data_size") if type(parameters) is dict else None
    if (size is None) == ("data" not in given):
        raise fault(name, "give either data or the parameter binary_data_size")
    if size is None:
        elements = flat(given["data"], shape)
        if elements is None:
            raise fault(name, f"data must be a list of {rows * columns} elements, flat or nested as its shape")
        check_elements(elements, columns, datatype, name)
        return Tensor(name, rows, columns, elements), tail
    if type(size) is not int or not 0 <= size <= len(tail):
        raise fault(name, f"binary_data_size is not that of bytes after the JSON; {len(tail)} are left")
    return Tensor(name, rows, columns, from_bytes(tail[:size], rows * columns, datatype, name)), tail[size:]


def fault(name: str, detail: str) -> Problem:
    """Return the refusal of an input."""
    return Problem(422, f'input "{name:.64}": {detail}')


def flat(data: Any, shape: list[int]) -> list[Any] | None:
    """Return the elements of flat or nested lists; None when they are not of this shape."""
    if type(data) is not list:
        return None
    if len(shape) == 2 and data and type(data[0]) is list:
        if len(data) != shape[0] or set(map(type, data)) != {list} or set(map(len, data)) != {shape[1]}:
            return None
        return list(itertools.chain.from_iterable(data))
    return data if len(data) == math.prod(shape) else None


def check_elements(values: list[Any], columns: int, datatype: str, name: str) -> None:
    """Refuse elements that are not of a datatype, nor null; a float is never a whole number."""
    kind = KINDS[datatype]
    allowed, expected = EXPECTED[kind]
    if not set(map(type, values)) <= allowed:
        where = next(i for i, value in enumerate(values) if type(value) not in allowed)
        row, column = divmod(where, columns)
        place = ("instances", row, column if columns > 1 else name)
        raise Problem(422, INVALID, [(place, f"must be {expected}, not {kind_of(values[where])}")])
    if kind in "iu":
        limits = np.iinfo(TYPES[datatype])
        given = [value for value in values if value is not None] or [0]
        if min(given) < limits.min or max(given) > limits.max:
            raise fault(name, f"an element is out of the range of {datatype}")


def from_bytes(data: memoryview, count: int, datatype: str, name: str) -> Given:
    """Return the elements that some bytes are."""
    if datatype == "BYTES":
        return strings(data, count, name)
    wire = TYPES[datatype]
    if len(data) != count * wire.itemsize:
        raise fault(name, f"{count} of {datatype} are {count * wire.itemsize} bytes, not {len(data)}")
    if datatype == "BOOL" and np.frombuffer(data, np.uint8).max(initial=0) > 1:
        raise fault(name, "a byte of BOOL must be 0 or 1")
    return np.frombuffer(data, wire)


def strings(data: memoryview, count: int, name: str) -> list[str]:
    """Return strings in UTF-8, each after its length."""
    texts: list[str] = []
    position = 0
    while position < len(data):
        end = position + LENGTH
        end += int.from_bytes(data[position:end], "little")
        if position + LENGTH > len(data) or end > len(data) or len(texts) == count:
            break
        try:
            texts.append(str(data[position + LENGTH : end], "utf-8"))
        except UnicodeDecodeError:
            raise fault(name, f"element {len(texts)} is not in UTF-8") from None
        position = end
    if position != len(data) or len(texts) != count:
        raise fault(name, f"its bytes are not {count} elements of BYTES, each after its length in 4 bytes")
    return texts


def write_tensor(
    name: str, values: NDArray[Any], datatype: str, *, binary: bool, parameters: dict[str, Any] | None = None
) -> tuple[dict[str, Any], bytes]:
    """Return an output tensor as JSON, and the bytes that go with it."""
    tensor: dict[str, Any] = {"name": name, "datatype": datatype, "shape": list(values.shape)}
    data = to_bytes(values, datatype) if binary else b""
    parameters = (parameters or {}) | ({"binary_data_size": len(data)} if binary else {})
    if parameters:
        tensor["parameters"] = parameters
    if not binary:
        tensor["data"] = values.ravel().tolist()
    return tensor, data


def to_bytes(values: NDArray[Any], datatype: str) -> bytes:
    """Return elements as they go over the wire."""
    if datatype in TYPES:
        return values.astype(TYPES[datatype]).tobytes()
    encoded = [str(value).encode() for value in values.ravel().tolist()]
    return b"".join(part for text in encoded for part in (len(text).to_bytes(LENGTH, "little"), text))
