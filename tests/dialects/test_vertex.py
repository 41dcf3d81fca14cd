"""Vertex AI's custom container: addresses and a port that it names itself, and `parameters`."""

import json
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import requests

from handlers.service import load_service
from servers.running import GUNICORN, free_port, running
from tests.dialects.conftest import ROUTES, Hosts
from tests.files import copy_model
from tests.hosts import JSON, InProcess, function_of
from webapp import create_app

PREDICT, HEALTH = ROUTES["AIP_PREDICT_ROUTE"], ROUTES["AIP_HEALTH_ROUTE"]
ROWS = [[1, 2, 3], {"x1": 2, "x2": 3, "x3": 4}]

Models = Callable[..., Hosts]


@pytest.mark.parametrize(
    "document",
    [
        {"instances": ROWS},
        {"instances": ROWS, "parameters": None},  # as its LocalEndpoint writes that there are none
        {"instances": ROWS, "parameters": {}},
        {"instances": ROWS, "parameters": {"probabilities": False}},
        {"instances": [[1.0, 2.0, 3.0], [2.0, 3.0, 4.0]]},  # a batch job's rows of a table
    ],
)
def test_instances_get_predictions(hosts: Models, document: Any) -> None:
    got = hosts("example").post(PREDICT, document)
    assert (got.status, got.body) == (200, b'{"predictions":[10.0,15.0],"model_version":"1.0"}')


@pytest.mark.parametrize("on_function", [PREDICT, "/", "/any/path"])
def test_probabilities_stand_in_the_predictions(hosts: Models, on_function: str) -> None:
    here = hosts("clf")
    plain = here.post("/predict", {"instances": [[1, 2, 3]], "probabilities": True}).json()
    document = {"instances": [[1, 2, 3]], "parameters": {"probabilities": True}}
    got = here.post(PREDICT, document, on_function=on_function)
    expected = [{"label": plain["predictions"][0], "probabilities": plain["probabilities"][0]}]
    assert got.json() == {"predictions": expected, "model_version": "1.0"}


def test_a_batch_job_of_a_table_with_every_kind_of_column(hosts: Models) -> None:
    row = {"area": None, "furnished": True, "city": None, "story": "river", "since": "2026-03-06", "id": "key"}
    here = hosts("mixed")
    expected = here.post("/predict", {"instances": [row]}).body
    for instance in (row, list(row.values())[:5]):
        assert here.post(PREDICT, {"instances": [instance]}).body == expected


BOTH = "send either features (one row) or instances (a list of rows)"
KEYS = "is not a key of this request; they are features, instances, probabilities, scores"


@pytest.mark.parametrize(
    ("document", "pointer", "detail"),
    [
        ({"instances": ROWS, "parameters": []}, "#/parameters", "must be an object, not a list"),
        ({"instances": ROWS, "parameters": "x"}, "#/parameters", "must be an object, not a string"),
        ({"instances": ROWS, "parameters": {"x/y": 1}}, "#/parameters/x~1y",
         "is unknown; there are probabilities and scores, true or false"),
        ({"instances": ROWS, "parameters": {"probabilities": 1}}, "#/parameters/probabilities",
         "must be true or false, not a number"),
        ({"instances": ROWS, "parameters": {"probabilities": True}}, "#/probabilities", "leave it out, or false"),
        ({"instances": [[1, "2", 3]], "parameters": {}}, "#/instances/0/1", "must be a number, not a string"),
        ({"instances": [], "parameters": {}}, "#/instances", "must have at least one row"),
        ({"instances": None, "parameters": {}}, "#/instances", "must be a list of rows, not null"),
        ({"features": [1, 2, 3], "parameters": {}}, "#/parameters", KEYS),
        ({"instances": ROWS, "parameters": {}, "x": 1}, "#/x", KEYS),
        ({"instances": ROWS, "features": [1, 2, 3], "parameters": {}}, "#", BOTH),
    ],
)  # fmt: skip
def test_what_is_refused(hosts: Models, document: Any, pointer: str, detail: str) -> None:
    got = hosts("example").post(PREDICT, document)
    assert (got.status, got.headers["content-type"]) == (422, "application/problem+json")
    assert got.json()["errors"] == [{"pointer": pointer, "detail": detail}]


@pytest.mark.parametrize(
    "body",
    [
        b'{"features":[1,2,3]}', b'{"instances":[[1,2,3]]}', b'{"features":[1,"2",3]}', b"[", b"[]", b"",
        b'{"instances":[]}', b'{"instances":[[1,2,3]],"x":1}', b'{"features":[1,2,3],"probabilities":true}',
    ],
)  # fmt: skip
def test_predict_as_the_route_answers_all_else_to_the_byte(tmp_path: Path, body: bytes) -> None:
    environ = {"MODEL_DIR": str(copy_model(tmp_path / "model")), "AIP_PREDICT_ROUTE": "/predict"}
    usual = InProcess("usual", create_app())
    with_parameters = b'{"instances":[[1,2,3]],"parameters":{}}'
    assert usual.send(with_parameters).status == 422
    for host in (InProcess("web", create_app(load_service(environ))), function_of(environ, tmp_path)):
        got, before = host.send(body), usual.send(body)
        assert (got.status, got.body, got.headers["content-type"]) == (
            before.status, before.body, before.headers["content-type"],
        )  # fmt: skip
        assert host.send(with_parameters).status == 200


@pytest.mark.parametrize(
    ("predict", "health"),
    [
        (PREDICT, "/v1/endpoints/7/deployedModels/8"),
        ("/", "/"),
        ("/same", "/same"),
        ("/v1/models/example:predict", "/v1/models/example"),
        ("/invocations", "/ping"),
        ("/predict", "/health"),
        ("/v2", "/ready"),
        ("/metrics", "/v2/health/ready"),
    ],
)
def test_any_routes_can_be_named(tmp_path: Path, predict: str, health: str) -> None:
    folder = copy_model(tmp_path / "model")
    environ = {"MODEL_DIR": str(folder), "AIP_PREDICT_ROUTE": predict, "AIP_HEALTH_ROUTE": health}
    here = Hosts(environ, tmp_path)
    assert here.web.send(method="GET", path=health, headers={}).status == 200
    got = here.post(predict, {"instances": [[1, 2, 3]], "parameters": {}})
    assert got.json()["predictions"] == [10.0]
    got = here.web.send(method="PUT", path=predict, headers={})
    assert got.status == 405


def test_health_is_503_when_the_model_no_longer_predicts_what_it_did(hosts: Models, monkeypatch: Any) -> None:
    here = hosts("example", MAX_ROWS="98")
    assert here.web.send(method="GET", path=HEALTH, headers={}).status == 200
    service = here.web.client.application.extensions["tandem"]  # type: ignore[attr-defined]
    monkeypatch.setattr(service.predictor, "replay", lambda: [0])
    for path in (HEALTH, "/ping", "/v1/models/example", "/v2/health/ready", "/v2/models/example/ready", "/ready"):
        assert here.web.send(method="GET", path=path, headers={}).status == 503
    for path in ("/health", "/v2/health/live"):
        assert here.web.send(method="GET", path=path, headers={}).status == 200


@pytest.mark.parametrize("route", ["predict", "/a b", "/a<b>", "/a%2Fb", "/é", "//x\n"])
def test_a_route_that_cannot_be_one_ends_the_start(route: str) -> None:
    for name in ROUTES:
        with pytest.raises(SystemExit, match=f"^tandem: {name}=.* must be a path, as in /predict$"):
            load_service({name: f"{route}x"})


def test_its_port_wins(tmp_path: Path) -> None:
    port = free_port()
    with running(GUNICORN, tmp_path / "log", wait=False, AIP_HTTP_PORT=str(port), **ROUTES) as server:
        vertex = f"http://127.0.0.1:{port}"
        for _ in range(600):
            try:
                health = requests.get(vertex + HEALTH, timeout=5)
                break
            except requests.ConnectionError:
                assert server.wait(0.1) is None, server.output()
        assert health.status_code == 200
        body = json.dumps({"instances": [[1, 2, 3]], "parameters": None})
        assert requests.post(vertex + PREDICT, body, headers=JSON, timeout=5).json()["predictions"] == [10.0]
        with pytest.raises(OSError, match="refused"):
            socket.create_connection(("127.0.0.1", server.port), timeout=5)
