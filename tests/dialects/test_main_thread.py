"""No batch that one client sent is ever answered in the worker's main thread, whatever its dialect."""

import re
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from servers.running import GUNICORN, ROOT, Server, running
from tests.dialects.conftest import ROUTES

# A sitecustomize module: every answer says in which thread it was made. handlers.entry_point is ours, so it is
# imported for this alone where the server's own modules would import it.
TELL = """
import threading
import handlers.entry_point as entry_point
proper = entry_point.finish
def finish(response, *rest):
    proper(response, *rest)
    response.headers.add("X-Thread", "main" if threading.current_thread() is threading.main_thread() else "pool")
entry_point.finish = finish
"""

BATCHES = {
    "/predict": b'{"instances":[[1,2,3],[2,3,4]]}',
    "/bigquery": b'{"calls":[[1,2,3],[2,3,4]]}',
    ROUTES["AIP_PREDICT_ROUTE"]: b'{"instances":[[1,2,3],[2,3,4]],"parameters":null}',
    "/v1/models/example:predict": b'{"instances":[[1,2,3],[2,3,4]]}',
    "/v2/models/example/infer": b'{"inputs":[{"name":"x","shape":[2,3],"datatype":"FP64","data":[1,2,3,2,3,4]}]}',
    "/invocations": b'{"inputs":[[1,2,3],[2,3,4]]}',
}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder: Path = tmp_path_factory.mktemp("threads")
    (folder / "sitecustomize.py").write_text(TELL)
    with running(GUNICORN, folder / "log", PYTHONPATH=f"{folder}:{ROOT}", **ROUTES) as started:
        yield started


def thread(connection: socket.socket, path: str, body: bytes, kind: str) -> str:
    """Return in which thread a request was answered that came in one piece."""
    head = f"POST {path} HTTP/1.1\r\nHost: x\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\n\r\n"
    connection.sendall(head.encode() + body)
    answer = b""
    while not (length := re.search(rb"Content-Length: (\d+)[\s\S]*?\r\n\r\n", answer)) or len(
        answer
    ) < length.end() + int(length[1]):
        answer += connection.recv(65536)
    assert answer.startswith(b"HTTP/1.1 200 "), answer
    found = re.search(rb"X-Thread: (\w+)", answer)
    assert found is not None
    return found[1].decode()


@pytest.mark.parametrize("path", BATCHES)
def test_a_batch_has_a_thread_of_its_own(server: Server, path: str) -> None:
    with socket.create_connection(("127.0.0.1", server.port), timeout=30) as connection:
        for _ in range(5):
            assert thread(connection, path, BATCHES[path], "application/json") == "pool"
        if path == "/invocations":
            assert thread(connection, path, b"1,2,3\n2,3,4", "text/csv") == "pool"


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b'{"features":[1,2,3]}', "main"),
        (b'{"instances":[[1,2,3]]}', "pool"),
        (rb'{"in\u0073tances":[[1,2,3]]}', "pool"),
    ],
)
def test_one_row_needs_no_thread_and_a_list_of_rows_has_one(server: Server, body: bytes, expected: str) -> None:
    with socket.create_connection(("127.0.0.1", server.port), timeout=30) as connection:
        assert thread(connection, "/predict", body, "application/json") == expected


def test_predict_as_vertex_ais_route_keeps_its_batches_there(tmp_path: Path) -> None:
    (tmp_path / "sitecustomize.py").write_text(TELL)
    environ = {"PYTHONPATH": f"{tmp_path}:{ROOT}", "AIP_PREDICT_ROUTE": "/predict"}
    with (
        running(GUNICORN, tmp_path / "log", **environ) as server,
        socket.create_connection(("127.0.0.1", server.port), timeout=30) as connection,
    ):
        for body in (BATCHES["/predict"], b'{"instances":[[1,2,3],[2,3,4]],"parameters":null}'):
            assert [thread(connection, "/predict", body, "application/json") for _ in range(5)] == ["pool"] * 5
