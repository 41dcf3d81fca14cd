"""Which requests the worker answers in its main thread, where it must never wait for a client."""

import functools
import re
import selectors
import socket
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from flask import Response
from gunicorn.config import Config
from gunicorn.http.parser import RequestParser
from gunicorn.http.wsgi import create
from hypothesis import example, given
from hypothesis import strategies as st

from tests.contract.test_fuzz import fuzz
from tests.hosts import InProcess
from tests.servers import GUNICORN, ROOT, Server, running
from webapp import create_app
from webapp.inline import MAX_INLINE, LongestWaitFirst, seconds_for_a_row, take_request
from webapp.short_http import Reply, read_request

HEAD = b"POST /predict HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
BODY = b'{"features":[1,2,3]}'
WHOLE = HEAD + b"Content-Length: 20\r\n\r\n" + BODY

# A sitecustomize module: the web app fails where its handlers cannot see it.
BREAK = """
import webapp
proper = webapp.App.wsgi_app
def wsgi_app(self, environ, start_response):
    if "HTTP_X_FAIL" in environ:
        raise RuntimeError("on purpose")
    return proper(self, environ, start_response)
webapp.App.wsgi_app = wsgi_app
"""


@pytest.mark.parametrize(
    ("received", "at_once"),
    [
        (WHOLE, True),
        (WHOLE.replace(b"Content-Length", b"content-length"), True),
        (HEAD + b"Content-Length: 20\r\nX-More: 1\r\n\r\n" + BODY, True),
        (HEAD + b"Content-Length: 20\r\nConnection: Keep-Alive\r\n\r\n" + BODY, True),
        (HEAD + b"Content-Length: 20\r\nConnection: close\r\n\r\n" + BODY, True),
        (b"", False),
        (WHOLE[:30], False),
        (WHOLE[: len(WHOLE) - 1], False),
        (WHOLE[: -len(BODY)], False),
        (WHOLE + WHOLE, False),
        (HEAD + b"\r\n", False),
        (b"POST /predict HTTP/1.1\r\n\r\n", False),
        (WHOLE.replace(b"POST", b"PUT"), False),
        (WHOLE.replace(b"/predict", b"/predict?a=1"), False),
        (WHOLE.replace(b"1.1", b"1.0"), False),
        (WHOLE.replace(b"\r\n", b"\n"), False),
        (WHOLE.replace(b"Host: x", b"Host : x"), False),
        (WHOLE.replace(b"Host: x", b"Host: x\r\n folded"), False),
        (WHOLE.replace(b"Host: x", b"Host: x\r\nHost: x"), False),
        (WHOLE.replace(b"Host: x", b"Ho_st: x"), False),
        (WHOLE.replace(b"Host: x", b"Host: \xff"), False),
        (WHOLE.replace(b"Host: x", b"Host: \x00"), False),
        (HEAD + b"Content-Length: 20\r\nContent-Length: 20\r\n\r\n" + BODY, False),
        (HEAD + b"Content-Length: 20\r\nTransfer-Encoding: chunked\r\n\r\n" + BODY, False),
        (HEAD + b"Content-Length: 20\r\nExpect: 100-continue\r\n\r\n" + BODY, False),
        (HEAD + b"Content-Length: 20\r\nConnection: upgrade\r\n\r\n" + BODY, False),
        (HEAD + b"Content-Length: 20\r\nUpgrade: h2c\r\n\r\n" + BODY, False),
        (HEAD + b"Content-Length: 20x\r\n\r\n" + BODY, False),
        (HEAD + b"Content-Length: 020\r\n\r\n" + BODY, False),
        # What can have a long answer, which a client may not read, gets a thread.
        (HEAD.replace(b"POST /predict", b"GET /assets/swagger-ui.js") + b"Content-Length: 0\r\n\r\n", False),
        (HEAD + b'Content-Length: 23\r\n\r\n{"instances":[[1,2,3]]}', False),
        (HEAD + b'Content-Length: 41\r\n\r\n{"features":[1,2,3],"probabilities":true}', False),
        (HEAD + b'Content-Length: 28\r\n\r\n{"\\u0069nstances":[[1,2,3]]}', False),
        (HEAD + b"X-Long: " + b"x" * MAX_INLINE + b"\r\nContent-Length: 20\r\n\r\n" + BODY, False),
    ],
)
def test_only_a_small_plain_request_that_is_whole_is_taken(received: bytes, at_once: bool) -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        ours.setblocking(False)
        theirs.sendall(received)
        assert (take_request(ours) is not None) == at_once
        if not at_once and received:  # it is left to gunicorn as it came
            assert ours.recv(2 * MAX_INLINE) == received
        with pytest.raises(BlockingIOError):
            ours.recv(1)


def test_a_client_that_does_not_read_its_answers_waits_for_a_thread() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        ours.setblocking(False)
        theirs.sendall(WHOLE)
        ours.sendall(b"an answer")
        assert take_request(ours) is None
        theirs.recv(100)
        assert take_request(ours) is not None


NAMES = st.sampled_from(
    [
        "Host",
        "Content-Type",
        "X-Request-Id",
        "Connection",
        "TE",
        "Trailer",
        "Expect",
        "Upgrade",
        "X_Y",
        "Content-Length",
    ]
) | st.text("aB-_9 :\t\r\n\x85é~", max_size=4)
TEXTS = st.sampled_from(["20", "close", "keep-alive", "a, b", ""]) | st.text(
    "aB \t\r\n:,;=\x00\x0c\x1c\x85é~", max_size=6
)


@fuzz
@given(lines=st.lists(st.tuples(NAMES, TEXTS), max_size=5), separator=st.sampled_from([": ", ":", ":\t", " : "]))
@example(lines=[("Host", "x"), ("Content-Type", " a/b;c=d\t"), ("X-Request-Id", "")], separator=": ")
@example(lines=[("x-forwarded-for", "1.2.3.4, 5.6.7.8"), ("Connection", "Keep-Alive")], separator=":")
def test_what_is_taken_is_read_as_gunicorn_reads_it(lines: list[tuple[str, str]], separator: str) -> None:
    head = "".join(f"{name}{separator}{value}\r\n" for name, value in lines)
    data = f"POST /predict HTTP/1.1\r\n{head}Content-Length: 20\r\n\r\n".encode("latin-1") + BODY
    taken = read_request(data)
    if taken is None:
        return
    config = Config()
    parser = RequestParser(config, iter([data]), ("192.0.2.1", 1))
    request: Any = next(parser)
    _, expected = create(request, None, ("192.0.2.1", 1), ("127.0.0.1", 8080), config)
    assert taken.pop("wsgi.input").read() == expected["wsgi.input"].read() == BODY
    ours = {name for name in expected if name.startswith(("HTTP_", "CONTENT_"))}
    assert taken == {name: expected[name] for name in ours}
    with pytest.raises(StopIteration):  # nothing is left of the data
        next(parser)


def test_a_reply_is_one_head_and_everything_that_was_written() -> None:
    reply = Reply(close=False)
    reply.start_response("200 OK", [("Content-Length", "4"), ("X-Y", "z")])(b"a")
    head, _, body = reply.encode([b"b", b"cd"]).partition(b"\r\n\r\n")
    lines = head.split(b"\r\n")
    assert re.fullmatch(rb"Date: \w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d GMT", lines.pop(2))
    assert lines == [
        b"HTTP/1.1 200 OK", b"Server: gunicorn", b"Connection: keep-alive", b"Content-Length: 4", b"X-Y: z",
    ]  # fmt: skip
    assert body == b"abcd"
    reply.force_close()
    assert b"\r\nConnection: close\r\n" in reply.encode([])


def test_who_waited_longest_is_first() -> None:
    with LongestWaitFirst() as selector:
        pairs = [socket.socketpair() for _ in range(3)]
        for timeout, (ours, theirs) in zip([3.0, 1.0, 2.0], pairs, strict=True):
            callback = functools.partial(print, SimpleNamespace(timeout=timeout))
            selector.register(ours, selectors.EVENT_READ, callback)
            theirs.send(b"x")
        order = [pairs.index(next(pair for pair in pairs if pair[0] is key.fileobj)) for key, _ in selector.select(5)]
        for ours, theirs in pairs:
            ours.close()
            theirs.close()
    assert order == [1, 2, 0]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    log: Path = tmp_path_factory.mktemp("inline") / "log"
    with running(GUNICORN, log) as started:
        yield started
    assert "Traceback" not in started.output()


def answers(server: Server, *requests: bytes) -> list[tuple[bytes, bytes]]:
    """Return head and body of the answer to each request, sent one after another over one connection."""
    found = []
    with socket.create_connection(("127.0.0.1", server.port), timeout=30) as connection:
        for request in requests:
            connection.sendall(request)
            head, body = b"", b""
            while b"\r\n\r\n" not in head:
                head += connection.recv(4096)
            head, _, body = head.partition(b"\r\n\r\n")
            length = int(re.search(rb"Content-Length: (\d+)", head)[1])  # type: ignore[index]
            while len(body) < length:
                body += connection.recv(4096)
            found.append((head, body))
        connection.shutdown(socket.SHUT_WR)
        assert connection.recv(1) == b""
    return found


def test_an_answer_is_the_same_from_the_main_thread_and_from_the_pool(server: Server) -> None:
    def constant(head: bytes) -> bytes:
        return re.sub(rb"(Date|Server-Timing|X-Request-Id): .*", rb"\1", head)

    for body, status in ((BODY, b"200"), (BODY[:-1] + b" ", b"400"), (b'{"features":[1,2,"3"]}', b"422")):
        short = HEAD + b"Content-Length: %d\r\n\r\n" % len(body) + body
        long = short.replace(b"Host", b"X_Y: dropped by gunicorn\r\nHost")
        assert read_request(short) is not None
        assert read_request(long) is None
        found = answers(server, long, short, short, long, short) + answers(server, short, long)
        got = [(constant(head), body) for head, body in found]
        assert got[0][0].startswith(b"HTTP/1.1 " + status)
        assert set(got) == {got[0]}


def test_a_connection_closes_when_the_client_asks_for_it(server: Server) -> None:
    closing = WHOLE.replace(b"Host", b"Connection: close\r\nHost")
    for requests, said in (((closing,), [b"close"]), ((WHOLE, WHOLE, closing), [b"keep-alive"] * 2 + [b"close"])):
        got = answers(server, *requests)
        assert [re.findall(rb"Connection: (.*)\r", head) for head, _ in got] == [[word] for word in said]
        assert {body for _, body in got} == {b'{"prediction":10.0,"model_version":"1.0"}'}


def test_a_fault_outside_the_handlers_costs_one_answer(tmp_path: Path) -> None:
    (tmp_path / "sitecustomize.py").write_text(BREAK)
    with running(GUNICORN, tmp_path / "log", PYTHONPATH=f"{tmp_path}:{ROOT}") as server:
        failing = WHOLE.replace(b"Host", b"X-Fail: 1\r\nHost")
        [_, (head, body)] = answers(server, WHOLE, failing)
        assert head.startswith(b"HTTP/1.1 500 Internal Server Error\r\nConnection: close\r\n")
        assert b"on purpose" not in body
        [(head, _)] = answers(server, WHOLE)
        assert head.startswith(b"HTTP/1.1 200 OK\r\n")
        assert server.output().count("Booting worker") == 1
        assert server.output().count("RuntimeError: on purpose") == 1


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
