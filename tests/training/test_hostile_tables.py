"""Tables that somebody wrote to do harm: they are trained from as tables, or refused in one line, and no more."""

from collections.abc import Callable
from pathlib import Path

import pytest

import predictor
from tests.training.conftest import TrainCommand

SCRIPT = "<script>alert(1)</script>"
IMAGE = "<img src=x onerror=alert(1)>"
DAYS = [f"20{20 + i % 3}-{1 + i % 12:02}-{1 + i % 28:02}" for i in range(120)]


def table(names: str, cell: Callable[[int], str]) -> str:
    """Return rows of a cell, a number and a target."""
    return "\n".join([f"{names},n,y", *(f"{cell(i)},{i * 7 % 31},{3 * (i * 7 % 31) + i % 5}.5" for i in range(120))])


# What is trained from, and must be served.
TAKEN: dict[str, str] = {
    "markup in a name and in a cell": table(SCRIPT, lambda i: IMAGE if i % 3 else "red"),
    "markup of the terminal": table("[red]x[/]", lambda i: "[bold]" if i % 3 else "[/]"),
    "escapes of the terminal": table("\x1b[31mx", lambda i: "\x1b]0;title\x07" if i % 3 else "red"),
    "a name that says it is another": table("x\u202egpj", lambda i: "a" if i % 3 else "b"),
    "formulas": table("=1+1", lambda i: "=cmd|' /C calc'!A0" if i % 3 else "@x"),
    "a name of a part of a date": table("sold,sold month", lambda i: f"{DAYS[i]},{'low' if i % 3 else 'high'}"),
    "a name of python": table("__class__", lambda i: "__import__('os')" if i % 3 else "{n}"),
    "thousands of words": table("c", lambda i: " ".join(f"w{i * j % 9973}" for j in range(200))),
    "a very long category": table("c", lambda i: ("a" if i % 3 else "b") * 9_000),
    "a column for every bad name": table(
        ",".join(f"{mark}c" for mark in "'`%;&$"), lambda i: ",".join("ab"[i % 2] * 6)
    ),
}


@pytest.mark.parametrize("what", TAKEN)
def test_a_hostile_table_is_only_a_table(what: str, run_train: TrainCommand, write_csv: Callable[[str], Path]) -> None:
    run = run_train(write_csv(TAKEN[what]), "--target", "y", report=True)
    assert (run.status, run.err) == (0, "")
    assert "\x1b" not in run.out
    assert "\x07" not in run.out
    assert "\u202e" not in run.out
    page = run.files["report.html"].decode()
    assert "alert(1)</script>" not in page
    assert "<img src=x" not in page
    assert sorted(run.files) == ["model.json", "model.pkl", "report.html"]
    assert predictor.load(run.directory).replay() == []


# What is refused, with the words that say why.
REFUSED: dict[str, tuple[str, str]] = {
    "a name beyond all bounds": (table("c" * 100_000, str), "the name of column 1 is longer than 200"),
    "names twice": (table("n", str), "columns 1 and 2 are all named 'n'"),
    "a cell cut in a quote": (table("c", str) + '\n"1,2', "a quote that opens in line 122 is never closed"),
    "a row cut in the middle": (table("c", str) + "\n1,2", "line 122 has 2 values"),
    "a million columns": ("a," * 1_000_000 + "y\n" + "1," * 1_000_000 + "1\n", "has more than 1,000,000 characters"),
    "a number of a million digits": (table("c", lambda i: "9" * 1_000_000 if i == 5 else str(i)), "line 7"),
}


@pytest.mark.parametrize("what", REFUSED)
def test_a_table_that_is_nearly_one_is_refused_in_one_line(
    what: str, run_train: TrainCommand, write_csv: Callable[[str], Path]
) -> None:
    content, why = REFUSED[what]
    run = run_train(write_csv(content), "--target", "y")
    assert (run.status, run.out, run.files) == (2, "", {})
    (line,) = run.err.splitlines()
    assert why in line
    assert len(line) < 500
