"""What the API's description says of columns of every kind is what the server does."""

import json
from pathlib import Path
from typing import Any

import pytest
from jsonschema_rs import validator_for

from tests.hosts import Host
from tests.models import ROWS, hosts_of, mixed_classifier, mixed_regressor

FIRST = ROWS[0]
NAMED: dict[str, Any] = {"furnished": True, "story": "small", "since": "2024-01-15"}

VALID: list[Any] = [
    FIRST,
    [None, False, None, "", "2024-01-15T10:30:00Z"],
    [1, True, "Rom", "x" * 290, "1969-12-31"],
    NAMED,
    NAMED | {"area": None, "city": None},
    NAMED | {"id": "left out by training"},
    NAMED | {"id": None, "area": 1.5},
]
INVALID: list[Any] = [
    FIRST[:4],
    [*FIRST, 1],
    [True, *FIRST[1:]],
    [1, 1, *FIRST[2:]],
    [1, None, *FIRST[2:]],
    [1, True, 3, *FIRST[3:]],
    [1, True, "x" * 10_001, *FIRST[3:]],
    [1, True, "Ulm", None, "2024-01-15"],
    [1, True, "Ulm", "x" * 291, "2024-01-15"],
    [1, True, "Ulm", "x", "yesterday"],
    [1, True, "Ulm", "x", 20240115],
    [1, True, "Ulm", "x", None],
    NAMED | {"rent": 1},
    NAMED | {"furnished": "true"},
    {"furnished": True, "story": "small"},
]


@pytest.fixture(scope="module")
def web(tmp_path_factory: pytest.TempPathFactory) -> Host:
    folder = tmp_path_factory.mktemp("mixed") / "model"
    mixed_regressor(folder)
    return hosts_of(folder)[0]


def described(host: Host) -> Any:
    return host.send(method="GET", path="/openapi.json", headers={}).json()


def schema(document: Any, name: str) -> Any:
    components = {"$ref": f"#/components/schemas/{name}", "components": document["components"]}
    return validator_for(components, validate_formats=True)


@pytest.mark.parametrize("row", [*VALID, *INVALID], ids=lambda row: str(row)[:60])
def test_the_description_and_the_server_judge_alike(web: Host, row: Any) -> None:
    valid = any(row is each for each in VALID)
    document = {"instances": [FIRST, row]}
    assert schema(described(web), "PredictRequest").is_valid(document) is valid
    assert (web.send(json.dumps(document).encode()).status == 200) is valid


def test_every_example_works_as_it_is(tmp_path: Path) -> None:
    mixed_classifier(tmp_path / "model")
    web, function = hosts_of(tmp_path / "model")
    document = described(web)
    post = document["paths"]["/predict"]["post"]
    answers = post["responses"]["200"]["content"]["application/json"]["examples"]
    for name, example in post["requestBody"]["content"]["application/json"]["examples"].items():
        got = web.send(json.dumps(example["value"]).encode())
        schema(document, "PredictRequest").validate(example["value"])
        schema(document, "Prediction").validate(got.json())
        assert got.body == function.send(json.dumps(example["value"]).encode()).body
        assert name not in answers or got.json() == answers[name]["value"]


def test_the_known_values_are_examples_and_gaps_are_not_required(web: Host) -> None:
    schemas = described(web)["components"]["schemas"]
    assert schemas["Feature2"]["examples"] == ["Bremen", "Köln", "Ulm"]
    by_name = schemas["Row"]["oneOf"][1]
    assert by_name["required"] == ["furnished", "story", "since"]
    assert list(by_name["properties"]) == ["area", "furnished", "city", "story", "since", "id"]


def test_the_model_describes_its_columns(web: Host) -> None:
    got = web.send(method="GET", path="/model", headers={}).json()
    assert [feature["kind"] for feature in got["features"]] == ["number", "boolean", "category", "text", "date"]
    assert got["features"][2] == {
        "name": "city", "kind": "category", "missing": True, "values": ["Bremen", "Köln", "Ulm"],
    }  # fmt: skip
    assert got["example"]["features"] == FIRST
