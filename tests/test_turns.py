"""Tests marked `alone` are alone, by whatever number of processes the others run."""

import subprocess
import sys
from pathlib import Path

from servers.running import ROOT

# Each test writes down when it began and ended, as a line that is appended at once.
SUITE = """
import os, time
import pytest

def note(what):
    with open(os.environ["NOTES"], "a") as notes:
        notes.write(what)

@pytest.fixture(scope="module")
def costly():
    note("a")
    time.sleep(0.05)
    note("A")

@pytest.mark.alone
@pytest.mark.parametrize("number", range(3))
def test_alone(number, costly):
    note("a")
    time.sleep(0.05)
    note("A")

@pytest.mark.parametrize("number", range(30))
def test_other(number):
    note("o")
    time.sleep(0.01)
    note("O")
"""


def run(folder: Path, *options: str) -> str:
    """Return what the tests noted: small letters where one began, capitals where it ended."""
    (folder / "conftest.py").write_text("from tests.conftest import *\n")
    (folder / "test_some.py").write_text(SUITE)
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-c", ROOT / "pyproject.toml", *options]
    done = subprocess.run(
        [*command, f"--rootdir={folder}", folder / "test_some.py"],
        cwd=folder, env={"PYTHONPATH": str(ROOT), "NOTES": str(folder / "notes"), "PATH": ""},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    return (folder / "notes").read_text()


def test_nothing_runs_beside_a_test_that_is_alone(tmp_path: Path) -> None:
    notes = run(tmp_path, "-n", "3", "--dist", "worksteal")
    assert (notes.count("o"), notes.count("O")) == (30, 30)
    assert "oo" in notes  # the others do run side by side
    busy = 0
    for letter in notes:
        busy += {"o": 1, "O": -1}.get(letter, 0)
        assert letter.upper() != "A" or busy == 0, notes


def test_without_other_processes_nothing_waits(tmp_path: Path) -> None:
    assert run(tmp_path, "-n", "0") == "aA" * 4 + "oO" * 30
