"""A real client of the Open Inference Protocol against the real web app."""

import json
import os
import subprocess
import warnings
from pathlib import Path
from typing import Any

import pytest
import requests

from servers.running import GUNICORN, ROOT, Server, running
from tests.dialects.conftest import numbers_classifier
from tests.hosts import JSON

PYTHON = ROOT / ".bench" / "triton" / "bin" / "python"
NOT_HERE = "there is nothing at this address; the model is {}, its version 1.0"

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        not PYTHON.exists() and not os.environ.get("CI"),
        reason="make .bench/triton installs tritonclient, which CI must have",
    ),
]


def tour(server: Server, model: str, *outputs: str) -> dict[str, Any]:
    done = subprocess.run(
        [PYTHON, ROOT / "tests" / "dialects" / "triton_tour.py", f"127.0.0.1:{server.port}", model, *outputs],
        capture_output=True, text=True, check=False, timeout=120,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return dict(json.loads(line) for line in done.stdout.splitlines())


@pytest.mark.parametrize("kind", ["regressor", "classifier"])
def test_a_tour(tmp_path: Path, kind: str) -> None:
    folder = ROOT
    outputs = ["predict"]
    if kind == "classifier":
        folder = tmp_path / "clf"
        with warnings.catch_warnings(action="ignore"):
            numbers_classifier(folder)
        outputs = ["predict", "predict_proba"]
    with running(GUNICORN, tmp_path / "log", MODEL_DIR=str(folder)) as server:
        name = requests.get(f"{server.url}/model", timeout=5).json()["name"]
        document = {"instances": [[1, 2, 3], [2, 3, 4]], "probabilities": kind == "classifier"}
        plain = requests.post(f"{server.url}/predict", json.dumps(document), headers=JSON, timeout=5).json()
        found = tour(server, name, *outputs)
        assert "Traceback" not in server.output()
    labels = plain["predictions"]
    expected = [labels, [list(row.values()) for row in plain["probabilities"]]] if len(outputs) > 1 else [labels]

    for step in ("live", "ready", "model ready", "model ready, version"):
        assert found.pop(step) is True
    assert found.pop("unknown model ready") is False
    assert found.pop("server")["extensions"] == ["binary_tensor_data"]
    metadata = found.pop("model")
    assert (metadata["name"], metadata["versions"]) == (name, ["1.0"])
    assert [output["name"] for output in metadata["outputs"]] == outputs
    for step in ("json, json", "json, bytes", "bytes, json", "bytes, bytes", "FP32", "INT64"):
        assert found.pop(step) == [expected, "1.0", None]
    assert found.pop("id and version") == [expected, "1.0", "42"]
    assert found.pop("a tensor a column") == labels
    for step, words in {
        "gzip": "send the body without a content coding",
        "wrong width": "row 0: must have 3 numbers, has 2 values",
        "a gap": "row 0: x2 must be a number, not null",
        "unknown version": NOT_HERE.format(name),
        "unknown model": NOT_HERE.format(name),
    }.items():
        told = found.pop(step)
        assert told.startswith("InferenceServerException: ")
        assert words in told
    assert found == {}
