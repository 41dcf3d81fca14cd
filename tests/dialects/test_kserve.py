"""KServe's V1 protocol."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.dialects.conftest import Hosts
from tests.hosts import JSON

PATH = "/v1/models/example:predict"
ANSWER = b'{"predictions":[10.0,15.0],"model_version":"1.0"}'

Models = Callable[..., Hosts]


@pytest.mark.parametrize("headers", [JSON, {}, {"Content-Type": "application/x-www-form-urlencoded"}])
@pytest.mark.parametrize(
    "document",
    [
        {"instances": [[1, 2, 3], [2, 3, 4]]},
        {"inputs": [[1, 2, 3], [2, 3, 4]]},
        {"instances": "ignored", "inputs": [[1, 2, 3], [2, 3, 4]]},
        {"instances": [{"x1": 1, "x2": 2, "x3": 3}, [2, 3, 4]]},
        {"instances": [{"x1": [1], "x2": [2], "x3": [3]}, {"x3": 4, "x2": [3], "x1": 2}]},
    ],
)
def test_rows_get_predictions(hosts: Models, document: Any, headers: dict[str, str]) -> None:
    got = hosts("example").post(PATH, document, headers)
    assert (got.status, got.body, got.headers["content-type"]) == (200, ANSWER, "application/json")


def test_labels_and_every_kind_of_column(hosts: Models) -> None:
    row = {"area": None, "furnished": True, "city": ["Ulm"], "story": "river", "since": ["2026-03-06"], "id": 5}
    plain = row | {"city": "Ulm", "since": "2026-03-06"}
    here = hosts("quiet")
    del row["id"], plain["id"]
    expected = here.post("/predict", {"instances": [plain]}).body
    assert here.post("/v1/models/quiet:predict", {"instances": [row]}).body == expected


def test_what_is_asked_beside_predictions(hosts: Models) -> None:
    here = hosts("example")
    assert here.get("/v1/models").json() == {"models": ["example"]}
    assert here.get("/v1/models/example").json() == {"name": "example", "ready": True}
    assert here.web.send(method="GET", path="/", headers={"Accept": "application/json"}).json()["status"] == "running"


@pytest.mark.parametrize(
    "path",
    ["/v1/models/nosuch", "/v1/models/nosuch:predict", "/v1/models/example:explain", "/v1/models/", "/v1/models//x"],
)
def test_what_is_not_here_is_404_with_an_error(hosts: Models, path: str) -> None:
    message = "there is nothing at this address; the model is example, its version 1.0"
    got = hosts("example").post(path, {"instances": [[1, 2, 3]]})
    assert (got.status, got.json()) == (404, {"error": message})
    assert hosts("example").get(path).status == 404


ROW = "must be a list of numbers or an object of them by feature name, not "


@pytest.mark.parametrize(
    ("document", "message"),
    [
        ({"instances": [[1, 2]]}, "instances/0: must have 3 numbers, has 2 values"),
        ({"instances": [["a", None, 3]]}, "instances/0: x1 must be a number, not a string; and 1 more"),
        ({"inputs": [[1, 2, 3], [1, None, 3]]}, "instances/1: x2 must be a number, not null"),
        ({"instances": [{"x1": [1, 2], "x2": 2, "x3": 3}]}, "instances/0: x1 must be a number, not a list"),
        ({"instances": [{"x1": [[1]], "x2": 2, "x3": 3}]}, "instances/0: x1 must be a number, not a list"),
        ({"instances": [{"x1": [], "x2": 2, "x3": 3}]}, "instances/0: x1 must be a number, not a list"),
        ({"instances": [{"x1": 1}]}, "instances/0: x2 is missing; and 1 more"),
        ({"instances": [{"x1": 1, "x2": 2, "x3": 3, "2": 4}]},
         "instances/0: 2 is not a feature of this model; they are x1, x2, x3"),
        ({"instances": [{"x1": 1, "x2": 2, "x3": 3, "999": 4}]},
         "instances/0: 999 is not a feature of this model; they are x1, x2, x3"),
        ({"instances": [{"x1": 1, "x2": 2, "x3": 3, "y" * 80: 4}]},
         f"instances/0: {'y' * 63}… is not a feature of this model; they are x1, x2, x3"),
        ({"instances": [1]}, f"instances/0: {ROW}a number"),
        ({"instances": []}, "the request must have at least one row"),
        ({"instances": None}, "the request must be a list of rows, not null"),
        ({"instances": {"x1": [1]}}, "the request must be a list of rows, not an object"),
        ({}, "send an object with instances, a list of rows"),
        ([[1, 2, 3]], "send an object with instances, a list of rows"),
        ({"instances": [[1, 2, 3]], "parameters": {}}, "parameters is not a key of this request; there is instances"),
        ({"instances": [[1e308, 1e308, 1e308]]}, "instances/0: the prediction is not a finite number for this input"),
    ],
)  # fmt: skip
def test_what_is_refused(hosts: Models, document: Any, message: str) -> None:
    got = hosts("example").post(PATH, document)
    assert (got.status, got.headers["content-type"], got.json()) == (400, "application/json", {"error": message})


def test_features_with_numbers_for_names_are_named(hosts: Models) -> None:
    for row, message in (
        ([1, None, 3], "instances/0: 0 must be a number, not null"),
        ([None, 2, 3], "instances/0: 2 must be a number, not null"),
        ({"2": 1, "0": 1, "1": None}, "instances/0: 1 must be a number, not null"),
    ):
        got = hosts("digits").post("/v1/models/digits:predict", {"instances": [row]})
        assert got.json() == {"error": message}


@pytest.mark.parametrize(
    ("body", "headers", "status"),
    [
        (b"", JSON, 400),
        (b"{", JSON, 400),
        (b'{"instances":[[NaN,2,3]]}', JSON, 400),
        (b'{"instances":[],"instances":[]}', JSON, 400),
        (b'{"instances":[[1,2,3]]}', {"Content-Encoding": "gzip"}, 415),
        (b'{"instances":[' + b"[1,2,3]," * 100_000 + b"[1,2,3]]}", JSON, 413),
        (b" " * 8388609, JSON, 413),
    ],
    ids=lambda value: repr(value)[:30],
)
def test_what_is_no_request(hosts: Models, body: bytes, headers: dict[str, str], status: int) -> None:
    got = hosts("example").post(PATH, body, headers)
    assert (got.status, list(got.json())) == (status, ["error"])
