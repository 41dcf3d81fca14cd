"""Several processes on this machine: the same rows as one, also when some of them are killed in the middle."""

import os
import re
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from servers.processes import wait_until, workers_of
from servers.running import ROOT, environment
from tests.bulk.conftest import PYTHON, rows_of, write_parquet
from tests.models import mixed_regressor

FILES, ROWS = 24, 5_000
# One of the files has a row that is rejected.
TABLE = """
    SELECT i * 0.1 AS area, i % 2 = 0 AS furnished, ['Ulm', 'Bremen', NULL][i % 3 + 1] AS city,
      CASE WHEN {file} = 3 AND i = 7 THEN NULL ELSE 'quiet story of the river ' || i END AS story,
      DATE '2026-01-01' + (i % 300)::INTEGER AS since, {file} * 1_000_000 + i AS id
    FROM range({rows}) AS t(i)
"""


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("many")
    mixed_regressor(folder / "model")
    (folder / "in").mkdir()
    for file in range(FILES):
        write_parquet(folder / "in" / f"{file:02}.parquet", TABLE.format(file=file, rows=ROWS))
    return folder


@contextmanager
def started(table: Path, out: Path) -> Iterator["subprocess.Popen[str]"]:
    """Start a run of two workers, and end it and them whatever happens."""
    process = subprocess.Popen(
        [str(PYTHON), "-m", "bulk", str(table / "in"), "--out", str(out), "--workers", "2"],
        cwd=ROOT, env=environment(MODEL_DIR=str(table / "model")),
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True,
    )  # fmt: skip
    try:
        yield process
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()


def of_beam(process: "subprocess.Popen[str]") -> list[int]:
    """Return the processes that predict: those that Beam started, or what the shells run that it started."""
    found = []
    with suppress(FileNotFoundError, ProcessLookupError):  # that have ended just now
        for thread in Path(f"/proc/{process.pid}/task").iterdir():
            for child in map(int, (thread / "children").read_text().split()):
                found += workers_of(child) or [child]
    return [pid for pid in found if is_of_beam(pid)]


def two_more(process: "subprocess.Popen[str]", seen: set[int]) -> set[int]:
    """Wait until there are two workers that were not there before, and return them."""
    wait_until(lambda: len(set(of_beam(process)) - seen) == 2, "two more workers run", seconds=120)
    return set(of_beam(process)) - seen


def is_of_beam(pid: int) -> bool:
    with suppress(FileNotFoundError, ProcessLookupError):
        command = Path(f"/proc/{pid}/cmdline").read_bytes()
        return b"sdk_worker_main" in command and b"-c\0" not in command
    return False


def done_parts(folder: Path) -> list[Path]:
    return sorted(folder.glob("out.partial-*/done-*.json"))


def check_rows(out: Path) -> None:
    expected = [file * 1_000_000 + row for file in range(FILES) for row in range(ROWS) if (file, row) != (3, 7)]
    assert [row["id"] for row in rows_of(out / "predictions-*.parquet")] == expected
    assert len([*out.iterdir()]) == FILES + 2  # and the rejected row, and the summary


def test_a_worker_that_is_killed_in_the_middle_costs_no_row_and_doubles_none(table: Path, tmp_path: Path) -> None:
    with started(table, tmp_path / "out") as process:
        wait_until(lambda: len(done_parts(tmp_path)) >= 3, "some parts are done", seconds=120)
        os.kill(of_beam(process)[0], signal.SIGKILL)
        kept = {path: path.stat().st_mtime_ns for path in done_parts(tmp_path)}
        assert len(kept) < FILES
        out, err = process.communicate(timeout=240)
    assert (process.returncode, err) == (0, "bulk: a worker was killed; its parts are predicted again\n")
    assert f"rows {FILES * ROWS:,} predicted {FILES * ROWS - 1:,} rejected 1" in " ".join(out.split())
    assert [path.name for path in tmp_path.iterdir()] == ["out"]
    check_rows(tmp_path / "out")


def test_workers_that_are_killed_again_and_again_end_it_with_one_line(table: Path, tmp_path: Path) -> None:
    with started(table, tmp_path / "out") as process:
        seen: set[int] = set()
        for _ in range(3):
            new = two_more(process, seen)
            os.kill(new.pop(), signal.SIGKILL)
            seen |= set(of_beam(process)) | new
        out, err = process.communicate(timeout=240)
    assert (process.returncode, out) == (1, "")
    assert err.splitlines()[-1].startswith("bulk: a worker was killed in each of 3 tries; where the system ends")
    assert [*tmp_path.iterdir()] == []


def test_a_run_that_is_killed_leaves_no_output_and_the_next_gives_every_row(table: Path, tmp_path: Path) -> None:
    with started(table, tmp_path / "out") as process:
        wait_until(lambda: done_parts(tmp_path), "a part is done", seconds=120)
        process.kill()
        process.communicate()
    assert not (tmp_path / "out").exists()
    with started(table, tmp_path / "out") as process:
        _, err = process.communicate(timeout=240)
    assert (process.returncode, err) == (0, "")
    check_rows(tmp_path / "out")


def test_a_terminal_shows_how_far_it_is(table: Path, tmp_path: Path) -> None:
    terminal, theirs = os.openpty()
    with subprocess.Popen(
        [str(PYTHON), "-m", "bulk", str(table / "in"), "--out", str(tmp_path / "out"), "--workers", "1"],
        cwd=ROOT, env=environment(MODEL_DIR=str(table / "model")), stdout=subprocess.DEVNULL, stderr=theirs,
    ) as process:  # fmt: skip
        os.close(theirs)
        shown = b""
        with suppress(OSError):  # so a terminal ends
            while part := os.read(terminal, 4096):
                shown += part
    os.close(terminal)
    assert process.returncode == 0
    assert re.search(rb"\r\x1b\[K[0-9,]+ rows in [0-9]+ parts, [0-9,]+ rows a second", shown)
    assert shown.endswith(b"\r\x1b[K")
