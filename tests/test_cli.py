"""`flask --app webapp model`: the model without a server, with the checks and the numbers of HTTP."""

import hashlib
import json
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import Result

from handlers.service import load_service, process_service
from predictor.columns import Boolean, Category, Column, Number, Text
from servers.running import BIN, ROOT, environment
from tests.files import copy_model
from webapp import create_app
from webapp.cli import cell
from webapp.table_predictions import harmless


def run(*arguments: str, stdin: str | None = None) -> Result:
    return create_app().test_cli_runner().invoke(args=["model", *arguments], input=stdin)


def test_show_prints_the_manifest() -> None:
    done = run("show")
    assert done.exit_code == 0
    assert json.loads(done.stdout) == process_service().predictor.manifest.public()
    digest = hashlib.sha256((ROOT / "model.json").read_bytes()).hexdigest()
    assert f"manifest sha256: {digest}, for MODEL_SHA256\n" in done.stderr


@pytest.mark.parametrize(("label", "cell"), [("=1+1", "'=1+1"), ("@x", "'@x"), ("low", "low"), ("-1.5", "-1.5")])
def test_a_label_is_no_formula(label: str, cell: str) -> None:
    assert harmless(label) == cell


def test_verify_says_what_was_proven() -> None:
    manifest = process_service().predictor.manifest
    done = run("verify")
    assert (done.exit_code, done.stdout) == (
        0,
        f"example 1.0 is what its manifest says: sha256 {manifest.artifact['sha256']}, 5 globals, "
        "sklearn.linear_model.LinearRegression, 3 features, package versions, and 5 of 5 examples predicted again\n",
    )


def test_verify_fails_where_a_server_would(tmp_path: Path) -> None:
    command = [str(BIN / "flask"), "--app", "webapp", "model", "verify"]
    environ = environment(MODEL_DIR=str(tmp_path))
    done = subprocess.run(command, cwd=ROOT, env=environ, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith(f"tandem: cannot read {tmp_path}/model.json")
    assert done.stderr.count("\n") == 1


def test_a_command_shows_the_model_of_its_app(tmp_path: Path) -> None:
    manifest = json.loads((copy_model(tmp_path) / "model.json").read_text())
    (tmp_path / "model.json").write_text(json.dumps(manifest | {"version": "2.0"}))
    app = create_app(load_service({"MODEL_DIR": str(tmp_path)}))
    shown = app.test_cli_runner().invoke(args=["model", "show"])
    assert json.loads(shown.stdout)["version"] == "2.0"
    assert json.loads(run("show").stdout)["version"] == "1.0"


@pytest.mark.parametrize(
    ("arguments", "status", "says"),
    [
        (["1", "2", "3"], 0, '{"prediction":10.0,"model_version":"1.0"}\n'),
        (["-1", "2", "-3e0"], 0, '{"prediction":-2.0,"model_version":"1.0"}\n'),
        (["1", "2"], 1, "Error: features must have 3 numbers, has 2 values\n"),
        (["1", "two", "3"], 1, "Error: value 2 must be a number, not a string\n"),
        (
            ["1", "nan", "1e999"],
            1,
            "Error: value 2 must be a number that float64 holds; value 3 must be a number that ",
        ),
        (["1e308", "1e308", "1e308"], 1, "Error: features the prediction is not a finite number for this input\n"),
        ([], 2, "give either values, in the order of the features, or --csv FILE\n"),
        (["1", "--csv", "x.csv"], 2, "give either values, in the order of the features, or --csv FILE\n"),
        (["--csv", "/nowhere/x.csv"], 1, "Error: cannot read /nowhere/x.csv: "),
    ],
)
def test_predict_one_row(arguments: list[str], status: int, says: str) -> None:
    done = run("predict", *arguments)
    assert done.exit_code == status
    assert says in done.output


def test_predict_a_table(tmp_path: Path) -> None:
    (tmp_path / "rows.csv").write_text('\ufeffnote,x3,x1,x2\nhello,3,1,2\n"a,""b""",4,2,3\n', encoding="utf-8")
    done = run("predict", "--csv", str(tmp_path / "rows.csv"))
    assert (done.exit_code, done.stdout) == (
        0,
        'note,x3,x1,x2,prediction\nhello,3,1,2,10.0\n"a,""b""",4,2,3,15.0\n',
    )


def test_predict_many_rows_from_stdin() -> None:
    table = "x1,x2,x3\n" + "".join(f"{n},2,3\n" for n in range(2500))
    done = run("predict", "--csv", "-", stdin=table)
    assert done.stdout.splitlines()[1:] == [f"{n},2,3,{3 * n + 7}.0" for n in range(2500)]


@pytest.mark.parametrize(
    ("table", "says"),
    [
        ("x1,x2\n1,2\n", "Error: the table has no column x3; the features are x1, x2, x3\n"),
        ("", "Error: the table has no column x1, x2, x3; the features are x1, x2, x3\n"),
        ("x1,x2,x3\n1,2,3\n1,,3\n", "Error: row 2, x2 must be a number, not a string\n"),
        ("x1,x2,x3\n1,2,3,4\n", "Error: line 2 has 4 values, but the header names 3 columns; correct it\n"),
        ("x1,x2,x3\n1_0,2,3\n", "Error: row 1, x1 must be a number, not a string\n"),
        ("x1,x2,x3\n" + "1,2,3\n" * 1500 + "1,2\n", "Error: row 1501, x3 must be a number, not a string\n"),
    ],
)
def test_a_table_that_cannot_be_predicted_is_one_line(table: str, says: str) -> None:
    done = run("predict", "--csv", "-", stdin=table)
    assert (done.exit_code, done.stderr) == (1, says)


def written(folder: Path, content: str, name: str = "rows.csv") -> str:
    (folder / name).write_text(content, encoding="utf-8")
    return str(folder / name)


# A table in a file -> what is written; the example's y is 3 x1 + x2 + x3 + 2.
TABLES = {
    "semicolons": ("x1;x2;x3\n1;2;3\n", "x1;x2;x3;prediction\n1;2;3;10.0\n"),
    "tabs, and another column": (
        "x3\tgröße\tx1\tx2\n3\tß\t1\t2\n",
        "x3\tgröße\tx1\tx2\tprediction\n3\tß\t1\t2\t10.0\n",
    ),
    "a formula": ("=a,x1,x2,x3\n=1+1,1,2,3\n", "'=a,x1,x2,x3,prediction\n'=1+1,1,2,3,10.0\n"),
    "what looks like one": ("a,x1,x2,x3\n-,-1,+2,-3e0\n", "a,x1,x2,x3,prediction\n-,-1,+2,-3e0,-2.0\n"),
    "blank lines and a line break": ('a,x1,x2,x3\n\n"b\nc",1,2,3\n', 'a,x1,x2,x3,prediction\n"b\nc",1,2,3,10.0\n'),
    "a footnote": ("x1,x2,x3\n1,2,3\nSource: the world\n", "x1,x2,x3,prediction\n1,2,3,10.0\n"),
    "no rows": ("x1,x2,x3\n", "x1,x2,x3,prediction\n"),
}


@pytest.mark.parametrize("what", TABLES)
def test_a_table_is_written_as_it_is_with_a_column_more(what: str, tmp_path: Path) -> None:
    content, expected = TABLES[what]
    done = run("predict", "--csv", written(tmp_path, content))
    assert (done.exit_code, done.stdout, done.stderr) == (0, expected, "")


# A table in a file -> the one line that names its bad row.
BAD_ROWS = {
    "a gap": ("x1,x2,x3\n1,2,3\n\n1,,3\n", "line 4, x2 must be a number, not a string"),
    "an underscore": ("x1,x2,x3\n1_0,2,3\n", "line 2, x1 must be a number, not a string"),
    "a number that is too large": ("x1,x2,x3\n1e999,2,3\n", "line 2, x1 must be a number that float64 holds"),
    "a cell too many": (
        "x1,x2,x3\n1,2,3\n1,2,3,4\n",
        "line 3 has 4 values, but the header names 3 columns; correct it",
    ),
    "a cell too few": ("x1,x2,x3,z\n1,2,3\n", "line 2 has 3 values, but the header names 4 columns; correct it"),
    "no finite prediction": ("x1,x2,x3\n1,2,3\n1e308,1e308,1\n", "line 3 the prediction is not a finite number"),
    "a quote without end": ('x1,x2,x3\n1,2,"3\n', "a quote that opens in line 2 is never closed"),
    "not a table": ("\0\0\0\0", "the table has no column x1, x2, x3; the features are x1, x2, x3"),
}


@pytest.mark.parametrize("what", BAD_ROWS)
def test_a_bad_row_is_named_by_its_line(what: str, tmp_path: Path) -> None:
    content, says = BAD_ROWS[what]
    done = run("predict", "--csv", written(tmp_path, content))
    assert (done.exit_code, len(done.stderr.splitlines())) == (1, 1)
    assert done.stderr.startswith(f"Error: {says}")


def test_a_folder_is_no_table(tmp_path: Path) -> None:
    assert run("predict", "--csv", str(tmp_path)).stderr == f"Error: cannot read {tmp_path}: Is a directory\n"


def test_parquet_is_predicted_or_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    duckdb = pytest.importorskip("duckdb")
    path = tmp_path / "rows.parquet"
    duckdb.sql("SELECT 'a' note, 1 x1, 2.0 x2, 3 x3").write_parquet(str(path))
    assert run("predict", "--csv", str(path)).stdout == "note,x1,x2,x3,prediction\na,1,2.0,3,10.0\n"
    monkeypatch.setitem(sys.modules, "duckdb", None)
    done = run("predict", "--csv", str(path))
    assert (done.exit_code, done.stderr) == (1, "Error: to read Parquet files, install DuckDB: pip install duckdb\n")
    assert run("predict", "--csv", written(tmp_path, "x1,x2,x3\n1,2,3\n")).exit_code == 0  # CSV needs no DuckDB


@pytest.mark.parametrize(
    "cell", ["=1+1", "+cmd|' /C calc'!A0", "-2+3", "@SUM(A1)", "\t=1", "\r=1", " =1", "-a", "+1+1"]
)
def test_a_cell_that_a_spreadsheet_would_run_is_made_harmless(cell: str) -> None:
    assert harmless(cell) == f"'{cell}"


@pytest.mark.parametrize("cell", ["-1", "+2.5e-3", "-1,5", "-$1,200", "-5%", "-", "a=b", "", "1-2", "a@b.c", " -3 "])
def test_any_other_cell_stays_as_it_is(cell: str) -> None:
    assert harmless(cell) == cell


@pytest.mark.parametrize(
    ("column", "text", "value"),
    [
        (Number("n"), "1", 1.0),
        (Number("n"), "null", "null"),
        (Number("n", missing=True), "null", None),
        (Boolean("b"), "True", True),
        (Boolean("b"), "1", "1"),
        (Category("c", values=["1"]), "1", "1"),
        (Category("c", values=[1]), "1", 1),
        (Category("c", values=[1]), "1_0", "1_0"),
        (Category("c", missing=True), "", None),
        (Text("t"), "true", "true"),
        (None, "1", "1"),
    ],
)
def test_a_value_is_read_by_its_column(column: Column | None, text: str, value: object) -> None:
    assert (cell(text, column), type(cell(text, column))) == (value, type(value))
