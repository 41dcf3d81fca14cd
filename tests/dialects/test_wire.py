"""What only a socket can do to a dialect: headers that stand twice, bodies in chunks, late, or cut."""

import json
from concurrent.futures import ThreadPoolExecutor

import pytest

from servers.running import GUNICORN, Server
from tests.dialects.conftest import ROUTES, exchange
from tests.dialects.test_captured import BINARY, INPUT, MODEL, ROWS

LENGTH = b"Inference-Header-Content-Length: "
JSON = b"Content-Type: application/json\r\n"
CHUNKED = b"Transfer-Encoding: chunked\r\n"
INFER = b"/v2/models/example/infer"
BYTES = INPUT + b',"parameters":{"binary_data_output":true}}'
# Path -> the start of a body, the status of its refusal when the rest is late, and the key that has the words.
LATE = {
    "/bigquery": (b'{"calls":[[1,2,3]', 400, "errorMessage"),
    "/invocations": (b'{"inputs":[[1,2,3]', 408, "message"),
    "/v1/models/example:predict": (b'{"instances":[[1,2,3]', 408, "error"),
    "/v2/models/example/infer": (b'{"inputs":[', 408, "error"),
    ROUTES["AIP_PREDICT_ROUTE"]: (b'{"instances":[[1,2,3]', 408, "detail"),
}


def post(path: bytes, headers: bytes, body: bytes) -> bytes:
    return b"POST " + path + b" HTTP/1.1\r\nHost: x\r\n" + headers + b"\r\n" + body


def infer(headers: bytes, body: bytes) -> bytes:
    return post(INFER, headers + b"Content-Length: %d\r\n" % len(body), body)


def chunked(*chunks: bytes) -> bytes:
    return b"".join(b"%x\r\n%s\r\n" % (len(chunk), chunk) for chunk in (*chunks, b""))


@pytest.mark.parametrize(
    ("request_", "status", "body"),
    [
        (infer(LENGTH + b"%d\r\n" % len(BYTES), BYTES + ROWS), 200, MODEL + BINARY),
        (infer(b"inference-header-CONTENT-length:%d \r\n" % len(BYTES), BYTES + ROWS), 200, MODEL + BINARY),
        (infer(2 * (LENGTH + b"%d\r\n" % len(BYTES)), BYTES + ROWS), 400, b'{"error":"Inference-Header-Content-Length'),
        (infer(LENGTH + b"+%d\r\n" % len(BYTES), BYTES + ROWS), 400, b'{"error":"Inference-Header-Content-Length'),
        (infer(LENGTH + b"%d\r\n" % (len(BYTES) + 1), BYTES + ROWS), 400, b'{"error":"the body is not JSON'),
        (post(b"/invocations", b"Content-Type: text/csv\r\n" + JSON + b"Content-Length: 5\r\n", b"1,2,3"),
         400, b"<html>"),  # gunicorn's own, which is the server of both
        (post(INFER, CHUNKED + LENGTH + b"%d\r\n" % len(BYTES), chunked(BYTES[:9], BYTES[9:] + ROWS[:7], ROWS[7:])),
         200, MODEL + BINARY),
        (post(b"/bigquery", CHUNKED + JSON, chunked(b'{"calls":[[1,2', b",3]]}")), 200, b'{"replies":[10.0]}'),
    ],
    ids=lambda value: repr(value)[:40],
)  # fmt: skip
def test_headers_and_chunks(live: Server, request_: bytes, status: int, body: bytes) -> None:
    got = exchange(live, request_)
    assert got.status == status, got.body
    assert got.body == body if body.endswith((b"}", b"@")) else got.body.startswith(body)


def requests_of(number: int) -> list[tuple[bytes, bytes]]:
    """Return the same row for each dialect, and what ends its answer: the built-in example is 3 x1 + x2 + x3 + 2."""
    row, label = b"[%d,0,0]" % number, b"%d.0" % (3 * number + 2)
    versioned = b"[" + label + b'],"model_version":"1.0"}'
    return [
        (sized(b"/bigquery", b'{"calls":[' + row + b"]}"), b'{"replies":[' + label + b"]}"),
        (sized(ROUTES["AIP_PREDICT_ROUTE"].encode(), b'{"instances":[' + row + b'],"parameters":{}}'), versioned),
        (sized(b"/v1/models/example:predict", b'{"instances":[' + row + b"]}"), versioned),
        (sized(b"/invocations", b'{"inputs":[' + row + b"]}"), versioned),
        (sized(b"/invocations", row[1:-1], b"Content-Type: text/csv\r\nAccept: text/csv\r\n"), label),
        (
            sized(INFER, b'{"inputs":[{"name":"x","shape":[1,3],"datatype":"FP64","data":' + row + b"}]}"),
            label + b"]}]}",
        ),
        (sized(b"/predict", b'{"instances":[' + row + b"]}"), versioned),
    ]


def sized(path: bytes, body: bytes, headers: bytes = JSON) -> bytes:
    return post(path, headers + b"Content-Length: %d\r\n" % len(body), body)


def test_dialects_that_are_spoken_at_once_get_their_own_answers(live: Server) -> None:
    asked = [pair for number in range(40) for pair in requests_of(number)]
    with ThreadPoolExecutor(8) as pool:
        answers = pool.map(lambda pair: exchange(live, pair[0]), asked)
    for got, (_, expected) in zip(answers, asked, strict=True):
        assert got.status == 200
        assert got.body.endswith(expected), got.body


@pytest.mark.slow
@pytest.mark.parametrize("live", [GUNICORN], ids=["web app"], indirect=True)  # the function's server waits
@pytest.mark.parametrize("path", LATE)
def test_a_body_that_is_late_is_refused_in_the_form_of_its_dialect(live: Server, path: str) -> None:
    body, status, key = LATE[path]
    head = f"POST {path} HTTP/1.1\r\nHost: x\r\nContent-Length: 99\r\n".encode()
    got = exchange(live, head + JSON + b"\r\n" + body)
    assert (got.status, json.loads(got.body)[key]) == (status, "the body did not arrive in time")
