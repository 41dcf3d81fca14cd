"""Starting and stopping the real servers as a user does; test_addresses.py has where they listen."""

import signal
from pathlib import Path

import pytest

from predictor.environment import whole_number
from servers.running import BIN, FUNCTION, GUNICORN, ROOT, STOP_SECONDS, running

FLASK = [str(BIN / "flask"), "--app", "webapp", "run"]
BOTH = pytest.mark.parametrize("command", [GUNICORN, FUNCTION], ids=["gunicorn", "functions-framework"])


@pytest.mark.parametrize(("number", "what"), [(signal.SIGINT, "Ctrl-C"), (signal.SIGTERM, "a stop")])
def test_ctrl_c_and_a_stop_end_the_web_app_quietly(tmp_path: Path, number: int, what: str) -> None:
    with running(GUNICORN, tmp_path / "log") as server:
        assert server.stop(number) == 0, what
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
