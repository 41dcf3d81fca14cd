"""What a good colleague would say of a model: each doubt where there is reason, and none where there is none."""

import json
import random
from collections.abc import Callable
from pathlib import Path

import pytest
from sklearn.model_selection import train_test_split

from tests.training.conftest import TrainCommand

Draw = random.Random


def honest(draw: Draw) -> list[str]:
    """Return rows of which the target follows from a column, with noise."""
    numbers = [draw.random() for _ in range(200)]
    return [f"{x:.6f},{draw.random():.6f},{2 * x + draw.gauss(0, 0.2):.6f}" for x in numbers]


def with_an_odd_row(draw: Draw) -> list[str]:
    """Return rows of which one that is held out is far off."""
    rows = honest(draw)
    held_out = train_test_split(range(len(rows)), test_size=0.2, random_state=0)[1]
    rows[held_out[0]] = "0.5,0.5,4000"
    return rows


def repeated(draw: Draw) -> list[str]:
    """Return each row four times."""
    return honest(draw) * 4


def by_words(draw: Draw, share: float) -> list[str]:
    """Return rows of two frequent classes that a column tells, and of a third that nothing tells."""
    rows = []
    for _ in range(400):
        x = draw.random()
        label = "odd" if draw.random() < share else "high" if x + draw.gauss(0, 0.1) > 0.5 else "low"
        rows.append(f"{x:.6f},{draw.random():.6f},{label}")
    return rows


def rare(draw: Draw) -> list[str]:
    return by_words(draw, 0.06)


def told(draw: Draw) -> list[str]:
    return by_words(draw, 0)


def confident(draw: Draw) -> list[str]:
    """Return rows of which the classes are told better than by chance, but with too much confidence."""
    rows = []
    for _ in range(300):
        x = draw.random()
        label = "a" if draw.random() < 0.5 + 0.35 * (x > 0.5) - 0.35 * (x <= 0.5) else "b"
        rows.append(f"{x:.6f},{draw.random():.6f},{label}")
    return rows


TREE = ["--estimator", "sklearn.tree.DecisionTreeClassifier"]
# What the rows are, the options, and the beginning of the doubt, "" where there must be none.
DOUBTS: dict[str, tuple[Callable[[Draw], list[str]], list[str], str]] = {
    "nothing": (honest, [], ""),
    "classes that are told": (told, [], ""),
    "held out far from cross-validated": (with_an_odd_row, [], "held out, RMSE is "),
    "repeated rows": (repeated, [], "160 of the 160 held-out rows are the same as rows that were learnt from"),
    "a class that is never found": (rare, [], "of 'y', the model finds none of the held-out 'odd' ("),
    "worse than the baseline by one metric": (confident, TREE, "the model is worse than the baseline by log loss ("),
}


@pytest.mark.parametrize("what", DOUBTS)
def test_a_doubt_is_said_where_there_is_reason(
    what: str, run_train: TrainCommand, write_csv: Callable[[str], Path]
) -> None:
    rows, options, expected = DOUBTS[what]
    path = write_csv("\n".join(["a,b,y", *rows(random.Random(3))]))  # noqa: S311 -- a table, no secret
    run = run_train(path, "--target", "y", *options)
    warned = json.loads(run.files["model.json"])["training"].get("warnings", [])
    begins = [line[: len(expected)] for line in warned]
    assert begins == ([expected] if expected else [])
    assert all(f"warning: {line}" in run.out for line in warned)
