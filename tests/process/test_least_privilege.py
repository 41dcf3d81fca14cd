"""Both hosts as a user without rights, with an unwritable HOME, in a folder that cannot be written to."""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from servers.running import BIN, ROOT, STOP_SECONDS, Server, end, free_port
from tests.files import copy_model
from tests.hosts import Live

pytestmark = pytest.mark.slow

NOBODY = 65534
DEPLOYED = ("gunicorn.conf.py", "main.py", "predictor", "handlers", "webapp", "worker")

HOSTS = {
    "gunicorn": [str(BIN / "gunicorn")],
    "functions-framework": [str(BIN / "functions-framework"), "--target", "predict"],
}

# Root's rights that are kept where the interpreter lies in a folder that only root may enter, as ~/.pyenv: to read
# every file and enter every folder, but to write none.
ONLY_READING = "-all,+dac_read_search"


@pytest.fixture
def deployed() -> Iterator[Path]:
    """Yield a copy of what is deployed, that everybody can read and nobody but root can change."""
    folder = Path(tempfile.mkdtemp())  # pytest's own are for one user
    for name in DEPLOYED:
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(ROOT / name, folder / name)
    copy_model(folder)
    for path in [folder, *folder.rglob("*")]:
        path.chmod(0o555 if path.is_dir() else 0o444)
    yield folder
    for path in [folder, *folder.rglob("*")]:
        path.chmod(0o755)
    shutil.rmtree(folder)


def others_can_run_python() -> bool:
    program = Path(sys.executable).resolve()
    return all(folder.stat().st_mode & 0o001 for folder in [*program.parents, *BIN.parents])


def as_nobody(command: list[str]) -> list[str]:
    """Return the command that runs another one without root's rights, when the tests have those."""
    if os.getuid() != 0:
        return command
    setpriv = shutil.which("setpriv")
    if setpriv is None:
        pytest.skip("the tests run as root, and there is no setpriv (of util-linux) to drop root's rights")
    user = [setpriv, f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups", "--no-new-privs"]
    if not others_can_run_python():
        user += [f"--inh-caps={ONLY_READING}", f"--ambient-caps={ONLY_READING}"]
        if subprocess.run([*user, "true"], check=False, capture_output=True).returncode:
            pytest.skip(f"{sys.executable} lies where only root may read, and root may not pass that right on")
    return [*user, *command]


def contents(folder: Path) -> dict[str, tuple[int, float]]:
    return {str(path): (path.stat().st_mode, path.stat().st_mtime) for path in [folder, *folder.rglob("*")]}


@pytest.mark.parametrize("command", HOSTS)
def test_a_host_runs_without_rights(command: str, deployed: Path, tmp_path: Path) -> None:
    before = contents(deployed)
    port = free_port()
    environ = {"PATH": os.environ["PATH"], "PORT": str(port), "HOME": str(deployed)}
    with (tmp_path / "log").open("wb") as log:
        process = subprocess.Popen(
            as_nobody(HOSTS[command]),
            cwd=deployed, env=environ, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True,
        )  # fmt: skip
    server = Server(process, port, tmp_path / "log")
    try:
        server.wait_until_it_answers()
        status = Path(f"/proc/{process.pid}/status").read_text()
        got = Live(command, server.url).send(b'{"features":[1,2,3]}')
        assert (got.status, got.body) == (200, b'{"prediction":10.0,"model_version":"1.0"}')
        assert server.stop() == 0
        assert process.wait(STOP_SECONDS) == 0
    finally:
        end(process)
    user = os.getuid() or NOBODY
    assert f"\nUid:\t{user}\t{user}\t{user}\t{user}\n" in status
    assert contents(deployed) == before
    assert [line for line in server.output().splitlines() if not harmless(line)] == []


def harmless(line: str) -> bool:
    """Whether a line of the log is no complaint, or functions-framework's gunicorn's about its control socket.

    It wants to put that socket into HOME, has no setting for it, and serves without.
    """
    return '"severity": "INFO"' in line or "Control server error: [Errno 13] Permission denied" in line
