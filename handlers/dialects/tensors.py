"""Tensors of the Open Inference Protocol: read from JSON or bytes, written as JSON or bytes.

https://github.com/triton-inference-server/server/blob/main/docs/protocol/extension_binary_data.md
"""

import itertools
import math
from dataclasses import dataclass
from typing import Any

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
# What the elements must be where JSON has others; null is a column's to allow.
EXPECTED: dict[str, tuple[set[type], str]] = {
    "b": ({bool}, "true or false"),
    "i": ({int}, "a whole number"),
    "f": ({int, float}, "a number"),
}
LENGTH = 4


@dataclass(frozen=True)
class Tensor:
    """An input: its elements in row-major order, strings and what JSON holds as a list, and how many columns it has."""

    name: str
    rows: int
    columns: int
    values: Given


def read_tensor(given: Any, tail: memoryview, max_rows: int) -> tuple[Tensor, memoryview]:
    """Return an input tensor, and what its bytes leave of `tail`; Problem 422 when it is none."""
    if type(given) is not dict or type(given.get("name")) is not str:
        raise Problem(422, "each of inputs must be an object with a name, shape, datatype and data")
    name = quoted(given["name"])
    shape, datatype = given.get("shape"), given.get("datatype")
    if type(shape) is not list or len(shape) not in {1, 2} or any(type(n) is not int or n < 0 for n in shape):
        raise Problem(422, f"{name}: shape must be [rows] or [rows, columns]")
    if datatype not in DATATYPES:
        raise Problem(422, f"{name}: datatype must be one of {', '.join(DATATYPES)}")
    if shape[0] > max_rows:
        raise Problem(413, f"a request takes at most {max_rows} rows, this one has {shape[0]}")
    parameters = given.get("parameters") or {}
    size = parameters.get("binary_data_size") if type(parameters) is dict else None
    if (size is None) == ("data" not in given):
        raise Problem(422, f"{name}: give either data or the parameter binary_data_size")
    if size is None:
        values: Given = from_json(given["data"], shape, datatype, given["name"])
    else:
        if type(size) is not int or not 0 <= size <= len(tail):
            raise Problem(422, f"{name}: binary_data_size is not that of bytes after the JSON; {len(tail)} are left")
        values, tail = from_bytes(tail[:size], math.prod(shape), datatype, name), tail[size:]
    return Tensor(given["name"], shape[0], shape[1] if len(shape) == 2 else 1, values), tail


def quoted(name: str) -> str:
    """Return what to call an input in a refusal."""
    return f'input "{name:.64}"'


def from_json(data: Any, shape: list[int], datatype: str, tensor: str) -> list[Any]:
    """Return the elements of flat or nested lists."""
    name = quoted(tensor)
    values = data
    wrong = Problem(422, f"{name}: data must be a list of {math.prod(shape)} elements, flat or nested as its shape")
    if type(values) is not list:
        raise wrong
    if len(shape) == 2 and values and type(values[0]) is list:
        if len(values) != shape[0] or set(map(type, values)) != {list} or set(map(len, values)) != {shape[1]}:
            raise wrong
        values = list(itertools.chain.from_iterable(values))
    if len(values) != math.prod(shape):
        raise wrong
    return checked(values, shape, datatype, tensor)


def checked(values: list[Any], shape: list[int], datatype: str, name: str) -> list[Any]:
    """Return elements that are of a datatype, or null; a float is never a whole number."""
    kind = TYPES[datatype].kind.replace("u", "i") if datatype in TYPES else ""
    allowed, expected = EXPECTED.get(kind, ({str}, "a string"))
    kinds = set(map(type, values)) - {type(None)}
    if not kinds <= allowed:
        where = next(i for i, value in enumerate(values) if value is not None and type(value) not in allowed)
        row, column = divmod(where, shape[1] if len(shape) == 2 else 1)
        place = ("instances", row, column if shape[1:] > [1] else name)
        raise Problem(422, INVALID, [(place, f"must be {expected}, not {kind_of(values[where])}")])
    if kind == "i":
        limits = np.iinfo(TYPES[datatype])
        if any(value is not None and not limits.min <= value <= limits.max for value in values):
            raise Problem(422, f"{quoted(name)}: an element is out of the range of {datatype}")
    return values


def from_bytes(data: memoryview, count: int, datatype: str, name: str) -> Given:
    """Return the elements that some bytes are."""
    if datatype == "BYTES":
        return strings(data, count, name)
    wire = TYPES[datatype]
    if len(data) != count * wire.itemsize:
        raise Problem(422, f"{name}: {count} of {datatype} are {count * wire.itemsize} bytes, not {len(data)}")
    if datatype == "BOOL" and np.frombuffer(data, np.uint8).max(initial=0) > 1:
        raise Problem(422, f"{name}: a byte of BOOL must be 0 or 1")
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
            raise Problem(422, f"{name}: element {len(texts)} is not in UTF-8") from None
        position = end
    if position != len(data) or len(texts) != count:
        raise Problem(422, f"{name}: its bytes are not {count} elements of BYTES, each after its length in 4 bytes")
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
