"""Starting and stopping the real servers as a user does."""

import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from predictor.environment import whole_number
from tests.hosts import Live
from tests.process.processes import wait_until
from tests.servers import BIN, FUNCTION, GUNICORN, ROOT, START_SECONDS, STOP_SECONDS, running

FLASK = [str(BIN / "flask"), "--app", "webapp", "run"]
BOTH = pytest.mark.parametrize("command", [GUNICORN, FUNCTION], ids=["gunicorn", "functions-framework"])


@pytest.mark.parametrize(("number", "what"), [(signal.SIGINT, "Ctrl-C"), (signal.SIGTERM, "a stop")])
def test_ctrl_c_and_a_stop_end_the_web_app_quietly(tmp_path: Path, number: int, what: str) -> None:
    with running(GUNICORN, tmp_path / "log") as server:
        assert server.stop(number) == 0, what
    assert "Traceback" not in server.output()


ONE_ROW = b'{"features":[1,2,3]}'
TEN = b'{"prediction":10.0,"model_version":"1.0"}'
# A server of systemd's: the socket is open before the process, which finds it as its descriptor 3.
ACTIVATED = """
import os, socket, sys
listener = socket.create_server(("127.0.0.1", int(os.environ["PORT"])))
os.dup2(listener.fileno(), 3)
os.set_inheritable(3, True)  # it may have been 3 before
os.environ |= {"LISTEN_FDS": "1", "LISTEN_PID": str(os.getpid())}
os.execv(sys.argv[1], sys.argv[1:])
"""
# A machine without memory that looks like a folder: /dev has nothing but what a server opens there.
WITHOUT_SHM = """
mkdir "$0/dev"
mount --rbind /dev "$0/dev"
mount -t tmpfs none /dev
for name in null zero random urandom; do touch /dev/$name; mount --bind "$0/dev/$name" /dev/$name; done
umount -l "$0/dev"
test ! -e /dev/shm
exec "$@"
"""


@contextmanager
def occupied(family: int, host: str) -> Iterator[int]:
    """Yield a port that somebody else listens on."""
    with socket.socket(family) as other:
        other.bind((host, 0))
        other.listen()
        yield other.getsockname()[1]


def refusal(folder: Path, *options: str, **environ: str) -> str:
    """Return the last line of a start that must fail."""
    with running(["env", *[f"{name}={value}" for name, value in environ.items()], *GUNICORN, *options],
                 folder / "log", wait=False) as server:  # fmt: skip
        assert server.wait(START_SECONDS) == 1
    assert "Traceback" not in server.output()
    return server.output().splitlines()[-1]


def assert_predicts(url: str) -> None:
    got = Live("it", url).send(ONE_ROW)
    assert (got.status, got.body) == (200, TEN)


def test_a_port_in_use_is_one_clear_line(tmp_path: Path) -> None:
    with occupied(socket.AF_INET, "0.0.0.0") as port:  # noqa: S104  # where the server would listen
        assert refusal(tmp_path, PORT=str(port)) == (
            f"tandem: cannot listen on port {port} (Address already in use); choose another, as in PORT=9000 make serve"
        )


def test_a_port_that_does_not_exist_is_one_clear_line(tmp_path: Path) -> None:
    assert refusal(tmp_path, PORT="65536").startswith("tandem: cannot listen on port 65536 (bind(): port must be 0-")


def test_the_port_that_is_looked_at_is_the_one_of_bind(tmp_path: Path) -> None:
    with occupied(socket.AF_INET, "0.0.0.0") as port, occupied(socket.AF_INET, "127.0.0.1") as taken:  # noqa: S104
        told = f"tandem: cannot listen on 127.0.0.1:{taken} (Address already in use); --bind says where"
        assert refusal(tmp_path, "--bind", "127.0.0.1:0", "--bind", f"127.0.0.1:{taken}") == told
        assert refusal(tmp_path, GUNICORN_CMD_ARGS=f"--bind 127.0.0.1:{taken}") == told
        # PORT may be taken: nobody wants to listen there.
        command = ["env", f"PORT={port}", "sh", "-c", f"exec {GUNICORN[0]} --bind 127.0.0.1:$FREE"]
        with running(["sh", "-c", 'FREE=$PORT exec "$@"', "-", *command], tmp_path / "log") as server:
            assert_predicts(server.url)


def test_ipv6_is_looked_at_too(tmp_path: Path) -> None:
    try:
        with occupied(socket.AF_INET6, "::1") as port:
            told = f"tandem: cannot listen on [::1]:{port} (Address already in use); --bind says where"
            assert refusal(tmp_path, "--bind", f"[::1]:{port}") == told
    except OSError as error:
        pytest.skip(f"there is no IPv6 here: {error}")


@pytest.fixture
def short() -> Iterator[Path]:
    """Yield a folder with a short name: a UNIX socket's may have some hundred characters."""
    with TemporaryDirectory() as folder:
        yield Path(folder)


def curl(path: Path) -> bytes:
    options = ["-sS", "--unix-socket", path, "-H", "Content-Type: application/json", "-d", ONE_ROW]
    return subprocess.run(["curl", *options, "http://x/predict"], check=True, capture_output=True).stdout


def test_a_unix_socket_is_served_and_the_port_left_alone(tmp_path: Path, short: Path) -> None:
    where = short / "socket"
    with occupied(socket.AF_INET, "0.0.0.0") as port:  # noqa: S104
        command = ["env", f"PORT={port}", *GUNICORN, "--bind", f"unix:{where}"]
        with running(command, tmp_path / "log", wait=False) as server:
            wait_until(where.exists, "the socket is there", START_SECONDS)
            assert curl(where) == TEN
            # A second server does not take it away from the first one.
            told = f"tandem: cannot listen on unix:{where} (another process listens there); --bind says where"
            assert refusal(short, "--bind", f"unix:{where}") == told
            assert curl(where) == TEN
            assert server.stop() == 0
    assert not where.exists()


def test_a_unix_socket_that_nobody_serves_any_more_is_made_anew(tmp_path: Path, short: Path) -> None:
    with socket.socket(socket.AF_UNIX) as old:
        old.bind(str(short / "socket"))
    with running([*GUNICORN, "--bind", f"unix:{short / 'socket'}"], tmp_path / "log", wait=False) as server:
        wait_until(lambda: "Booting worker" in server.output(), "the server has started", START_SECONDS)
        assert curl(short / "socket") == TEN


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("file", "there is a file of that name, which is no socket"),
        ("none/socket", "{folder}/none is no folder that this user can write to"),
        ("x" * 200, "AF_UNIX path too long"),
    ],
)
def test_a_unix_socket_that_cannot_be_is_one_clear_line(tmp_path: Path, short: Path, name: str, reason: str) -> None:
    (short / "file").touch()
    told = refusal(tmp_path, "--bind", f"unix:{short / name}")
    assert told == (f"tandem: cannot listen on unix:{short / name} ({reason.format(folder=short)}); --bind says where")


def test_the_socket_of_systemd_is_served(tmp_path: Path) -> None:
    with running([sys.executable, "-c", ACTIVATED, *GUNICORN], tmp_path / "log", wait=False) as server:
        wait_until(lambda: "Booting worker" in server.output(), "the server has started", START_SECONDS)
        assert_predicts(server.url)
        assert server.stop() == 0


def test_a_socket_for_another_process_is_none_of_ours(tmp_path: Path) -> None:
    with occupied(socket.AF_INET, "0.0.0.0") as port:  # noqa: S104
        told = refusal(tmp_path, PORT=str(port), LISTEN_FDS="1", LISTEN_PID="1")
    assert told.startswith(f"tandem: cannot listen on port {port} (Address already in use)")


def test_a_machine_without_dev_shm_serves_and_counts(tmp_path: Path) -> None:
    unshare = ["unshare", "--mount"]
    if not shutil.which("unshare") or subprocess.run([*unshare, "true"], check=False, capture_output=True).returncode:
        pytest.skip("this user may not hide a folder from a process")
    elsewhere = tmp_path / "temporary"
    elsewhere.mkdir()
    command = [*unshare, "sh", "-ec", WITHOUT_SHM, str(tmp_path), *GUNICORN]
    with running(command, tmp_path / "log", METRICS="1", TMPDIR=str(elsewhere)) as server:
        assert_predicts(server.url)
        assert b"tandem_" in Live("it", server.url).send(method="GET", path="/metrics", headers={}).body
        assert [path.name.rpartition("-")[0] for path in elsewhere.glob("tandem-metrics-*")] != []
        assert server.stop() == 0
    assert list(elsewhere.glob("tandem-metrics-*")) == []
    assert "Traceback" not in server.output()


@pytest.mark.parametrize("value", ["0", "-1", "many", "1.5", "²", "9" * 5000])
def test_a_setting_must_be_a_whole_number(value: str) -> None:
    with pytest.raises(SystemExit) as ending:
        whole_number("SIZE", 5, environ={"SIZE": value})
    assert ending.value.code == f"tandem: SIZE={value!r} must be a whole number, 1 or more; unset, it is 5"


@pytest.mark.parametrize(("value", "number"), [("", 5), (" ", 5), ("1", 1), (" 20 ", 20)])
def test_a_setting_is_a_number_or_its_default(value: str, number: int) -> None:
    assert whole_number("SIZE", 5, environ={"SIZE": value}) == number
    assert whole_number("SIZE", 5, environ={}) == 5


@BOTH
def test_a_setting_that_cannot_be_used_is_one_clear_line(command: list[str], tmp_path: Path) -> None:
    with running(command, tmp_path / "log", wait=False, MAX_ROWS="many") as server:
        assert server.wait(STOP_SECONDS) == 1
    assert server.output() == "tandem: MAX_ROWS='many' must be a whole number, 1 or more; unset, it is 100000\n"


@BOTH
def test_a_folder_without_a_model_is_one_clear_line(command: list[str], tmp_path: Path) -> None:
    with running(command, tmp_path / "log", wait=False, MODEL_DIR=str(tmp_path)) as server:
        assert server.wait(STOP_SECONDS) == 1
    assert server.output() == (
        f"tandem: cannot read {tmp_path}/model.json (No such file or directory); "
        "set MODEL_DIR to a folder that train.py wrote\n"
    )


def test_flask_run_serves_the_app_for_development(tmp_path: Path) -> None:
    with running(["sh", "-c", f"exec {' '.join(FLASK)} --port $PORT"], tmp_path / "log", cwd=ROOT) as server:
        assert server.process.poll() is None


def test_servers_start_from_any_folder(tmp_path: Path) -> None:
    with running(FUNCTION, tmp_path / "log", cwd=tmp_path) as server:
        assert server.process.poll() is None
