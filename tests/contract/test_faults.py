"""Whose fault is it? 5xx means ours and is logged once; what the estimator refuses is the caller's and is not."""

import json
import logging
from pathlib import Path
from typing import Any

import pytest

import train
from handlers.service import load_service
from predictor import Predictor
from tests.hosts import JSON, Host, InProcess, function_of
from webapp import create_app

GOOD = b'{"features":[1,2,3]}'
INJECTION = JSON | {"X-Request-Id": "a\tb", "User-Agent": "evil\x1b[31m", "X-Cloud-Trace-Context": "\x07"}


def fail(*_: Any) -> None:
    raise RuntimeError("the secret of row 1, 2, 3")


def test_a_fault_of_ours_is_a_500_that_tells_nothing_and_one_line_in_the_log(
    web: Host, function: Host, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(Predictor, "predict", fail)
    for host in (web, function):
        caplog.clear()
        got = host.send(GOOD, headers=JSON | {"X-Request-Id": "my-id"})
        assert got.headers["content-type"] == "application/problem+json"
        assert (got.status, got.json()) == (
            500,
            {
                "type": "about:blank",
                "title": "Internal Server Error",
                "status": 500,
                "detail": "internal error; the request id is my-id",
            },
        )
        [record] = caplog.records
        assert (record.name, record.levelno, record.getMessage()) == ("tandem", logging.ERROR, "request my-id failed")
        assert record.exc_info is not None
        assert str(record.exc_info[1]) == "the secret of row 1, 2, 3"


def test_a_fault_outside_the_handlers_is_a_500_of_the_same_form(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    app = create_app()
    monkeypatch.setitem(app.view_functions, "webapp.health", fail)
    got = InProcess("broken", app).send(method="GET", path="/health", headers={"X-Request-Id": "my-id"})
    assert (got.status, got.json()["detail"]) == (500, "internal error; the request id is my-id")
    assert [record.getMessage() for record in caplog.records] == ["request my-id failed"]


def test_a_model_that_changed_is_not_ready(web: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Predictor, "replay", lambda _: [0])
    got = web.send(method="GET", path="/ready", headers={})
    assert (got.status, got.json()["detail"]) == (503, "the model no longer predicts what it was trained to")


@pytest.mark.parametrize(
    "body", [b"", b"\x1b[31m", b"{}", b'{"features":["\\u0000\\n",2,3]}', b'{"features":[1e308,1e308,1e308]}']
)
def test_a_bad_request_is_not_logged(web: Host, function: Host, body: bytes, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    for host in (web, function):
        assert 400 <= host.send(body, headers=INJECTION).status < 500
    assert [record for record in caplog.records if record.levelno > logging.INFO] == []


def test_what_a_forest_refuses_is_the_callers_fault(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    table = tmp_path / "table.csv"
    table.write_text("a,b,y\n" + "".join(f"{n},{n % 3},{n * 2}\n" for n in range(20)))
    forest = ["--estimator", "sklearn.ensemble.RandomForestRegressor", "--set", "n_estimators=3"]
    train.main([str(table), "--target", "y", *forest, "--out", str(tmp_path)])
    environ = {"MODEL_DIR": str(tmp_path)}
    for host in (InProcess("web", create_app(load_service(environ))), function_of(environ, tmp_path)):
        assert host.send(b'{"features":[3e38,1]}').status == 200
        got = host.send(json.dumps({"instances": [[1, 2], [1e39, 1], [1, -1e300]]}).encode())
        detail = "the prediction is not a finite number for this input"
        assert (got.status, got.json()["detail"], got.json()["errors"]) == (
            422,
            detail,
            [{"pointer": "#/instances/1", "detail": detail}, {"pointer": "#/instances/2", "detail": detail}],
        )
    assert [record for record in caplog.records if record.levelno > logging.INFO] == []
