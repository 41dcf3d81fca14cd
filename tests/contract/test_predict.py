"""The happy path of CONTRACT: whole responses, on every host."""

import json
import re
from typing import Any

import pytest

from tests.hosts import JSON, Host

TEN = b'{"prediction":10.0,"model_version":"1.0"}'


@pytest.mark.parametrize(
    ("request_body", "answer"),
    [
        ('{"features":[1,2,3]}', TEN),
        ('{"features":[1.0,2e0,3]}', TEN),
        (' {\n"features" : [ 1 , 2 , 3 ] }\r\n', TEN),
        ('{"features":{"x1":1,"x2":2,"x3":3}}', TEN),
        ('{"features":{"x3":3,"x1":1,"x2":2}}', TEN),
        ('{"features":{"x\\u0031":1,"x2":2,"x3":3}}', TEN),
        ('{"features":[1,2,3],"probabilities":false}', TEN),
        ('{"instances":[[1,2,3]]}', b'{"predictions":[10.0],"model_version":"1.0"}'),
        (
            '{"instances":[[1,2,3],{"x1":2,"x2":3,"x3":4}]}',
            b'{"predictions":[10.0,15.0],"model_version":"1.0"}',
        ),
        (
            '{"instances":[{"x1":1,"x2":2,"x3":3},{"x3":4,"x2":3,"x1":2}]}',
            b'{"predictions":[10.0,15.0],"model_version":"1.0"}',
        ),
        ('{"features":[-1,0,-0.0]}', b'{"prediction":-1.0,"model_version":"1.0"}'),
        # float64 has no 2**53 + 1; its neighbour is predicted from, as documented.
        ('{"features":[0,9007199254740993,0]}', b'{"prediction":9007199254740994.0,"model_version":"1.0"}'),
        ('{"features":[0,0,18446744073709551616]}', b'{"prediction":1.8446744073709552e+19,"model_version":"1.0"}'),
    ],
)
def test_a_valid_request_gets_its_prediction(host: Host, request_body: str, answer: bytes) -> None:
    got = host.send(request_body.encode())
    assert (got.status, got.body) == (200, answer)


@pytest.mark.parametrize(
    "media_type",
    [
        "application/json",
        "Application/JSON",
        "application/json; charset=utf-8",
        'application/json;charset="UTF-8"',
        "application/vnd.tandem+json",
    ],
)
def test_every_json_media_type_is_taken(host: Host, media_type: str) -> None:
    got = host.send(b'{"features":[1,2,3]}', headers={"Content-Type": media_type})
    assert (got.status, got.body) == (200, TEN)


def test_every_response_carries_the_same_headers(host: Host) -> None:
    for body, status, media_type in [
        (b'{"features":[1,2,3]}', 200, "application/json"),
        (b'{"features":[]}', 422, "application/problem+json"),
        (b"", 400, "application/problem+json"),
    ]:
        got = host.send(body)
        assert got.status == status
        assert got.headers["content-type"] == media_type
        assert got.headers["cache-control"] == "no-store"
        assert got.headers["x-content-type-options"] == "nosniff"
        assert got.headers["model-version"] == "1.0"
        assert re.fullmatch("[0-9a-f]{32}", got.headers["x-request-id"])


@pytest.mark.parametrize("given", ["a", "A-b_c.9", "x" * 64])
def test_the_callers_request_id_comes_back(host: Host, given: str) -> None:
    assert host.send(headers=JSON | {"X-Request-Id": given}).headers["x-request-id"] == given


@pytest.mark.parametrize("given", ["x" * 65, "a b", "a/b", "é", "%0d%0a"])
def test_a_request_id_that_is_no_token_is_replaced(host: Host, given: str) -> None:
    got = host.send(headers=JSON | {"X-Request-Id": given.encode().decode("latin-1")})
    assert re.fullmatch("[0-9a-f]{32}", got.headers["x-request-id"])


def test_options_tells_the_methods(host: Host) -> None:
    got = host.send(method="OPTIONS", headers={})
    assert (got.status, got.headers["allow"], got.body) == (204, "POST, OPTIONS", b"")


@pytest.mark.parametrize("path", ["/", "/predict", "/any/path/at/all?query=1"])
def test_the_function_answers_on_every_path(function: Host, function_live: Host, path: str) -> None:
    for host in (function, function_live):
        got = host.send(b'{"features":[1,2,3]}', path=path)
        assert (got.status, got.body) == (200, TEN)


def test_the_web_app_tells_that_it_serves(web_host: Host) -> None:
    got = web_host.send(method="GET", path="/health", headers={})
    assert (got.status, got.body) == (200, b'{"status":"ok"}')


def test_the_web_app_tells_that_its_model_is_verified(web_host: Host) -> None:
    got = web_host.send(method="GET", path="/ready", headers={})
    assert (got.status, got.body) == (200, b'{"status":"ready","model_version":"1.0"}')


def test_the_web_app_describes_its_model(web_host: Host, root: Any) -> None:
    manifest = json.loads((root / "model.json").read_text())
    got = web_host.send(method="GET", path="/model", headers={})
    assert (got.status, got.json()) == (
        200,
        {
            "name": "example",
            "version": "1.0",
            "sha256": manifest["artifact"]["sha256"],
            "estimator": manifest["estimator"],
            "task": "regression",
            "classes": None,
            "features": manifest["features"],
            "target": "y",
            "metrics": manifest["training"]["metrics"],
            "packages": manifest["packages"],
            "example": {"features": [1.0, 2.0, 3.0], "prediction": 10.0},
        },
    )


@pytest.mark.parametrize("path", ["/health", "/ready", "/model"])
def test_head_and_options_work_on_every_get_route(web_host: Host, path: str) -> None:
    head = web_host.send(method="HEAD", path=path, headers={})
    assert (head.status, head.body) == (200, b"")
    options = web_host.send(method="OPTIONS", path=path, headers={})
    assert (options.status, options.headers["allow"]) == (204, "GET, HEAD, OPTIONS")


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "BREW"])
def test_a_get_route_takes_nothing_else(web_host: Host, method: str) -> None:
    got = web_host.send(method=method, path="/health", headers={})
    assert (got.status, got.headers["allow"]) == (405, "GET, HEAD, OPTIONS")
    assert got.json()["title"] == "Method Not Allowed"


@pytest.mark.parametrize("path", ["/nothing", "/predict/", "/health/x", "/%00", "/%F0%9F%98%80", "/static/x"])
def test_an_unknown_path_of_the_web_app_is_a_problem(web_host: Host, path: str) -> None:
    got = web_host.send(b'{"features":[1,2,3]}', path=path)
    assert got.headers["content-type"] == "application/problem+json"
    assert (got.status, got.json()) == (
        404,
        {
            "type": "about:blank",
            "title": "Not Found",
            "status": 404,
            "detail": "there is nothing at this address; POST to /predict",
        },
    )
