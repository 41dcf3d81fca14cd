"""Requests as clients send them, and the same ones changed at random: documents, bytes and headers."""

import copy
import json
import random
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

LENGTH = "Inference-Header-Content-Length"

DEEP = "as deep as JSON may be, once it is written"
VALUES: list[Any] = [
    DEEP, "0", "2", "7", "999", "\u0663", 2, 3, 4, ["x", 2, 3, 4], [[1, 2, 3, "x"]], [1, 4], [2, 4], [4, 1], [3],
    None, True, False, 0, -1, 1, 1.5, -0.0, 1e308, -1e308, 5e-324, 2**53 + 1, 2**63, 2**64, -(2**63) - 1,
    "", " ", "NaN", "nan", "Infinity", "1.5", " 1", "1e5", "1_0", "0x1", "9" * 400, "é" * 700, "\0", "\ud800", "\ufdd0",
    "2024-01-01", "9999-12-31T23:59:59.999999Z", "0000-00-00", "Bremen", "x1", "predict", "predict_proba", "FP64",
    "INT64", "UINT8", "BOOL", "BYTES", "probabilities", "null", "{}", "[1,2,3]", '{"x1":1,"x1":2}', "[" * 2000,
    [], {}, [[]], [{}], [None], [1, 2, 3], [1, [2, 3]], ["1", 2, 3], {"a": 1}, {"": {}}, {"x1": 1, "x2": 2, "x3": 3},
    list(range(50)), {f"k{i}": i for i in range(50)}, "x" * 300, "=1+1", 'a,"b\n',
]  # fmt: skip
WORDS = [
    b"NaN", b"Infinity", b"-", b"1e999", b"9" * 400, b"null", b"true", b"\xef\xbb\xbf", b"\xff", b"\0", b'"', b"\\",
    b"\\ud800", b",", b":", b"[", b"]", b"{", b"}", b"\r\n", b"\n\n", b" ", b"\x85", b"[" * 1100, b'"a":1,', b'""',
    "\u0661".encode(), "\ud800".encode("utf-8", "surrogatepass"), b"\xff\xff\xff\xff", b"\x00\x00\xf8\x7f", b";", b"\t",
]  # fmt: skip
HEADERS = {
    "Content-Type": ["application/json", "text/csv", "application/json; charset=utf-8", "application/x+json", "", "a/b",
                     "application/octet-stream", "text/csv; charset=latin-1", "TEXT/CSV; header=present", "x" * 500],
    "Accept": ["*/*", "text/csv", "application/json", "text/csv;q=0.1, application/json", "text/*", "q=;,", "é", ""],
    "Content-Encoding": ["gzip", "identity", "IDENTITY ", ""],
    LENGTH: ["0", "1", "-1", "+5", "1e2", "٣", "9" * 30, "", "40, 40", " 12"],
}  # fmt: skip


class Sent(NamedTuple):
    """A request to a model: its body is JSON or CSV, and the bytes of tensors after it."""

    model: str
    path: str
    text: bytes
    tail: bytes = b""
    headers: dict[str, str] = {"Content-Type": "application/json"}


def change(sent: Sent, chance: random.Random) -> tuple[bytes, dict[str, str]]:
    """Return body and headers of a request that is almost the one that was sent."""
    text, tail, headers = sent.text, sent.tail, dict(sent.headers)
    for _ in range(chance.choice([0, 1, 1, 1, 2, 3])):
        text = chance.choice([changed_document, changed_document, changed_bytes])(text, chance)
    if tail:
        tail = changed_bytes(tail, chance) if chance.random() < 0.2 else tail
        headers[LENGTH] = str(len(text) + (chance.choice([-1, 1, 8]) if chance.random() < 0.1 else 0))
    if chance.random() < 0.1:
        name = chance.choice(sorted(HEADERS))
        headers[name] = chance.choice(HEADERS[name])
    return text + tail, headers


def changed_document(text: bytes, chance: random.Random) -> bytes:
    """Return JSON with one of its values changed; what is no JSON has its bytes changed."""
    try:
        document = [json.loads(text)]  # a list of it, so that it has a place itself
    except (ValueError, RecursionError):
        return changed_bytes(text, chance)
    holder, key = chance.choice([*places(document)])
    other, name = chance.choice([*places(document)])
    value = chance.choice(VALUES)
    match chance.randrange(7):
        case 0 if holder is not document:
            del holder[key]
        case 1:
            holder[key] = [holder[key]]
        case 2:
            holder[key] = copy.deepcopy(other[name])
        case 3 if type(holder) is list and holder is not document:
            holder[key:key] = [value] * chance.choice([1, 1, 100])
        case 4 if type(holder) is dict:
            holder[chance.choice([word for word in VALUES if type(word) is str])] = holder.pop(key)
        case 5 if type(holder[key]) is int:
            holder[key] += chance.choice([-1, 1, 2**31])
        case _:
            holder[key] = value
    written = json.dumps(document[0], ensure_ascii=chance.random() < 0.5)
    return written.replace(f'"{DEEP}"', "[" * 1000 + "]" * 1000).encode("utf-8", "surrogatepass")


def places(value: Any) -> Iterator[tuple[Any, Any]]:
    """Yield where each value within a list or object stands: in what, and under which key."""
    for key in range(len(value)) if type(value) is list else [*value] if type(value) is dict else []:
        yield value, key
        yield from places(value[key])


def changed_bytes(body: bytes, chance: random.Random) -> bytes:
    """Return a body that was cut, or of which a part is missing, stands twice, or is another."""
    begin, end = sorted(chance.choices(range(len(body) + 1), k=2))
    middle: Sequence[bytes] = [b"", body[begin:end] * 2, chance.choice(WORDS), chance.choice(WORDS) + body[begin:end]]
    if chance.random() < 0.2:
        return body[:end]
    return body[:begin] + chance.choice(middle) + body[end:]
