"""What only a socket can do to a dialect: headers that stand twice, bodies in chunks, late, or cut."""

import json

import pytest

from servers.running import FUNCTION, Server
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


@pytest.mark.slow
@pytest.mark.parametrize("path", LATE)
def test_a_body_that_is_late_is_refused_in_the_form_of_its_dialect(live: Server, path: str) -> None:
    if live.process.args == FUNCTION:
        pytest.skip("functions-framework waits for as long as its own server does")
    body, status, key = LATE[path]
    head = f"POST {path} HTTP/1.1\r\nHost: x\r\nContent-Length: 99\r\n".encode()
    got = exchange(live, head + JSON + b"\r\n" + body)
    assert (got.status, json.loads(got.body)[key]) == (status, "the body did not arrive in time")
