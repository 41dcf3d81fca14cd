"""A worker that hangs before it serves ends the server, instead of staying silent for ever."""

import json
import time
from pathlib import Path

from servers.running import STOP_SECONDS, running
from tests.process.test_fork import config

HANGING = """
import time

import predictor.model
import worker.startup

worker.startup.SECONDS = 3
watched = post_fork

def post_fork(server, worker):
    predictor.model.Predictor.replay = lambda _: time.sleep(600)
    watched(server, worker)
"""


def test_a_worker_that_hangs_at_its_start_ends_the_server_with_one_line(tmp_path: Path) -> None:
    began = time.monotonic()
    with running(config(tmp_path, HANGING), tmp_path / "log", wait=False) as server:
        assert server.wait(STOP_SECONDS + 10) == 4
        assert time.monotonic() - began >= 3
    lines = [json.loads(line) for line in server.output().splitlines() if line.startswith("{")]
    assert [line["message"] for line in lines if line["severity"] == "CRITICAL"] == [
        "tandem: the worker was not ready 3 s after its start; the server ends"
    ]
    assert server.output().count("Booting worker") == 1
