"""/metrics adds up to what was sent, over workers that come and go."""

import os
import re
import signal
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import requests

from handlers.service import load_service
from tests.hosts import Host, InProcess
from tests.servers import GUNICORN, Server, running
from webapp import create_app

JSON = {"Content-Type": "application/json"}
GOOD = b'{"instances":[[1,2,3],[2,3,4]]}'
# What is sent, and the reason that it is counted by.
REFUSED = {
    b'{"features":[1,2]}': "invalid",
    b'{"features":[1e308,1e308,1e308]}': "no_prediction",
    b"[": "malformed",
}


@pytest.fixture
def counting(tmp_path: Path) -> Iterator[Server]:
    with running(GUNICORN, tmp_path / "log", METRICS="1", WEB_CONCURRENCY="2") as server:
        yield server


def samples(server: Server) -> dict[str, float]:
    """Return each sample, by name and labels as they stand in the text."""
    got = requests.get(f"{server.url}/metrics", timeout=10)
    assert got.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    lines = [line.rpartition(" ") for line in got.text.splitlines() if not line.startswith("#")]
    return {name: float(value) for name, _, value in lines}


def send(server: Server, body: bytes) -> int:
    return requests.post(f"{server.url}/predict", data=body, headers=JSON, timeout=10).status_code


def children(server: Server) -> set[int]:
    return set(map(int, Path(f"/proc/{server.process.pid}/task/{server.process.pid}/children").read_text().split()))


def two_workers(server: Server, *, but: set[int]) -> set[int]:
    """Wait for two workers other than these."""
    until = time.monotonic() + 30
    while len(found := children(server) - but) < 2:
        assert time.monotonic() < until, server.output()
        server.wait(0.05)
    return found


def test_the_counts_of_all_workers_add_up_to_what_was_sent(counting: Server) -> None:
    before = samples(counting)
    bodies = [GOOD] * 300 + [body for body in REFUSED for _ in range(20)]
    with ThreadPoolExecutor(8) as pool:
        statuses = list(pool.map(lambda body: send(counting, body), bodies))
    after = samples(counting)
    assert statuses == [200] * 300 + [422] * 40 + [400] * 20

    def counted(name: str) -> float:
        return after[name] - before.get(name, 0)

    assert counted('tandem_requests_total{path="/predict",status="2xx"}') == 300
    assert counted('tandem_requests_total{path="/predict",status="4xx"}') == 60
    assert counted('tandem_request_seconds_count{path="/predict"}') == 360
    assert {
        part: counted(f'tandem_part_seconds_count{{part="{part}"}}') for part in ("read", "validate", "predict")
    } == {
        "read": 340,
        "validate": 320,
        "predict": 300,
    }
    assert counted("tandem_rows_total") == 300 * 2 + 20
    assert {reason: counted(f'tandem_rejected_total{{reason="{reason}"}}') for reason in REFUSED.values()} == (
        dict.fromkeys(REFUSED.values(), 20)
    )
    assert after["tandem_in_flight"] == 1  # the one that asks


def test_what_a_dead_worker_counted_stays(counting: Server) -> None:
    for _ in range(20):
        assert send(counting, GOOD) == 200
    workers = two_workers(counting, but=set())
    for worker in workers:
        os.kill(worker, signal.SIGKILL)
    two_workers(counting, but=workers)
    assert send(counting, GOOD) == 200
    after = samples(counting)
    assert after['tandem_requests_total{path="/predict",status="2xx"}'] >= 21
    assert after["tandem_rows_total"] == 42
    assert after["tandem_in_flight"] == 1


def test_the_metrics_name_the_model_and_the_start(counting: Server, root: Path) -> None:
    digest = re.search('"sha256": "([0-9a-f]{64})"', (root / "model.json").read_text())
    assert digest is not None
    found = samples(counting)
    assert found[f'tandem_model_info{{name="example",sha256="{digest[1]}",version="1.0"}}'] == 1
    assert 0 < found["tandem_cold_start_seconds"] < 60


def test_the_folder_of_the_counts_is_removed_at_the_end(tmp_path: Path) -> None:
    with running(GUNICORN, tmp_path / "log", METRICS="1") as server:
        shm = "/dev/shm"  # noqa: S108  # where gunicorn.conf.py makes it, if it can
        memory = Path(shm if os.access(shm, os.W_OK) else tempfile.gettempdir())
        folder = f"tandem-metrics-*-{server.process.pid}"
        assert len(list(memory.glob(folder))) == 1
        assert server.stop() == 0
        assert list(memory.glob(folder)) == []


def test_metrics_are_off_unless_asked_for(web_host: Host) -> None:
    got = web_host.send(method="GET", path="/metrics", headers={})
    assert (got.status, got.headers["content-type"]) == (404, "application/problem+json")
    assert got.json()["detail"] == "metrics are off; start with METRICS=1 to count"


def test_one_process_counts_without_gunicorn(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("METRICS", "1")
    app = InProcess("counting", create_app(load_service()))
    for path in ("/health", "/nothing"):
        app.send(method="GET", path=path, headers={})
    text = app.send(method="GET", path="/metrics", headers={}).body.decode()
    assert 'tandem_requests_total{path="/health",status="2xx"} 1.0' in text
    assert 'tandem_requests_total{path="unknown",status="4xx"} 1.0' in text
    assert 'tandem_rejected_total{reason="unknown_path"} 1.0' in text
