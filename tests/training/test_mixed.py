"""Tables of mixed columns: a stock pipeline on a DataFrame, which plain joblib loads and predicts with."""

import json
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import joblib
import pytest

import predictor
from tests.training.conftest import Run, TrainCommand
from training.reproduce import main as reproduce

BOOSTING = "sklearn.ensemble.HistGradientBoostingRegressor"
LINES = 120


def table() -> str:
    """Return rows of every kind, with gaps, where the price follows from size and colour."""
    draw = random.Random(5)  # noqa: S311 -- a table, no secret
    lines = ["size,colour,new,sold,note,price"]
    for row in range(LINES):
        size, colour = draw.randint(1, 99), draw.choice(["red", "blue", "green", ""])
        price = 3 * size + {"red": 100, "blue": 50}.get(colour, 0) + draw.random()
        note = draw.choice(["good as new", "a bit worn", "", "sold as seen"])
        shown = "" if row % 9 == 0 else size
        day = f"20{20 + row % 3}-{1 + row % 12:02}-{1 + row % 28:02}"
        lines.append(f"{shown},{colour},{draw.choice(['True', 'False'])},{day},{note},{price:.2f}")
    return "\n".join(lines)


def document(run: Run) -> dict[str, Any]:
    assert (run.status, run.err) == (0, "")
    found: dict[str, Any] = json.loads(run.files["model.json"])
    return found


@pytest.mark.parametrize(
    "options", [[], ["--estimator", BOOSTING, "--set", "max_iter=20"], ["--estimator", "sklearn.svm.SVR"]]
)
def test_a_mixed_table_trains_at_the_first_command_and_is_reproduced_bit_for_bit(
    options: list[str],
    run_train: TrainCommand,
    write_csv: Callable[[str], Path],
    capsys: pytest.CaptureFixture[str],
) -> None:
    path = write_csv(table())
    run = run_train(path, "--target", "price", *options)
    manifest = document(run)
    assert manifest["input"] == "frame"
    kinds = {feature["name"]: (feature["kind"], feature["missing"]) for feature in manifest["features"]}
    assert kinds == {
        "size": ("number", True),
        "colour": ("category", True),
        "new": ("boolean", False),
        "sold": ("date", False),
        "note": ("category", True),
    }
    assert manifest["features"][3]["parts"] == ["month"]
    assert predictor.load(run.directory).replay() == []
    with pytest.raises(SystemExit) as ending:
        reproduce([str(path), "--model", str(run.directory)])
    last = capsys.readouterr().out.splitlines()[-1]
    assert (ending.value.code, last) == (0, "reproduced bit for bit: training again wrote the same model.pkl")


def test_unseen_categories_and_missing_words_are_predicted(
    run_train: TrainCommand, write_csv: Callable[[str], Path]
) -> None:
    run = run_train(write_csv(table()), "--target", "price", "--text", "note", "--drop", "sold")
    served = predictor.load(run.directory)
    rows = [[50.0, "red", True, "good"], [None, "violet", False, None], [50.0, None, True, "words never seen"]]
    red, unseen, _ = served.predict(served.manifest.inputs(rows)).tolist()
    assert 200 < red < 300
    assert 50 < unseen < 350
    assert "sklearn.feature_extraction.text:TfidfVectorizer" in served.manifest.globals
    assert type(joblib.load(run.directory / "model.pkl")).__name__ == "Pipeline"


def test_auto_takes_the_best_of_three_and_shows_all(run_train: TrainCommand, write_csv: Callable[[str], Path]) -> None:
    rows = [f"{i},{i % 10},{(i % 10 - 5) ** 2 + i % 2}" for i in range(150)]
    run = run_train(
        write_csv("\n".join(["a,b,y", *rows])), "--target", "y", "--task", "regression", "--estimator", "auto"
    )
    compared = document(run)["training"]["compared"]
    names = [one["class"].rpartition(".")[2] for one in compared]
    assert names == ["LinearRegression", "RandomForestRegressor", "HistGradientBoostingRegressor"]
    best = min(compared, key=lambda one: one["cross_validated"]["rmse"]["mean"])
    assert document(run)["estimator"]["class"] == best["class"] != compared[0]["class"]
    assert all(name in run.out for name in names)


@pytest.mark.parametrize(
    ("options", "task"),
    [
        ([], "classification"),
        (["--task", "regression"], "regression"),
        (["--estimator", "sklearn.linear_model.Ridge"], "regression"),
    ],
)
def test_a_task_is_guessed_unless_it_is_said(
    options: list[str], task: str, run_train: TrainCommand, write_csv: Callable[[str], Path]
) -> None:
    rows = [f"{i},{i % 3}" for i in range(90)]
    assert document(run_train(write_csv("\n".join(["x,y", *rows])), "--target", "y", *options))["task"] == task


@pytest.mark.parametrize(
    ("options", "culprit"),
    [
        (["--task", "classification", "--estimator", BOOSTING], "--task classification, but HistGradientBoosting"),
        (["--task", "regression", "--target", "colour"], "--task regression predicts numbers, but the target 'colour'"),
    ],
)
def test_a_task_that_cannot_be_is_refused(
    options: list[str], culprit: str, run_train: TrainCommand, write_csv: Callable[[str], Path]
) -> None:
    run = run_train(write_csv(table()), "--target", "price", *options)
    assert (run.status, run.out, len(run.err.splitlines())) == (2, "", 1)
    assert culprit in run.err


def test_a_column_that_tells_the_target_alone_is_warned_of(
    run_train: TrainCommand, write_csv: Callable[[str], Path]
) -> None:
    draw = random.Random(1)  # noqa: S311 -- a table, no secret
    rows = [f"{draw.random()},{i % 2 + 0.01 * draw.random():.4f},{'yes' if i % 2 else 'no'}" for i in range(120)]
    run = run_train(write_csv("\n".join(["noise,tell,y", *rows])), "--target", "y")
    warned = [line for line in document(run)["training"]["warnings"] if "alone tells" in line]
    assert [line.split("'")[1] for line in warned] == ["tell"]


def test_the_report_of_a_mixed_table_shows_columns_and_classes(
    run_train: TrainCommand, write_csv: Callable[[str], Path]
) -> None:
    run = run_train(write_csv(table()), "--target", "colour", "--drop", "sold", report=True)
    page = run.files["report.html"].decode()
    assert (run.status, run.err) == (0, "")
    for words in ("By class, the rarest first", "left out by hand", '<svg class="bars"', "good as new"):
        assert words in page
