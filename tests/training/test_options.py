"""The options of the command line, and tables as people really have them."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import predictor
import train
from tests.training.conftest import Run, TrainCommand

ROWS = [f"{i},{i * 7 % 11},{2 * i + 1}" for i in range(20)]
FOREST = ["--estimator", "sklearn.ensemble.RandomForestRegressor", "--set", "n_estimators=3"]


def manifest(run: Run) -> dict[str, Any]:
    assert (run.status, run.err) == (0, "")
    document: dict[str, Any] = json.loads(run.files["model.json"])
    return document


def names(document: dict[str, Any]) -> list[str]:
    return [feature["name"] for feature in document["features"]]


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("max_depth=4", 4),
        ("max_features=0.5", 0.5),
        ("max_features=sqrt", "sqrt"),
        ("max_features='log2'", "log2"),
        ("max_features=None", None),
        ("bootstrap=False", False),
        ("random_state=7", 7),
    ],
)
def test_a_setting_is_a_number_a_word_or_none(
    setting: str, value: Any, run_train: TrainCommand, diabetes: Path
) -> None:
    document = manifest(run_train(diabetes, "--target", "target", *FOREST, "--set", setting))
    assert (document["estimator"]["parameters"]["n_estimators"], document["estimator"]["class"]) == (3, FOREST[1])
    assert document["estimator"]["parameters"][setting.partition("=")[0]] == value


@pytest.mark.parametrize(
    ("estimator", "setting", "described"),
    [
        ("sklearn.neural_network.MLPRegressor", "hidden_layer_sizes=(4, 2)", [4, 2]),
        ("sklearn.svm.SVR", "C=1e999", "inf"),
    ],
)
def test_a_setting_that_json_does_not_have_is_described(
    estimator: str, setting: str, described: Any, run_train: TrainCommand, diabetes: Path
) -> None:
    settings = ["--estimator", estimator, "--set", "max_iter=9", "--set", setting]
    document = manifest(run_train(diabetes, "--target", "target", *settings))
    assert document["estimator"]["parameters"][setting.partition("=")[0]] == described


def test_dropped_columns_are_no_features(run_train: TrainCommand, diabetes: Path) -> None:
    document = manifest(run_train(diabetes, "--target", "target", "--drop", "sex", "--drop", "bp"))
    assert names(document) == ["age", "bmi", "s1", "s2", "s3", "s4", "s5", "s6"]


@pytest.mark.parametrize(
    ("file_name", "name"),
    [
        ("houses.csv", "houses"),
        ("my houses (2).csv", "my-houses-2"),
        ("_Ü.csv", "model"),
        (f"{'a' * 99}.csv", "a" * 64),
    ],
)
def test_the_name_is_by_default_the_files(file_name: str, name: str, run_train: TrainCommand, tmp_path: Path) -> None:
    (tmp_path / file_name).write_text("\n".join(["a,b,y", *ROWS]))
    assert manifest(run_train(tmp_path / file_name, "--target", "y"))["name"] == name


def test_name_version_seed_and_test_size_are_in_the_manifest(run_train: TrainCommand, diabetes: Path) -> None:
    options = ["--name", "sugar", "--version", "2.1+b", "--seed", "5", "--test-size", "0.5"]
    document = manifest(run_train(diabetes, "--target", "target", *FOREST, *options))
    assert (document["name"], document["version"]) == ("sugar", "2.1+b")
    assert (document["training"]["seed"], document["training"]["test_size"]) == (5, 0.5)
    assert document["training"]["metrics"]["held_out_rows"] == 221
    assert document["estimator"]["parameters"]["random_state"] == 5


def test_another_seed_is_another_forest(run_train: TrainCommand, diabetes: Path, tmp_path: Path) -> None:
    runs = [run_train(diabetes, "--target", "target", *FOREST, "--seed", s, out=tmp_path / s) for s in ("1", "2")]
    assert runs[0].files["model.pkl"] != runs[1].files["model.pkl"]


def test_out_makes_its_folders(run_train: TrainCommand, tmp_path: Path) -> None:
    run = run_train(out=tmp_path / "a" / "b" / "c")
    assert (run.status, sorted(run.files)) == (0, ["model.json", "model.pkl"])


def test_without_out_the_artifact_goes_to_model_dir(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("MODEL_DIR", str(tmp_path / "here"))
    train.main([])
    assert capsys.readouterr().err == ""
    assert sorted(path.name for path in (tmp_path / "here").iterdir()) == ["model.json", "model.pkl", "report.html"]


# What a table looks like: its text, what the options add, and the features that must come of it.
TABLES: dict[str, tuple[str, list[str], list[str]]] = {
    "a BOM is no part of the first name": ("\ufeff" + "\n".join(["a,b,y", *ROWS]), [], ["a", "b"]),
    "a BOM before a quote": ("\ufeff" + "\n".join(['"a","b","y"', *ROWS]), [], ["a", "b"]),
    "Windows line ends": ("\r\n".join(["a,b,y", *ROWS, ""]), [], ["a", "b"]),
    "old Macintosh line ends": ("\r".join(["a,b,y", *ROWS]), [], ["a", "b"]),
    "blank lines": ("\n\n" + "\n\n".join(["a,b,y", *ROWS, ""]), [], ["a", "b"]),
    "spaces around names and numbers": (
        "\n".join([" a , b , y ", *(row.replace(",", " , ") for row in ROWS)]),
        [],
        ["a", "b"],
    ),
    "Unicode names": ("\n".join(["größe,価格 €,y", *ROWS]), [], ["größe", "価格 €"]),
    "numbers as names": ("\n".join(["2020,2021,y", *ROWS]), [], ["2020", "2021"]),
    "names that pandas would make": ("\n".join(["y.1,y.2,y", *ROWS]), [], ["y.1", "y.2"]),
    "quoted numbers": ("\n".join(["a,b,y", *('"' + row.replace(",", '","') + '"' for row in ROWS)]), [], ["a", "b"]),
    "a newline in a dropped column": (
        "\n".join(["note,a,b,y", *(f'"two\nlines",{row}' for row in ROWS)]),
        ["--drop", "note"],
        ["a", "b"],
    ),
    "dates in a dropped column": (
        "\n".join(["day,a,b,y", *(f"2024-01-{i:02},{row}" for i, row in enumerate(ROWS, 1))]),
        ["--drop", "day"],
        ["a", "b"],
    ),
    "thousands of columns": (
        "\n".join(
            [",".join([*(f"c{j}" for j in range(3000)), "y"]), *(f"{','.join([str(i)] * 3000)},{i}" for i in range(20))]
        ),
        [],
        [f"c{j}" for j in range(3000)],
    ),
}


@pytest.mark.parametrize("table", TABLES)
def test_a_table_as_people_have_it_is_read_as_they_mean_it(
    table: str, run_train: TrainCommand, write_csv: Callable[[str], Path]
) -> None:
    text, options, expected = TABLES[table]
    run = run_train(write_csv(text), "--target", "y", *options)
    document = manifest(run)
    assert names(document) == expected
    assert document["training"]["rows"] == len(ROWS)
    assert predictor.load(run.directory).manifest.target == "y"


def test_an_integer_of_more_than_64_bits_is_a_number(run_train: TrainCommand, write_csv: Callable[[str], Path]) -> None:
    rows = [f"{10**30 * i},{10**25 * i}" for i in range(20)]
    document = manifest(run_train(write_csv("\n".join(["x,y", *rows])), "--target", "y"))
    assert document["features"] == [
        {"name": "x", "kind": "number", "missing": False, "minimum": 0.0, "maximum": 1.9e31}
    ]
    assert document["task"] == "regression"


@pytest.mark.parametrize(
    ("labels", "options", "predictions"),
    [
        (["red", "blue"], [], ["red", "blue"]),
        (["True", "False"], [], [True, False]),
        (["1", "0"], ["--estimator", "sklearn.linear_model.LogisticRegression"], [1, 0]),
        (["1.0", "0.0"], ["--estimator", "sklearn.linear_model.LogisticRegression"], [1, 0]),
        (["1", "one"], [], ["1", "one"]),
    ],
)
def test_labels_are_words_truth_values_or_whole_numbers(
    labels: list[str],
    options: list[str],
    predictions: list[Any],
    run_train: TrainCommand,
    write_csv: Callable[[str], Path],
) -> None:
    rows = [f"{i},{labels[i > 9]}" for i in range(20)]
    run = run_train(write_csv("\n".join(["x,y", *rows])), "--target", "y", *options)
    assert manifest(run)["classes"] == sorted(predictions)
    predicted = predictor.load(run.directory).predict(np.array([[0.0], [19.0]])).tolist()
    assert [(type(value), value) for value in predicted] == [(type(value), value) for value in predictions]


def test_missing_values_are_learnt_by_an_estimator_that_can(
    run_train: TrainCommand, write_csv: Callable[[str], Path]
) -> None:
    rows = [f"{'' if i % 3 else i},{i * 7 % 61},{2 * i}" for i in range(60)]  # i itself would number the rows
    run = run_train(
        write_csv("\n".join(["a,b,y", *rows])),
        *("--target", "y", "--estimator", "sklearn.ensemble.HistGradientBoostingRegressor", "--set", "max_iter=5"),
    )
    document = manifest(run)
    assert document["features"][0] == {"name": "a", "kind": "number", "missing": True, "minimum": 0.0, "maximum": 57.0}
    assert document["estimator"]["class"] == "sklearn.ensemble.HistGradientBoostingRegressor"
    assert any(None in example["features"] for example in document["examples"])
    assert len(predictor.load(run.directory).manifest.features) == 2


def test_rows_with_gaps_are_examples(run_train: TrainCommand, write_csv: Callable[[str], Path]) -> None:
    rows = [f"{'' if i % 2 else i},{i if i % 2 else ''},{2 * i}" for i in range(60)]
    settings = ["--estimator", "sklearn.ensemble.RandomForestRegressor", "--set", "n_estimators=3"]
    run = run_train(write_csv("\n".join(["a,b,y", *rows])), "--target", "y", *settings)
    gaps = [[cell is None for cell in example["features"]] for example in manifest(run)["examples"]]
    assert len(gaps) == 5
    assert [True, False] in gaps
    assert [False, True] in gaps
    assert predictor.load(run.directory).manifest.task == "regression"
