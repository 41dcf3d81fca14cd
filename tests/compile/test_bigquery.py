"""The file for BigQuery ML: of the form that it imports, equal to the estimator, or refused in one line."""

import hashlib
import json
from pathlib import Path

import joblib
import numpy as np
import onnx
import onnxruntime
import pandas as pd
import pytest

import predictor
import train

COLOURS = ["red", "blue", "green"]
FOREST = "sklearn.ensemble.RandomForestRegressor"


def table(*, gap: str = "3", word: str = "red") -> str:
    """Return rows with a number, a category, a boolean and a date, the second of them with two cells of choice."""
    rows = ["the size,colour,new,sold,price"]
    for i in range(120):
        size, colour = (gap, word) if i == 1 else (i % 17, COLOURS[i % 3])
        rows.append(
            f"{size},{colour},{i % 2 == 0},20{20 + i % 3}-{1 + i % 12:02}-07,{3 * (i % 17) + 40 * (i % 3) + 0.5}"
        )
    return "\n".join(rows)


def rare() -> str:
    """Return rows enough for one to be rare."""
    names, *rows = table(word="violet").splitlines()
    return "\n".join([names, *rows, *(rows[0] for _ in range(2000))])


def trained(folder: Path, content: str, *options: str) -> Path:
    path = folder / "table.csv"
    path.write_text(content)
    train.main([str(path), "--target", "price", "--no-report", "--out", str(folder / "out"), *options])
    return folder / "out"


@pytest.mark.parametrize(
    "options",
    [[], ["--estimator", FOREST, "--set", "n_estimators=9"], ["--drop", "colour", "--drop", "sold"]],
    ids=["linear", "forest", "a matrix"],
)
def test_the_file_has_the_form_that_bigquery_imports_and_predicts_the_same(options: list[str], tmp_path: Path) -> None:
    out = trained(tmp_path, table(), "--compile", "--bigquery", *options)
    data = (out / "model.bigquery.onnx").read_bytes()
    model = onnx.load_from_string(data)
    onnx.checker.check_model(model, full_check=True)
    versions = {imported.domain: imported.version for imported in model.opset_import}
    assert (model.ir_version, versions[""], len(versions)) == (8, 17, len(model.opset_import))
    assert set(versions) <= {"", "ai.onnx.ml"}
    assert versions.get("ai.onnx.ml", 1) <= 3
    assert all(value.type.HasField("tensor_type") for value in [*model.graph.input, *model.graph.output])
    facts = json.loads((out / "model.json").read_text())["bigquery"]
    assert (facts["sha256"], facts["size"]) == (hashlib.sha256(data).hexdigest(), len(data))
    assert facts["largest_difference"] <= facts["tolerance"] == 1e-4

    served = predictor.load(out)
    rows = [[5.0, "red", True, "2021-03-04"], [16.0, "never seen", False, "2022-12-31"]]
    names = ["the size", "colour", "new", "sold"]
    cells = [[row[names.index(column.name)] for column in served.manifest.features] for row in rows]
    expected = served.predict(served.manifest.inputs(cells))
    session = onnxruntime.InferenceSession(data)
    if served.manifest.input == "matrix":
        feeds = {"features": np.array(cells, dtype=np.float32)}
    else:
        frame = pd.DataFrame(
            {"the_size": [5, 16], "colour": ["red", "never seen"], "new": [1, 0], "sold": [18690, 19357],
             "sold_month": [3, 12]}
        )  # fmt: skip
        feeds = {
            found.name: frame[[found.name]].to_numpy(dtype=object if "string" in found.type else np.float32)
            for found in session.get_inputs()
        }
    np.testing.assert_allclose(session.run(None, feeds)[0].ravel(), expected, rtol=1e-4)


def test_labels_and_probabilities_are_tensors(tmp_path: Path) -> None:
    rows = [f"{i % 17},{i % 2},{'dear' if i % 17 > 8 else 'cheap'}" for i in range(120)]
    out = trained(tmp_path, "\n".join(["size,new,price", *rows]), "--compile", "--bigquery")
    session = onnxruntime.InferenceSession((out / "model.bigquery.onnx").read_bytes())
    two = np.array([[2, 1], [16, 0]], dtype=np.float32)
    label, probabilities = session.run(None, {"features": two})
    fitted = joblib.load(out / "model.pkl")
    assert label.tolist() == fitted.predict(two).tolist() == ["cheap", "dear"]
    np.testing.assert_allclose(probabilities, fitted.predict_proba(two), atol=1e-4)


# What has no such form: the table, the options, and the words that say why.
REFUSED: dict[str, tuple[str, list[str], str]] = {
    "a gap": (table(gap=""), [], "column 'the size' may be missing, which has no form there"),
    "a missing word": (table(word=""), [], "column 'colour' may be missing"),
    "a rare category": (rare(), [], "some categories are rare and taken together"),
    "histograms": (table(), ["--estimator", "sklearn.ensemble.HistGradientBoostingRegressor"], "cannot convert"),
}


@pytest.mark.parametrize("what", REFUSED)
def test_what_bigquery_cannot_import_is_refused_in_one_line_and_the_rest_is_written(
    what: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    content, options, why = REFUSED[what]
    trained(tmp_path, table(), "--compile", "--bigquery")
    capsys.readouterr()
    with pytest.raises(SystemExit) as ending:
        trained(tmp_path, content, "--compile", "--bigquery", *options)
    (line,) = capsys.readouterr().err.splitlines()
    assert ending.value.code == 2
    assert line.startswith("train.py: no model.bigquery.onnx: ")
    assert why in line
    assert len(line) < 300
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["model.json", "model.onnx", "model.pkl"]
    assert "bigquery" not in json.loads((tmp_path / "out" / "model.json").read_text())


def test_it_goes_with_compile(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        trained(tmp_path, table(), "--bigquery")
    assert "--bigquery goes with --compile" in capsys.readouterr().err
