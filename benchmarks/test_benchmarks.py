"""The benchmark's own arithmetic, requests and errors; what it measures is no matter for a test."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from benchmarks.contenders import CONTENDERS
from benchmarks.load import LOADS, body, figures
from benchmarks.plots import draw
from benchmarks.processes import BenchmarkError, serving
from benchmarks.report import MEASURES, TARGETS, document, medians, ratios, write
from servers.processes import tree
from servers.running import GUNICORN, ROOT
from webapp import create_app

ROUNDS = {"peer": {"c1.cpu_us": [100.0, 400.0, 200.0]}, "sklearn": {"c1.cpu_us": [50.0, 100.0, 220.0]}}


def test_medians_are_over_rounds_and_ratios_within_them() -> None:
    assert medians(ROUNDS) == {"peer": {"c1.cpu_us": 200.0}, "sklearn": {"c1.cpu_us": 100.0}}
    assert ratios(ROUNDS) == {"peer": {"c1.cpu_us": 1.0}, "sklearn": {"c1.cpu_us": 0.5}}


def test_wrks_figures_become_ours() -> None:
    line = '{"requests":1000,"seconds":2.0,"p50_ms":1.5,"p99_ms":9.0,"refused":0,"broken":0}'
    assert figures(f"Running 2s test\n\n{line}\n", 0.5, "it") == {
        "p50_ms": 1.5, "p99_ms": 9.0, "requests_per_second": 500.0, "cpu_us": 500.0,
    }  # fmt: skip


@pytest.mark.parametrize(
    "output",
    [
        "",
        "unable to connect",
        '{"requests":0,"refused":0,"broken":0}',
        '{"requests":9,"refused":1,"broken":0}',
        '{"requests":9,"refused":0,"broken":1}',
    ],
)
def test_a_load_that_failed_is_no_figure(output: str) -> None:
    with pytest.raises(BenchmarkError, match=r"^it did not answer every request: "):
        figures(output, 0.5, "it")


@pytest.mark.parametrize("rows", sorted({load.rows for load in LOADS}))
def test_the_requests_are_valid(rows: int) -> None:
    got = create_app().test_client().post("/predict", data=body(rows), content_type="application/json")
    assert got.status_code == 200
    assert len(got.get_json().get("predictions", [1])) == rows


@pytest.mark.slow
def test_a_server_is_measured_and_ended() -> None:
    with serving("it", GUNICORN, ROOT, {}, core=min(os.sched_getaffinity(0)), request=body(1)) as server:
        processes = tree(server.process.pid)
        assert len(processes) == 2
        assert server.start_seconds > 0
        assert server.cpu_seconds() > 0
        assert server.memory_mb() > 10
    assert [pid for pid in processes if Path(f"/proc/{pid}").exists()] == []


def test_a_server_that_does_not_start_is_one_line() -> None:
    with (
        pytest.raises(BenchmarkError, match=r"^it did not start: "),
        serving("it", ["false"], ROOT, {}, core=min(os.sched_getaffinity(0)), request=b""),
    ):
        pass


def test_without_wrk_one_line_says_how_to_get_it(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks", "--quick"],
        cwd=ROOT, capture_output=True, text=True, check=False, env={**os.environ, "PATH": str(tmp_path)},
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (
        2,
        "benchmarks: wrk, which sends the requests, is not installed; on Debian: apt-get install wrk\n",
    )


def results() -> dict[str, Any]:
    measures = {f"{load.name}.{what}" for load in LOADS for what in ("cpu_us", "requests_per_second")} | set(MEASURES)
    samples = {one.key: {key: [1.0 + len(one.key), 2.0, 3.0] for key in measures} for one in CONTENDERS}
    return document(samples, rounds=3, seconds=1)


def test_the_same_figures_give_the_same_files(tmp_path: Path) -> None:
    found = results()
    for folder in ("one", "two"):
        draw(found, tmp_path / folder)
        write(tmp_path / folder / "results.json", found)
    names = sorted(path.name for path in (tmp_path / "one").iterdir())
    assert names == ["benchmark-ratios.svg", "benchmark-rows.svg", "benchmark-throughput.svg", "results.json"]
    for name in names:
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()
    assert json.loads((tmp_path / "one/results.json").read_text())["targets"] == TARGETS


def test_the_peer_predicts_with_the_packages_that_we_predict_with() -> None:
    def pins(path: Path) -> dict[str, str]:
        lines = [line.rstrip(" \\") for line in path.read_text().splitlines() if line[:1].isalpha()]
        return {line.partition("==")[0] + line.partition(";")[2]: line for line in lines}

    ours, peers = pins(ROOT / "requirements.txt"), pins(ROOT / "benchmarks/peers/requirements.txt")
    shared = {name for name in peers if name.partition(" ")[0] in {"scikit-learn", "numpy", "joblib", "scipy"}}
    assert len(shared) >= 4
    assert {name: ours.get(name) for name in shared} == {name: peers[name] for name in shared}
