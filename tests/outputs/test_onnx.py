"""Both hosts of models that came as an ONNX file: the answers are ONNX Runtime's own."""

import io
import json
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest
from jsonschema import Draft202012Validator

import train
from handlers.service import load_service
from tests.dialects.conftest import Hosts
from tests.outputs.graphs import MADE, Brought, write
from webapp import create_app

Found = Callable[[str], tuple[Hosts, Brought]]
NUMBERS = ["number", "double", "ridge", "one row", "free width", "rents"]
CLASSES = {
    "words": ["high", "low", "middle"],
    "each": ["high", "low", "middle"],
    "whole": [0, 1],
    "flats": [0, 1],
    "scores": ["high", "low", "middle"],
}


@pytest.fixture(scope="module")
def brought(tmp_path_factory: pytest.TempPathFactory) -> Found:
    """Return a function from the name of a file to its hosts, made once, and the file."""
    made: dict[str, tuple[Hosts, Brought]] = {}

    def find(name: str) -> tuple[Hosts, Brought]:
        if name not in made:
            folder, file = tmp_path_factory.mktemp("onnx"), MADE[name]()
            train.main([*write(file, folder), "--name", "model", "--out", str(folder / "model")])
            route = {"AIP_PREDICT_ROUTE": "/vertex", "AIP_HEALTH_ROUTE": "/vertex/health"}
            made[name] = Hosts({"MODEL_DIR": str(folder / "model")} | route, folder), file
        return made[name]

    return find


def cells(rows: pd.DataFrame) -> list[list[Any]]:
    found: list[list[Any]] = json.loads(rows.to_json(orient="values"))
    return found


def probabilities(answers: list[Any], classes: list[Any]) -> list[dict[str, float]]:
    """Return ONNX Runtime's probabilities, maps or an array, as they are answered."""
    rows = [[row[label] for label in classes] if isinstance(row, dict) else row for row in answers[1]]
    return [dict(zip(map(str, classes), map(float, row), strict=True)) for row in rows]


@pytest.mark.parametrize("name", NUMBERS)
def test_numbers_are_those_of_onnx_runtime(brought: Found, name: str) -> None:
    both, file = brought(name)
    rows = file.rows[:20]
    if name == "one row":
        expected = [file.answers(rows[place : place + 1])[0].item() for place in range(len(rows))]
    else:
        expected = file.answers(rows)[0].reshape(-1).tolist()
    got = both.post("/predict", {"instances": cells(rows)}).json()
    assert got == {"predictions": expected, "model_version": "1.0"}
    one = dict(zip(rows, cells(rows)[3], strict=True))
    assert both.post("/predict", {"features": one}).json()["prediction"] == pytest.approx(expected[3], rel=1e-6)


def test_several_numbers_are_answered_by_name(brought: Found) -> None:
    both, file = brought("several")
    expected = [dict(zip(["y1", "y2"], row, strict=True)) for row in file.answers(file.rows[:5])[0].tolist()]
    assert both.post("/predict", {"instances": cells(file.rows[:5])}).json()["predictions"] == expected


@pytest.mark.parametrize("name", CLASSES)
def test_labels_are_those_of_onnx_runtime(brought: Found, name: str) -> None:
    both, file = brought(name)
    answers = file.answers(file.rows)
    got = both.post("/predict", {"instances": cells(file.rows)}).json()
    assert got["predictions"] == answers[0].tolist()
    assert both.get("/model").json()["classes"] == CLASSES[name]
    asked = both.post("/predict", {"instances": cells(file.rows), "probabilities": True})
    if name == "scores":  # which skl2onnx calls probabilities
        assert (asked.status, asked.json()["detail"]) == (422, "this model gives no probabilities")
    else:
        assert asked.json()["probabilities"] == probabilities(answers, CLASSES[name])


def test_a_row_is_refused_as_its_columns_say(brought: Found) -> None:
    both, _ = brought("flats")
    for cell, place, detail in [
        (["50", "Ulm", 2], 0, "must be a number, not a string"),
        ([50, 3, 2], 1, 'must be one of "'),
        ([50, "Ulm", 2.5], 2, "must be a whole number from "),
        ([50, None, 2], 1, "not null"),
        ([None, "Ulm", 2], 0, "must be a number, not null"),
    ]:
        got = both.post("/predict", {"features": cell})
        assert (got.status, got.json()["errors"][0]["pointer"]) == (422, f"#/features/{place}")
        assert detail in got.json()["errors"][0]["detail"]
    assert both.post("/predict", {"features": [50, "Paris", 2]}).status == 200
    got = both.post("/predict", {"features": [1e39, "Ulm", 2]})  # beyond float32
    assert (got.status, got.json()["detail"]) == (422, "the prediction is not a finite number for this input")


def test_the_model_the_page_and_openapi_tell_of_it(brought: Found) -> None:
    both, _ = brought("flats")
    public = both.get("/model").json()
    assert public["estimator"]["class"] == "ONNX"
    assert public["estimator"]["parameters"]["producer"].startswith("skl2onnx")
    assert [(column["name"], column["kind"]) for column in public["features"]] == [
        ("area", "number"), ("city", "category"), ("rooms", "number"),
    ]  # fmt: skip
    page = both.web.send(method="GET", path="/", headers={"Accept": "text/html"})
    assert page.status == 200
    assert b"<code>ONNX</code>" in page.body
    assert both.get("/ready").status == 200


@pytest.mark.parametrize("name", ["number", "several", "words", "flats"])
def test_every_answer_is_as_openapi_says(brought: Found, name: str) -> None:
    both, file = brought(name)
    description = both.get("/openapi.json").json()
    schema = description["components"]["schemas"]["Prediction"] | {"components": description["components"]}
    for body in ({"instances": cells(file.rows[:9])}, {"features": cells(file.rows)[0]}):
        Draft202012Validator(schema).validate(both.post("/predict", body).json())


def test_dialects_answer_for_it(brought: Found) -> None:
    both, file = brought("flats")
    rows = file.rows[:3]
    expected = both.post("/predict", {"instances": cells(rows)}).json()["predictions"]
    frame = {"columns": list(rows), "data": cells(rows)}
    assert both.post("/invocations", {"dataframe_split": frame}).json()["predictions"] == expected
    assert both.post("/vertex", {"instances": cells(rows)}).json()["predictions"] == expected
    calls = {"requestId": "1", "caller": "c", "calls": cells(rows)}
    assert both.post("/bigquery", calls).json() == {"replies": expected}
    tensors = [
        {"name": name, "shape": [3], "datatype": kind, "data": rows[name].tolist()}
        for name, kind in (("area", "FP64"), ("city", "BYTES"), ("rooms", "INT64"))
    ]
    assert both.get("/v2/models/model").json()["platform"] == "onnx_onnxv1"
    got = both.post("/v2/models/model/infer", {"inputs": tensors}).json()
    assert got["outputs"][0]["data"] == expected


def test_a_table_is_predicted_on_the_command_line(brought: Found, tmp_path: Any) -> None:
    file = MADE["flats"]()
    train.main([*write(file, tmp_path), "--out", str(tmp_path / "model")])
    app = create_app(load_service({"MODEL_DIR": str(tmp_path / "model")}))
    runner = app.test_cli_runner()
    done = runner.invoke(args=["model", "predict", "--csv", str(tmp_path / "rows.csv")])
    assert done.exit_code == 0, done.output
    table = pd.read_csv(io.StringIO(done.stdout))
    assert table["prediction"].tolist() == file.answers(file.rows)[0].tolist()
    shown = runner.invoke(args=["model", "show"])
    assert "engine: onnxruntime, because the model is model.onnx" in shown.stderr
    assert runner.invoke(args=["model", "verify"]).exit_code == 0
    np.testing.assert_array_equal(table["area"], file.rows["area"])
