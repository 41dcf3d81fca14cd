"""Which requests the worker answers in its main thread, where it must never wait for a client."""

import socket

import pytest
from flask import Response

from tests.hosts import InProcess
from webapp import create_app
from webapp.inline import MAX_INLINE, can_be_answered_now, seconds_for_a_row

HEAD = b"POST /predict HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
BODY = b'{"features":[1,2,3]}'
WHOLE = HEAD + b"Content-Length: 20\r\n\r\n" + BODY


@pytest.mark.parametrize(
    ("received", "at_once"),
    [
        (WHOLE, True),
        (WHOLE.replace(b"Content-Length", b"content-length"), True),
        (HEAD + b"Content-Length: 20\r\nX-More: 1\r\n\r\n" + BODY, True),
        (b"", False),
        (WHOLE[:30], False),
        (WHOLE[: len(WHOLE) - 1], False),
        (WHOLE[: -len(BODY)], False),
        (WHOLE + WHOLE, False),
        (HEAD + b"\r\n", False),
        (HEAD + b"Content-Length: 20\r\nContent-Length: 20\r\n\r\n" + BODY, False),
        (HEAD + b"Content-Length: 20\r\nTransfer-Encoding: chunked\r\n\r\n" + BODY, False),
        (HEAD + b"Content-Length: 20\r\nExpect: 100-continue\r\n\r\n" + BODY, False),
        (HEAD + b"Content-Length: 20x\r\n\r\n" + BODY, False),
        # What can have a long answer, which a client may not read, gets a thread.
        (HEAD.replace(b"POST /predict", b"GET /assets/swagger-ui.js") + b"Content-Length: 0\r\n\r\n", False),
        (HEAD + b'Content-Length: 23\r\n\r\n{"instances":[[1,2,3]]}', False),
        (HEAD + b'Content-Length: 41\r\n\r\n{"features":[1,2,3],"probabilities":true}', False),
        (HEAD + b'Content-Length: 28\r\n\r\n{"\\u0069nstances":[[1,2,3]]}', False),
        (HEAD + b"X-Long: " + b"x" * MAX_INLINE + b"\r\nContent-Length: 20\r\n\r\n" + BODY, False),
    ],
)
def test_only_a_small_request_that_is_whole_is_answered_at_once(received: bytes, at_once: bool) -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        ours.setblocking(False)
        theirs.sendall(received)
        assert can_be_answered_now(ours) == at_once


def test_a_client_that_does_not_read_its_answers_waits_for_a_thread() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        ours.setblocking(False)
        theirs.sendall(WHOLE)
        ours.sendall(b"an answer")
        assert not can_be_answered_now(ours)
        theirs.recv(100)
        assert can_be_answered_now(ours)


def test_a_row_takes_some_time() -> None:
    assert 0 < seconds_for_a_row() < 1


def test_a_hook_of_flask_sees_every_prediction() -> None:
    app = create_app()
    seen: list[int] = []

    def note(response: Response) -> Response:
        seen.append(response.status_code)
        return response

    app.after_request(note)
    assert InProcess("web", app).send(BODY).status == 200
    assert seen == [200]
