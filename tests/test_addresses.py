"""Where gunicorn listens: it looks at every address before, and takes sockets that others opened."""

import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from gunicorn.config import Config

from servers.processes import wait_until
from servers.running import GUNICORN, START_SECONDS, running
from tests.hosts import Live
from webapp.addresses import refuse_what_is_taken

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


def told(*bind: str, port: int = 8080, reuse_port: bool = False) -> str | int | None:
    """Return the line with which a start ends whose settings name these addresses; None where it goes on."""
    settings = Config()
    settings.set("bind", list(bind))
    settings.set("reuse_port", reuse_port)
    try:
        refuse_what_is_taken(settings, port)
    except SystemExit as ending:
        return ending.code
    return None


@pytest.mark.parametrize("port", [65536, 10**20])
def test_a_port_that_does_not_exist_is_one_clear_line(port: int) -> None:
    line = told(f"0.0.0.0:{port}", port=port)
    assert str(line).startswith(f"tandem: cannot listen on port {port} (")
    assert str(line).endswith("; choose another, as in PORT=9000 make serve")


def test_each_address_of_bind_is_looked_at_and_no_other(tmp_path: Path) -> None:
    with occupied(socket.AF_INET, "0.0.0.0") as port, occupied(socket.AF_INET, "127.0.0.1") as taken:  # noqa: S104
        line = f"tandem: cannot listen on 127.0.0.1:{taken} (Address already in use); --bind says where"
        assert told(f"127.0.0.1:{taken}", port=port) == line
        assert told("127.0.0.1:0", f"127.0.0.1:{taken}", port=port) == line
        assert told(f"127.0.0.1:{taken}", reuse_port=True) == line  # the other one does not share
        assert told("127.0.0.1:0", port=port) is None
        assert refusal(tmp_path, PORT=str(port), GUNICORN_CMD_ARGS=f"--bind 127.0.0.1:{taken}") == line


def test_a_host_that_is_not_here_is_one_clear_line() -> None:
    assert str(told("192.0.2.1:0")).startswith("tandem: cannot listen on 192.0.2.1:0 (Cannot assign requested address)")
    assert str(told("no-such-host.invalid:0")).startswith("tandem: cannot listen on no-such-host.invalid:0 (")


def test_ipv6_is_looked_at_too() -> None:
    try:
        with occupied(socket.AF_INET6, "::1") as port:
            line = f"tandem: cannot listen on [::1]:{port} (Address already in use); --bind says where"
            assert told(f"[::1]:{port}") == line
            assert told("[::1]:0") is None
    except OSError as error:
        pytest.skip(f"there is no IPv6 here: {error}")


@pytest.mark.parametrize(
    ("environ", "inherits"),
    [
        ({"LISTEN_FDS": "1", "LISTEN_PID": "{own}"}, True),
        ({"LISTEN_FDS": "1", "LISTEN_PID": "1"}, False),
        ({"LISTEN_FDS": "1"}, False),
        ({"LISTEN_FDS": "0", "LISTEN_PID": "{own}"}, False),
        ({"GUNICORN_PID": "1", "GUNICORN_FD": "5"}, True),
        ({"GUNICORN_FD": "5"}, False),
    ],
)
def test_sockets_that_are_open_already_are_not_looked_at(
    environ: dict[str, str], inherits: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in environ.items():
        monkeypatch.setenv(name, value.format(own=os.getpid()))
    with occupied(socket.AF_INET, "127.0.0.1") as taken:
        assert (told(f"127.0.0.1:{taken}") is None) is inherits
        assert told("fd://5", f"127.0.0.1:{taken}") is None
    assert set(environ) <= set(os.environ)  # gunicorn still needs them


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
            line = f"tandem: cannot listen on unix:{where} (another process listens there); --bind says where"
            assert refusal(short, "--bind", f"unix:{where}") == line
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
def test_a_unix_socket_that_cannot_be_is_one_clear_line(short: Path, name: str, reason: str) -> None:
    (short / "file").touch()
    where = f"unix:{short / name}"
    assert told(where) == f"tandem: cannot listen on {where} ({reason.format(folder=short)}); --bind says where"


def test_the_socket_of_systemd_is_served(tmp_path: Path) -> None:
    with running([sys.executable, "-c", ACTIVATED, *GUNICORN], tmp_path / "log", wait=False) as server:
        wait_until(lambda: "Booting worker" in server.output(), "the server has started", START_SECONDS)
        assert_predicts(server.url)
        assert server.stop() == 0


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
