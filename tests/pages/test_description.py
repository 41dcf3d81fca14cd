"""/openapi.json as its readers take it: page, generators of clients, gateways. What it says of each address is so."""

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from jsonschema_rs import validator_for
from schemathesis.specs.openapi.definitions import OPENAPI_31
from sklearn.linear_model import LinearRegression
from werkzeug.test import EnvironBuilder, run_wsgi_app

from handlers.openapi import function, web_app
from handlers.responses import TITLES
from handlers.service import process_service
from predictor import Predictor
from predictor.columns import Number
from tests.files import copy_model
from tests.hosts import JSON, Answer, Host
from tests.models import Sample, hosts_of, mixed_classifier, mixed_regressor, save_model

LIMIT = 2000
MODELS: dict[str, Callable[[Path], Any]] = {"example": copy_model, "rent": mixed_regressor, "quiet": mixed_classifier}
KEYWORDS = {
    "$ref", "additionalProperties", "anyOf", "const", "description", "enum", "examples", "format", "items", "maxItems",
    "maxLength", "maximum", "minItems", "minimum", "oneOf", "pattern", "prefixItems", "properties", "required", "title",
    "type",
}  # fmt: skip


class Described:
    """A web app and what it says of itself."""

    def __init__(self, web: Host) -> None:
        self.web = web
        self.document = self.get("/openapi.json").json()
        self.components = self.document["components"]

    def get(self, path: str) -> Answer:
        return self.web.send(method="GET", path=path, headers={})

    def operations(self, wanted: str) -> Iterator[tuple[str, dict[str, Any]]]:
        for path, methods in self.document["paths"].items():
            for method, operation in methods.items():
                if method == wanted:
                    yield path, operation

    def answered(self, operation: dict[str, Any], got: Answer) -> None:
        """Check that an answer is as the operation describes its status, and that no other object would be."""
        described = operation["responses"][str(got.status)]
        schema = described["content"][got.headers["content-type"]]["schema"]
        validator = validator_for({"allOf": [schema], "components": self.components})
        validator.validate(got.json())
        if schema != {"type": "object"}:
            assert [other for other in others(got.json(), self.optional(schema)) if validator.is_valid(other)] == []
        for name in described.get("headers", ()):
            assert self.components["headers"][name]["schema"] == {"type": "string"}
            assert got.headers[name.lower()]

    def optional(self, schema: dict[str, Any]) -> set[str]:
        """Return the keys that only some answers have."""
        return {"errors", "more_errors", "probabilities"} if "$ref" in schema else set()


def others(answer: dict[str, Any], optional: set[str]) -> Iterator[dict[str, Any]]:
    """Yield answers with a key more, with one less, and with a value of another kind."""
    yield answer | {"another": 1}
    for key, value in answer.items():
        if key not in optional:
            yield {other: answer[other] for other in answer if other != key}
        if key != "replies":
            yield answer | {key: 7 if value is None or isinstance(value, dict) else {"of another": "kind"}}


def example_of(operation: dict[str, Any]) -> Any:
    media = operation["requestBody"]["content"]["application/json"]
    return media["example"] if "example" in media else media["examples"]["by-name"]["value"]


@pytest.fixture(scope="module", params=MODELS)
def described(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Described:
    folder = tmp_path_factory.mktemp("models") / request.param
    MODELS[request.param](folder)
    return Described(hosts_of(folder, MAX_BODY_BYTES=str(LIMIT))[0])


def schemas_within(schema: Any) -> Iterator[dict[str, Any]]:
    yield schema
    for keyword in ("anyOf", "oneOf", "prefixItems"):
        for part in schema.get(keyword, ()):
            yield from schemas_within(part)
    for part in [*schema.get("properties", {}).values(), *([schema["items"]] if "items" in schema else [])]:
        yield from schemas_within(part)


def schemas_of(document: Any) -> Iterator[dict[str, Any]]:
    """Yield each schema of a description."""
    for schema in document["components"]["schemas"].values():
        yield from schemas_within(schema)
    for methods in document["paths"].values():
        for operation in methods.values():
            for part in (operation.get("requestBody", {}), *operation["responses"].values()):
                for media in part.get("content", {}).values():
                    yield from schemas_within(media["schema"])


def test_it_is_openapi_without_a_keyword_that_means_nothing(described: Described) -> None:
    validator_for(OPENAPI_31).validate(described.document)
    found = list(schemas_of(described.document))
    assert {keyword for schema in found for keyword in schema} <= KEYWORDS
    for schema in found:
        assert isinstance(schema.get("description", ""), str)
        if "$ref" in schema:
            assert schema["$ref"].removeprefix("#/components/schemas/") in described.components["schemas"]


def test_every_text_is_a_sentence(described: Described) -> None:
    for methods in described.document["paths"].values():
        for operation in methods.values():
            assert operation["summary"][0].isupper()
            assert not operation["summary"].isupper()
            for response in operation["responses"].values():
                text = response["description"]
                assert (text[0].isupper(), text[-1], text.isupper()) == (True, ".", False)


OPERATIONS = {
    "/predict": "post predict, prediction: Predict one row or several",
    "/health": "get health, model: Tell that the process serves",
    "/ready": "get ready, model: Tell that the model repeats its known predictions",
    "/model": "get model, model: Describe the model",
    "/bigquery": "post bigquery, dialects: Predict, as a BigQuery remote function",
    "/invocations": "post invocations, dialects: Predict, as MLflow and SageMaker",
    "/v2/models/example/infer": "post infer, dialects: Predict, as Open Inference V2",
    "/v2": "get server_metadata, dialects: Describe the server",
    "/v2/health/live": "get live, dialects: Tell that the process serves",
    "/v2/health/ready": "get server_ready, dialects: Tell whether it is ready",
    "/v2/models/example": "get model_metadata, dialects: Describe the model",
    "/v2/models/example/ready": "get model_ready, dialects: Tell whether it is ready",
    "/v1/models/example:predict": "post kserve_predict, dialects: Predict, as KServe V1",
    "/v1/models": "get kserve_models, dialects: Name the model",
    "/v1/models/example": "get kserve_ready, dialects: Tell whether it is ready",
}


@pytest.mark.parametrize("described", ["example"], indirect=True)
def test_every_address_has_the_name_that_generators_give_its_method(described: Described) -> None:
    told = {
        path: f"{method} {operation['operationId']}, {', '.join(operation['tags'])}: {operation['summary']}"
        for path, methods in described.document["paths"].items()
        for method, operation in methods.items()
    }
    assert told == OPERATIONS
    names = [line.split(",")[0] for line in told.values()]
    assert len(set(names)) == len(names)


def test_every_address_answers_as_described(described: Described) -> None:
    for path, operation in described.operations("get"):
        got = described.get(path)
        assert got.status == 200
        described.answered(operation, got)
    for path, operation in described.operations("post"):
        assert operation["requestBody"]["required"] is True
        got = described.web.send(json.dumps(example_of(operation)).encode(), path=path)
        assert got.status == 200
        described.answered(operation, got)


def test_one_row_as_a_list_is_answered_as_described(described: Described) -> None:
    post = described.document["paths"]["/predict"]["post"]
    flag = post["requestBody"]["content"]["application/json"]["examples"].get("with-probabilities", {})
    for more in ({}, {"probabilities": bool(flag)}):
        document = {"instances": [example_of(post)["features"]]} | more
        got = described.web.send(json.dumps(document).encode())
        assert (got.status, "probabilities" in got.json()) == (200, bool(more.get("probabilities")))
        described.answered(post, got)


@pytest.mark.parametrize("described", ["example"], indirect=True)
def test_what_a_dialect_takes_and_answers_beside_json_is_named(described: Described) -> None:
    told = {
        path: (
            list(operation["requestBody"]["content"]["application/json"]["schema"]["properties"]),
            list(operation["responses"]["200"]["content"]),
        )
        for path, operation in described.operations("post")
        if path != "/predict"
    }
    assert told == {
        "/bigquery": (["calls", "userDefinedContext"], ["application/json"]),
        "/invocations": (
            ["dataframe_split", "dataframe_records", "instances", "inputs", "params"],
            ["text/csv", "application/json"],
        ),
        "/v2/models/example/infer": (
            ["id", "inputs", "outputs", "parameters"],
            ["application/octet-stream", "application/json"],
        ),
        "/v1/models/example:predict": (["inputs", "instances"], ["application/json"]),
    }


class Late:
    """A body that does not arrive in time."""

    timed_out = True

    def read(self, _: int) -> bytes:
        raise OSError("timed out")


def late(host: Any, path: str) -> Answer:
    environ = EnvironBuilder(path=path, method="POST", content_type="application/json").get_environ()
    environ |= {"wsgi.input": Late(), "CONTENT_LENGTH": "20"}
    body, status, headers = run_wsgi_app(host.client.application, environ)
    return Answer(int(status.split()[0]), {name.lower(): value for name, value in headers.items()}, b"".join(body))


def fail(*_: Any) -> None:
    raise RuntimeError


def test_every_refusal_is_as_described(described: Described, monkeypatch: pytest.MonkeyPatch) -> None:
    web = described.web
    for path, operation in described.operations("post"):
        refusals = {
            400: web.send(b"", path=path),
            405: web.send(method="GET", path=path, headers={}),
            408: late(web, path),
            413: web.send(b" " * (LIMIT + 1), path=path),
            415: web.send(b"{}", path=path, headers=JSON | {"Content-Encoding": "gzip"}),
        }
        if path == "/predict":
            refusals[422] = web.send(b'{"features":[]}', path=path)
        if path == "/bigquery":  # which would try again what is 408
            assert refusals.pop(408).status == 400
        with monkeypatch.context() as patch:
            patch.setattr(Predictor, "predict", fail)
            refusals[500] = web.send(json.dumps(example_of(operation)).encode(), path=path)
        assert {status: got.status for status, got in refusals.items()} == {status: status for status in refusals}
        assert set(operation["responses"]) == {"200", *map(str, refusals)}
        for got in refusals.values():
            described.answered(operation, got)


def test_what_is_not_ready_is_as_described(described: Described, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Predictor, "replay", lambda _: [0])
    for path, operation in described.operations("get"):
        got = described.get(path)
        assert set(operation["responses"]) == {"200", "405", "500"} | ({"503"} if got.status == 503 else set())
        described.answered(operation, got)


def test_what_is_only_read_takes_no_body_as_described(described: Described) -> None:
    for path, operation in described.operations("get"):
        got = described.web.send(b"{}", path=path)
        assert got.status == 405
        described.answered(operation, got)


ROW = {"$ref": "#/components/schemas/Row"}
FLOAT64 = {"minimum": -1.7976931348623157e308, "maximum": 1.7976931348623157e308}


def cell(position: int, *, seen: str = "") -> dict[str, Any]:
    return {"$ref": f"#/components/schemas/Feature{position}"} | ({"description": seen} if seen else {})


@pytest.mark.parametrize("described", ["rent"], indirect=True)
def test_a_request_is_described_by_the_columns(described: Described) -> None:
    schemas = described.components["schemas"]
    assert schemas["PredictRequest"]["properties"] == {
        "features": ROW | {"description": "One row."},
        "instances": {
            "type": "array",
            "items": ROW,
            "description": "Rows, answered in their order.",
            "minItems": 1,
            "maxItems": 100_000,
        },
        "probabilities": {
            "type": "boolean",
            "description": "Whether a classifier answers with each class's probability, too.",
            "enum": [False],
        },
        "scores": {
            "type": "boolean",
            "description": "Whether a model without probabilities answers with its decision function, too.",
            "enum": [False],
        },
    }
    by_position, by_name = schemas["Row"]["oneOf"]
    assert by_position == {
        "title": "by position",
        "description": "area, furnished, city, story, since",
        "type": "array",
        "prefixItems": [cell(position) for position in range(5)],
        "minItems": 5,
        "maxItems": 5,
    }
    assert by_name == {
        "title": "by name",
        "type": "object",
        "properties": {
            "area": cell(0, seen="31 to 98 in training"),
            "furnished": cell(1),
            "city": cell(2),
            "story": cell(3),
            "since": cell(4, seen="2024-01-15 to 2026-02-11 in training"),
            "id": {"description": "Ignored: as many values as rows"},
        },
        "required": ["furnished", "story", "since"],
        "additionalProperties": False,
    }
    assert schemas["Number"] == {"type": "number"} | FLOAT64
    assert schemas["Feature0"] == {"type": ["number", "null"]} | FLOAT64


@pytest.mark.parametrize(("width", "names"), [(20, "x0, .*, x19"), (21, "x0, .*, x19, …"), (1, "x0")])
def test_of_very_many_columns_the_first_are_named(tmp_path: Path, width: int, names: str) -> None:
    rows = [[float(row * column % 7) for column in range(width)] for row in range(3)]
    sample = Sample([Number(f"x{column}") for column in range(width)], rows, [1.0, 2.0, 3.0])
    save_model(tmp_path / "model", LinearRegression(), np.column_stack, sample)
    schemas = Described(hosts_of(tmp_path / "model")[0]).components["schemas"]
    by_position, by_name = schemas["Row"]["oneOf"]
    assert re.fullmatch(names, by_position["description"])
    assert by_position["items"] == {"$ref": "#/components/schemas/Number"}
    assert "prefixItems" not in by_position
    assert (by_position["minItems"], by_position["maxItems"], len(by_name["required"])) == (width, width, width)
    assert "Feature0" not in schemas


def test_the_function_is_described_by_its_one_address() -> None:
    service, url = process_service(), "https://example.test/predict"
    described, of_web_app = function(service, url), web_app(service)
    assert described["servers"] == [{"url": url}]
    assert described["paths"] == {"/": {"post": of_web_app["paths"]["/predict"]["post"]}}
    assert described["info"] == of_web_app["info"]
    assert described["components"] == of_web_app["components"]
    assert described["info"]["title"] == "example: y by sklearn.linear_model.LinearRegression"
    assert described["info"]["version"] == "1.0"
    assert described["info"]["description"].startswith("Predictions of one scikit-learn model. A row is ")


@pytest.mark.parametrize("described", ["quiet"], indirect=True)
def test_the_examples_of_predict_say_what_may_be_asked(described: Described) -> None:
    post = described.document["paths"]["/predict"]["post"]
    requests = post["requestBody"]["content"]["application/json"]["examples"]
    assert list(requests) == ["by-name", "by-position", "several", "with-probabilities"]
    assert requests["with-probabilities"]["value"] == requests["by-name"]["value"] | {"probabilities": True}
    assert requests["by-position"]["value"] == {"features": list(requests["by-name"]["value"]["features"].values())}
    assert list(post["responses"]["200"]["content"]["application/json"]["examples"]) == list(requests)[:3]
    assert f"over {LIMIT} bytes, or as the schema says." in post["responses"]["413"]["description"]
    for status, response in post["responses"].items():
        if status != "200":
            example = response["content"]["application/problem+json"]["example"]
            problem = described.components["schemas"]["Problem"]
            validator_for(problem).validate(example)
            assert example["status"] == int(status)
            assert example["title"] == TITLES[int(status)]
