"""Both hosts of a few models, asked at once: an answer that differs between them is a failure by itself."""

import re
import socket
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pytest
from sklearn.linear_model import LogisticRegression

from handlers.service import load_service
from predictor.columns import Boolean, Category, Column, Date, Number
from servers.running import FUNCTION, GUNICORN, Server, running
from tests.files import copy_model
from tests.hosts import JSON, Answer, InProcess, function_of
from tests.models import Sample, mixed_classifier, mixed_regressor, save_frame_model, save_model, text_classifier
from webapp import create_app

NUMBERS: list[Column] = [Number("x1"), Number("x2"), Number("x3")]
POINTS = [[1.0, 2.0, 3.0], [2.0, 3.0, 4.0], [0.0, 1.0, 9.0], [5.0, 0.0, 1.0], [4.0, 4.0, 0.0], [1.0, 1.0, 1.0]]
CLASSES = ["a", "b", "c", "a", "b", "c"]

# The model's name is its folder's.
ROUTES = {"AIP_PREDICT_ROUTE": "/v1/endpoints/7/deployedModels/8:predict", "AIP_HEALTH_ROUTE": "/v1/health:x"}


class Hosts:
    """The web app and the function of one service."""

    def __init__(self, environ: dict[str, str], folder: Path) -> None:
        self.web = InProcess("web", create_app(load_service(environ)))
        self.function = function_of(environ, folder)

    def post(self, path: str, body: Any, headers: dict[str, str] = JSON, *, on_function: str = "") -> Answer:
        """Return the answer of both hosts to a body, or to a document as JSON."""
        data = body if isinstance(body, bytes) else orjson.dumps(body)
        got = self.web.send(data, path=path, headers=headers)
        other = self.function.send(data, path=on_function or path, headers=headers)
        assert (got.status, got.body) == (other.status, other.body)
        for name in ("content-type", "inference-header-content-length", "model-version", "cache-control"):
            assert got.headers.get(name) == other.headers.get(name)
        assert got.headers["x-request-id"]
        return got

    def get(self, path: str) -> Answer:
        """Return the answer of the web app; the function takes no GET."""
        assert self.function.send(method="GET", path=path, headers={}).status == 405
        return self.web.send(method="GET", path=path, headers={})


def matrix(arrays: list[Any]) -> Any:
    return np.column_stack(arrays)


def digits_classifier(folder: Path) -> Any:
    """Save a model whose features have numbers for names."""
    columns: list[Column] = [Number("2"), Number("0"), Number("1")]
    return save_model(folder, LogisticRegression(max_iter=1000), matrix, Sample(columns, POINTS, CLASSES))


def truth_classifier(folder: Path) -> Any:
    """Save a classifier with true and false as labels, of a boolean and a date."""
    columns: list[Column] = [Boolean("new"), Date("since", first="2024-01-15", last="2024-04-15", parts=[])]
    rows: list[list[Any]] = [[True, "2024-01-15"], [False, "2024-02-15"], [True, "2024-03-15"], [False, "2024-04-15"]]
    return save_frame_model(
        folder, LogisticRegression(max_iter=1000), Sample(columns, rows, [True, False, True, False])
    )


def numbers_classifier(folder: Path) -> Any:
    estimator = LogisticRegression(max_iter=1000)
    return save_model(folder, estimator, matrix, Sample(NUMBERS, POINTS, CLASSES))


def whole_classifier(folder: Path) -> Any:
    """Save a classifier with whole numbers as labels, of a number, a boolean and a category of whole numbers."""
    columns: list[Column] = [Number("size"), Boolean("new"), Category("floor", values=[1, 2, 3])]
    rows: list[list[Any]] = [[1.0, True, 1], [2.0, False, 2], [3.0, True, 3], [4.0, False, 1]]
    return save_frame_model(folder, LogisticRegression(max_iter=1000), Sample(columns, rows, [0, 1, 0, 1]))


@pytest.fixture(scope="session", params=[GUNICORN, FUNCTION], ids=["web app", "function"])
def live(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Yield each host of the built-in example in turn, as a process of its own."""
    with running(request.param, tmp_path_factory.mktemp("live") / "log", READ_TIMEOUT="1", **ROUTES) as server:
        yield server
    assert "Traceback" not in server.output()


def exchange(server: Server, sent: bytes) -> Answer:
    """Return what a server answers to the bytes of a request."""
    with socket.create_connection(("127.0.0.1", server.port), timeout=30) as connection:
        connection.sendall(sent)
        got = b""
        while not (head := re.match(rb"HTTP/1.1 (\d+) [\s\S]*?\r\n\r\n", got)):
            got += received(connection)
        headers = {name.lower(): value for name, value in re.findall(r"([\w-]+): (.*)\r\n", head[0].decode())}
        while len(body := got[head.end() :]) < int(headers["content-length"]):
            got += received(connection)
    return Answer(int(head[1]), headers, body)


def received(connection: socket.socket) -> bytes:
    """Return more of an answer; there is some."""
    data = connection.recv(65536)
    assert data, "the connection was closed before its answer was whole"
    return data


@pytest.fixture(scope="session")
def hosts(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Hosts]:
    """Return a function from the name of a model to its hosts, made once."""
    made: dict[str, Hosts] = {}
    makers = {
        "clf": numbers_classifier,
        "digits": digits_classifier,
        "mixed": mixed_regressor,
        "quiet": mixed_classifier,
        "text": text_classifier,
        "truth": truth_classifier,
        "whole": whole_classifier,
    }

    def find(name: str, **environ: str) -> Hosts:
        key = f"{name} {environ}"
        if key not in made:
            folder = tmp_path_factory.mktemp("model") / name
            if name == "example":
                copy_model(folder)
            else:
                folder.mkdir()
                with warnings.catch_warnings(action="ignore"):  # of so few rows not every estimator converges
                    makers[name](folder)
            made[key] = Hosts({"MODEL_DIR": str(folder)} | ROUTES | environ, folder)
        return made[key]

    return find
