"""One bounded, strict way from a request to its JSON document, for both hosts.

Each check stands before the next, dearer one: headers, length, body, JSON (RFC 8259), duplicate keys.
"""

from typing import Any

import orjson
from flask import Request

from handlers.responses import CLOSE, Problem

CONTAINERS = frozenset({dict, list, str})


def read_body(request: Request, max_bytes: int) -> bytes:
    """Return the body of a request with a JSON document; Problem 400, 408, 413 or 415 when there is no such thing."""
    check_media_type(request)
    return whole_body(request, max_bytes)


def parse_json(body: bytes) -> Any:
    """Return a body as JSON values; Problem 400 when it is none."""
    if not body:
        raise Problem(400, "the body is empty; send a JSON object")
    try:
        document = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise Problem(400, f"the body is not JSON: {error}") from None
    check_duplicate_keys(body, document)
    return document


def check_media_type(request: Request) -> None:
    """Refuse what is not JSON in UTF-8, uncompressed (RFC 9110, section 15.5.16)."""
    if request.environ.get("CONTENT_TYPE") == "application/json" and "HTTP_CONTENT_ENCODING" not in request.environ:
        return  # what everybody sends need not be taken apart
    kind = request.mimetype
    if kind != "application/json" and not (kind.startswith("application/") and kind.endswith("+json")):
        raise Problem(415, "send Content-Type: application/json", headers={"Accept": "application/json"} | CLOSE)
    if request.mimetype_params.get("charset", "utf-8").lower() != "utf-8":
        raise Problem(415, "send the body in UTF-8", headers={"Accept": "application/json"} | CLOSE)
    if request.headers.get("Content-Encoding", "identity").strip().lower() != "identity":
        raise Problem(415, "send the body without a content coding", headers={"Accept-Encoding": "identity"} | CLOSE)


def whole_body(request: Request, max_bytes: int) -> bytes:
    """Return the whole body, of at most `max_bytes`."""
    environ = request.environ
    stream = environ["wsgi.input"]
    length = content_length(environ.get("CONTENT_LENGTH") or "")
    chunked = "HTTP_TRANSFER_ENCODING" in environ and environ.get("wsgi.input_terminated", False)
    if not chunked and not length:
        return b""
    if not chunked and length > max_bytes:
        raise too_large(max_bytes)
    try:
        # Of a chunked body one byte more than allowed is asked for, to know whether there is more.
        body: bytes = stream.read(max_bytes + 1 if chunked else length)
    except Exception as error:  # each server has its own exceptions for a broken body
        raise broken_body(stream, "the body is broken or was cut short") from error
    if chunked and len(body) > max_bytes:
        raise too_large(max_bytes)
    if not chunked and len(body) < length:
        raise broken_body(stream, f"the body ended after {len(body)} of {length} bytes")
    return body


def content_length(text: str) -> int:
    """Return a Content-Length as a number, 0 when there is none; Problem when it is no number that can be."""
    if not text:
        return 0
    if not (text.isascii() and text.isdigit()):
        raise Problem(400, "Content-Length must be a number of bytes", headers=CLOSE)
    # Python refuses to convert thousands of digits; 10**18 bytes are beyond any limit anyway.
    return int(text) if len(text) < 19 else 10**18


def too_large(max_bytes: int) -> Problem:
    """Return the refusal of a body over the limit; it is not read to its end, so the connection closes."""
    return Problem(413, f"the body is larger than {max_bytes} bytes; send fewer rows a request", headers=CLOSE)


def broken_body(stream: Any, detail: str) -> Problem:
    """Return the refusal of a body that did not arrive whole, late or ever; worker.deadline marks the late ones."""
    if getattr(stream, "timed_out", False):
        return Problem(408, "the body did not arrive in time", headers=CLOSE)
    return Problem(400, detail, headers=CLOSE)


def check_duplicate_keys(body: bytes, document: Any) -> None:
    """Refuse an object with two equal keys, of which orjson keeps the last.

    Every string of a JSON text has two quotation marks of its own, so a text with more of them than its values
    account for had keys that were dropped. The usual request has no strings but its few top-level keys.
    """
    quotes = without_escapes(body).count(b'"')
    if isinstance(document, dict) and quotes == 2 * len(document):
        return
    if quotes != 2 * count_strings(document):
        raise Problem(400, "the body is not JSON that can be trusted: a key stands twice in one object")


def check_containers(body: bytes, most: int) -> None:
    """Refuse a body with more lists and objects than `most`, before they are made; in texts, brackets are just text."""
    if body.count(b"[") + body.count(b"{") <= most:
        return
    outside = b"".join(without_escapes(body).split(b'"')[::2])
    if outside.count(b"[") + outside.count(b"{") > most:
        raise Problem(413, "the body has too many lists and objects; send fewer rows a request")


def without_escapes(body: bytes) -> bytes:
    """Return JSON text in which each quotation mark begins or ends a string."""
    if b"\\" not in body:
        return body
    return body.replace(b"\\\\", b"").replace(b'\\"', b"")  # in this order, left to right, as a parser reads them


def count_strings(document: Any) -> int:
    """Return how many strings a JSON value holds, keys included; level by level, so depth costs no recursion."""
    count = 0
    level = [document]
    while level:
        deeper: list[Any] = []
        for value in level:
            if isinstance(value, dict):
                count += len(value)
                deeper += [child for child in value.values() if child.__class__ in CONTAINERS]
            elif isinstance(value, list):
                deeper += [child for child in value if child.__class__ in CONTAINERS]
            else:
                count += isinstance(value, str)
        level = deeper
    return count
