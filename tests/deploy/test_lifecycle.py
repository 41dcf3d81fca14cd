"""The measurement of cold starts and warm requests, on a small scale."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from servers.running import GUNICORN, ROOT, running

pytestmark = [pytest.mark.slow, pytest.mark.alone]

LIFECYCLE = [sys.executable, "-m", "benchmarks.lifecycle"]
PHASES = [
    "interpreter",
    "web framework and own code",
    "scikit-learn, SciPy, NumPy",
    "model load and check",
    "listen and fork",
    "first prediction",
    "cold start, median",
]


def test_the_life_cycle_of_each_host_is_a_table() -> None:
    done = subprocess.run(
        [*LIFECYCLE, "--starts", "1", "--warm", "20"],
        cwd=ROOT, capture_output=True, text=True, check=True,
    )  # fmt: skip
    rows = dict(re.findall(r"^│ (\S.*?) +│ (.*) │$", done.stdout, re.MULTILINE))
    times = {name: [float(t.replace(",", "")) for t in re.findall(r"([\d,.]+) ms", rows[name])] for name in PHASES}
    for host in range(3):
        *parts, total = (times[name][host] for name in PHASES)
        assert all(part > 0 for part in parts)
        assert abs(sum(parts) - total) < len(parts)  # each is rounded
    # What the byte code spares is most of an import.
    assert times["scikit-learn, SciPy, NumPy"][2] > times["scikit-learn, SciPy, NumPy"][0]
    assert "warm request, of 20" in rows


def test_a_deployed_endpoint_is_measured_from_outside(tmp_path: Path) -> None:
    with running(GUNICORN, tmp_path / "log") as server:
        command = [*LIFECYCLE, "--warm", "20", "--url", server.url, "--url", f"{server.url}/predict"]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    answers = re.findall(r"│ (http\S+) +│ +[\d.,]+ ms +│ (yes|no)", done.stdout)
    assert answers == [(server.url, "yes"), (f"{server.url}/predict", "no")]
