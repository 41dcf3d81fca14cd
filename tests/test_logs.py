"""What an operator reads: lines of JSON on both hosts, joined to their request and its trace."""

import json
import logging
import os
import pty
import re
import socket
import subprocess
import sys
import warnings
from pathlib import Path
from typing import Any

import pytest
from flask import Request

from handlers import logs
from handlers.logs import ForCloudLogging, ForPeople, configure, drop_warning_filters, trace_fields
from handlers.responses import request_id_of
from predictor.proof import in_child
from servers.running import FUNCTION, GUNICORN, START_SECONDS, Server, running
from tests.files import copy_model
from tests.hosts import JSON, Live

TRACE = "0af7651916cd43dd8448eb211c80319c"
SPAN = "b7ad6b7169203331"
PARENT = f"00-{TRACE}-{SPAN}-01"
CLOUD = f"{TRACE}/{int(SPAN, 16)};o=1"

# A sitecustomize module: the model fails once it serves, with a message that would break a line-based log.
BREAK = r"""
import predictor.model
proper = predictor.model.Predictor.predict
def predict(self, matrix):
    if matrix[0, 0] == 666:
        raise RuntimeError("two\nlines, \x1b[31m, \x7f, \u2028 and \ud800")
    return proper(self, matrix)
predictor.model.Predictor.predict = predict
"""
BOTH = pytest.mark.parametrize("command", [GUNICORN, FUNCTION], ids=["gunicorn", "functions-framework"])


def traced(trace: str, sampled: bool, span: str | None = None) -> dict[str, Any]:
    return (
        {"logging.googleapis.com/trace": trace}
        | ({"logging.googleapis.com/spanId": span} if span else {})
        | {"logging.googleapis.com/trace_sampled": sampled}
    )


@pytest.mark.parametrize(
    ("traceparent", "cloud_trace", "fields"),
    [
        (PARENT, "", traced(TRACE, True, SPAN)),
        (f"00-{TRACE}-{SPAN}-00", "", traced(TRACE, False, SPAN)),
        (f"01-{TRACE}-{SPAN}-03-more", "", traced(TRACE, True, SPAN)),
        (PARENT, f"{'1' * 32}/1;o=0", traced(TRACE, True, SPAN)),
        ("", CLOUD, traced(TRACE, True, SPAN)),
        ("", f"{TRACE.upper()}/1;o=0", traced(TRACE, False, "0000000000000001")),
        ("", f"{TRACE}/0", traced(TRACE, False)),
        ("", TRACE, traced(TRACE, False)),
        ("", f"{TRACE}/99999999999999999999;o=1", traced(TRACE, True)),
        ("nonsense", CLOUD, traced(TRACE, True, SPAN)),
        (f"{PARENT}-more", "", {}),
        (f"ff-{TRACE}-{SPAN}-01", "", {}),
        (f"00-{'0' * 32}-{SPAN}-01", "", {}),
        (f"00-{TRACE}-{'0' * 16}-01", "", {}),
        (f"00-{TRACE.upper()}-{SPAN}-01", "", {}),
        ("", f"{'0' * 32}/1;o=1", {}),
        ("", f"{TRACE}/{SPAN}", {}),
        ("", "\x07", {}),
        ("", "", {}),
    ],
)
def test_a_line_is_joined_to_its_trace(traceparent: str, cloud_trace: str, fields: dict[str, Any]) -> None:
    assert trace_fields(traceparent, cloud_trace, "") == fields


def test_the_trace_is_named_in_its_project() -> None:
    assert trace_fields(PARENT, "", "my-project") == traced(f"projects/my-project/traces/{TRACE}", True, SPAN)


def record(message: Any, *arguments: Any, **more: Any) -> logging.LogRecord:
    return logging.makeLogRecord({"name": "tandem", "msg": message, "args": arguments, "created": 0.25, **more})


@pytest.mark.parametrize(
    ("message", "arguments", "text"),
    [
        ("plain", (), "plain"),
        ("%s of %d", ("one", 2), "one of 2"),
        ("line\nbreaks\r\n\u2028\u0085", (), "line\nbreaks\r\n\u2028\u0085"),
        ('"quotes" and \\', (), '"quotes" and \\'),
        ("\x00\x07\x1b[31m\x7f\x9b", (), "\x00\x07\x1b[31m\x7f\x9b"),
        ("a lone \ud800", (), "a lone \\ud800"),
        ("%d", ("no number",), "'%d' with ('no number',)"),
        (ValueError("an object"), (), "an object"),
        ("x" * 100_000, (), f"{'x' * 16_384} … {'x' * 16_384}"),
    ],
)
def test_any_message_is_one_line_of_ascii_json(
    message: Any, arguments: tuple[Any, ...], text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(logs, "process", {"model_version": "1.0"})
    line = ForCloudLogging("").format(record(message, *arguments, levelno=30, levelname="WARNING"))
    assert re.fullmatch("[ -~]+", line)
    assert json.loads(line) == {
        "severity": "WARNING",
        "message": text,
        "time": "1970-01-01T00:00:00.250000+00:00",
        "logger": "tandem",
        "model_version": "1.0",
    }


def test_a_level_that_cloud_logging_does_not_know_is_its_default() -> None:
    assert json.loads(ForCloudLogging("").format(record("x", levelname="Level 25")))["severity"] == "DEFAULT"


def test_a_line_for_people_cannot_move_their_cursor() -> None:
    try:
        raise RuntimeError("\x1b[2J")
    except RuntimeError:
        text = ForPeople().format(record("a\nb\x1b[31m\x9b", levelname="ERROR", exc_info=sys.exc_info()))
    lines = text.splitlines()
    assert lines[0].endswith(" ERROR   a\\nb\\x1b[31m\\x9b")
    assert lines[1] == "Traceback (most recent call last):"
    assert lines[-1] == "RuntimeError: \\x1b[2J"


@pytest.mark.parametrize("level", ["LOUD", "10", "info!"])
def test_an_unknown_level_is_one_clear_line(level: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOG_LEVEL", level)
    with pytest.raises(SystemExit) as ending:
        configure()
    assert ending.value.code == (
        f"tandem: LOG_LEVEL={level!r} must be one of DEBUG, INFO, WARNING, ERROR, CRITICAL; unset, it is INFO"
    )


def lines_of(server: Server) -> list[dict[str, Any]]:
    """Return the log so far, every line of which must be a JSON object."""
    lines: list[dict[str, Any]] = [json.loads(line) for line in server.output().split("\n") if line]
    assert all(type(line) is dict for line in lines)
    return lines


@pytest.fixture
def breaking(tmp_path: Path, root: Path) -> dict[str, str]:
    """Return the environment of a server whose model fails for rows that begin with 666."""
    (tmp_path / "sitecustomize.py").write_text(BREAK)
    return {"PYTHONPATH": f"{tmp_path}:{root}", "GOOGLE_CLOUD_PROJECT": "my-project"}


@pytest.mark.slow
@BOTH
@pytest.mark.parametrize("execution_id", ["", "true"], ids=["", "with-execution-ids"])
def test_a_fault_is_one_line_with_its_request_and_trace(
    command: list[str], tmp_path: Path, breaking: dict[str, str], execution_id: str, root: Path
) -> None:
    digest = json.loads((root / "model.json").read_text())["artifact"]["sha256"]
    with running(command, tmp_path / "log", LOG_EXECUTION_ID=execution_id, **breaking) as server:
        host = Live("live", server.url)
        for headers in ({"traceparent": PARENT}, {"X-Cloud-Trace-Context": CLOUD}):
            before = len(lines_of(server))
            got = host.send(b'{"features":[666,2,3]}', headers=JSON | {"X-Request-Id": "my-id"} | headers)
            assert got.status == 500
            [line] = lines_of(server)[before:]
            assert "two\nlines, \x1b[31m, \x7f, \u2028 and \\ud800" in line.pop("stack_trace")
            assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}\+00:00", line.pop("time"))
            assert line == {
                "severity": "ERROR",
                "message": "request my-id failed",
                "logger": "tandem",
                "request_id": "my-id",
                **traced(f"projects/my-project/traces/{TRACE}", True, SPAN),
                "model_version": "1.0",
                "model_sha256": digest,
            }


@pytest.mark.slow
@BOTH
def test_what_a_caller_sends_writes_nothing_above_info(command: list[str], tmp_path: Path) -> None:
    with running(command, tmp_path / "log", MODEL_DIR=str(copy_model(tmp_path))) as server:
        host = Live("live", server.url)
        for body in (b"", b"\x1b[31m\n", b"{}", b'{"features":["\\n",2,3]}', b'{"features":[1e308,1e308,1e308]}'):
            assert 400 <= host.send(body, headers=JSON | {"X-Request-Id": "a b", "User-Agent": "ev\til"}).status < 500
        for raw in (b"GET\x1b / HTTP/1.1\r\n\r\n", b"\r\n\x00\x07\x1b[31m\r\n\r\n", b"POST / HTTP/1.1\nX\x0b: 1\n\n"):
            with socket.create_connection(("127.0.0.1", server.port), START_SECONDS) as connection:
                connection.sendall(raw)
                assert connection.recv(65536).startswith(b"HTTP/1.1 4")
        assert {line["severity"] for line in lines_of(server)} == {"INFO"}


@pytest.mark.slow
@BOTH
def test_the_log_begins_at_its_level(command: list[str], tmp_path: Path) -> None:
    with running(command, tmp_path / "quiet", LOG_LEVEL="warning", MODEL_DIR=str(copy_model(tmp_path))) as server:
        pass
    assert server.output() == ""


def test_gunicorns_own_messages_are_lines_of_the_same_form(tmp_path: Path) -> None:
    with running(GUNICORN, tmp_path / "log", MODEL_DIR=str(copy_model(tmp_path))) as server:
        server.stop()
    messages = [line["message"] for line in lines_of(server)]
    assert messages[0].startswith("loaded and verified example (sklearn.linear_model.LinearRegression) in ")
    assert messages[1].startswith("Starting gunicorn ")
    assert messages[-1] == "Shutting down: Master"
    assert {line["severity"] for line in lines_of(server)} == {"INFO"}


@BOTH
def test_the_first_measured_request_says_so(command: list[str], tmp_path: Path) -> None:
    with running(command, tmp_path / "log") as server:
        first, second = (Live("live", server.url).send(b'{"features":[1,2,3]}') for _ in range(2))
    parts = r"read;dur=[\d.]+, validate;dur=[\d.]+, predict;dur=[\d.]+"
    assert re.fullmatch(rf'cold;desc="first request", {parts}', first.headers["server-timing"])
    assert re.fullmatch(parts, second.headers["server-timing"])


def test_on_a_terminal_lines_are_for_people(root: Path) -> None:
    program = "import logging, handlers.logs as logs; logs.configure(); logging.getLogger('tandem').info('a\\nb')"
    reader, terminal = pty.openpty()
    try:
        subprocess.run([sys.executable, "-c", program], cwd=root, stdout=terminal, check=True)
        assert re.fullmatch(rb"\d\d:\d\d:\d\d INFO    a\\nb\r\n", os.read(reader, 1000))
    finally:
        os.close(reader)
        os.close(terminal)


def test_only_what_threads_make_scikit_learn_warn_of_is_left_out(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "__stdout__", sys.stdout)
    monkeypatch.setattr(logging.root, "handlers", [])
    configure()
    logging.captureWarnings(False)
    for message in ("of something", "`sklearn.utils.parallel.delayed` should be used with `Parallel`"):
        logging.getLogger("py.warnings").warning("%s", message)
    [line] = capsys.readouterr().out.splitlines()
    assert json.loads(line)["message"] == "of something"


def test_filters_for_warnings_are_those_of_python_and_one_of_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    with warnings.catch_warnings():
        warnings.filterwarnings("error", "of an import")
        monkeypatch.setattr(sys, "warnoptions", ["error"])
        before = list(warnings.filters)
        drop_warning_filters()
        assert warnings.filters == before
        monkeypatch.setattr(sys, "warnoptions", [])
        drop_warning_filters()
        assert len(warnings.filters) == 5
        with warnings.catch_warnings(record=True) as seen:
            warnings.warn("X does not have valid feature names, but …", UserWarning, stacklevel=1)
            warnings.warn("old", DeprecationWarning, stacklevel=1)
            warnings.warn("of an import", UserWarning, stacklevel=1)
        assert [str(one.message) for one in seen] == ["of an import"]


def test_processes_that_fork_name_their_requests_otherwise() -> None:
    def name() -> str:
        return request_id_of(Request({}))

    names = [in_child(lambda: {"name": name()}, 30)["name"] for _ in range(3)] + [name(), name()]
    assert len(set(names)) == 5
    assert all(re.fullmatch("[0-9a-f]{32}", each) for each in names)
