"""The pages, their parts and the description of the API, as they come over the wire."""

import json
import subprocess
import sys
from typing import Any

import pytest
from jsonschema_rs import validator_for

from handlers.openapi import function
from handlers.service import process_service
from servers.running import ROOT
from tests.hosts import Host
from webapp.pages import ASSETS

RUNNING = b'{"status":"running","model_version":"1.0"}'


@pytest.mark.parametrize(
    ("accept", "kind"),
    [
        ("application/json", "json"),
        ("application/json, text/plain, */*", "json"),
        ("text/html;q=0.1, application/json", "json"),
        ("*/*", "html"),
        ("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", "html"),
        ("image/png", "html"),
    ],
)
def test_the_root_is_a_page_for_people_and_json_for_programs(web_host: Host, accept: str, kind: str) -> None:
    got = web_host.send(method="GET", path="/", headers={"Accept": accept})
    assert (got.status, got.headers["vary"], got.headers["cache-control"]) == (200, "Accept", "no-store")
    if kind == "json":
        assert (got.headers["content-type"], got.body) == ("application/json", RUNNING)
    else:
        assert got.headers["content-type"] == "text/html; charset=utf-8"
        assert b"<h1>example <small>1.0</small></h1>" in got.body


@pytest.mark.parametrize("path", ["/", "/docs"])
def test_a_page_runs_nothing_but_our_own_scripts(web_host: Host, path: str) -> None:
    got = web_host.send(method="GET", path=path, headers={})
    policy = dict(part.strip().split(" ", 1) for part in got.headers["content-security-policy"].split(";"))
    assert (policy["default-src"], policy["script-src"], policy["style-src"]) == ("'none'", "'self'", "'self'")
    assert "unsafe" not in got.headers["content-security-policy"]
    assert b"<script>" not in got.body
    assert b" style=" not in got.body
    assert b"//" not in got.body.replace(b"http://www.w3.org/2000/svg", b"").replace(b"http://127.0.0.1", b"").replace(
        b"http://localhost", b""
    )


@pytest.mark.parametrize("path", ["/", "/docs", "/openapi.json", *ASSETS])
def test_head_and_options_work_on_pages(web_host: Host, path: str) -> None:
    full = web_host.send(method="GET", path=path, headers={})
    head = web_host.send(method="HEAD", path=path, headers={})
    assert (full.status, head.status, head.body) == (200, 200, b"")
    assert head.headers["content-type"] == full.headers["content-type"]
    options = web_host.send(method="OPTIONS", path=path, headers={})
    assert (options.status, options.headers["allow"]) == (204, "GET, HEAD, OPTIONS")


def test_nothing_of_the_pages_is_imported_at_start() -> None:
    lazy = ["apispec", "prometheus_client", "flask_swagger_ui", "webapp.metrics", "handlers.openapi"]
    code = f"import sys, webapp; webapp.create_app(); print([name for name in {lazy} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True, capture_output=True, text=True)
    assert done.stdout == "[]\n"


def resolved(document: Any, name: str) -> Any:
    """Return a validator of a component of an OpenAPI document."""
    return validator_for({"$ref": f"#/components/schemas/{name}", "components": document["components"]})


def test_every_example_of_the_description_works_as_it_is(web_host: Host) -> None:
    document = web_host.send(method="GET", path="/openapi.json", headers={}).json()
    post = document["paths"]["/predict"]["post"]
    requests = post["requestBody"]["content"]["application/json"]["examples"]
    answers = post["responses"]["200"]["content"]["application/json"]["examples"]
    assert list(requests) == ["by-name", "by-position", "several"]
    for name, example in requests.items():
        resolved(document, "PredictRequest").validate(example["value"])
        got = web_host.send(json.dumps(example["value"]).encode())
        resolved(document, "Prediction").validate(got.json())
        assert (got.status, got.json()) == (200, answers[name]["value"])


VALID: list[Any] = [
    {"features": [1, 2, 3]},
    {"features": {"x1": 1, "x2": 2, "x3": 3.5}, "probabilities": False},
    {"instances": [[1, 2, 3], {"x3": 1, "x2": 2, "x1": 3}]},
    {"features": [0, 0, 1.7976931348623157e308]},
]
INVALID: list[Any] = [
    [],
    {},
    {"features": [1, 2]},
    {"features": [1, 2, 3, 4]},
    {"features": [1, 2, "3"]},
    {"features": [1, 2, True]},
    {"features": [1, 2, None]},
    {"features": {"x1": 1, "x2": 2}},
    {"features": {"x1": 1, "x2": 2, "x3": 3, "x4": 4}},
    {"features": [1, 2, 3], "instances": [[1, 2, 3]]},
    {"instances": []},
    {"features": [1, 2, 3], "probabilities": True},
    {"features": [1, 2, 3], "probabilities": 0},
    {"features": [1, 2, 3], "other": 1},
    {"features": [1, 2, 10**309]},
]


@pytest.mark.parametrize("document", [*VALID, *INVALID], ids=str)
def test_the_description_and_the_server_judge_alike(web: Host, document: Any) -> None:
    description = web.send(method="GET", path="/openapi.json", headers={}).json()
    schema = resolved(description, "PredictRequest")
    got = web.send(json.dumps(document).encode())
    assert schema.is_valid(document) is (got.status == 200) is (document in VALID)
    if got.status != 200:
        resolved(description, "Problem").validate(got.json())


def test_every_refusal_is_described(web: Host) -> None:
    document = web.send(method="GET", path="/openapi.json", headers={}).json()
    paths = list(document["paths"])
    assert paths[:4] == ["/predict", "/health", "/ready", "/model"]
    assert {"/bigquery", "/invocations", "/v1/models/example:predict", "/v2/models/example/infer", "/v2"} <= set(paths)
    assert sorted(document["paths"]["/predict"]["post"]["responses"]) == [
        "200", "400", "405", "408", "413", "415", "422", "500",
    ]  # fmt: skip
    assert sorted(document["paths"]["/ready"]["get"]["responses"]) == ["200", "405", "500", "503"]


def test_make_openapi_describes_the_function() -> None:
    url = "https://example.test/predict"
    done = subprocess.run(["make", "-s", "openapi", f"URL={url}"], cwd=ROOT, check=True, capture_output=True, text=True)
    document = json.loads(done.stdout)
    assert document == json.loads(json.dumps(function(process_service(), url)))
    assert (document["openapi"], document["servers"], list(document["paths"])) == ("3.1.0", [{"url": url}], ["/"])
