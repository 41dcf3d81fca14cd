"""The benchmark's own arithmetic, requests, documents and errors; what it measures is no matter for a test."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks import BenchmarkError
from benchmarks.contenders import CONTENDERS, Contender
from benchmarks.load import LOADS, Load, figures
from benchmarks.measure import SCENARIOS, Bench
from benchmarks.models import trained
from benchmarks.processes import serving
from benchmarks.report import MEASURES, result_of
from handlers.service import load_service
from servers.processes import tree
from servers.running import GUNICORN, ROOT
from webapp import create_app

CORE = min(os.sched_getaffinity(0))
ROW = json.dumps({"features": [1, 2, 3]}).encode()


def contender(command: str) -> Contender:
    return Contender("it", "it", command, ("row",))


def test_medians_are_over_rounds_and_ratios_within_them() -> None:
    rounds = {
        "fastapi": {"linear-1-c1.cpu_us": [100.0, 400.0, 200.0]},
        "sklearn": {"linear-1-c1.cpu_us": [50.0, 100.0, 210.0]},
    }
    assert result_of(rounds, 3, 1)["measures"] == {
        "linear-1-c1.cpu_us": {"fastapi": [200.0, 1.0, 0.0], "sklearn": [100.0, 0.5, 0.4]}
    }


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


@pytest.mark.parametrize("load", [load for load in LOADS if load.model == "linear"], ids=lambda load: load.name)
def test_the_requests_are_valid(load: Load) -> None:
    got = create_app().test_client().post("/predict", data=load.body(), content_type="application/json")
    assert got.status_code == 200
    assert len(got.get_json().get("predictions", [1])) == load.rows


def bench(scenarios: set[str], folder: Path) -> Bench:
    return Bench(scenarios, 1, folder, CORE, CORE, {})


def test_a_round_starts_whom_the_scenarios_need_and_each_round_with_another(tmp_path: Path) -> None:
    def first_of(scenarios: set[str], number: int) -> list[tuple[str, str]]:
        return [(contender.key, model) for contender, model in bench(scenarios, tmp_path).steps(number)]

    mixed = [("fastapi_pandas", "mixed"), ("sklearn", "mixed"), ("compiled", "mixed")]
    assert first_of({"mixed"}, 0) == first_of({"mixed-start"}, 0) == mixed
    assert first_of({"mixed"}, 3) == [mixed[1], mixed[2], mixed[0]]
    everything = first_of(set(SCENARIOS), 0)
    assert {key for key, _ in everything} == {one.key for one in CONTENDERS}
    assert len(everything) == len(set(everything))
    assert first_of(set(), 0) == []


def test_every_measure_is_one_that_its_contenders_have(tmp_path: Path) -> None:
    started = bench(set(SCENARIOS), tmp_path)
    for measure in MEASURES:
        load = measure.key.partition(".")[0]
        has = {one.key for one, model in started.steps(0) if model == load}
        has |= {one.key for one, model in started.steps(0) for found in started.loads(one, model) if found.name == load}
        assert has >= {measure.baseline, *measure.aims}, measure


@pytest.mark.slow
def test_a_model_is_trained_once_and_answers_its_requests(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("benchmarks.models.KEPT", tmp_path)
    folder = trained("mixed")
    assert folder.is_relative_to(tmp_path)
    model = folder / "model.onnx"
    written = model.stat().st_mtime_ns
    assert trained("mixed") == folder
    assert model.stat().st_mtime_ns == written
    client = create_app(load_service({"MODEL_DIR": str(folder)})).test_client()
    for load in (load for load in LOADS if load.model == "mixed"):
        got = client.post("/predict", data=load.body(), content_type="application/json")
        assert (got.status_code, len(got.get_json().get("predictions", [1]))) == (200, load.rows)


@pytest.mark.slow
def test_a_server_is_measured_and_ended(tmp_path: Path) -> None:
    with serving(contender(GUNICORN[0]), ROOT, ROW, core=CORE, log=tmp_path / "log") as server:
        processes = tree(server.process.process.pid)
        assert len(processes) == 2
        assert server.start_seconds > 0
        assert server.cpu_seconds() > 0
        assert server.memory_mb() > 10
        assert server.ask(ROW)["prediction"] == 10
        started = bench({"row"}, tmp_path)
        started.answers["linear-1.json"] = [9.0]
        with pytest.raises(BenchmarkError, match=r"^it predicts \S+ where another one predicts 9\.0$"):
            started.compare(server, Load("row", "linear"))
        with pytest.raises(BenchmarkError, match=r"^it answered 422: "):
            server.ask(b"{}")
    assert [pid for pid in processes if Path(f"/proc/{pid}").exists()] == []


@pytest.mark.parametrize(
    ("command", "said"),
    [("false", "it printed nothing"), ("sh -c 'echo one; echo two; exit 3'", "two"), ("./missing", ".*not found")],
)
def test_a_server_that_does_not_start_is_one_line(command: str, said: str, tmp_path: Path) -> None:
    with (
        pytest.raises(BenchmarkError, match=rf"^it did not start: {said}$"),
        serving(contender(command), ROOT, ROW, core=CORE, log=tmp_path / "log"),
    ):
        pass


def benchmarks(*arguments: str, **environ: str) -> tuple[int, str]:
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks", *arguments],
        cwd=ROOT, capture_output=True, text=True, check=False, env=os.environ | environ,
    )  # fmt: skip
    return done.returncode, done.stderr


def test_without_wrk_one_line_says_how_to_get_it(tmp_path: Path) -> None:
    assert benchmarks("--quick", PATH=str(tmp_path)) == (
        2,
        "benchmarks: wrk, which sends the requests, is not installed; on Debian: apt-get install wrk\n",
    )


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--only", "rows"], "invalid choice: 'rows'"),
        (["--rounds", "0"], "--rounds and --seconds are at least 1"),
        (["--seconds", "0.5"], "invalid int value: '0.5'"),
    ],
)
def test_options_that_nothing_can_be_measured_with_are_refused(arguments: list[str], said: str) -> None:
    status, stderr = benchmarks(*arguments)
    assert status == 2
    assert said in stderr.splitlines()[-1]


@pytest.mark.parametrize("lock", ["requirements.txt", "requirements-pandas.txt"])
def test_the_peers_predict_with_the_packages_that_we_predict_with(lock: str) -> None:
    def pins(path: Path) -> dict[str, str]:
        lines = [line.rstrip(" \\") for line in path.read_text().splitlines() if line[:1].isalpha()]
        return {line.partition("==")[0] + line.partition(";")[2]: line for line in lines}

    ours, peers = pins(ROOT / "requirements.txt"), pins(ROOT / "benchmarks/peers" / lock)
    predicting = {"scikit-learn", "numpy", "joblib", "scipy", "pandas", "onnxruntime", "orjson"}
    shared = {name for name in peers if name.partition(" ")[0] in predicting}
    assert len(shared) >= 5
    assert {name: ours.get(name) for name in shared} == {name: peers[name] for name in shared}
