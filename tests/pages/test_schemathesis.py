"""schemathesis generates requests from /openapi.json, valid and not, and holds every answer against it."""

import re
import subprocess
from pathlib import Path

import pytest

from servers.running import BIN, GUNICORN, ROOT, environment, running

pytestmark = pytest.mark.slow

# schemathesis_checks.py has these, each less one kind of case.
REPLACED = "positive_data_acceptance,negative_data_rejection"


@pytest.mark.parametrize("model", ["regression", "nasty", "mixed-classifier"])
def test_every_answer_is_as_described(models: Path, tmp_path: Path, model: str) -> None:
    folder = ROOT if model == "regression" else models / model
    with running(GUNICORN, tmp_path / "log", MODEL_DIR=str(folder), MAX_ROWS="50") as server:
        done = subprocess.run(
            [
                BIN / "st", "run", f"{server.url}/openapi.json",
                "--checks", "all", "--exclude-checks", REPLACED, "--continue-on-failure",
                "--exclude-tag", "dialects", "--max-examples", "300", "--seed", "1", "--no-color",
            ],
            cwd=tmp_path,
            env=environment(SCHEMATHESIS_HOOKS="tests.pages.schemathesis_checks", PYTHONPATH=str(ROOT)),
            capture_output=True,
            text=True,
            check=False,
            timeout=300,
        )  # fmt: skip
        assert server.process.poll() is None
    assert done.returncode == 0, done.stdout
    cases = re.search(r"([\d,]+) generated", done.stdout)
    assert cases is not None, done.stdout
    assert int(cases[1].replace(",", "")) > 300
    print(f"schemathesis, {model}: {cases[0]}")  # noqa: T201  # for whoever asks how many
    assert "Traceback" not in server.output()
