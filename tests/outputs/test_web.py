"""Other outputs on the page, in OpenAPI, in GET /model, and on the command line."""

import csv
import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pytest
from jsonschema import Draft202012Validator

import train
from handlers.service import load_service
from predictor.columns import Number
from tests.dialects.conftest import Hosts
from tests.outputs.conftest import MODELS, ROWS, TARGETS, adopt
from training import NotCompiledError
from training.bigquery import compile_for_bigquery
from training.compile import compile_model
from webapp import create_app

Found = Callable[[str], tuple[Hosts, Any]]
ALL = ["numbers", "labels", "bits", "scored bits", "forest", "clusters", "mixture", "two", "four", "quantile", "column"]


@pytest.mark.parametrize("name", ALL)
def test_every_answer_is_as_openapi_says(found: Found, name: str) -> None:
    both, _ = found(name)
    description = both.get("/openapi.json").json()
    references = {"components": description["components"]}
    answers = Draft202012Validator(description["components"]["schemas"]["Prediction"] | references)
    requests = Draft202012Validator(description["components"]["schemas"]["PredictRequest"] | references)
    media = description["paths"]["/predict"]["post"]["requestBody"]["content"]["application/json"]
    for example in media["examples"].values():
        requests.validate(example["value"])
    for flags in ({}, {"probabilities": True}, {"scores": True}):
        for rows in ({"instances": ROWS}, {"features": ROWS[0]}):
            got = both.post("/predict", rows | flags)
            assert requests.is_valid(rows | flags) == (got.status == 200)
            if got.status == 200:
                answers.validate(got.json())
    assert not answers.is_valid({"prediction": [1, 2], "model_version": "1.0"})


NUMBER = {"type": "number"}
CHANCE = {"type": "number", "minimum": 0, "maximum": 1}


def closed(**properties: Any) -> dict[str, Any]:
    required = list(properties)
    return {"type": "object", "properties": properties, "required": required, "additionalProperties": False}


@pytest.mark.parametrize(
    ("name", "prediction", "details"),
    [
        ("numbers", closed(rent=NUMBER, price=NUMBER), {}),
        ("column", NUMBER, {}),
        (
            "labels",
            closed(level={"enum": ["high", "low"]}, answer={"enum": ["no", "yes"]}),
            {"probabilities": closed(level=closed(high=CHANCE, low=CHANCE), answer=closed(no=CHANCE, yes=CHANCE))},
        ),
        ("scored bits", closed(y1={"enum": [0, 1]}, y2={"enum": [0, 1]}), {"scores": closed(y1=NUMBER, y2=NUMBER)}),
        ("two", {"enum": ["high", "low"]}, {"scores": NUMBER}),
        ("four", {"enum": [0, 1, 2, 3]}, {"scores": closed(**dict.fromkeys("0123", NUMBER))}),
        ("forest", {"enum": [-1, 1]}, {"scores": NUMBER}),
        ("clusters", {"enum": [0, 1, 2]}, {}),
    ],
)
def test_what_is_predicted_is_described_to_the_label(
    found: Found, name: str, prediction: dict[str, Any], details: dict[str, Any]
) -> None:
    one, several = found(name)[0].get("/openapi.json").json()["components"]["schemas"]["Prediction"]["oneOf"]
    version = {"model_version": {"const": "1.0"}}
    assert one["properties"] == {"prediction": prediction} | details | version
    lists = {
        key: {"type": "array", "items": schema, "minItems": 1}
        for key, schema in ({"predictions": prediction} | details).items()
    }
    assert several["properties"] == lists | version
    assert (one["required"], several["required"]) == (["prediction", *version], ["predictions", *version])


@pytest.mark.parametrize(("name", "detail"), [("labels", "probabilities"), ("two", "scores")])
def test_models_and_details_in_other_forms_are_as_openapi_says(found: Found, name: str, detail: str) -> None:
    both, _ = found(name)
    paths = both.get("/openapi.json").json()["paths"]

    def described(path: str, method: str) -> Any:
        return paths[path][method]["responses"]["200"]["content"]["application/json"]["schema"]

    model = described("/model", "get")
    Draft202012Validator(model).validate(both.get("/model").json())
    assert ("outputs" in model["properties"]) is (name == "labels")
    for params in ({}, {detail: True}):
        got = both.post("/invocations", {"instances": ROWS, "params": params}).json()
        Draft202012Validator(described("/invocations", "post")).validate(got)


def test_the_model_tells_its_outputs_only_where_there_are_several(found: Found) -> None:
    assert "outputs" not in found("two")[0].get("/model").json()
    public = found("labels")[0].get("/model").json()
    assert [output["name"] for output in public["outputs"]] == ["level", "answer"]
    assert public["target"] == "level, answer"
    assert list(public["example"]["prediction"]) == ["level", "answer"]


@pytest.mark.parametrize(
    ("name", "says", "asks"),
    [
        ("numbers", "Predicts 2 numbers: <strong>rent, price</strong>", ""),
        ("labels", "Predicts 2 labels: <strong>level, answer</strong>", "probabilities"),
        ("forest", "Tells usual rows (1) from anomalies (-1) as <strong>y</strong>", "scores"),
        ("clusters", "Tells which cluster a row belongs to as <strong>y</strong>", ""),
        ("quantile", "Predicts the 0.9 quantile of <strong>rent</strong>", ""),
        ("two", "Predicts one of 2 classes for <strong>y</strong>", "scores"),
        ("column", "Predicts the number <strong>y</strong>", ""),
    ],
)
def test_the_page_says_what_is_predicted(found: Found, name: str, says: str, asks: str) -> None:
    page = found(name)[0].web.send(method="GET", path="/", headers={"Accept": "text/html"}).body.decode()
    assert says in " ".join(page.split())
    assert f'data-detail="{asks}"' in page
    assert page.count(f', "{asks}": true') == bool(asks)


def predicted(name: str, folder: Path, table: str) -> list[list[str]]:
    (folder / "rows.csv").write_text(table)
    app = create_app(load_service({"MODEL_DIR": str(adopt(MODELS[name](), folder, TARGETS.get(name, "y")))}))
    done = app.test_cli_runner().invoke(args=["model", "predict", "--csv", str(folder / "rows.csv")])
    assert (done.exit_code, done.stderr) == (0, "")
    return list(csv.reader(io.StringIO(done.stdout)))


def test_the_command_adds_a_column_a_target(tmp_path: Path) -> None:
    header, *rows = predicted("labels", tmp_path, "id,a,b\n7,0.9,0.1\n8,0.2,0.7\n")
    assert header == ["id", "a", "b", "prediction level", "prediction answer"]
    expected = MODELS["labels"]().predict(np.array(ROWS[:2])).tolist()
    assert rows == [["7", "0.9", "0.1", *expected[0]], ["8", "0.2", "0.7", *expected[1]]]


@pytest.mark.parametrize("name", ["forest", "clusters"])
def test_the_command_adds_the_label_of_an_anomaly_or_a_cluster(name: str, tmp_path: Path) -> None:
    header, *rows = predicted(name, tmp_path, "a,b\n0.9,0.1\n0.2,0.7\n")
    assert header == ["a", "b", "prediction"]
    assert [int(row[2]) for row in rows] == MODELS[name]().predict(np.array(ROWS[:2])).tolist()


def test_a_target_that_a_spreadsheet_would_run_is_made_harmless(tmp_path: Path) -> None:
    app = create_app(load_service({"MODEL_DIR": str(adopt(MODELS["numbers"](), tmp_path, "=1+1,@b"))}))
    (tmp_path / "rows.csv").write_text("a,b\n1,2\n")
    done = app.test_cli_runner().invoke(args=["model", "predict", "--csv", str(tmp_path / "rows.csv")])
    assert done.stdout.splitlines()[0] == "a,b,prediction =1+1,prediction @b"
    values = app.test_cli_runner().invoke(args=["model", "predict", "0.5", "-1"])
    assert list(json.loads(values.stdout)["prediction"]) == ["=1+1", "@b"]


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("labels", "a model of several labels stays with scikit-learn"),
        ("bits", "a model of several labels stays with scikit-learn"),
        ("forest", "anomaly stays with scikit-learn"),
        ("mixture", "clustering stays with scikit-learn"),
    ],
)
def test_what_does_not_compile_is_one_line(name: str, says: str) -> None:
    for convert in (compile_model, compile_for_bigquery):
        with pytest.raises(NotCompiledError) as refused:
            convert(MODELS[name](), np.array(ROWS), [Number("a"), Number("b")], seed=0)
        assert says in str(refused.value)


def test_bigquery_gets_one_target() -> None:
    with pytest.raises(NotCompiledError, match=r"^BigQuery ML gets models of one target$"):
        compile_for_bigquery(MODELS["numbers"](), np.array(ROWS), [Number("a"), Number("b")], seed=0)


def test_a_label_by_any_name_is_a_key(tmp_path: Path) -> None:
    """Targets may be named as JavaScript's and JSON's own words are."""
    target = '__proto__,"""predictions"""'  # a line of CSV
    app = create_app(load_service({"MODEL_DIR": str(adopt(MODELS["numbers"](), tmp_path, target))}))
    answer = app.test_client().post(
        "/predict", data=orjson.dumps({"features": ROWS[0]}), content_type="application/json"
    )
    assert list(answer.get_json()["prediction"]) == ["__proto__", '"predictions"']


def test_the_compiled_engine_gives_no_scores(tmp_path: Path) -> None:
    data = "\n".join(["a,b,y", *(f"{i % 7},{i % 5},{'up' if i % 7 > i % 5 else 'down'}" for i in range(60))])
    (tmp_path / "t.csv").write_text(data)
    more = ["--target", "y", "--estimator", "sklearn.svm.LinearSVC", "--no-report", "--compile"]
    train.main([str(tmp_path / "t.csv"), *more, "--out", str(tmp_path)])
    request = {"features": [1, 2], "scores": True}
    statuses = {}
    for engine in ("auto", "sklearn"):
        app = create_app(load_service({"MODEL_DIR": str(tmp_path), "ENGINE": engine}))
        statuses[engine] = app.test_client().post("/predict", json=request).status_code
    assert statuses == {"auto": 422, "sklearn": 200}
