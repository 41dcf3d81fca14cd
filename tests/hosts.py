"""The hosts of the contract suite: one way to send a request to each, one form of answer."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import functions_framework
import requests
from werkzeug.test import Client

JSON = {"Content-Type": "application/json"}


@dataclass(frozen=True)
class Answer:
    """A response as it came: status, headers (by lower-case name) and body."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> Any:
        """Return the body as strict JSON: NaN and Infinity are no JSON."""
        return json.loads(self.body, parse_constant=_refuse)


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is not JSON")


class Host(Protocol):
    """Where requests go."""

    name: str

    def send(
        self, body: bytes = b"", *, method: str = "POST", path: str = "/predict", headers: Mapping[str, str] = JSON
    ) -> Answer: ...


class InProcess:
    """A WSGI app, called in this process."""

    def __init__(self, name: str, app: Any) -> None:
        self.name = name
        self.client = Client(app)

    def send(
        self, body: bytes = b"", *, method: str = "POST", path: str = "/predict", headers: Mapping[str, str] = JSON
    ) -> Answer:
        with self.client.open(path, method=method, data=body, headers=dict(headers)) as response:
            return Answer(
                response.status_code, {k.lower(): v for k, v in response.headers.items()}, response.get_data()
            )


def function_of(environ: Mapping[str, str], folder: Path) -> Host:
    """Return the function of another service than the process's own; its source is written to `folder`."""
    source = folder / "function.py"
    source.write_text(
        "from handlers.predict import make\n"
        "from handlers.service import load_service\n\n"
        f"predict = make(load_service({dict(environ)!r}))\n"
    )
    return InProcess("function", functions_framework.create_app("predict", str(source)))


class Live:
    """A server behind a URL."""

    def __init__(self, name: str, url: str, headers: Mapping[str, str] | None = None) -> None:
        self.name = name
        self.url = url.rstrip("/")
        self.session = requests.Session()
        self.session.headers.clear()
        self.session.headers.update(headers or {})

    def send(
        self, body: bytes = b"", *, method: str = "POST", path: str = "/predict", headers: Mapping[str, str] = JSON
    ) -> Answer:
        response = self.session.request(method, self.url + path, data=body, headers=headers, timeout=30)
        return Answer(
            response.status_code, {name.lower(): value for name, value in response.headers.items()}, response.content
        )
