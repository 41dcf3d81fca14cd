"""Large bodies of any content, several at once, on a server with little memory."""

import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import requests

from handlers.http import check_containers
from handlers.responses import Problem
from handlers.service import LARGE_BODY, load_service
from servers.processes import peak_memory, wait_until, workers_of
from servers.running import GUNICORN, Server, running

JSON = {"Content-Type": "application/json"}
SIZE = 8 * 1024 * 1024 - 100
TEXTS = b'"",' * 500  # which can hold five million brackets

CONTENTS = {
    "nested objects": (b'{"":' * 900 + b"0" + b"}" * 900 + b",") * (SIZE // 4510),
    "nested lists": (b"[" * 900 + b"]" * 900 + b",") * (SIZE // 1802),
    "empty objects": b"{}," * (SIZE // 3),
    "small objects": b'{"":0},' * (SIZE // 7),
    "strings": b'"",' * (SIZE // 3),
    "numbers": b"1e1," * (SIZE // 4),
    "escapes": b'"' + b"\\n" * (SIZE // 2 - 10) + b'",',
    "nested lists after texts": TEXTS + (b"[" * 900 + b"]" * 900 + b",") * (SIZE // 1802 - 1),
    "nested objects after texts": TEXTS + (b'{"":' * 900 + b"0" + b"}" * 900 + b",") * (SIZE // 4510 - 1),
    "empty objects after texts": TEXTS + b"{}," * (SIZE // 3 - 600),
}
BODIES = {name: ("/predict", {}, b'{"instances":[' + content[:-1] + b"]}") for name, content in CONTENTS.items()}
# What the dialects read in their own way.
V2 = b'{"inputs":[{"name":"x","shape":[99999,20],"datatype":"BYTES","parameters":{"binary_data_size":7999920}}]}'
BODIES |= {
    "NaN as MLflow writes it": ("/invocations", {}, b'{"instances":[' + b"NaN," * (SIZE // 4) + b"0]}"),
    "CSV of wide characters": ("/invocations", {"Content-Type": "text/csv"}, "\U0001f600,".encode() * (SIZE // 5)),
    "lists in a text of BigQuery's": ("/bigquery", {}, b'{"calls":[["[' + b"[]," * (SIZE // 3) + b'0]"]]}'),
    "objects in a text of BigQuery's": (
        "/bigquery",
        {},
        b'{"calls":[["[' + (b'{\\"\\":' * 900 + b"0" + b"}" * 900 + b",") * (SIZE // 6302) + b'0]"]]}',
    ),
    "strings in bytes of V2": (
        "/v2/models/example/infer",
        {"Inference-Header-Content-Length": str(len(V2))},
        V2 + bytes(4) * 1_999_980,
    ),
}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with running(GUNICORN, tmp_path_factory.mktemp("memory") / "log") as started:
        yield started


@pytest.mark.parametrize(
    ("body", "most", "taken"),
    [
        (b"[[],{}]", 3, True),
        (b"[[],{}]", 2, False),
        (b'["[[[{{{"]', 1, True),  # in a text they are none
        (b'["[[[","\\"[[[{"]', 1, True),
        (b'["\\\\",[],"[["]', 2, True),
        (b'["\\\\",[],"[["]', 1, False),
    ],
)
def test_lists_and_objects_are_counted_outside_of_texts(body: bytes, most: int, taken: bool) -> None:
    if taken:
        check_containers(body, most)
        return
    with pytest.raises(Problem) as refused:
        check_containers(body, most)
    assert refused.value.status == 413


@pytest.mark.slow
@pytest.mark.parametrize("content", BODIES)
def test_four_large_bodies_of_any_content_take_little_memory(server: Server, content: str) -> None:
    wait_until(lambda: workers_of(server.process.pid), "a worker")
    [worker] = workers_of(server.process.pid)
    forget_peak(worker)
    path, headers, body = BODIES[content]
    assert 0.95 * SIZE < len(body) <= SIZE + 100
    with ThreadPoolExecutor(4) as pool:
        found = pool.map(
            lambda _: requests.post(server.url + path, data=body, headers=JSON | headers, timeout=120).status_code,
            range(4),
        )
        assert set(found) <= {400, 413, 422}
    assert peak_memory(worker) < 600_000_000
    forget_peak(worker)
    assert peak_memory(worker) < 300_000_000  # the rest was given back


def forget_peak(process: int) -> None:
    Path(f"/proc/{process}/clear_refs").write_text("5")


@pytest.mark.parametrize(
    ("body", "taken"),
    [
        (b"[" * 100, True),
        (b"[" * LARGE_BODY, True),  # small
        (b"[" * (LARGE_BODY + 1), False),
        (b"{" * (LARGE_BODY + 1), False),
        (b'["' + b"[" * 900_000 + b'"]', True),
        (b'["' + b"[" * 900_000 + b'\\""]', True),
        (b'["\\\\"' + b"[" * 900_000, False),
        (b'["\\\\\\"' + b"[" * 900_000, True),
        (b'["' + b"[" * 900_000 + b'",' + b"[" * 210_000, False),
        (b"[1,2,3]," * 100_000, True),
        (b"[1,2,3]," * 202_000, False),
    ],
)
def test_more_brackets_than_rows_and_texts_can_have_are_refused(body: bytes, taken: bool) -> None:
    service = load_service()
    if taken:
        with service.room_for(body):
            pass
    else:
        with pytest.raises(Problem) as refused, service.room_for(body):
            pass
        assert refused.value.status == 413


def test_a_slow_sender_of_a_large_body_holds_nobody_up(server: Server) -> None:
    head = b"POST /predict HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 1000000\r\n\r\n"
    with socket.create_connection(("127.0.0.1", server.port)) as slow:
        slow.sendall(head + b" " * 500_000)
        body = b'{"instances":[' + b"[1,2,3]," * 50_000 + b"[1,2,3]]}"
        assert requests.post(f"{server.url}/predict", data=body, headers=JSON, timeout=8).status_code == 200
