"""What a process serves is an object that is handed around: two of them live beside each other."""

import json
import logging
import types
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from flask import Request, Response

import main
from handlers import logs, predict
from handlers.entry_point import entry_point
from handlers.logs import ForCloudLogging
from handlers.responses import Problem
from handlers.service import Service, load_service, process_service
from tests.files import copy_model
from tests.hosts import JSON, InProcess, function_of
from webapp import create_app

GOOD = b'{"features":[1,2,3]}'


@pytest.fixture
def environ(tmp_path: Path) -> dict[str, str]:
    """Return the settings of a service of its own: version 2.0, at most 2 rows and 100 bytes."""
    manifest = json.loads((copy_model(tmp_path) / "model.json").read_text())
    (tmp_path / "model.json").write_text(json.dumps(manifest | {"version": "2.0"}))
    return {"MODEL_DIR": str(tmp_path), "MAX_ROWS": "2", "MAX_BODY_BYTES": "100"}


def test_the_handler_of_a_process_is_one_plain_function() -> None:
    handler = main.predict
    assert type(handler) is types.FunctionType
    assert handler.__name__ == "predict"
    assert predict.make(process_service()) is handler
    assert create_app().view_functions["webapp.predict"] is handler


def test_two_services_keep_their_models_and_limits_apart(environ: dict[str, str], tmp_path: Path) -> None:
    first, second = create_app(), create_app(load_service(environ))
    for host, version in (
        (InProcess("first", first), "1.0"),
        (InProcess("second", second), "2.0"),
        (function_of(environ, tmp_path), "2.0"),
        (InProcess("first", first), "1.0"),
    ):
        got = host.send(GOOD)
        assert (got.json()["model_version"], got.headers["model-version"]) == (version, version)
        assert host.send(b'{"instances":[[1,2,3],[1,2,3],[1,2,3]]}').status == (200 if version == "1.0" else 413)
        assert host.send(GOOD + b" " * 81).status == (200 if version == "1.0" else 413)
        assert host.send(path="/predict", method="GET").headers["model-version"] == version


def test_an_observer_sees_the_requests_of_its_service_only(environ: dict[str, str]) -> None:
    service, other = load_service(environ), load_service(environ)
    seen: list[tuple[str, int]] = []

    def observe(request: Request) -> Callable[[Response], None]:
        return lambda response: seen.append((request.path, response.status_code))

    service.observers.append(observe)
    host = InProcess("observed", create_app(service))
    host.send(GOOD)
    host.send(b"[")
    host.send(method="GET", path="/nothing", headers={})
    InProcess("other", create_app(other)).send(GOOD)
    assert seen == [("/predict", 200), ("/predict", 400), ("/nothing", 404)]


def test_a_handler_may_refuse_in_a_form_of_its_own(environ: dict[str, str]) -> None:
    def refuse(problem: Problem) -> Response:
        return Response(f"no: {problem}", 200 if problem.status < 500 else 500)

    service = load_service(environ)
    failures: list[Exception] = [Problem(422, "too blue"), RuntimeError("a secret")]

    @entry_point(service, allow="POST", refuse=refuse)
    def view(_: Request) -> Response:
        raise failures.pop(0)

    app = create_app(service)
    app.view_functions["webapp.predict"] = view
    host = InProcess("other form", app)
    got = host.send(GOOD)
    assert (got.status, got.body, got.headers["model-version"]) == (200, b"no: too blue", "2.0")
    got = host.send(GOOD, headers=JSON | {"X-Request-Id": "my-id"})
    assert (got.status, got.body) == (500, b"no: internal error; the request id is my-id")
    assert host.send(GOOD, method="PUT").body == b"no: this address takes POST"


def test_a_line_says_of_which_request_and_model_it_is(
    environ: dict[str, str], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    service = load_service(environ)
    lines: list[dict[str, Any]] = []

    class Keep(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            lines.append(json.loads(ForCloudLogging("").format(record)))

    def predict_and_tell(*_: Any) -> None:
        logging.getLogger("a.model").warning("a word while predicting")
        raise RuntimeError

    monkeypatch.setattr(logs, "process", {"model_version": "of the process"})
    monkeypatch.setattr(service.predictor.estimator, "predict", predict_and_tell)
    monkeypatch.setattr(logging.root, "handlers", [Keep()])
    assert InProcess("web", create_app(service)).send(GOOD, headers=JSON | {"X-Request-Id": "my-id"}).status == 500
    logging.getLogger("tandem").error("a word between requests")
    told = [(line["message"], line.get("request_id"), line["model_version"]) for line in lines]
    assert told == [
        ("a word while predicting", "my-id", "2.0"),
        ("request my-id failed", "my-id", "2.0"),
        ("a word between requests", None, "of the process"),
    ]


def test_a_service_is_made_of_a_predictor_alone() -> None:
    service = Service(process_service().predictor, max_rows=1)
    assert (service.max_rows, service.max_body_bytes) == (1, 8 * 1024 * 1024)
    assert InProcess("web", create_app(service)).send(b'{"instances":[[1,2,3],[1,2,3]]}').status == 413


def test_who_changes_the_status_of_an_answer_gets_headers_that_fit(environ: dict[str, str]) -> None:
    app = create_app(load_service(environ))
    statuses = iter([200, 201, 204, 304])

    @app.after_request
    def change(response: Response) -> Response:
        response.status_code = next(statuses)
        return response

    host = InProcess("web", app)
    got = [host.send(GOOD) for _ in range(4)]
    assert [(each.status, "content-length" in each.headers) for each in got] == [
        (200, True), (201, True), (204, False), (304, False),
    ]  # fmt: skip
    assert "content-type" not in got[3].headers
