"""Several targets from one table: `--target a,b`."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import r2_score, root_mean_squared_error

import predictor
from tests.training.conftest import Run, TrainCommand
from training import reproduce

RANDOM = np.random.RandomState(0)
ROWS = 120
AREA, ROOMS = (RANDOM.rand(ROWS) * 90 + 10).round(1), RANDOM.randint(1, 6, ROWS)
FLATS = pd.DataFrame({
    "area": AREA,
    "rooms": ROOMS,
    "city": RANDOM.choice(["Ulm", "Bremen", "Köln"], ROWS),
    "rent": (AREA * 9 + ROOMS * 50 + RANDOM.randn(ROWS) * 20).round(2),
    "price": (AREA * 3000 + ROOMS * 1e4 + RANDOM.randn(ROWS) * 5000).round(2),
    "level": np.where(AREA > 60, "high", np.where(AREA > 30, "middle", "low")),
    "quiet, really": np.where(ROOMS + RANDOM.rand(ROWS) > 3, "yes", "no"),
    "large": np.where(AREA > 50, "true", "false"),
    "sunny": np.where(ROOMS > 3, "true", "false"),
    "floor": RANDOM.randint(0, 3, ROWS),
    "doors": RANDOM.randint(1, 4, ROWS),
})  # fmt: skip
FEATURES = ["area", "rooms", "city"]
WORDS = 'level,"quiet, really"'
LOGISTIC = "sklearn.linear_model.LogisticRegression"

TrainOn = Callable[..., Run]


@pytest.fixture
def train_on(run_train: TrainCommand, tmp_path: Path) -> TrainOn:
    """Train from the columns of FLATS that are features and targets."""

    def train_on(target: str, names: list[str], *more: str, table: pd.DataFrame = FLATS, report: bool = False) -> Run:
        table[[*FEATURES, *names]].to_csv(tmp_path / "flats.csv", index=False)
        return run_train(tmp_path / "flats.csv", "--target", target, *more, report=report)

    return train_on


def manifest_of(run: Run) -> dict[str, Any]:
    assert (run.status, run.err) == (0, "")
    found: dict[str, Any] = json.loads(run.files["model.json"])
    return found


def estimator_of(run: Run) -> Any:
    return predictor.load(run.directory, "sklearn").estimator


def refused(run: Run) -> str:
    [line] = run.err.splitlines()
    assert (run.status, run.files) == (2, {})
    return line


def learner_of(run: Run) -> list[str]:
    """Return the class of the last step, and of what it fits for each target."""
    found = manifest_of(run)["estimator"]
    last = found["parameters"]["steps"][-1][1] if "steps" in found["parameters"] else found
    inner = last["parameters"].get("estimator")
    return [part["class"].rpartition(".")[2] for part in (last, inner) if isinstance(part, dict)]


def test_numbers_are_learnt_together_and_served_by_name(train_on: TrainOn) -> None:
    run = train_on("rent,price", ["rent", "price"])
    found = manifest_of(run)
    assert (found["task"], found["target"], found["classes"]) == ("regression", "rent, price", None)
    assert [output["name"] for output in found["outputs"]] == ["rent", "price"]
    assert learner_of(run) == ["LinearRegression"]
    loaded = predictor.load(run.directory)
    got = loaded.predict(loaded.manifest.inputs(FLATS[FEATURES].values.tolist()))
    assert r2_score(FLATS[["rent", "price"]], got, multioutput="raw_values").min() > 0.98


def test_labels_are_learnt_one_by_one_where_the_estimator_knows_one(train_on: TrainOn) -> None:
    run = train_on(WORDS, ["level", "quiet, really"])
    found = manifest_of(run)
    assert (found["task"], found["target"]) == ("classification", "level, quiet, really")
    assert found["outputs"] == [
        {"name": "level", "classes": ["high", "low", "middle"]},
        {"name": "quiet, really", "classes": ["no", "yes"]},
    ]
    assert learner_of(run) == ["MultiOutputClassifier", "LogisticRegression"]
    assert list(found["examples"][0]["prediction"]) == ["level", "quiet, really"]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("estimator", "learners"),
    [
        ("sklearn.ensemble.RandomForestRegressor", ["RandomForestRegressor"]),
        ("sklearn.linear_model.Ridge", ["Ridge"]),
        (
            "sklearn.ensemble.HistGradientBoostingRegressor",
            ["MultiOutputRegressor", "HistGradientBoostingRegressor"],
        ),
        ("sklearn.svm.LinearSVR", ["MultiOutputRegressor", "LinearSVR"]),
    ],
)
def test_an_estimator_that_knows_one_number_gets_a_copy_for_each(
    estimator: str, learners: list[str], train_on: TrainOn
) -> None:
    gaps = FLATS.assign(area=FLATS["area"].where(FLATS.index % 9 > 0))
    run = train_on("rent,price", ["rent", "price"], "--estimator", estimator, table=gaps)
    assert learner_of(run) == learners
    assert predictor.load(run.directory).replay() == []


@pytest.mark.parametrize(
    ("targets", "classes"),
    [
        (["large", "sunny"], [[False, True], [False, True]]),
        (["floor", "doors"], [[0, 1, 2], [1, 2, 3]]),
        (["level", "quiet, really"], [["high", "low", "middle"], ["no", "yes"]]),
    ],
)
@pytest.mark.parametrize("estimator", ["LogisticRegression", pytest.param("Forest", marks=pytest.mark.slow)])
def test_labels_stay_of_their_type(targets: list[str], classes: Any, estimator: str, train_on: TrainOn) -> None:
    name = {"Forest": "sklearn.ensemble.RandomForestClassifier"}.get(estimator, LOGISTIC)
    more = ["--estimator", name, *(["--set", "n_estimators=5"] if estimator == "Forest" else [])]
    text = ",".join(f'"{target}"' for target in targets)
    found = manifest_of(train_on(text, targets, *more))
    assert [output["classes"] for output in found["outputs"]] == classes
    for example in found["examples"]:
        assert all(example["prediction"][name] in known for name, known in zip(targets, classes, strict=True))


def test_metrics_are_those_of_each_target_and_their_mean(train_on: TrainOn) -> None:
    found = manifest_of(train_on("rent,price", ["rent", "price"]))["training"]["metrics"]
    assert list(found["by_target"]) == ["rent", "price"]
    for kind in ("held_out", "baseline"):
        for name in ("r2", "mae", "rmse"):
            each = [found["by_target"][target][kind][name] for target in ("rent", "price")]
            assert found[kind][name] == pytest.approx(np.mean(each))
    assert found["by_target"]["price"]["baseline"]["rmse"] > 50 * found["by_target"]["rent"]["baseline"]["rmse"]


def test_the_baseline_of_each_target_is_its_own_mean(train_on: TrainOn) -> None:
    """As scikit-learn computes it on the same split."""
    from tables import read
    from training.evaluate import split
    from training.problem import Problem

    run = train_on("rent,price", ["rent", "price"])
    found = manifest_of(run)["training"]["metrics"]["by_target"]
    problem = Problem.of(read(run.directory.parent / "flats.csv", "rent,price"), "regression")
    train, test = split(problem, 0.2, 0)
    for name, values in problem.targets.items():
        mean = np.full(len(test), values[train].mean())
        assert found[name]["baseline"]["rmse"] == pytest.approx(root_mean_squared_error(values[test], mean))


def test_what_is_printed_has_a_line_for_each_target(train_on: TrainOn) -> None:
    run = train_on(WORDS, ["level", "quiet, really"])
    lines = run.out.splitlines()
    assert any(line.startswith("level ") for line in lines)
    assert any(line.startswith("quiet, really ") for line in lines)
    assert "does NOT beat the baseline" not in run.out


def test_a_row_without_one_of_the_targets_is_left_out_with_its_number(train_on: TrainOn) -> None:
    table = FLATS.copy()
    table.loc[3, "rent"] = table.loc[7, "price"] = np.nan
    found = manifest_of(train_on("rent,price", ["rent", "price"], table=table))["training"]
    assert found["rows"] == ROWS - 2
    assert found["rows_left_out"] == {"count": 2, "reason": "one of the targets has no value", "lines": [5, 9]}


@pytest.mark.parametrize("named", ["quiet, really", '"quiet, really"'])
def test_a_column_with_a_comma_in_its_name_is_one_target(named: str, train_on: TrainOn) -> None:
    found = manifest_of(train_on(named, ["quiet, really"]))
    assert (found["target"], found["classes"], "outputs" in found) == ("quiet, really", ["no", "yes"], False)


@pytest.mark.parametrize(
    ("target", "names", "more", "says"),
    [
        ("rent,level", ["rent", "level"], [], "the targets are of different kinds: regression, since "),
        ("rent,level", ["rent", "level"], ["--task", "regression"], "'rent' holds numbers, 'level' words"),
        ("level,large", ["level", "large"], [], "'level' holds words, 'large' truth values; train a model for each"),
        ("rent,nothing", ["rent"], [], "it has no column 'nothing'"),
        ("rent,", ["rent"], [], "it has no column ''"),
        ("rent,rent", ["rent"], [], "--target names a column twice"),
        ("rent,price", ["rent", "price"], ["--drop", "price"], "--drop price: that is the target"),
        ("rent,price", ["rent", "price"], ["--estimator", LOGISTIC], "holds fractions"),
        ("level,large", ["level", "large"], ["--estimator", "sklearn.linear_model.Ridge"], "'level' holds words"),
        (WORDS, ["level", "quiet, really"], ["--task", "regression"], "predicts numbers, but the target"),
        ("rent,price", ["rent", "price"], [*(f"--drop={name}" for name in FEATURES)], "no column is left to predict"),
    ],
)  # fmt: skip
def test_what_cannot_be_learnt_together_is_one_line(
    target: str, names: list[str], more: list[str], says: str, train_on: TrainOn
) -> None:
    assert says in refused(train_on(target, names, *more))


def test_targets_that_no_row_has_together_are_one_line(train_on: TrainOn) -> None:
    table = FLATS.assign(rent=FLATS["rent"].where(FLATS.index < 60), price=FLATS["price"].where(FLATS.index >= 60))
    assert "no row has all of the targets 'rent', 'price'" in refused(
        train_on("rent,price", ["rent", "price"], table=table)
    )


def test_a_class_of_one_row_is_named_with_its_target(train_on: TrainOn) -> None:
    table = FLATS.assign(level=FLATS["level"].where(FLATS.index != 5, "palace"))
    assert "the class 'palace' of 'level' has one row only" in refused(
        train_on(WORDS, ["level", "quiet, really"], table=table)
    )


def test_classes_that_are_rare_together_are_learnt_all_the_same(train_on: TrainOn) -> None:
    """Each class has rows enough, though some pairs of classes have one."""
    table = FLATS[:24].assign(level=["a", "b", "c"] * 8, **{"quiet, really": ["yes", "no"] * 11 + ["maybe", "maybe"]})
    run = train_on(WORDS, ["level", "quiet, really"], "--seed", "3", table=table)
    assert run.status == 0, run.err


def test_a_category_of_many_values_needs_no_target_of_one_column(train_on: TrainOn) -> None:
    table = FLATS.assign(city=[f"town {number % 60}" for number in range(ROWS)])
    assert predictor.load(train_on("rent,price", ["rent", "price"], table=table).directory).replay() == []


def test_whole_numbers_with_task_regression_are_numbers(train_on: TrainOn) -> None:
    found = manifest_of(train_on("floor,doors", ["floor", "doors"], "--task", "regression"))
    assert found["task"] == "regression"
    assert all("classes" not in output for output in found["outputs"])


@pytest.mark.slow
def test_estimator_auto_compares_by_the_mean_over_the_targets(train_on: TrainOn) -> None:
    run = train_on("rent,price", ["rent", "price"], "--estimator", "auto")
    compared = manifest_of(run)["training"]["compared"]
    assert [one["class"].rpartition(".")[2] for one in compared] == [
        "LinearRegression", "RandomForestRegressor", "HistGradientBoostingRegressor",
    ]  # fmt: skip
    means = [one["cross_validated"]["r2"]["mean"] for one in compared]
    assert max(means) == means[0]
    assert learner_of(run) == ["LinearRegression"]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("target", "names"),
    [("rent,price", ["rent", "price"]), (WORDS, ["level", "quiet, really"])],
    ids=["numbers", "words"],
)
def test_the_report_shows_each_target(target: str, names: list[str], train_on: TrainOn) -> None:
    page = train_on(target, names, report=True).files["report.html"].decode()
    titles = ["Predicted against actual"] if names[0] == "rent" else ["Confusion matrix", "ROC", "Calibration"]
    for name in names:
        for title in titles:
            assert page.count(f"<h3>{title} of {name}</h3>") == 1
        assert f'<th scope="row">{name}</th>' in page
        assert f"<dt>{name}</dt>" in page
    assert page.count("<h3>Permutation importance</h3>") == 1
    if names[0] == "level":
        assert "level, by class, the rarest first" in page


@pytest.mark.slow
@pytest.mark.parametrize(
    ("target", "names"),
    [("rent,price", ["rent", "price"]), (WORDS, ["level", "quiet, really"])],
    ids=["numbers", "words"],
)
def test_it_is_reproduced_bit_for_bit(
    target: str, names: list[str], train_on: TrainOn, capsys: pytest.CaptureFixture[str]
) -> None:
    boosting = {"rent": "Regressor", "level": "Classifier"}[names[0]]
    more = ["--estimator", f"sklearn.ensemble.HistGradientBoosting{boosting}", "--set", "max_iter=5"]
    run = train_on(target, names, *more)
    with pytest.raises(SystemExit) as ended:
        reproduce.main([str(run.directory.parent / "flats.csv"), "--model", str(run.directory)])
    assert ended.value.code == 0
    assert "reproduced bit for bit" in capsys.readouterr().out


def test_classes_that_are_never_found_are_named_with_their_target(train_on: TrainOn) -> None:
    table = FLATS.assign(level=np.where(FLATS.index % 8 == 0, "rare", "usual"))
    run = train_on(WORDS, ["level", "quiet, really"], table=table)
    found = manifest_of(run)["training"]
    assert found["metrics"]["by_target"]["level"]["never_found"] == {"rare": 3}
    assert any("of 'level', the model finds none of the held-out 'rare' (3 rows)" in line for line in found["warnings"])
    assert found["metrics"]["by_target"]["level"]["held_out"]["balanced_accuracy"] == 0.5
