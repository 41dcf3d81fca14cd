"""Which requests the worker answers in its main thread, where it must never wait for a client."""

import contextlib
import functools
import re
import selectors
import socket
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from flask import Flask, Request, Response, request_finished, request_started, request_tearing_down
from gunicorn.workers.gthread import TConn
from sklearn.ensemble import BaggingRegressor, RandomForestRegressor, VotingRegressor
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import RBF
from sklearn.linear_model import LinearRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, StandardScaler

from handlers.quick import longest_quick_body, may_be_quick
from handlers.service import load_service
from servers.running import GUNICORN, ROOT, Server, running
from tests.workers import Driven
from webapp import create_app
from worker import worker_class
from worker.connection import ClientSocket
from worker.lane import MAX_REQUEST, QuickWorker
from worker.turns import LongestWaitFirst

HEAD = b"POST /predict HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
BODY = b'{"features":[1,2,3]}'
WHOLE = HEAD + b"Content-Length: 20\r\n\r\n" + BODY

# A sitecustomize module: the model does what a request's first value asks for.
ODD = """
import sys, time
import predictor.model
proper = predictor.model.Predictor.predict
def predict(self, matrix):
    if matrix[0, 0] == 666:
        sys.exit("on purpose")
    if matrix[0, 0] == 50:
        until = time.thread_time() + 0.05
        while time.thread_time() < until:
            pass
    if matrix[0, 0] == 60:
        time.sleep(0.05)
    return proper(self, matrix)
predictor.model.Predictor.predict = predict
"""


@pytest.fixture(scope="module")
def driven() -> Iterator[Driven]:
    started = Driven(QuickWorker, create_app())
    yield started
    started.close()


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
        (WHOLE.replace(b"Host: x", b"Ho_st: x"), True),
        (WHOLE.replace(b"Host: x", b"Host: \xff"), True),
        (WHOLE.replace(b"Host: x", b"Host: \x00"), False),
        (HEAD + b"Content-Length: 20\r\nContent-Length: 20\r\n\r\n" + BODY, False),
        (HEAD + b"Content-Length: 20\r\nTransfer-Encoding: chunked\r\n\r\n" + BODY, False),
        (HEAD + b"Content-Length: 20\r\nExpect: 100-continue\r\n\r\n" + BODY, True),
        (HEAD + b"Content-Length: 20\r\nConnection: upgrade\r\n\r\n" + BODY, True),
        (HEAD + b"Content-Length: 20\r\nUpgrade: h2c\r\n\r\n" + BODY, True),
        (HEAD + b"Content-Length: 20x\r\n\r\n" + BODY, False),
        (HEAD + b"Content-Length: 020\r\n\r\n" + BODY, True),
        # What is longer than what was tried, with names, and somewhat more.
        (HEAD + b"Content-Length: 164\r\n\r\n" + BODY + b" " * 144, True),
        (HEAD + b"Content-Length: 165\r\n\r\n" + BODY + b" " * 145, False),
        (HEAD.replace(b"POST /predict", b"GET /assets/swagger-ui.js") + b"Content-Length: 0\r\n\r\n", False),
        (HEAD + b"X-Long: " + b"x" * MAX_REQUEST + b"\r\nContent-Length: 20\r\n\r\n" + BODY, False),
    ],
)
@pytest.mark.parametrize("kept", [False, True], ids=["new", "kept"])
def test_only_a_small_plain_request_that_is_whole_is_taken(
    driven: Driven, received: bytes, at_once: bool, kept: bool
) -> None:
    ours, theirs = socket.socketpair()
    with theirs, ClientSocket.around(ours, 1) as client:
        conn = TConn(driven.cfg, client, ("127.0.0.1", 1), ("127.0.0.1", 2))
        if kept:
            conn.init()
        client.setblocking(False)
        theirs.sendall(received)
        found = driven.worker.request_on(conn, client)
        body = received.partition(b"\r\n\r\n")[2]
        assert (found and (found.data, found.body)) == ((received, body) if at_once else None)
        # On a new connection it is left as it came; else gunicorn's parser reads first what is not for the lane.
        first = conn.parser.unreader.buf.getvalue() if kept else b""
        assert first == (received[: MAX_REQUEST + 1] if kept and not at_once else b"")
        with contextlib.suppress(BlockingIOError):
            first += client.recv(2 * MAX_REQUEST)
        assert first == (b"" if kept and at_once else received)
        with pytest.raises(BlockingIOError):
            client.recv(1)


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


def test_a_connection_closes_when_the_client_asks_for_it(server: Server) -> None:
    closing = WHOLE.replace(b"Host", b"Connection: close\r\nHost")
    for requests, said in (((closing,), [b"close"]), ((WHOLE, WHOLE, closing), [b"keep-alive"] * 2 + [b"close"])):
        got = answers(server, *requests)
        assert [re.findall(rb"Connection: (.*)\r", head) for head, _ in got] == [[word] for word in said]
        assert {body for _, body in got} == {b'{"prediction":10.0,"model_version":"1.0"}'}


def test_what_a_model_does_ends_neither_the_loop_nor_the_worker(tmp_path: Path) -> None:
    (tmp_path / "sitecustomize.py").write_text(ODD)
    with running(GUNICORN, tmp_path / "log", PYTHONPATH=f"{tmp_path}:{ROOT}") as server:
        for body in (b'{"features":[666,2,3]}', b'{"features":[666,2,3]}' + b" " * 200):  # in the loop, in the pool
            failing = HEAD + b"Content-Length: %d\r\n\r\n" % len(body) + body
            [_, (head, said)] = answers(server, WHOLE, failing)
            assert head.startswith(b"HTTP/1.1 500 Internal Server Error\r\nConnection: close\r\n")
            assert b"on purpose" not in said
        [(head, _)] = answers(server, WHOLE)
        assert head.startswith(b"HTTP/1.1 200 OK\r\n")
        assert server.output().count("Booting worker") == 1
        assert server.output().count("SystemExit: on purpose") == 2


@pytest.mark.parametrize("value", [50, 60], ids=["computes", "waits"])
def test_a_model_that_is_late_three_times_leaves_the_lane_for_good(value: int, tmp_path: Path) -> None:
    (tmp_path / "sitecustomize.py").write_text(ODD)
    with running(GUNICORN, tmp_path / "log", PYTHONPATH=f"{tmp_path}:{ROOT}") as server:
        late = HEAD + b"Content-Length: 21\r\n\r\n" + b'{"features":[%d,2,3]}' % value
        for requests, said in ([late, late], 0), ([late], 1), ([late, WHOLE, late], 1):
            assert {head[:15] for head, _ in answers(server, *requests)} == {b"HTTP/1.1 200 OK"}
            assert (
                server.output().count("3 answers took more than 5 ms, so the pool's threads answer from now on") == said
            )


class Foreign(LinearRegression):  # type: ignore[misc]
    """An estimator from outside of scikit-learn."""


def told_afterwards(fitted: Any, **settings: Any) -> Any:
    """Return an estimator that was fitted with other settings, which its fitted parts keep."""
    return fitted.fit([[0.0], [1.0], [2.0]], [0.0, 1.0, 2.0]).set_params(**settings)


@pytest.mark.parametrize(
    ("estimator", "quick"),
    [
        (LinearRegression(), True),
        (make_pipeline(StandardScaler(), LinearRegression()), True),
        (make_pipeline(FunctionTransformer(np.log1p), LinearRegression()), True),
        (RandomForestRegressor(n_jobs=1), True),
        (LinearRegression(n_jobs=2), False),
        (RandomForestRegressor(n_jobs=-1), False),
        (make_pipeline(StandardScaler(), VotingRegressor([("a", RandomForestRegressor(n_jobs=2))])), False),
        (Foreign(), False),
        (make_pipeline(Foreign(), LinearRegression()), False),
        (make_pipeline(FunctionTransformer(answers), LinearRegression()), False),
        (make_pipeline(FunctionTransformer(functools.partial(np.clip, a_min=0)), LinearRegression()), True),
        (make_pipeline(FunctionTransformer(functools.partial(answers)), LinearRegression()), False),
        (make_pipeline(FunctionTransformer(np.log1p, kw_args={"n_jobs": 2}), LinearRegression()), False),
        (OneHotEncoder(dtype=float), True),
        (GaussianProcessRegressor(RBF()), True),
        (RandomForestRegressor(n_jobs=[2]), False),  # type: ignore[list-item]  # a pickle may hold anything
        (told_afterwards(VotingRegressor([("a", RandomForestRegressor(2, n_jobs=2))]), a__n_jobs=None), False),
        (told_afterwards(BaggingRegressor(RandomForestRegressor(2, n_jobs=2), 2), estimator__n_jobs=None), False),
        (told_afterwards(BaggingRegressor(Foreign(), 2), estimator=LinearRegression()), False),
    ],
)
def test_what_may_wait_for_others_is_not_quick(estimator: Any, quick: bool) -> None:
    assert may_be_quick(estimator) == quick


def compute(seconds: float) -> None:
    until = time.thread_time() + seconds
    while time.thread_time() < until:
        pass


@pytest.mark.parametrize("spend", [compute, time.sleep], ids=["computes", "waits"])
def test_a_slow_model_is_not_quick(spend: Callable[[float], None], monkeypatch: pytest.MonkeyPatch) -> None:
    service = load_service()
    assert longest_quick_body(service) == 4 * len(b'{"features":{"x1":0.0,"x2":0.0,"x3":0.0}}')
    proper = service.predictor.estimator.predict
    last = service.predictor.manifest.examples[-1]["features"]

    def predict(matrix: Any) -> Any:
        if matrix[0].tolist() == last:
            spend(0.02)
        return proper(matrix)

    monkeypatch.setattr(service.predictor.estimator, "predict", predict)
    assert longest_quick_body(service) == 0


def before(app: Flask) -> None:
    app.before_request(lambda: Response("no", 401))


def after(app: Flask) -> None:
    app.after_request(lambda _: Response("no", 401))


def of_the_blueprint(app: Flask) -> None:
    app.blueprints["webapp"].before_request_funcs.setdefault(None, [])
    app.before_request_funcs.setdefault("webapp", []).append(lambda: Response("no", 401))


def around(app: Flask) -> None:
    app.wsgi_app = Response("no", 401)  # type: ignore[method-assign]


def trusted_hosts(app: Flask) -> None:
    app.config["TRUSTED_HOSTS"] = ["example.org"]


def own_view(app: Flask) -> None:
    app.view_functions["webapp.predict"] = lambda **_: Response("no", 401)


def own_view_and_the_handler_elsewhere(app: Flask) -> None:
    app.view_functions["webapp.health"] = app.view_functions["webapp.predict"]
    own_view(app)


def own_request(app: Flask) -> None:
    class Odd(Request):
        def __init__(self, environ: Any, **more: Any) -> None:
            super().__init__({**environ, "REQUEST_METHOD": "PUT"}, **more)

    app.request_class = Odd


@pytest.mark.parametrize(
    "hook",
    [before, after, of_the_blueprint, around, trusted_hosts, own_view, own_view_and_the_handler_elsewhere, own_request],
)
def test_what_somebody_adds_to_the_app_sees_every_prediction(hook: Callable[[Flask], None]) -> None:
    app = create_app()
    hook(app)
    started = Driven(QuickWorker, app)
    assert re.match(rb"HTTP/1.1 40[015] ", started.exchange([WHOLE]))
    started.close()


@pytest.mark.parametrize("signal", [request_started, request_finished, request_tearing_down])
def test_a_signal_is_sent_for_every_prediction(driven: Driven, signal: Any) -> None:
    seen: list[Any] = []

    def receive(sender: Any, **_: Any) -> None:
        seen.append(sender)

    with signal.connected_to(receive):
        driven.exchange([WHOLE, WHOLE])
    assert len(seen) == 2
    driven.exchange([WHOLE])
    assert len(seen) == 2


def test_a_client_that_takes_nothing_holds_no_thread_for_long() -> None:
    ours, theirs = socket.socketpair()
    with theirs, ClientSocket.around(ours, 1) as client:
        client.setblocking(True)
        began = time.monotonic()
        with pytest.raises(BrokenPipeError):
            client.sendall(bytes(10_000_000))
        assert 1 <= time.monotonic() - began < 5


def test_a_client_that_takes_its_time_gets_everything() -> None:
    ours, theirs = socket.socketpair()
    with theirs, ClientSocket.around(ours, 1) as client, ThreadPoolExecutor() as pool:
        client.setblocking(True)
        sending = pool.submit(client.sendall, bytes(400_000))
        received = 0
        while received < 400_000:
            time.sleep(0.1)  # far longer than a second in all, but over a kilobyte in each
            received += len(theirs.recv(20_000))
        assert sending.result() is None


@contextlib.contextmanager
def small_buffers() -> Iterator[tuple[socket.socket, socket.socket]]:
    """Yield both sides of a connection of TCP that keeps little for a client that does not take it."""
    with socket.create_server(("127.0.0.1", 0)) as listener, socket.socket() as client:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        client.settimeout(30)
        client.connect(listener.getsockname())
        accepted, _ = listener.accept()
        accepted.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
        yield accepted, client


@pytest.mark.slow
@pytest.mark.parametrize(("at_once", "everything"), [(40, False), (2000, True)], ids=["400 B/s", "20 KB/s"])
def test_a_client_must_take_a_kilobyte_a_second(at_once: int, everything: bool) -> None:
    with small_buffers() as (ours, theirs), ClientSocket.around(ours, 2) as client, ThreadPoolExecutor() as pool:
        client.setblocking(True)
        sending = pool.submit(client.sendall, bytes(100_000))
        until = time.monotonic() + 30
        while not sending.done() and time.monotonic() < until:
            theirs.recv(at_once)
            time.sleep(0.1)
        assert (sending.exception() is None) == everything
        assert time.monotonic() < until


def test_a_long_answer_does_not_block_the_loop(monkeypatch: pytest.MonkeyPatch) -> None:
    started = Driven(QuickWorker, create_app())
    monkeypatch.setattr(ClientSocket, "send", lambda *_: fail_with(BlockingIOError()))
    received = started.exchange([WHOLE])  # a socket that takes nothing now; the pool writes by sendall
    assert received.startswith(b"HTTP/1.1 200 OK\r\n")
    assert received.endswith(b'"model_version":"1.0"}')
    started.close()


def fail_with(error: Exception) -> None:
    raise error


def test_at_the_limit_of_connections_the_longest_idle_one_gives_way() -> None:
    started = Driven(QuickWorker, create_app(), worker_connections=4, threads=1)
    with ExitStack() as opened:
        first, second, third = [opened.enter_context(started.connect()) for _ in range(3)]
        for client in (first, second, third, first):
            client.sendall(WHOLE)
            assert b" 200 OK" in started.answer(client)
        kept = {first, second, third, opened.enter_context(started.connect())}
        for gives_way in ({second}, {third}, {first}, set()):  # at last nobody is idle, and who waits is not closed
            kept |= {opened.enter_context(started.connect())}
            started.turn(0)
            kept -= gives_way
            assert {client for client in kept | gives_way if is_open(client)} == kept
    while started.worker.nr_conns:
        started.turn()
    started.close()


def is_open(client: socket.socket) -> bool:
    try:
        return client.recv(1) != b""
    except BlockingIOError:
        return True


@pytest.mark.parametrize(
    ("version", "kind", "lines"),
    [("27.0.1", "worker.lane.QuickWorker", 0), ("27.9", "worker.lane.QuickWorker", 0), ("26.1.0", "gthread", 1),
     ("28.0", "gthread", 1), ("270.0", "gthread", 1)],
)  # fmt: skip
def test_another_gunicorn_serves_by_its_own_worker(
    version: str, kind: str, lines: int, caplog: pytest.LogCaptureFixture
) -> None:
    assert worker_class(version) == kind
    assert len(caplog.records) == lines


def test_stock_gthread_serves_with_the_same_settings(tmp_path: Path) -> None:
    with running([*GUNICORN, "-k", "gthread"], tmp_path / "log") as server:
        assert answers(server, WHOLE, WHOLE)[1][1] == b'{"prediction":10.0,"model_version":"1.0"}'
        assert "Traceback" not in server.output()
