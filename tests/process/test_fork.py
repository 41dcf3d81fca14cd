"""What happens between the master, which loads the model, and its workers, which serve it."""

import json
import re
from pathlib import Path

import pytest

from servers.processes import wait_until, workers_of
from servers.running import GUNICORN, ROOT, STOP_SECONDS, running

pytestmark = pytest.mark.slow

CONFIG = f"exec(compile(open({str(ROOT / 'gunicorn.conf.py')!r}).read(), 'gunicorn.conf.py', 'exec'))\n"

TELLING = """
import gc, os, sys
import handlers.service

load = handlers.service.load

def telling_load(*arguments, **options):
    os.write(2, b"loaded by %d\\n" % os.getpid())
    return load(*arguments, **options)

handlers.service.load = telling_load

def post_fork(server, worker):
    os.write(2, b"%d has %d frozen objects\\n" % (os.getpid(), gc.get_freeze_count()))
"""

# What breaks the model between the fork and the worker's first request.
BREAKING = """
def post_fork(server, worker):
    from handlers.service import process_service
    process_service().predictor.estimator.intercept_ = {}
"""


def config(folder: Path, *more: str) -> list[str]:
    """Return gunicorn's command line with the project's settings and some Python code after them."""
    path = folder / "gunicorn.conf.py"
    path.write_text(CONFIG + "".join(more))
    return [*GUNICORN, "-c", str(path)]


def test_the_model_is_loaded_once_and_frozen_before_the_fork(tmp_path: Path) -> None:
    with running(config(tmp_path, TELLING), tmp_path / "log", WEB_CONCURRENCY="3") as server:
        master = server.process.pid
        wait_until(lambda: server.output().count("frozen objects") == 3, "all workers have told")
        workers = workers_of(master)
        told = server.output()
    assert re.findall(r"^loaded by (\d+)$", told, re.MULTILINE) == [str(master)]
    frozen = dict(re.findall(r"^(\d+) has (\d+) frozen objects$", told, re.MULTILINE))
    assert sorted(map(int, frozen)) == workers
    assert min(map(int, frozen.values())) > 50_000  # scikit-learn and what it imports alone are more


@pytest.mark.parametrize(
    ("intercept", "failure"),
    [
        ("1.0", "other numbers"),
        ("float('nan')", "other numbers"),
    ],
)
def test_a_model_that_fails_in_a_worker_ends_the_server(tmp_path: Path, intercept: str, failure: str) -> None:
    with running(config(tmp_path, BREAKING.format(intercept)), tmp_path / "log", wait=False) as server:
        assert server.wait(STOP_SECONDS) == 4
    lines = [json.loads(line) for line in server.output().splitlines() if line.startswith("{")]
    assert [line["message"] for line in lines if line["severity"] == "CRITICAL"] == [
        f"tandem: the model does not reproduce its examples in the worker ({failure})"
    ]
    assert server.output().count("Booting worker") == 1


def test_a_model_that_fails_in_every_worker_is_not_tried_again(tmp_path: Path) -> None:
    command = config(tmp_path, BREAKING.format("1.0"))
    with running(command, tmp_path / "log", wait=False, WEB_CONCURRENCY="3") as server:
        assert server.wait(STOP_SECONDS) not in {None, 0}
    assert 1 <= server.output().count("tandem: the model does not") <= 3
    assert 1 <= server.output().count("Booting worker") <= 3
