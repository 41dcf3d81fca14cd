"""SIGHUP under load: new workers serve the model that now lies in MODEL_DIR, and no request is lost."""

import json
import shutil
import signal
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import requests

import train
from servers.processes import memory, wait_until, workers_of
from servers.running import GUNICORN, Server, running
from tests.process.chaos import WARM, wait_for_answers, wait_for_other_workers
from tests.process.load import Load, Tally

pytestmark = [pytest.mark.slow, pytest.mark.alone]

CHANGES = 10
WORKERS = 2


@pytest.fixture(scope="module")
def versions(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with models 1, 2 and 3, which predict 10, 20 and 30 for the row of the load; all compiled."""
    folder = tmp_path_factory.mktemp("versions")
    for version in (1, 2, 3):
        rows = [(a, b, c) for a in range(3) for b in range(3) for c in range(4)]
        lines = [f"{a},{b},{c},{version * (3 * a + 2 * b + c)}" for a, b, c in rows]
        (folder / "table.csv").write_text("\n".join(["a,b,c,y", *lines]))
        out = folder / str(version)
        out.mkdir()
        options = ["--target", "y", "--no-report", "--compile", "--out", str(out), "--version", str(version)]
        train.main([str(folder / "table.csv"), *options, "--task", "regression"])
    return folder


class Named:
    """Which versions the answers named, each with the prediction of that very version."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()

    def __call__(self, body: bytes) -> bool:
        answer = json.loads(body)
        self.counts[answer["model_version"]] += 1
        return bool(abs(answer["prediction"] - 10 * int(answer["model_version"])) < 1e-6)


def put(model: Path, served: Path) -> None:
    """Replace the served model as people do, file by file."""
    for file in model.glob("model.*"):
        shutil.copy(file, served)


@contextmanager
def loaded(served: Path, log: Path, **environ: str) -> Iterator[tuple[Server, Load, Named]]:
    named = Named()
    with running(GUNICORN, log, WEB_CONCURRENCY=str(WORKERS), MODEL_DIR=str(served), **environ) as server:
        wait_until(lambda: len(workers_of(server.process.pid)) == WORKERS, "all workers run")
        with Load(server.port, keeping=3, opening=1, is_right=named) as load:
            wait_for_answers(load, WARM)
            yield server, load, named


def reload(server: Server, load: Load) -> None:
    """Send SIGHUP, wait until all workers are new, and for some answers of theirs."""
    old = workers_of(server.process.pid)
    server.process.send_signal(signal.SIGHUP)
    wait_for_other_workers(server, old, WORKERS)
    wait_for_answers(load, WARM)


def assert_nothing_is_lost(tally: Tally) -> None:
    assert (tally.lost, tally.refused, tally.late) == (0, 0, 0)
    assert tally.sent == tally.answered > WARM


@pytest.mark.parametrize("engine", ["auto", "sklearn"])
def test_ten_changes_of_the_model_lose_no_request(versions: Path, tmp_path: Path, engine: str) -> None:
    served = tmp_path / "served"
    shutil.copytree(versions / "1", served)
    sizes = []
    with loaded(served, tmp_path / "log", ENGINE=engine, METRICS="1") as (server, load, named):
        for change in range(CHANGES):
            version = "23"[change % 2]
            put(versions / version, served)
            before = named.counts[version]
            reload(server, load)
            assert named.counts[version] >= before + WARM / 2
            sizes.append(memory(server.process.pid))
            assert requests.get(f"{server.url}/model", timeout=10).json()["version"] == version
            page = requests.get(server.url, timeout=10, headers={"Accept": "text/html"})
            assert f"<small>{version}</small>" in page.text
            assert page.headers["Model-Version"] == version
        metrics = requests.get(f"{server.url}/metrics", timeout=10).text
    assert_nothing_is_lost(load.tally())
    infos = {
        line.split('version="')[1][0]: line[-3:] for line in metrics.splitlines() if line.startswith("tandem_model")
    }
    assert infos == {"1": "0.0", "2": "0.0", "3": "1.0"}
    assert sizes[-1] < sizes[2] * 1.1 + 2**20  # the old models are given back
    assert "Traceback" not in server.output()


def cut(model: Path) -> None:
    (model / "model.onnx").write_bytes((model / "model.onnx").read_bytes()[:-100])


def lie(model: Path) -> None:
    """Change a prediction of the examples, and with it nothing else."""
    manifest = json.loads((model / "model.json").read_text())
    manifest["examples"][0]["prediction"] += 1
    (model / "model.json").write_text(json.dumps(manifest))


def remove(model: Path) -> None:
    (model / "model.json").unlink()


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (cut, "is not the file that model.json describes"),
        (lie, "does not reproduce example 0 of its manifest"),
        (remove, "cannot read"),
    ],
)
def test_a_refused_model_leaves_the_old_one_and_a_line(
    versions: Path, tmp_path: Path, spoil: Callable[[Path], None], says: str
) -> None:
    served = tmp_path / "served"
    shutil.copytree(versions / "1", served)
    with loaded(served, tmp_path / "log") as (server, load, named):
        put(versions / "2", served)
        spoil(served)
        reload(server, load)
        assert set(named.counts) == {"1"}
        # The next one is as welcome as ever.
        put(versions / "3", served)
        reload(server, load)
        assert named.counts["3"] >= WARM / 2
    assert_nothing_is_lost(load.tally())
    errors = [line for line in map(json.loads, server.output().splitlines()) if line["severity"] == "ERROR"]
    [line] = errors
    assert line["message"].startswith("the new model is refused, so table 1 goes on serving: ")
    assert says in line["message"]
    assert line["model_version"] == "1"
