"""Labels that are true and false, in the form that each dialect has for them."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.dialects.conftest import ROUTES, Hosts
from tests.hosts import JSON

ROWS = [[True, "2024-01-15"], [False, "2024-04-15"]]
INPUTS = [
    {"name": "since", "shape": [2], "datatype": "BYTES", "data": [row[1] for row in ROWS]},
    {"name": "new", "shape": [2, 1], "datatype": "BOOL", "data": [True, False]},
]

Models = Callable[..., Hosts]


def test_they_are_what_the_model_predicts(hosts: Models) -> None:
    assert hosts("truth").post("/predict", {"instances": ROWS}).json()["predictions"] == [True, False]


@pytest.mark.parametrize(
    ("path", "document", "answer"),
    [
        ("/bigquery", {"calls": ROWS}, b'{"replies":[true,false]}'),
        ("/bigquery", {"calls": [*ROWS, [None, None]], "userDefinedContext": {"nulls": "null"}},
         b'{"replies":[true,false,null]}'),
        (ROUTES["AIP_PREDICT_ROUTE"], {"instances": ROWS}, b'{"predictions":[true,false],"model_version":"1.0"}'),
        ("/v1/models/truth:predict", {"instances": ROWS}, b'{"predictions":[true,false],"model_version":"1.0"}'),
        ("/invocations", ROWS, b"[true,false]"),
        ("/v2/models/truth/infer", {"inputs": INPUTS},
         b'{"model_name":"truth","model_version":"1.0","outputs":'
         b'[{"name":"predict","datatype":"BOOL","shape":[2],"data":[true,false]}]}'),
    ],
)  # fmt: skip
def test_in_json(hosts: Models, path: str, document: Any, answer: bytes) -> None:
    got = hosts("truth").post(path, document)
    assert (got.status, got.body) == (200, answer)


def test_in_csv_and_in_bytes(hosts: Models) -> None:
    here = hosts("truth")
    headers = {"Content-Type": "text/csv", "Accept": "text/csv"}
    assert here.post("/invocations", b"since,new\n2024-01-15,1\n2024-04-15,False", headers).body == b"true\nfalse"
    got = here.post("/v2/models/truth/infer", {"inputs": INPUTS, "parameters": {"binary_data_output": True}}, JSON)
    assert got.body[int(got.headers["inference-header-content-length"]) :] == b"\x01\x00"


def test_their_probabilities_are_named_as_json_names_them(hosts: Models) -> None:
    here = hosts("truth")
    [row] = here.post("/predict", {"instances": ROWS[:1], "probabilities": True}).json()["probabilities"]
    assert list(row) == ["false", "true"]
    context = {"userDefinedContext": {"output": "probabilities"}}
    assert here.post("/bigquery", {"calls": ROWS[:1]} | context).json() == {"replies": [row]}
    outputs = here.get("/v2/models/truth").json()["outputs"]
    assert outputs[1]["parameters"] == {"classes": "[false,true]"}
