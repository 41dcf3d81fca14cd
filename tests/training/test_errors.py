"""What cannot be trained: status 2, one line that names the culprit, and the old files as they were."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.training.conftest import Run, TrainCommand

ROWS = [f"{i},{i * 7 % 11},{2 * i + 1}" for i in range(20)]
GOOD = "\n".join(["a,b,y", *ROWS])
FOREST = "sklearn.ensemble.RandomForestRegressor"
LOGISTIC = "sklearn.linear_model.LogisticRegression"


def extended(cells: list[str], name: str = "c") -> str:
    """Return the good table with one column before the others: `cells`, then numbers."""
    filled = [*cells, *map(str, range(len(ROWS) - len(cells)))]
    return "\n".join([f"{name},a,b,y", *(f"{cell},{row}" for cell, row in zip(filled, ROWS, strict=True))])


def targets(*values: str) -> str:
    return "\n".join(["x,y", *(f"{i},{value}" for i, value in enumerate(values))])


def untouched(before: Run, after: Run, culprit: str) -> None:
    assert (after.status, after.out) == (2, "")
    assert after.err.startswith("train.py: ")
    assert after.err.endswith("\n")
    assert len(after.err.splitlines()) == 1
    assert culprit in after.err
    assert after.files == before.files
    assert sorted(after.files) == ["model.json", "model.pkl"]


# What is wrong with the table: its content and the words that the message must hold. What cannot be read at all is
# for the tests of tables.
BAD_TABLES: dict[str, tuple[str | bytes, str]] = {
    "a field is gigantic": (f'{GOOD}\n1,2,"{"3" * 200_000}"\n', "field larger than field limit"),
    "it is empty": ("", "has no rows"),
    "it is blank": ("\n\n", "has no rows"),
    "it has a header only": ("a,b,y\n", "has no rows"),
    "it is a picture": (b"\x89PNG\r\n\x1a\n\x00\x00\x00\x00", "it is no text file"),
    "a quoted field never ends": (f'{GOOD}\n1,"2,3\n', "a quote that opens in line 22 is never closed"),
    "a row is too long": (f"{GOOD}\n1,2,3,4\n", "line 22 has 4 values, but the header names 3 columns"),
    "a row is too short": (f"{GOOD}\n1,2\n", "line 22 has 2 values, but the header names 3 columns"),
    "every row ends in a comma": (
        "\n".join(["a,b,y", *(f"{row}," for row in ROWS)]),
        "every row has 4 values, but the",
    ),
    "it has no such target": (GOOD.replace("y", "z"), "has no column 'y'; it has a, b, z"),
    "it has no such target and many columns": (
        ",".join(f"c{i}" for i in range(99)) + "\n" + ",".join("1" * 99),
        "c19 and 79 more",
    ),
    "a word in a column of a spacious name": (extended(["1", "one"], "my c"), "give --number 'my c' ("),
    "a word in a column of a broken name": (extended(["1", "one"], '"my\nc"'), "give --number 'my c' ("),
    "a column has a NUL": (extended(["1", "3\0"]), "line 3 holds a NUL byte"),
    "a name is too long": (extended([], "n" * 201), "the name of column 1 is longer than 200"),
    "nothing varies": (targets("1", "2").replace("0,", "1,"), "no column is left to predict 'y' from"),
    "the target is empty": (targets("", "", ""), "the target 'y'"),
    "the target has one value": (targets("5", "5", "5"), "the target 'y'"),
    "the target has one row": (targets("5"), "one value only"),
    "the target is infinite": (targets("5", "6", "-inf", "7"), "an infinite value in line 4;"),
    "a class has one row": (targets("red", "red", "blue", "blue", "green"), "the class 'green'"),
    "a target is too large to judge": (targets(*(f"{i}e300" for i in range(9))), "too large"),
    "a column has a word": (extended(["1", "one"]), "column 'c'"),
    "a word is named with its line": (extended(["1", "one"]), "'one' in line 3;"),
    "a column is infinite": (extended(["1", "2", "3", "inf"]), "column 'c'"),
    "an infinite value is named with its line": (extended(["1", "2", "3", "1e999"]), "in line 5;"),
    "two columns have one name": (extended([], "a"), "named 'a'"),
    "two columns are the target": (extended([], " y"), "named 'y'"),
}


@pytest.mark.parametrize("wrong", BAD_TABLES)
def test_a_bad_table_is_refused_by_name_and_nothing_is_written(
    wrong: str, run_train: TrainCommand, write_csv: Callable[[str | bytes], Path]
) -> None:
    content, culprit = BAD_TABLES[wrong]
    before = run_train()
    path = write_csv(content)
    untouched(before, run_train(path, "--target", "y"), culprit)


# What is wrong with the options: the table, the arguments and the words that the message must hold.
BAD_OPTIONS: dict[str, tuple[str, list[str], str]] = {
    "no such column to drop": (GOOD, ["--drop", "q"], "has no column 'q'; it has a, b, y"),
    "a word below quoted newlines": (
        'note,x,y\n"two\nlines",1,2\n"three\n\nlines",q,4\n' + "".join(f"one,{i},7{i}\n" for i in range(20)),
        ["--drop", "note"],
        "column 'x' holds numbers, but 'q' in line 4;",
    ),
    "the target is dropped": (GOOD, ["--drop", "y"], "--drop y: that is the target"),
    "nothing is left": (GOOD, ["--drop", "a", "--drop", "b"], "no column is left to predict 'y' from; drop fewer"),
    "a regressor on words": (
        targets("x", "z") + "\n",
        ["--estimator", FOREST],
        "the target 'y' holds labels such as 'x'",
    ),
    "a classifier on fractions": (targets("1.5", "2", "1.5", "2"), ["--estimator", LOGISTIC], "'y' holds fractions"),
    "a classifier on giants": (targets("1e30", "2", "1e30", "2"), ["--estimator", LOGISTIC], "too large for labels"),
    "too few rows": (targets("1", "2", "3"), ["--test-size", "0.9"], "3 rows cannot be split with --test-size 0.9: "),
    "all rows held out": (GOOD, ["--test-size", "0.99"], "20 rows cannot be split with --test-size 0.99"),
    "a class held out": (
        targets(*["p", "q"] * 19, "r", "r"),
        ["--test-size", "0.9"],
        "--test-size 0.9 leaves no row of some class",
    ),
    "a misspelt estimator": (
        GOOD,
        ["--estimator", "sklearn.ensemble.RandomForestRegresor"],
        "do you mean sklearn.ensemble.RandomForestRegressor or",
    ),
    "an estimator in the wrong module": (
        GOOD,
        ["--estimator", "sklearn.tree.HistGradientBoostingRegressor"],
        "sklearn.ensemble.HistGradientBoostingRegressor",
    ),
    "an estimator without a module": (GOOD, ["--estimator", "Ridge"], "do you mean sklearn.linear_model.Ridge"),
    "a module that is none": (GOOD, ["--estimator", "sklearn.nothing.Zzz"], "sklearn.nothing.Zzz: scikit-learn has no"),
    "a class outside scikit-learn": (GOOD, ["--estimator", "subprocess.Popen"], "--estimator subprocess.Popen: "),
    "a function": (GOOD, ["--estimator", "sklearn.datasets.load_wine"], "--estimator sklearn.datasets.load_wine: "),
    "a transformer": (GOOD, ["--estimator", "sklearn.decomposition.PCA"], "--estimator sklearn.decomposition.PCA: "),
    "a mixin": (GOOD, ["--estimator", "sklearn.base.RegressorMixin"], "--estimator sklearn.base.RegressorMixin: "),
    "an abstract estimator": (
        GOOD,
        ["--estimator", "sklearn.ensemble._forest.ForestRegressor"],
        "ForestRegressor cannot be made",
    ),
    "an estimator of estimators": (GOOD, ["--estimator", "sklearn.ensemble.StackingRegressor"], "StackingRegressor"),
    "an estimator of none": (
        targets(*["p", "q"] * 9),
        ["--estimator", "sklearn.semi_supervised.SelfTrainingClassifier"],
        "SelfTrainingClassifier wraps another estimator",
    ),
    "an estimator of one feature": (
        GOOD,
        ["--estimator", "sklearn.isotonic.IsotonicRegression"],
        "IsotonicRegression cannot be fitted: ",
    ),
    "an estimator of unknown width": (
        GOOD,
        ["--estimator", "sklearn.isotonic.IsotonicRegression", "--drop", "b"],
        "IsotonicRegression cannot be served: ",
    ),
    "an estimator at a loss": (
        targets(*["p", "q"] * 9),
        ["--estimator", "sklearn.neighbors.RadiusNeighborsClassifier", "--set", "radius=0.01"],
        "RadiusNeighborsClassifier has no prediction for rows that it was not fitted on: ",
    ),
    "an unknown parameter": (GOOD, ["--set", "depth=3"], "--set depth=3: LinearRegression has no parameter 'depth'"),
    "a setting without value": (GOOD, ["--set", "fit_intercept"], "--set fit_intercept: write it as PARAMETER=VALUE"),
    "a setting out of range": (GOOD, ["--estimator", FOREST, "--set", "n_estimators=-1"], "Got -1 instead"),
    "a setting too deep to parse": (GOOD, ["--set", f"tol={'-' * 9999}1"], "LinearRegression cannot be fitted: "),
    "a setting with a stray backslash": (GOOD, ["--set", r'tol="\d"'], "LinearRegression cannot be fitted: "),
    "a version with a space": (GOOD, ["--version", "2 beta"], "--version '2 beta': must be"),
    "an empty version": (GOOD, ["--version", ""], "--version '': must be"),
    "a name with a slash": (GOOD, ["--name", "../x"], "--name '../x': must be"),
    "a long name": (GOOD, ["--name", "n" * 65], "--name 'nnn"),
    "a negative seed": (GOOD, ["--seed", "-1"], "--seed -1: "),
    "a giant seed": (GOOD, ["--seed", "4294967296"], "--seed 4294967296: "),
    "nothing held out": (GOOD, ["--test-size", "0"], "--test-size 0.0: "),
    "everything held out": (GOOD, ["--test-size", "1"], "--test-size 1.0: "),
    "not a number held out": (GOOD, ["--test-size", "nan"], "--test-size nan: "),
}


@pytest.mark.parametrize("wrong", BAD_OPTIONS)
def test_bad_options_are_refused_by_name_and_nothing_is_written(
    wrong: str, run_train: TrainCommand, write_csv: Callable[[str], Path]
) -> None:
    content, options, culprit = BAD_OPTIONS[wrong]
    before = run_train()
    untouched(before, run_train(write_csv(content), "--target", "y", *options), culprit)


@pytest.mark.parametrize(
    ("arguments", "culprit"),
    [
        (["table.csv"], "a CSV file and --target COLUMN go together"),
        (["--target", "y"], "a CSV file and --target COLUMN go together"),
        (["--seed", "one"], "--seed"),
        (["--test-size", "half"], "--test-size"),
        (["--nonsense"], "--nonsense"),
    ],
)
def test_a_malformed_command_line_is_refused_with_the_usage(
    arguments: list[str], culprit: str, run_train: TrainCommand
) -> None:
    before = run_train()
    run = run_train(*arguments)
    assert (run.status, run.out, run.files) == (2, "", before.files)
    assert run.err.startswith("usage: train.py ")
    assert culprit in run.err.splitlines()[-1]


@pytest.mark.parametrize("place", ["missing.csv", "", "missing/table.csv"])
def test_a_file_that_cannot_be_read_is_named(place: str, run_train: TrainCommand, tmp_path: Path) -> None:
    before = run_train()
    untouched(before, run_train(tmp_path / place, "--target", "y"), f"cannot read {tmp_path / place}: ")


@pytest.mark.parametrize("place", ["file", "file/below"])
def test_a_folder_that_cannot_be_written_is_named(place: str, run_train: TrainCommand, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    run = run_train("--out", tmp_path, out=tmp_path / place)
    assert (run.status, run.out, len(run.err.splitlines())) == (2, "", 1)
    assert run.err.startswith(f"train.py: cannot write to {tmp_path / place}: ")
    assert [path.name for path in tmp_path.iterdir()] == ["file"]
    assert (tmp_path / "file").read_text() == "in the way"
