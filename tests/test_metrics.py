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
from prometheus_client.mmap_dict import MmapedDict

from handlers.service import load_service
from servers.processes import wait_until
from servers.running import GUNICORN, Server, running
from tests.hosts import Host, InProcess
from webapp import create_app
from webapp.metrics import keep_counts_of_the_dead

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

    assert counted('tandem_requests_total{dialect="predict",path="/predict",status="2xx"}') == 300
    assert counted('tandem_requests_total{dialect="predict",path="/predict",status="4xx"}') == 60
    assert counted('tandem_request_seconds_count{path="/predict"}') == 360
    assert {
        part: counted(f'tandem_part_seconds_count{{part="{part}"}}') for part in ("read", "validate", "predict")
    } == {
        "read": 340,
        "validate": 320,
        "predict": 300,
    }
    assert counted('tandem_rows_total{dialect="predict"}') == 300 * 2 + 20
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
    assert after['tandem_requests_total{dialect="predict",path="/predict",status="2xx"}'] >= 21
    assert after['tandem_rows_total{dialect="predict"}'] == 42
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
    assert 'tandem_requests_total{dialect="",path="/health",status="2xx"} 1.0' in text
    assert 'tandem_requests_total{dialect="",path="unknown",status="4xx"} 1.0' in text
    assert 'tandem_rejected_total{reason="unknown_path"} 1.0' in text


def test_each_dialect_is_counted_by_its_name(counting: Server) -> None:
    bodies = {
        "/bigquery": ("bigquery", b'{"calls":[[1,2,3],[2,3,4]]}', b'{"calls":[[1,2]]}'),
        "/invocations": ("invocations", b"[[1,2,3]]", b"[[1,2]]"),
        "/v1/models/example:predict": ("kserve", b'{"instances":[[1,2,3]]}', b'{"instances":[[1,2]]}'),
        "/v2/models/example/infer": (
            "open-inference",
            b'{"inputs":[{"name":"x","shape":[1,3],"datatype":"FP64","data":[1,2,3]}]}',
            b'{"inputs":[{"name":"x","shape":[1,3],"datatype":"FP64","data":[1,null,3]}]}',
        ),
    }
    before = samples(counting)
    for path, (_, good, bad) in bodies.items():
        statuses = [requests.post(counting.url + path, data=body, headers=JSON, timeout=10) for body in (good, bad)]
        assert [answer.status_code for answer in statuses] == [200, 400]
    after = samples(counting)
    for path, (name, _, _) in bodies.items():
        for status in ("2xx", "4xx"):
            assert after[f'tandem_requests_total{{dialect="{name}",path="{path}",status="{status}"}}'] == 1
        assert after[f'tandem_rows_total{{dialect="{name}"}}'] == (2 if name == "bigquery" else 1)
    reason = 'tandem_rejected_total{reason="invalid"}'
    assert after[reason] - before.get(reason, 0) == 4


def test_a_reload_leaves_no_files_and_loses_no_counts(counting: Server) -> None:
    folder = next(Path("/dev/shm").glob(f"tandem-metrics-*-{counting.process.pid}"))  # noqa: S108
    for _ in range(20):
        assert send(counting, GOOD) == 200
    for _ in range(3):
        before = two_workers(counting, but=set())
        counting.process.send_signal(signal.SIGHUP)
        two_workers(counting, but=before)
        wait_until(lambda gone=before: not gone & children(counting), "the workers before are gone")  # type: ignore[misc]
    assert pids_of(folder) <= children(counting) | {counting.process.pid}
    after = samples(counting)
    assert after['tandem_requests_total{dialect="predict",path="/predict",status="2xx"}'] == 20
    assert after['tandem_requests_total{dialect="",path="/predict",status="2xx"}'] == 1  # that waited for the start
    assert after['tandem_rows_total{dialect="predict"}'] == 40
    assert after['tandem_request_seconds_count{path="/predict"}'] == 21
    assert after["tandem_in_flight"] == 1


def pids_of(folder: Path) -> set[int]:
    """Return the processes whose files are in a folder; those that ended share one of each kind."""
    names = [file.stem.rpartition("_")[2] for file in folder.glob("*.db")]
    return {int(name) for name in names if name != "ended"}


def test_what_was_counted_is_added_to_what_was_there(tmp_path: Path) -> None:
    for pid, value in ((101, 2.0), (102, 5.0)):
        for kind in ("counter", "histogram", "gauge_livesum", "gauge_max"):
            values = MmapedDict(str(tmp_path / f"{kind}_{pid}.db"))
            values.write_value("a key", value, 0.0)
            values.close()
    keep_counts_of_the_dead(tmp_path, {102})
    assert pids_of(tmp_path) == {102}
    keep_counts_of_the_dead(tmp_path, {103})
    assert {file.name for file in tmp_path.glob("*.db")} == {"counter_ended.db", "histogram_ended.db"}
    [(key, value, *_)] = MmapedDict.read_all_values_from_file(str(tmp_path / "counter_ended.db"))
    assert (key, value) == ("a key", 7.0)


TENSOR = b'{"inputs":[{"name":"x","shape":[1,3],"datatype":"FP64","data":[1,2,3]}]}'


@pytest.mark.parametrize(
    ("path", "body", "labels"),
    [
        ("/predict", b'{"features":[1,2,3]}', ("predict", "/predict", "2xx")),
        ("/predict", b"[", ("predict", "/predict", "4xx")),
        ("/bigquery", b'{"calls":[[1,2,3]]}', ("bigquery", "/bigquery", "2xx")),
        ("/invocations", b"[[1,2,3]]", ("invocations", "/invocations", "2xx")),
        ("/v2/models/example/infer", TENSOR, ("open-inference", "/v2/models/example/infer", "2xx")),
        ("/v1/models/example:predict", b"[]", ("kserve", "/v1/models/example:predict", "4xx")),
        ("/v2/models/another/infer", TENSOR, ("open-inference", "unknown", "4xx")),
        ("/v1/models/another:predict", TENSOR, ("kserve", "unknown", "4xx")),
        ("/nowhere", b"{}", ("", "unknown", "4xx")),
        ("/health", b"", ("", "/health", "4xx")),
    ],
)
def test_a_request_is_counted_under_its_dialect(
    monkeypatch: pytest.MonkeyPatch, path: str, body: bytes, labels: tuple[str, str, str]
) -> None:
    monkeypatch.setenv("METRICS", "1")
    host = InProcess("web", create_app(load_service()))
    dialect, where, status = labels
    sample = f'tandem_requests_total{{dialect="{dialect}",path="{where}",status="{status}"}}'
    rows = f'tandem_rows_total{{dialect="{dialect}"}}'

    def counts() -> list[float]:
        text = host.send(method="GET", path="/metrics", headers={}).body.decode()
        found = {name: float(value) for name, _, value in (line.rpartition(" ") for line in text.splitlines())
                 if not name.startswith("#")}  # fmt: skip
        return [found.get(name, 0.0) for name in (sample, rows)]

    before = counts()
    host.send(body, path=path)
    after = counts()
    assert [late - early for early, late in zip(before, after, strict=True)] == [1.0, float(status == "2xx")]
