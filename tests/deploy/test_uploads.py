"""What is uploaded for each deployment, and that the function works with nothing else."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from servers.running import ROOT, running
from tests.files import copy_files, project_files
from tests.hosts import Live

FUNCTION = ["main.py", "model.json", "model.onnx", "model.pkl", "requirements.txt"]
IMAGE = [".dockerignore", "Dockerfile", "gunicorn.conf.py", *FUNCTION]
LISTS = pytest.mark.parametrize(
    ("ignore_file", "files", "folders"),
    [
        (".gcloudignore", IMAGE, ["custom", "handlers", "predictor", "webapp", "worker"]),
        ("deploy/function.gcloudignore", FUNCTION, ["custom", "handlers", "predictor"]),
    ],
)


def files_and_those_under(files: list[str], folders: list[str]) -> list[str]:
    return [name for name in project_files() if name in files or name.split("/")[0] in folders]


@LISTS
def test_only_what_a_deployment_needs_is_listed(ignore_file: str, files: list[str], folders: list[str]) -> None:
    lines = [line for line in (ROOT / ignore_file).read_text().splitlines() if not line.startswith("#")]
    opened = [line for folder in folders for line in (f"!/{folder}/", f"!/{folder}/**")]
    assert lines == ["*", *(f"!/{name}" for name in files), *opened, "__pycache__/"]
    # A model that is not compiled has no model.onnx.
    assert set(files) - {"model.onnx"} <= set(project_files())


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("gcloud") is None, reason="gcloud is in no package index that CI reaches")
@LISTS
def test_gcloud_would_upload_just_that(ignore_file: str, files: list[str], folders: list[str], tmp_path: Path) -> None:
    copy_files(project_files(), tmp_path)
    shutil.copy(ROOT / ignore_file, tmp_path / ".gcloudignore")
    compiled = tmp_path / "handlers" / "__pycache__"
    compiled.mkdir()
    (compiled / "predict.cpython-313.pyc").touch()
    listed = subprocess.run(
        ["gcloud", "meta", "list-files-for-upload", str(tmp_path)],
        env={"PATH": os.environ["PATH"], "CLOUDSDK_CONFIG": str(tmp_path / "config")},
        check=True, capture_output=True, text=True,
    )  # fmt: skip
    assert sorted(listed.stdout.split()) == files_and_those_under(files, folders)


@pytest.mark.slow
def test_the_function_runs_from_its_upload_alone(tmp_path: Path) -> None:
    upload, venv, elsewhere = (tmp_path / name for name in ("upload", "venv", "elsewhere"))
    elsewhere.mkdir()
    copy_files(files_and_those_under(FUNCTION, ["custom", "handlers", "predictor"]), upload)
    python = str(venv / "bin" / "python")
    pip = [python, "-m", "pip", "--disable-pip-version-check"]
    for command in (
        [sys.executable, "-m", "venv", str(venv)],
        [*pip, "install", "-q", "--require-hashes", "-r", str(upload / "requirements.txt")],
        [*pip, "check"],
        [python, "-m", "compileall", "-q", str(upload)],
    ):
        subprocess.run(command, check=True, cwd=elsewhere)
    command = [str(venv / "bin" / "functions-framework"), "--target", "predict"]
    with running(command, tmp_path / "log", cwd=elsewhere, FUNCTION_SOURCE=str(upload / "main.py")) as server:
        got = Live("function", server.url).send(b'{"features":[1,2,3]}', path="/")
    assert (got.status, got.body) == (200, b'{"prediction":10.0,"model_version":"1.0"}')
