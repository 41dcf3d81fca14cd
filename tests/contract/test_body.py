"""How a body is read, whatever the server's stream does: the whole refusal, and whether the connection goes on."""

import io
from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from werkzeug.test import EnvironBuilder, run_wsgi_app

from handlers.http import check_containers, parse_json
from handlers.responses import Problem
from handlers.service import load_service
from tests.files import copy_model
from tests.hosts import function_of
from webapp import create_app

LIMIT = 100
GOOD = b'{"features":[1,2,3]}'
TEN = {"prediction": 10.0, "model_version": "1.0"}
TITLES = {
    400: "Bad Request",
    408: "Request Timeout",
    413: "Content Too Large",
    415: "Unsupported Media Type",
}
LONG = f"the body is larger than {LIMIT} bytes; send fewer rows a request"
NO_NUMBER = "Content-Length must be a number of bytes"
EMPTY = "the body is empty; send a JSON object"

Send = Callable[..., Any]


class Stream:
    """A stream that has bytes, then an end or an error; `timed_out` as worker.deadline marks one."""

    def __init__(self, data: bytes, error: Exception | None = None, *, timed_out: bool = False) -> None:
        self.data = io.BytesIO(data)
        self.error = error
        self.timed_out = timed_out
        self.asked: list[int] = []

    def again(self) -> "Stream":
        """Return such a stream of which nothing was read."""
        return Stream(self.data.getvalue(), self.error, timed_out=self.timed_out)

    def read(self, size: int) -> bytes:
        self.asked.append(size)
        if self.error:
            raise self.error
        return self.data.read(size)


@pytest.fixture(scope="module", params=["web", "function"])
def send(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Send:
    """Return a function that calls a host with a stream and further parts of a WSGI environ."""
    folder = tmp_path_factory.mktemp("model")
    environ = {"MODEL_DIR": str(copy_model(folder)), "MAX_BODY_BYTES": str(LIMIT)}
    if request.param == "web":
        app: Flask = create_app(load_service(environ))
    else:
        app = function_of(environ, folder).client.application  # type: ignore[attr-defined]

    def call(stream: Any, **more: Any) -> tuple[int, dict[str, str], Any]:
        asked = EnvironBuilder(path="/predict", method="POST", content_type="application/json").get_environ()
        asked.pop("CONTENT_LENGTH", None)
        body, status, headers = run_wsgi_app(app, asked | {"wsgi.input": stream} | more)
        return int(status[:3]), {name.lower(): value for name, value in headers}, parse_json(b"".join(body))

    return call


CHUNKED = {"HTTP_TRANSFER_ENCODING": "chunked", "wsgi.input_terminated": True}


@pytest.mark.parametrize(
    ("stream", "more"),
    [
        (Stream(GOOD), {"CONTENT_LENGTH": "20"}),
        (Stream(GOOD), {"CONTENT_LENGTH": "0000000000000020"}),
        (Stream(GOOD + b"the next request"), {"CONTENT_LENGTH": "20"}),
        (Stream(GOOD + b" " * 80), {"CONTENT_LENGTH": "100"}),
        (Stream(GOOD), CHUNKED),
        (Stream(GOOD + b" " * 80), CHUNKED),
    ],
)
def test_a_whole_body_is_read(send: Send, stream: Stream, more: dict[str, Any]) -> None:
    status, headers, document = send(stream.again(), **more)
    assert (status, document) == (200, TEN)
    assert "connection" not in headers


@pytest.mark.parametrize(
    ("stream", "more", "status", "detail"),
    [
        (Stream(GOOD), {"CONTENT_LENGTH": "twenty"}, 400, NO_NUMBER),
        (Stream(GOOD), {"CONTENT_LENGTH": "-20"}, 400, NO_NUMBER),
        (Stream(GOOD), {"CONTENT_LENGTH": "+20"}, 400, NO_NUMBER),
        (Stream(GOOD), {"CONTENT_LENGTH": "2_0"}, 400, NO_NUMBER),
        (Stream(GOOD), {"CONTENT_LENGTH": "\u0662\u0660"}, 400, NO_NUMBER),
        (Stream(GOOD), {"CONTENT_LENGTH": "\u00b2"}, 400, NO_NUMBER),
        (Stream(GOOD), {"CONTENT_LENGTH": "21"}, 400, "the body ended after 20 of 21 bytes"),
        (Stream(b""), {"CONTENT_LENGTH": "1"}, 400, "the body ended after 0 of 1 bytes"),
        (Stream(b" " * 101), {"CONTENT_LENGTH": "101"}, 413, LONG),
        (Stream(b""), {"CONTENT_LENGTH": "1" + "0" * 17}, 413, LONG),
        (Stream(b""), {"CONTENT_LENGTH": "1" * 30}, 413, LONG),
        (Stream(b""), {"CONTENT_LENGTH": "9" * 5000}, 413, LONG),
        (Stream(b" " * 101), CHUNKED, 413, LONG),
        (Stream(b" " * 9999), CHUNKED, 413, LONG),
        (Stream(b"", OSError("gone")), CHUNKED, 400, "the body is broken or was cut short"),
        (Stream(b"", ValueError("of a server's own")), {"CONTENT_LENGTH": "20"}, 400,
         "the body is broken or was cut short"),
        (Stream(b"", OSError("late"), timed_out=True), CHUNKED, 408, "the body did not arrive in time"),
        (Stream(GOOD[:5], timed_out=True), {"CONTENT_LENGTH": "20"}, 408, "the body did not arrive in time"),
        (Stream(GOOD), {"CONTENT_LENGTH": "20", "HTTP_CONTENT_ENCODING": "br"}, 415,
         "send the body without a content coding"),
        (Stream(GOOD), {"CONTENT_LENGTH": "20", "CONTENT_TYPE": "text/plain"}, 415,
         "send Content-Type: application/json"),
        (Stream(GOOD), {"CONTENT_LENGTH": "20", "CONTENT_TYPE": "application/json;charset=utf-7"}, 415,
         "send the body in UTF-8"),
    ],
    ids=lambda value: str(value)[:40],
)  # fmt: skip
def test_what_is_not_read_to_its_end_closes_the_connection(
    send: Send, stream: Stream, more: dict[str, Any], status: int, detail: str
) -> None:
    got, headers, document = send(stream.again(), **more)
    title = {"type": "about:blank", "title": TITLES[status], "status": status}
    assert (got, document) == (status, title | {"detail": detail})
    assert headers["connection"] == "close"


@pytest.mark.parametrize(
    "more",
    [{}, {"CONTENT_LENGTH": ""}, {"CONTENT_LENGTH": "0"}, {"HTTP_TRANSFER_ENCODING": "chunked"}, CHUNKED],
    ids=str,
)
def test_an_empty_body_leaves_the_connection_as_it_is(send: Send, more: dict[str, Any]) -> None:
    status, headers, document = send(Stream(b"" if more is CHUNKED else GOOD), **more)
    assert (status, document["detail"]) == (400, EMPTY)
    assert "connection" not in headers


def test_of_a_body_no_more_is_asked_for_than_may_be_taken(send: Send) -> None:
    for more, asked in (
        ({"CONTENT_LENGTH": "20"}, [20]),
        (CHUNKED, [LIMIT + 1]),
        ({"CONTENT_LENGTH": "101"}, []),
        ({"CONTENT_LENGTH": "20", "CONTENT_TYPE": "text/plain"}, []),
    ):
        stream = Stream(b" " * 500)
        send(stream, **more)
        assert stream.asked == asked


def test_functions_framework_has_nothing_more_to_read(send: Send) -> None:
    """It reads a request's body once more after its function; of a broken one it must not."""
    stream = Stream(b"", OSError("gone"))
    send(stream, CONTENT_LENGTH="20")
    assert stream.asked == [20]


@pytest.mark.parametrize(
    "text",
    [
        '{"a":1,"a":1}', '[{"a":1,"a":2}]', '{"b":{"a":1,"a":1}}', '{"x":"a","x":"a"}', '{"":0,"":0}',
        '["text",{"a":"\\"","a":"\\""}]', '[[[{"k":{"a":[],"a":{}}}]]]', '{"a\\\\":1,"a\\\\":1}',
    ],
)  # fmt: skip
def test_a_key_that_stands_twice_is_found_at_any_depth(text: str) -> None:
    with pytest.raises(Problem, match=r"^the body is not JSON that can be trusted: a key stands twice in one object$"):
        parse_json(text.encode())


@pytest.mark.parametrize(
    ("text", "document"),
    [
        ('"a"', "a"), ('""', ""), ("7", 7), ("null", None), ("[]", []), ('["a","a"]', ["a", "a"]),
        ('{"a":{"a":"a"},"b":["a",{"a":"a"}]}', {"a": {"a": "a"}, "b": ["a", {"a": "a"}]}),
        ('{"a":"\\"","b\\\\":"\\\\\\""}', {"a": '"', "b\\": '\\"'}),
        ('["\\\\",{"\\"":"\\\\\\\\"}]', ["\\", {'"': "\\\\"}]),
        ('[1,[2,[3,["deep",{"k":[{"l":"m"}]}]]]]', [1, [2, [3, ["deep", {"k": [{"l": "m"}]}]]]]),
    ],
)  # fmt: skip
def test_what_has_each_key_once_is_taken_as_it_is(text: str, document: Any) -> None:
    assert parse_json(text.encode()) == document


@pytest.mark.parametrize(
    ("text", "document"),
    [
        ("[NaN]", [None]), ("[NaN,NaN , NaN]", [None] * 3), ('{"a":NaN,"b":[1,NaN]}', {"a": None, "b": [1, None]}),
        ('["NaN",NaN,"N",1,"\\"NaN",NaN]', ["NaN", None, "N", 1, '"NaN', None]), ('["NaN"]', ["NaN"]),
        ("[null]", [None]),
    ],
)  # fmt: skip
def test_the_word_nan_is_null_where_a_dialect_says_so(text: str, document: Any) -> None:
    assert parse_json(text.encode(), nan_is_null=True) == document
    if "NaN" in text.replace('"NaN', ""):
        with pytest.raises(Problem, match=r"^the body is not JSON: "):
            parse_json(text.encode())


@pytest.mark.parametrize(
    "text", ["", "[NaN", "NaN NaN", "[-NaN]", "[Nan]", "[nan]", "[Infinity]", "[NaN,01]", "N", "["]
)
def test_with_or_without_the_word_nan_the_rest_is_strict(text: str) -> None:
    for nan_is_null in (False, True):
        with pytest.raises(Problem, match=r"^the body is not JSON: ") as refused:
            parse_json(text.encode(), nan_is_null=nan_is_null)
        assert refused.value.status == 400


def test_more_lists_than_a_request_can_have_are_refused_with_a_way_out() -> None:
    check_containers(b'[{},"[[[[\\"[["]', 2)
    detail = "the body has too many lists and objects; send fewer rows a request"
    with pytest.raises(Problem, match=f"^{detail}$") as refused:
        check_containers(b"[{},[]]", 2)
    assert refused.value.status == 413
