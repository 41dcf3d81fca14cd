"""What ends a bulk run: one line, exit status 1, and nothing under the output or beside it."""

import json
import os
import resource
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from servers.running import ROOT, environment
from tests.bulk.conftest import PYTHON, Bulk, rows_of, write_parquet

GOOD = "SELECT i AS x1, 2 AS x2, 3 AS x3 FROM range(20_000) AS t(i)"
CSV = "x1,x2,x3\n1,2,3\n"
LINE = '{"x1":1,"x2":2,"x3":3}\n'

Make = Callable[[Path], object]


def text(name: str, content: str | bytes) -> Make:
    data = content if isinstance(content, bytes) else content.encode()
    return lambda folder: (folder / name).write_bytes(data)


def parquet(name: str, query: str = GOOD) -> Make:
    return lambda folder: write_parquet(folder / name, query)


def cut(name: str, part: float) -> Make:
    def make(folder: Path) -> None:
        path = write_parquet(folder / name, GOOD)
        os.truncate(path, int(path.stat().st_size * part))

    return make


def damaged(name: str) -> Make:
    """Write a Parquet file whose footer is whole and whose pages are not."""

    def make(folder: Path) -> None:
        path = write_parquet(folder / name, GOOD)
        with path.open("r+b") as file:
            file.seek(100)
            file.write(b"\xff" * 2000)

    return make


def both(*makes: Make) -> Make:
    return lambda folder: [make(folder) for make in makes]


CASES: dict[str, tuple[Make, list[str], str]] = {
    "a glob that matches nothing": (text("a.csv", CSV), ["*.parquet"], "bulk: no file matches @/*.parquet; give"),
    "a path of nothing": (text("a.csv", CSV), ["b.csv"], "bulk: no file matches @/b.csv; give"),
    "one of several that matches nothing": (text("a.csv", CSV), ["a.csv", "b*"], "bulk: no file matches @/b*; give"),
    "an empty folder": (lambda _: None, ["."], "bulk: no file matches @/.; give"),
    "an empty file": (text("a.csv", ""), ["a.csv"], "bulk: @/a.csv cannot be read as CSV: the table has no column x1"),
    "parquet cut in the middle": (cut("a.parquet", 0.5), ["*"], "bulk: @/a.parquet cannot be read as Parquet: "),
    "parquet cut at its end": (cut("a.parquet", 0.999), ["*"], "bulk: @/a.parquet cannot be read as Parquet: "),
    "the second parquet cut": (
        both(parquet("a.parquet"), cut("b.parquet", 0.5)), ["*"], "bulk: @/b.parquet cannot be read as Parquet: "
    ),
    "damaged pages": (damaged("a.parquet"), ["*"], "bulk: cannot read @/a.parquet: Corrupt snappy compressed data"),
    "a word of parquet": (text("a.parquet", b"PAR1"), ["*"], "bulk: @/a.parquet cannot be read as Parquet: "),
    "a missing column in parquet": (
        parquet("a.parquet", "SELECT 1 AS x1, 2 AS x2"), ["*"], "bulk: @/a.parquet: the table has no column x3; the"
    ),
    "a missing column in csv": (
        text("a.csv", "x1,x2\n1,2\n"), ["*"], "bulk: @/a.csv cannot be read as CSV: the table has no column x3; the"
    ),
    "a missing column in lines": (
        text("a.jsonl", '{"x1":1,"x2":2}\n'), ["*"], "bulk: @/a.jsonl cannot be read: the table has no column x3; the"
    ),
    "a list in a column": (
        parquet("a.parquet", "SELECT [1] AS x1, 2 AS x2, 3 AS x3"), ["*"], "bulk: @/a.parquet: column 'x1' holds val"
    ),
    "files of different columns": (
        both(text("a.csv", CSV), text("b.csv", "x1,x2,x3,id\n1,2,3,4\n")), ["*"],
        "bulk: @/b.csv has the column 'id', which the first file has not; give files of one form and with the same",
    ),
    "files with fewer columns": (
        both(text("a.csv", "x1,x2,x3,id\n1,2,3,4\n"), text("b.csv", CSV)), ["*"],
        "bulk: @/b.csv has no column 'id', which the first file has; give",
    ),
    "files with other types": (
        both(parquet("a.parquet"), parquet("b.parquet", "SELECT 1.5::FLOAT AS x1, 2 AS x2, 3 AS x3")), ["*"],
        "bulk: @/b.parquet has the column 'x1' of type float, the first file of int64; give",
    ),
    "files of two forms": (
        both(text("a.csv", CSV), parquet("b.parquet")), ["*"], "bulk: @/b.parquet is Parquet, the first file CSV; give"
    ),
    "a column that is added": (
        text("a.csv", "x1,x2,x3,prediction\n1,2,3,4\n"), ["*"], "bulk: @/a.csv has a column 'prediction' already"
    ),
    "a json array": (text("a.json", "[" + LINE.strip() + "]"), ["*"], "bulk: @/a.json is a JSON array; write one"),
    "a compressed file": (
        text("a.csv.gz", b"\x1f\x8b" + bytes(50)), ["*"], "bulk: @/a.csv.gz cannot be read as CSV: it is compressed"
    ),
    "a row of another width": (
        text("a.csv", CSV + "1,2,3,4\n"), ["*"], "bulk: @/a.csv cannot be read as CSV: line 3 has 4 values, but"
    ),
    "a quote that is never closed": (
        text("a.csv", CSV + '"1,2,3\n'), ["*"], "bulk: @/a.csv cannot be read as CSV: a quote that opens in line 3 is"
    ),
    "a line without an end": (
        text("a.jsonl", LINE + '{"x1":"' + "1" * 10_000_001), ["*"], "bulk: @/a.jsonl: line 2 has more than 10,000,000"
    ),
}  # fmt: skip


def is_clean(folder: Path) -> bool:
    return not [path for path in folder.iterdir() if path.name.startswith("out")]


@pytest.mark.parametrize("case", CASES)
def test_what_cannot_be_predicted_is_one_line_and_no_output(case: str, bulk: Bulk, tmp_path: Path) -> None:
    make, names, says = CASES[case]
    source = tmp_path / "in"
    source.mkdir()
    make(source)
    done = bulk(*(f"{source}/{name}" for name in names), "--out", tmp_path / "out")
    assert (done.status, done.out, done.err.count("\n")) == (1, "", 1)
    assert done.err.startswith(says.replace("@", str(source)))
    assert is_clean(tmp_path)


@pytest.mark.parametrize(
    ("content", "rejected"),
    [
        (LINE + "{\n" + LINE, [(2, None, "is not JSON: ")]),
        (LINE + LINE.strip() + "," + LINE, [(2, None, "is not JSON: ")]),
        (LINE + "null\n", [(2, None, "must be an object, not null")]),
        ("\ufeff" + LINE + "\n\r\n" + LINE.strip(), []),
        (LINE + LINE[:-5], [(2, None, "is not JSON: ")]),
        (LINE.replace("3}", '3,"x3":4}') + LINE, [(1, "x3", "stands twice in one object")]),
        (LINE.replace("3}", '3,"y":{"a":1,"a":2}}') + LINE, [(1, "a", "stands twice in one object")]),
        (LINE.replace("3}", '3,"prediction":4}') + LINE, [(1, "prediction", "is the name of a column that is added")]),
        (LINE + LINE.replace("1,", "1e999,"), [(2, None, "is not JSON: ")]),
        (LINE + LINE.replace("1,", "1" * 400 + ","), [(2, None, "is not JSON: ")]),
        (LINE + LINE.replace("1,", "NaN,"), [(2, None, "is not JSON: ")]),
        (LINE + LINE.replace("3}", '3,"y":' + "[" * 1100 + "]" * 1100 + "}"), [(2, None, "is not JSON: ")]),
    ],
)
def test_lines_that_are_no_rows_are_rejected_each_by_its_number(
    content: str, rejected: list[tuple[int, str | None, str]], bulk: Bulk, tmp_path: Path
) -> None:
    (tmp_path / "a.jsonl").write_text(content)
    done = bulk(tmp_path / "a.jsonl", "--out", tmp_path / "out")
    assert (done.status, done.err) == (0, "")
    found = [
        json.loads(line) for path in (tmp_path / "out").glob("rejected-*") for line in path.read_text().splitlines()
    ]
    assert [(line["row"], line["column"]) for line in found] == [(row, column) for row, column, _ in rejected]
    assert all(line["reason"].startswith(reason) for line, (_, _, reason) in zip(found, rejected, strict=True))
    summary = json.loads((tmp_path / "out" / "summary.json").read_text())
    assert (summary["rejected"], summary["rows"] - summary["predicted"]) == (len(rejected), len(rejected))


def test_an_output_that_holds_something_is_not_touched(bulk: Bulk, tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text(CSV)
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "mine").write_text("kept")
    done = bulk(tmp_path / "a.csv", "--out", tmp_path / "out")
    assert (done.status, done.err) == (
        1, f"bulk: {tmp_path}/out already holds something; remove it, or name another folder by --out\n"
    )  # fmt: skip
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["mine"]
    (tmp_path / "out" / "mine").unlink()
    assert bulk(tmp_path / "a.csv", "--out", f"{tmp_path}/out/").status == 0


@pytest.mark.parametrize(
    ("environ", "arguments", "says"),
    [
        ({"MODEL_SHA256": "0" * 64}, [], f"bulk: MODEL_SHA256 asks for the model {'0' * 64}, but model.json is"),
        (
            {"MODEL_DIR": "/nowhere"},
            [],
            "bulk: cannot read /nowhere/model.json (No such file or directory); set MODEL_DIR",
        ),
        ({"ENGINE": "fast"}, [], "tandem: ENGINE='fast' must be auto or sklearn"),
        ({}, ["--probabilities"], "bulk: this model gives no probabilities; leave --probabilities out"),
        (
            {"RUNNER": "dataflow"},
            [],
            "bulk: RUNNER=dataflow: its workers cannot reach @/a.csv; give paths that begin",
        ),
        ({}, ["--", "--max_num_worker=3"], "bulk: behind -- stand options that Beam does not know: ['--max_n"),
        ({"RUNNER": "nosuch"}, [], "bulk: RUNNER=nosuch is no runner of Beam's"),
    ],
)
def test_settings_that_cannot_be_used_are_one_line(
    environ: dict[str, str], arguments: list[str], says: str, bulk: Bulk, tmp_path: Path
) -> None:
    (tmp_path / "a.csv").write_text(CSV)
    done = bulk(tmp_path / "a.csv", "--out", tmp_path / "out", *arguments, **environ)
    assert (done.status, done.err.count("\n")) == (1, 1)
    assert done.err.startswith(says.replace("@", str(tmp_path)))
    assert is_clean(tmp_path)


def run_alone(
    *arguments: object, before: Callable[[], None] | None = None, **environ: str
) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [str(PYTHON), "-m", "bulk", *map(str, arguments)],
        cwd=ROOT, env=environment(**environ), preexec_fn=before, capture_output=True, text=True, check=False,
    )  # fmt: skip


def test_a_full_disk_ends_it_with_one_line(tmp_path: Path) -> None:
    # No file may be larger: what the system says then is what it says of a full disk, but for the words.
    source = write_parquet(tmp_path / "a.parquet", "SELECT random() AS x1, 2 AS x2, 3 AS x3 FROM range(100_000)")
    done = run_alone(
        source, "--out", tmp_path / "out", before=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (300_000, 300_000))
    )
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.splitlines()[-1].startswith(f"bulk: cannot write {tmp_path}/out.partial-")
    assert done.stderr.splitlines()[-1].endswith(": File too large")
    assert is_clean(tmp_path)


def test_an_output_folder_that_cannot_be_made_is_one_line(bulk: Bulk, tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text(CSV)
    (tmp_path / "file").touch()
    done = bulk(tmp_path / "a.csv", "--out", tmp_path / "file" / "out")
    assert (done.status, done.err.count("\n")) == (1, 1)
    assert done.err.startswith(f"bulk: cannot write {tmp_path}/file/out.partial-")


def test_unknown_arguments_are_told(bulk: Bulk, tmp_path: Path) -> None:
    done = bulk("a.csv", "--out", tmp_path / "out", "--no-such")
    assert (done.status, "unrecognized arguments: --no-such" in done.err) == (2, True)
    done = bulk("a.csv", "--out", tmp_path / "out", "--workers", "0")
    assert (done.status, "'0' must be a whole number from 1 to 999" in done.err) == (2, True)


def test_of_two_runs_at_once_into_one_folder_one_is_whole_and_the_other_one_line(example: Path, tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        write_parquet(tmp_path / name / "rows.parquet", f"SELECT {ord(name)} AS x1, 2 AS x2, 3 AS x3 FROM range(9)")
    settings = environment(MODEL_DIR=str(example))
    runs = [
        subprocess.Popen(
            [str(PYTHON), "-m", "bulk", str(tmp_path / name), "--out", str(tmp_path / "out")],
            cwd=ROOT, env=settings, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
        )
        for name in ("a", "b")
    ]  # fmt: skip
    errors = [run.communicate(timeout=300)[1] for run in runs]
    assert sorted(run.returncode for run in runs) == [0, 1]
    [line] = "".join(errors).splitlines()
    assert line.startswith(
        (f"bulk: cannot move {tmp_path}/out.partial-", f"bulk: {tmp_path}/out already holds something")
    )
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a", "b", "out"]
    assert len({row["x1"] for row in rows_of(tmp_path / "out" / "predictions-*.parquet")}) == 1
