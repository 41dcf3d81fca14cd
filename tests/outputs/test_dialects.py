"""The platforms' forms of other outputs: the same values as /predict's."""

from collections.abc import Callable
from typing import Any

import numpy as np
import orjson
import pytest

from tests.dialects.conftest import Hosts
from tests.outputs.conftest import ROWS

Found = Callable[[str], tuple[Hosts, Any]]
Say = Callable[[list[Any], dict[str, Any]], bytes]


def plain(both: Hosts, **more: Any) -> dict[str, Any]:
    answer: dict[str, Any] = both.post("/predict", {"instances": ROWS} | more).json()
    return answer


def rows_of(answer: dict[str, Any]) -> list[Any]:
    """Return what a dialect says of a row that was asked for with details."""
    detail = next(key for key in answer if key not in {"predictions", "model_version"})
    return [{"label": a, detail: b} for a, b in zip(answer["predictions"], answer[detail], strict=True)]


@pytest.mark.parametrize("name", ["numbers", "labels", "forest", "clusters", "two"])
def test_predictions(found: Found, name: str) -> None:
    both, _ = found(name)
    predictions = plain(both)["predictions"]
    versioned = {"predictions": predictions, "model_version": "1.0"}
    assert both.post("/bigquery", {"calls": ROWS}).json() == {"replies": predictions}
    assert both.post("/vertex", {"instances": ROWS, "parameters": {}}).json() == versioned
    assert both.post("/invocations", {"instances": ROWS}).json() == versioned
    assert both.post("/invocations", ROWS).json() == predictions
    assert both.post("/v1/models/model:predict", {"instances": ROWS}).json() == versioned


@pytest.mark.parametrize(("name", "detail"), [("labels", "probabilities"), ("two", "scores"), ("forest", "scores")])
def test_details(found: Found, name: str, detail: str) -> None:
    both, _ = found(name)
    answer = plain(both, **{detail: True})
    versioned = {"predictions": rows_of(answer), "model_version": "1.0"}
    calls = {"calls": ROWS, "userDefinedContext": {"output": detail}}
    assert both.post("/bigquery", calls).json() == {"replies": answer[detail]}
    assert both.post("/vertex", {"instances": ROWS, "parameters": {detail: True}}).json() == versioned
    for body in (
        {"instances": ROWS},
        {"dataframe_split": {"columns": ["b", "a"], "data": [row[::-1] for row in ROWS]}},
        {"inputs": {"a": [row[0] for row in ROWS], "b": [row[1] for row in ROWS]}},
    ):
        assert both.post("/invocations", body | {"params": {detail: True}}).json() == versioned


@pytest.mark.parametrize("detail", ["probabilities", "scores"])
def test_what_a_model_does_not_give_is_refused(found: Found, detail: str) -> None:
    both, _ = found("numbers")
    says = f"this model gives no {detail}"
    calls = {"calls": ROWS, "userDefinedContext": {"output": detail}}
    assert both.post("/bigquery", calls).json() == {"errorMessage": says}
    assert both.post("/vertex", {"instances": ROWS, "parameters": {detail: True}}).json()["detail"] == says
    assert both.post("/invocations", {"instances": ROWS, "params": {detail: True}}).json()["message"] == says


def test_calls_without_a_prediction_are_null(found: Found) -> None:
    both, _ = found("numbers")
    context = {"userDefinedContext": {"nulls": "null"}}
    [first, *_] = plain(both)["predictions"]
    got = both.post("/bigquery", {"calls": [ROWS[0], [None, 1]]} | context).json()["replies"]
    assert got[1] is None
    assert got[0] == pytest.approx(first)
    assert both.post("/bigquery", {"calls": [[None, 1]]} | context).json() == {"replies": [None]}
    scores = {"userDefinedContext": {"nulls": "null", "output": "scores"}}
    assert found("forest")[0].post("/bigquery", {"calls": [[None, 1]]} | scores).json() == {"replies": [None]}


def test_csv_has_a_column_a_target(found: Found) -> None:
    both, _ = found("labels")
    got = both.post("/invocations", b"a,b\n0.9,0.1\n0.2,0.7\n", {"Content-Type": "text/csv", "Accept": "text/csv"})
    lines = [",".join(row.values()) for row in plain(both)["predictions"][:2]]
    assert got.body.decode().splitlines() == lines


def infer(both: Hosts, *outputs: str, **more: Any) -> Any:
    wanted = {"outputs": [{"name": name} for name in outputs]} if outputs else {}
    tensor = {"name": "rows", "datatype": "FP64", "shape": [3, 2], "data": ROWS}
    return both.post("/v2/models/model/infer", {"inputs": [tensor]} | wanted | more)


def test_a_tensor_a_target(found: Found) -> None:
    both, _ = found("numbers")
    predictions = plain(both)["predictions"]
    tensors = [
        {"name": f"predict.{name}", "datatype": "FP64", "shape": [3], "data": [row[name] for row in predictions]}
        for name in ("rent", "price")
    ]
    assert infer(both).json()["outputs"] == tensors
    assert infer(both, "predict.price").json()["outputs"] == tensors[1:]
    outputs = both.get("/v2/models/model").json()["outputs"]
    assert outputs == [{"name": tensor["name"], "datatype": "FP64", "shape": [-1]} for tensor in tensors]


def test_tensors_of_labels_and_their_probabilities(found: Found) -> None:
    both, _ = found("labels")
    answer = plain(both, probabilities=True)
    label, chances = infer(both, "predict.answer", "predict_proba.answer").json()["outputs"]
    data = [row["answer"] for row in answer["predictions"]]
    assert label == {"name": "predict.answer", "datatype": "BYTES", "shape": [3], "data": data}
    assert chances["shape"] == [3, 2]
    assert chances["parameters"] == {"classes": '["no","yes"]'}
    assert chances["data"] == [chance for row in answer["probabilities"] for chance in row["answer"].values()]
    described = both.get("/v2/models/model").json()["outputs"]
    assert [(output["name"], output["datatype"], output["shape"]) for output in described] == [
        ("predict.level", "BYTES", [-1]),
        ("predict.answer", "BYTES", [-1]),
        ("predict_proba.level", "FP64", [-1, 2]),
        ("predict_proba.answer", "FP64", [-1, 2]),
    ]


@pytest.mark.parametrize(("name", "shape"), [("forest", [3]), ("two", [3]), ("four", [3, 4])])
def test_a_tensor_of_scores(found: Found, name: str, shape: list[int]) -> None:
    both, estimator = found(name)
    expected = estimator.decision_function(np.array(ROWS)).reshape(-1).tolist()
    [scores] = infer(both, "decision_function").json()["outputs"]
    assert (scores["datatype"], scores["shape"], scores["data"]) == ("FP64", shape, expected)
    described = {output["name"]: output for output in both.get("/v2/models/model").json()["outputs"]}
    assert described["decision_function"]["shape"] == [-1, *shape[1:]]


@pytest.mark.parametrize(("name", "size"), [("clusters", 8), ("forest", 8)])
def test_clusters_and_anomalies_are_whole_numbers_in_bytes(found: Found, name: str, size: int) -> None:
    both, _ = found(name)
    got = infer(both, parameters={"binary_data_output": True})
    head = orjson.loads(got.body[: int(got.headers["inference-header-content-length"])])
    assert head["outputs"][0]["datatype"] == "INT64"
    tail = got.body[int(got.headers["inference-header-content-length"]) :]
    assert np.frombuffer(tail, "<i8").tolist() == plain(both)["predictions"]
    assert len(tail) == size * len(ROWS)


@pytest.mark.parametrize("name", ["predict", "predict.", "predict.nothing", "predict_proba.rent", "rent", ""])
def test_an_output_that_is_none_is_refused(found: Found, name: str) -> None:
    got = infer(found("numbers")[0], name)
    assert got.status == 400
    assert got.json()["error"].endswith("is not an output of this model; it has predict.rent, predict.price")


@pytest.mark.parametrize(("name", "output"), [("labels", "probabilities"), ("two", "scores"), ("numbers", "label")])
def test_no_calls_get_no_replies(found: Found, name: str, output: str) -> None:
    got = found(name)[0].post("/bigquery", {"calls": [], "userDefinedContext": {"output": output}})
    assert (got.status, got.body) == (200, b'{"replies":[]}')


def test_the_scores_of_several_classes_say_their_order(found: Found) -> None:
    order = {"classes": "[0,1,2,3]"}
    both, _ = found("four")
    described = both.get("/v2/models/model").json()["outputs"]
    assert described[1] == {"name": "decision_function", "datatype": "FP64", "shape": [-1, 4], "parameters": order}
    [scores] = infer(both, "decision_function").json()["outputs"]
    assert scores["parameters"] == order
    two = found("two")[0].get("/v2/models/model").json()["outputs"]
    assert two[1] == {"name": "decision_function", "datatype": "FP64", "shape": [-1]}
