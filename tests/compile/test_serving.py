"""Both hosts on the compiled engine: the same answers, the same refusals, and none of scikit-learn's packages."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.datasets import load_wine

from predictor import load
from servers.running import BIN, FUNCTION, GUNICORN, ROOT, STOP_SECONDS, running
from tests.hosts import Live

BOTH = pytest.mark.parametrize("command", [GUNICORN, FUNCTION], ids=["gunicorn", "functions-framework"])

# What no start needs, whichever the engine. Of these pandas and rich are only where training is: scikit-learn imports
# both when they are installed, so there the scikit-learn engine is excused.
NEVER = {"IPython", "fastapi", "hypothesis", "matplotlib", "onnx", "pytest", "requests", "skl2onnx", "uv"}
TRAINING_ONLY = {"pandas", "rich", "training"}
ENGINES = {
    "auto": NEVER | TRAINING_ONLY | {"sklearn", "scipy", "joblib", "threadpoolctl", "narwhals"},
    "sklearn": NEVER | {"onnxruntime", "training"},
}
STARTS = {
    "gunicorn": "import webapp; webapp.create_app()",
    "functions-framework": "import functions_framework as f; f.create_app('predict', 'main.py')",
}


@pytest.fixture(scope="module")
def wine(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("wine")
    data = load_wine(as_frame=True)
    table = data.frame.assign(target=[data.target_names[label] for label in data.target])
    table.to_csv(out / "wine.csv", index=False)
    command = [
        sys.executable,
        "train.py",
        "--compile",
        "--no-report",
        "--out",
        str(out),
        str(out / "wine.csv"),
        "--target",
        "target",
    ]
    forest = ["--estimator", "sklearn.ensemble.RandomForestClassifier", "--set", "n_estimators=30"]
    subprocess.run([*command, *forest], check=True, capture_output=True, cwd=ROOT)
    return out


def rows() -> Any:
    return load_wine().data[::5]


@BOTH
def test_both_hosts_serve_the_compiled_model(wine: Path, command: list[str], tmp_path: Path) -> None:
    scikit_learn = load(wine, "sklearn").estimator
    request = {"instances": rows().tolist(), "probabilities": True}
    with running(command, tmp_path / "log", MODEL_DIR=str(wine), WEB_CONCURRENCY="2") as server:
        host = Live("live", server.url)
        answer = host.send(json.dumps(request).encode()).json()
        single = host.send(json.dumps({"features": rows()[0].tolist()}).encode()).json()
        refused = host.send(json.dumps({"features": [1e39] * 13}).encode())
        assert server.stop() == 0
    assert list(answer) == ["predictions", "probabilities", "model_version"]
    assert answer["predictions"] == scikit_learn.predict(rows()).tolist()
    assert list(answer["probabilities"][0]) == scikit_learn.classes_.tolist()
    np.testing.assert_allclose(
        [list(row.values()) for row in answer["probabilities"]], scikit_learn.predict_proba(rows()), atol=1e-5
    )
    assert single == {"prediction": answer["predictions"][0], "model_version": "1.0"}
    assert (refused.status, refused.json()["errors"][0]["pointer"]) == (422, "#/features")
    assert "Traceback" not in server.output()


@BOTH
def test_engine_sklearn_serves_the_pickle_bit_for_bit(wine: Path, command: list[str], tmp_path: Path) -> None:
    scikit_learn = load(wine, "sklearn").estimator
    request = {"instances": rows().tolist(), "probabilities": True}
    with running(command, tmp_path / "log", MODEL_DIR=str(wine), ENGINE="sklearn") as server:
        answer = Live("live", server.url).send(json.dumps(request).encode()).json()
    found = [list(row.values()) for row in answer["probabilities"]]
    assert found == scikit_learn.predict_proba(rows()).tolist()


def changed_copy(wine: Path, name: str, folder: Path) -> str:
    """Return a new folder with the artifact, one bit of one file changed."""
    shutil.copytree(wine, folder)
    changed = bytearray((folder / name).read_bytes())
    changed[len(changed) // 2] ^= 1
    (folder / name).write_bytes(changed)
    return str(folder)


@BOTH
@pytest.mark.parametrize(("name", "engine"), [("model.onnx", "auto"), ("model.pkl", "sklearn")])
def test_a_changed_file_is_refused_at_start_in_one_line(
    wine: Path, command: list[str], name: str, engine: str, tmp_path: Path
) -> None:
    folder = changed_copy(wine, name, tmp_path / "model")
    with running(command, tmp_path / "log", wait=False, MODEL_DIR=folder, ENGINE=engine) as server:
        assert server.wait(STOP_SECONDS) == 1
    (line,) = server.output().splitlines()
    assert line.startswith(f"tandem: {folder}/{name} is not the file that model.json describes (sha256 ")


@BOTH
@pytest.mark.parametrize(("name", "engine"), [("model.onnx", "sklearn"), ("model.pkl", "auto")])
def test_the_file_of_the_other_engine_is_not_read(
    wine: Path, command: list[str], name: str, engine: str, tmp_path: Path
) -> None:
    folder = changed_copy(wine, name, tmp_path / "model")
    with running(command, tmp_path / "log", MODEL_DIR=folder, ENGINE=engine) as server:
        answer = Live("live", server.url).send(json.dumps({"instances": rows().tolist()}).encode())
    assert answer.json()["predictions"] == load(wine, "sklearn").estimator.predict(rows()).tolist()


def test_a_missing_compiled_model_is_one_line(wine: Path, tmp_path: Path) -> None:
    shutil.copytree(wine, tmp_path / "model")
    (tmp_path / "model" / "model.onnx").unlink()
    with running(GUNICORN, tmp_path / "log", wait=False, MODEL_DIR=str(tmp_path / "model")) as server:
        assert server.wait(STOP_SECONDS) == 1
    (line,) = server.output().splitlines()
    assert line.startswith(f"tandem: cannot read {tmp_path}/model/model.onnx (No such file or directory); ")


def test_an_engine_that_is_none_is_one_line(tmp_path: Path) -> None:
    with running(GUNICORN, tmp_path / "log", wait=False, ENGINE="fast") as server:
        assert server.wait(STOP_SECONDS) == 1
    assert server.output() == "tandem: ENGINE='fast' must be auto or sklearn; unset, it is auto\n"


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("start", STARTS)
def test_a_start_imports_only_what_a_prediction_needs(wine: Path, start: str, engine: str) -> None:
    environ = {name: value for name, value in os.environ.items() if not name.startswith("COV")}
    done = subprocess.run(
        [sys.executable, "-X", "importtime", "-c", STARTS[start]],
        cwd=ROOT, check=True, capture_output=True, text=True,
        env={**environ, "MODEL_DIR": str(wine), "ENGINE": engine},
    )  # fmt: skip
    imported = {line.rpartition("|")[2].strip().partition(".")[0] for line in done.stderr.splitlines()}
    assert "numpy" in imported
    assert imported & ENGINES[engine] == set()


def test_the_compiled_engine_starts_no_thread_of_its_own(wine: Path) -> None:
    """Threads would not survive gunicorn's fork, and ONNX Runtime has one that reports to its maker."""
    program = "import os, predictor, pathlib; predictor.load(pathlib.Path(os.environ['MODEL_DIR'])); "
    done = subprocess.run(
        [sys.executable, "-c", program + "print(len(os.listdir('/proc/self/task')))"],
        cwd=ROOT, check=True, capture_output=True, text=True,
        env={**os.environ, "MODEL_DIR": str(wine), "OPENBLAS_NUM_THREADS": "1"},
    )  # fmt: skip
    assert done.stdout == "1\n"


@pytest.mark.parametrize(
    ("engine", "line"),
    [
        (
            "auto",
            "engine: onnxruntime, because the manifest lists model.onnx, whose largest difference on 10178 rows was ",
        ),
        ("sklearn", "engine: sklearn, because ENGINE=sklearn"),
    ],
)
def test_model_show_says_which_engine_serves_and_why(wine: Path, engine: str, line: str) -> None:
    done = subprocess.run(
        [str(BIN / "flask"), "--app", "webapp", "model", "show"],
        cwd=ROOT, check=True, capture_output=True, text=True,
        env={**os.environ, "MODEL_DIR": str(wine), "ENGINE": engine},
    )  # fmt: skip
    assert json.loads(done.stdout)["task"] == "classification"
    assert done.stderr.startswith(line)
