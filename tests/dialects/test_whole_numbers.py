"""A category of whole numbers takes 1.0 for 1, as protobuf and pandas write it; /predict itself does not."""

import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import orjson
import pytest

from tests.dialects.conftest import ROUTES, Hosts, whole_classifier
from tests.hosts import JSON

ROW = [2.0, False, 2.0]
NAMES = ["size", "new", "floor"]
BY_NAME = dict(zip(NAMES, ROW, strict=True))
CSV = {"Content-Type": "text/csv"}
VERTEX = ROUTES["AIP_PREDICT_ROUTE"]
TENSORS = [
    {"name": name, "shape": [1], "datatype": kind, "data": [cell]}
    for name, kind, cell in zip(NAMES, ["FP64", "BOOL", "FP32"], ROW, strict=True)
]

Models = Callable[..., Hosts]


@pytest.mark.parametrize(
    ("path", "body", "headers", "key"),
    [
        (VERTEX, {"instances": [ROW]}, JSON, "predictions"),
        (VERTEX, {"instances": [BY_NAME], "parameters": {}}, JSON, "predictions"),
        ("/v1/models/whole:predict", {"instances": [ROW]}, JSON, "predictions"),
        ("/bigquery", {"calls": [ROW]}, JSON, "replies"),
        ("/bigquery", {"calls": [[BY_NAME]]}, JSON, "replies"),
        ("/invocations", {"dataframe_split": {"columns": NAMES, "data": [ROW]}}, JSON, "predictions"),
        ("/invocations", {"dataframe_split": {"columns": NAMES[::-1], "data": [ROW[::-1]]}}, JSON, "predictions"),
        ("/invocations", {"dataframe_records": [BY_NAME]}, JSON, "predictions"),
        ("/invocations", {"inputs": {name: [cell] for name, cell in BY_NAME.items()}}, JSON, "predictions"),
        ("/invocations", b"2.0,0,2.0", CSV, "predictions"),
        ("/invocations", b"2.0,0, 2e0", CSV, "predictions"),
    ],
    ids=lambda value: repr(value)[:40],
)
def test_a_float_may_be_a_whole_number(hosts: Models, path: str, body: Any, headers: dict[str, str], key: str) -> None:
    here = hosts("whole")
    expected = here.post("/predict", {"instances": [[2.0, False, 2]]}).json()["predictions"]
    got = here.post(path, body, headers)
    assert (got.status, got.json().get(key)) == (200, expected), got.body


def test_so_it_may_in_tensors(hosts: Models) -> None:
    here = hosts("whole")
    expected = here.post("/predict", {"instances": [[2.0, False, 2]]}).json()["predictions"]
    in_bytes = {"name": "floor", "shape": [1], "datatype": "FP64", "parameters": {"binary_data_size": 8}}
    head = orjson.dumps({"inputs": [*TENSORS[:2], in_bytes]})
    length = {"Inference-Header-Content-Length": str(len(head))}
    for body, headers in ((orjson.dumps({"inputs": TENSORS}), JSON), (head + struct.pack("<d", 2), length)):
        assert here.post("/v2/models/whole/infer", body, headers).json()["outputs"][0]["data"] == expected


@pytest.mark.parametrize("cell", [2.5, 1e300, -1e19, "2.0", True])
def test_what_is_none_is_refused(hosts: Models, cell: Any) -> None:
    got = hosts("whole").post(VERTEX, {"instances": [[2.0, False, 2.0], [2.0, False, cell]]})
    assert (got.status, [error["pointer"] for error in got.json()["errors"]]) == (422, ["#/instances/1/2"])
    got = hosts("whole").post("/invocations", {"inputs": {"size": [1, 1], "new": [True, True], "floor": [2.0, cell]}})
    assert got.json()["message"].startswith("row 1: floor must be ")


def test_a_name_that_is_unknown_is_told_before_them(hosts: Models) -> None:
    columns = {name: [cell] for name, cell in BY_NAME.items()} | {"y": [1]}
    got = hosts("whole").post("/invocations", {"inputs": columns})
    assert got.json()["message"] == "row 0: y is not a feature of this model; they are size, new, floor"


def test_predict_takes_none_even_where_vertex_ai_calls_it(hosts: Models, tmp_path: Path) -> None:
    folder = tmp_path / "whole"
    folder.mkdir()
    whole_classifier(folder)
    vertex = Hosts({"MODEL_DIR": str(folder), "AIP_PREDICT_ROUTE": "/predict"}, tmp_path)
    for here in (hosts("whole"), vertex):
        got = here.post("/predict", {"instances": [ROW]})
        assert (got.status, got.json()["errors"][0]["pointer"]) == (422, "#/instances/0/2")
