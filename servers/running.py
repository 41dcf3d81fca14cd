"""Servers started on a port of the system's, waited for, and always ended."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import requests

ROOT = Path(__file__).resolve().parent.parent
BIN = Path(sys.executable).parent

GUNICORN = [str(BIN / "gunicorn")]
FUNCTION = [str(BIN / "functions-framework"), "--target", "predict", "--source", str(ROOT / "main.py")]

START_SECONDS = 60
STOP_SECONDS = 15


class Server:
    """A running server: its address, its process and what it wrote."""

    def __init__(self, process: subprocess.Popen[bytes], port: int, log: Path) -> None:
        self.process = process
        self.port = port
        self.url = f"http://127.0.0.1:{port}"
        self.log = log

    def output(self) -> str:
        """Return what it wrote to stdout and stderr."""
        return self.log.read_text()

    def wait_until_it_answers(self) -> None:
        """Wait for any answer; AssertionError when there is none."""
        until = time.monotonic() + START_SECONDS
        while self.process.poll() is None and time.monotonic() < until:
            try:
                requests.options(f"{self.url}/predict", timeout=5)
            except requests.ConnectionError:
                self.wait(0.05)
            else:
                return
        raise AssertionError(f"{self.process.args!r} does not answer: {self.output()}")

    def wait(self, seconds: float) -> int | None:
        """Wait for the process to end, `seconds` at most; its exit status, None while it runs."""
        try:
            return self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            return None

    def stop(self, number: int = signal.SIGTERM) -> int | None:
        """Send a signal and wait; the exit status, None while it runs."""
        self.process.send_signal(number)
        return self.wait(STOP_SECONDS)


def free_port() -> int:
    """Return a port that nobody listens on."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


@contextmanager
def running(
    command: Sequence[str], log: Path, *, wait: bool = True, cwd: Path = ROOT, **environ: str
) -> Iterator[Server]:
    """Run a server until the block ends; `environ` adds to this process's environment."""
    port = free_port()
    with log.open("wb") as output:
        process = subprocess.Popen(
            command,
            cwd=cwd,
            env=environment(PORT=str(port), **environ),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    server = Server(process, port, log)
    try:
        if wait:
            server.wait_until_it_answers()
        yield server
    finally:
        end(process)


def environment(**more: str) -> Mapping[str, str]:
    """Return this process's environment, and more."""
    return {**os.environ, **more}


def end(process: subprocess.Popen[bytes]) -> None:
    """End the process and, were it stuck, its whole group, which start_new_session made its own."""
    if process.poll() is None:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
