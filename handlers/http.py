"""One bounded, strict way from a request to its body and to its JSON document, for both hosts and all dialects.

Each check stands before the next, dearer one: headers, length, body, JSON (RFC 8259), duplicate keys. What a dialect
takes beyond that it says by a switch.
"""

import contextlib
import itertools
import re
from collections.abc import Sequence
from typing import Any

import orjson
from flask import Request

from handlers.responses import CLOSE, Problem

CONTAINERS = frozenset({dict, list, str})
JSON = "application/json"
# Bytes of a body whose strings are counted soonest by writing it once more.
SMALL = 4096

# What stands before the next bare NaN: strings, whatever they hold, and all else. Possessive, and with a match for a
# string that has no end, so that no text makes the search begin anew at each of its characters.
BEFORE_NAN = re.compile(rb'((?:[^"N]++|"(?:[^"\\]++|\\.)*+["\\]?|N(?!aN))*+)(NaN|\Z)', re.DOTALL)


def read_body(request: Request, max_bytes: int, media_types: Sequence[str] = (JSON,)) -> bytes:
    """Return the request's body; Problem 400, 408, 413 or 415 when there is none that can be read.

    Without `media_types` any type is taken, and none at all.
    """
    check_headers(request, media_types)
    body = whole_body(request, max_bytes)
    if not body:
        raise Problem(400, "the body is empty; send a JSON object")
    return body


def parse_json(body: bytes, *, nan_is_null: bool = False) -> Any:
    """Return a body as JSON values; Problem 400 when it is no JSON. The bare word NaN is none, or `null` if asked."""
    try:
        document = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        if nan_is_null and b"NaN" in body:
            return parse_json(BEFORE_NAN.sub(lambda match: match[1] + b"null" if match[2] else match[1], body))
        raise Problem(400, f"the body is not JSON: {error}") from None
    check_duplicate_keys(body, document)
    return document


def check_headers(request: Request, media_types: Sequence[str]) -> None:
    """Refuse what is of none of these types, in UTF-8, uncompressed (RFC 9110, section 15.5.16)."""
    environ = request.environ
    usual = not media_types or environ.get("CONTENT_TYPE") in media_types
    if usual and "HTTP_CONTENT_ENCODING" not in environ:
        return  # what everybody sends need not be taken apart
    if media_types:
        check_media_type(request, media_types)
    if request.headers.get("Content-Encoding", "identity").strip().lower() != "identity":
        raise Problem(415, "send the body without a content coding", headers={"Accept-Encoding": "identity"} | CLOSE)


def check_media_type(request: Request, media_types: Sequence[str]) -> None:
    """Refuse what is of none of these media types, `application/*+json` among JSON, or in another charset."""
    kind = request.mimetype
    headers = {"Accept": ", ".join(media_types)} | CLOSE
    if kind not in media_types and not (kind.startswith("application/") and kind.endswith("+json")):
        raise Problem(415, f"send Content-Type: {' or '.join(media_types)}", headers=headers)
    if request.mimetype_params.get("charset", "utf-8").lower() != "utf-8":
        raise Problem(415, "send the body in UTF-8", headers=headers)


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
    if quotes != quotes_of(document, quotes, len(body)):
        raise Problem(400, "the body is not JSON that can be trusted: a key stands twice in one object")


def quotes_of(document: Any, enough: int, size: int) -> int:
    """Return how many quotation marks the strings of a document have; with as many as are `enough` it may end."""
    if size <= SMALL:
        with contextlib.suppress(orjson.JSONEncodeError):  # it is nested too deep to be written
            return without_escapes(orjson.dumps(document)).count(b'"')
    return 2 * count_strings(document, enough // 2)


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


def count_strings(document: Any, enough: int) -> int:
    """Return how many strings a JSON value holds, keys included; level by level, so depth costs no recursion.

    With as many as are `enough` it ends: most requests have all of theirs above their many numbers.
    """
    count = 0
    level: list[Any] = [document] if document.__class__ in CONTAINERS else []
    while level:
        lists = [value for value in level if value.__class__ is list]
        dicts = [value for value in level if value.__class__ is dict]
        count += len(level) - len(lists) - len(dicts) + sum(map(len, dicts))
        if count >= enough:
            break
        below = itertools.chain(*lists, *map(dict.values, dicts))
        level = [child for child in below if child.__class__ in CONTAINERS]
    return count
