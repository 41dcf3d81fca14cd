"""What a person sees after training: the metrics beside the baseline's, and a plain word when they are no good."""

import json
import random
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.training.conftest import TrainCommand

WARNING = "The model does NOT beat the baseline"
REGRESSION = ["r2", "mae", "rmse"]
CLASSIFICATION = ["accuracy", "balanced_accuracy", "log_loss", "roc_auc"]
FOREST = "sklearn.ensemble.RandomForest"


@pytest.mark.parametrize(
    ("table", "arguments", "names"),
    [
        ("diabetes", [], REGRESSION),
        ("diabetes", ["--estimator", f"{FOREST}Regressor"], REGRESSION),
        ("diabetes", ["--estimator", "sklearn.linear_model.Ridge", "--scale"], REGRESSION),
        ("wine", ["--estimator", f"{FOREST}Classifier"], CLASSIFICATION),
        ("wine", ["--scale"], CLASSIFICATION),
    ],
)
def test_a_good_model_beats_the_baseline_on_rows_that_were_held_out(
    table: str, arguments: list[str], names: list[str], run_train: TrainCommand, request: pytest.FixtureRequest
) -> None:
    run = run_train(request.getfixturevalue(table), "--target", "target", *arguments)
    assert (run.status, run.err, WARNING in run.out) == (0, "", False)
    metrics = json.loads(run.files["model.json"])["training"]["metrics"]
    assert list(metrics["held_out"]) == list(metrics["baseline"]) == list(metrics["cross_validated"]) == names
    assert (metrics["held_out_rows"], metrics["folds"]) == ({"diabetes": 89, "wine": 36}[table], 5)
    if table == "diabetes":
        assert metrics["held_out"]["rmse"] < metrics["baseline"]["rmse"]
    else:
        assert metrics["held_out"]["balanced_accuracy"] > metrics["baseline"]["balanced_accuracy"]


@pytest.mark.parametrize(
    ("table", "arguments", "titles"),
    [
        ("diabetes", [], ["R2", "MAE", "RMSE"]),
        ("wine", ["--scale"], ["accuracy", "balanced accuracy", "log loss", "ROC AUC"]),
        ("wine", ["--estimator", "sklearn.linear_model.RidgeClassifier"], ["accuracy", "balanced accuracy"]),
    ],
)
def test_the_table_names_the_metrics_of_the_task(
    table: str, arguments: list[str], titles: list[str], run_train: TrainCommand, request: pytest.FixtureRequest
) -> None:
    run = run_train(request.getfixturevalue(table), "--target", "target", *arguments)
    assert (run.status, run.err, run.metrics) == (0, "", titles)
    for heading in ("held out", "cross-validated", "baseline"):
        assert heading in run.out
    assert f"wrote {run.directory / 'model.pkl'} (" in run.out


@pytest.mark.parametrize("labels", [[], ["yes", "no"]], ids=["numbers", "labels"])
def test_a_model_that_learnt_nothing_is_called_so(
    labels: list[str], run_train: TrainCommand, write_csv: Callable[[str], Path]
) -> None:
    draw = random.Random(3)  # noqa: S311 -- a table, no secret
    rows = [f"{draw.random()},{draw.choice(labels) if labels else draw.random()}" for _ in range(60)]
    run = run_train(write_csv("\n".join(["x,y", *rows])), "--target", "y")
    assert (run.status, run.err) == (0, "")
    assert run.out.count(f"{WARNING}, which looks at no feature: do not deploy it.") == 1


def test_the_area_under_the_curve_is_left_out_when_a_class_is_not_held_out(
    run_train: TrainCommand, write_csv: Callable[[str], Path]
) -> None:
    rows = [f"{i},{'rare' if i < 2 else 'even' if i % 2 else 'odd'}" for i in range(40)]
    run = run_train(write_csv("\n".join(["x,y", *rows])), "--target", "y")
    assert (run.status, run.err, run.metrics) == (0, "", ["accuracy", "balanced accuracy", "log loss"])


def test_two_rows_are_judged_without_folds_and_without_r2(
    run_train: TrainCommand, write_csv: Callable[[str], Path]
) -> None:
    run = run_train(write_csv("x,y\n1,2\n2,3\n"), "--target", "y")
    assert (run.status, run.err, run.metrics) == (0, "", ["MAE", "RMSE"])


def test_a_warning_of_scikit_learn_is_one_line_on_stdout(run_train: TrainCommand, diabetes: Path) -> None:
    settings = ["--estimator", "sklearn.neural_network.MLPRegressor", "--set", "max_iter=2", "--scale"]
    run = run_train(diabetes, "--target", "target", *settings)
    assert (run.status, run.err) == (0, "")
    assert len([line for line in run.out.splitlines() if line.startswith("warning: ")]) == 1
    assert "Maximum iterations (2) reached" in run.out


def test_a_folder_whose_name_looks_like_markup_is_printed_as_it_is(run_train: TrainCommand, tmp_path: Path) -> None:
    run = run_train(out=tmp_path / "[b]:smile:[" / "]")
    assert (run.status, run.err) == (0, "")
    assert str(run.directory / "model.json") in run.out
