"""Every response of both hosts: JSON or problem+json, under one set of headers."""

import os
import random
import re
from collections.abc import Iterable, Mapping
from typing import Any

import orjson
from flask import Request, Response
from werkzeug.datastructures import Headers

from handlers.paths import Path, pointer

# RFC 9110's names; http.HTTPStatus has older ones for some before Python 3.13.
TITLES = {
    400: "Bad Request",
    404: "Not Found",
    405: "Method Not Allowed",
    408: "Request Timeout",
    413: "Content Too Large",
    415: "Unsupported Media Type",
    422: "Unprocessable Content",
    500: "Internal Server Error",
    503: "Service Unavailable",
}
# For an answer to a request whose body was not read to its end.
CLOSE = {"Connection": "close"}

MAX_ERRORS = 10
MAX_PROBLEM_BYTES = 4096

# Names of requests keep no secret, so they need not be asked of the system. Of a fork's own, or workers would give the
# same ones.
names = random.Random()  # noqa: S311
os.register_at_fork(after_in_child=names.seed)

REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
REQUEST_ID_KEY = "tandem.request_id"


class Problem(Exception):
    """An error answer, RFC 9457: raise it anywhere below an entry point.

    `errors` are pairs of where and what, at most MAX_ERRORS of them; `total` counts those left out too.
    """

    def __init__(
        self,
        status: int,
        detail: str,
        errors: Iterable[tuple[Path, str]] = (),
        *,
        total: int = 0,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.errors = list(errors)[:MAX_ERRORS]
        self.total = total
        self.headers = dict(headers or {})

    def response(self) -> Response:
        """Return the response, of at most MAX_PROBLEM_BYTES."""
        body = self._body()
        while len(body) > MAX_PROBLEM_BYTES:
            self.total = max(self.total, len(self.errors))
            self.errors.pop()
            body = self._body()
        return self._response(body, self.status, "application/problem+json")

    def reply(self, document: Any, status: int) -> Response:
        """Return the problem as a JSON document of another form, and with another status."""
        return self._response(orjson.dumps(document), status, "application/json")

    def _response(self, body: bytes, status: int, media_type: str) -> Response:
        kind = ClosingResponse if self.headers.get("Connection") == "close" else Response
        return kind(body, status, self.headers, content_type=media_type)

    def _body(self) -> bytes:
        document: dict[str, Any] = {
            "type": "about:blank",
            "title": TITLES[self.status],
            "status": self.status,
            "detail": self.detail,
        }
        if self.errors:
            document["errors"] = [{"pointer": pointer(path), "detail": detail} for path, detail in self.errors]
            if self.total > len(self.errors):
                document["more_errors"] = self.total - len(self.errors)
        return orjson.dumps(document)


class ClosingResponse(Response):
    """A response after which the connection closes, for a request whose body is not read to its end.

    gunicorn drops an application's Connection header and writes its own; the object whose method it passes as
    start_response has the switch for it.
    """

    def __call__(self, environ: Any, start_response: Any) -> Any:
        """Answer as a WSGI application (PEP 3333)."""
        close_after(start_response)
        return super().__call__(environ, start_response)


class Answer(Response):
    """A response of 200 whose headers are complete, so that nothing has to look through a copy of them."""

    def __init__(self, body: bytes, headers: Headers) -> None:
        self.whole = [body]
        super().__init__(self.whole, 200, headers)

    def get_wsgi_headers(self, environ: Any) -> Headers:
        """Return the headers to send, as werkzeug makes them where somebody changed the status."""
        return self.headers if self.status_code == 200 else super().get_wsgi_headers(environ)

    def get_app_iter(self, environ: Any) -> Iterable[bytes]:
        """Return the body, as werkzeug does where there is nothing to leave out and nothing to do afterwards."""
        same = self.response is self.whole and self.status_code == 200 and not self._on_close
        return self.whole if same and environ["REQUEST_METHOD"] == "POST" else super().get_app_iter(environ)


def close_after(start_response: Any) -> None:
    """Let gunicorn close the connection after the response, if it is gunicorn whose method start_response is."""
    force_close = getattr(getattr(start_response, "__self__", None), "force_close", None)
    if force_close:
        force_close()


def json_response(document: Any) -> Response:
    """Return a 200 response with `document` as JSON, in its key order."""
    return body_response(orjson.dumps(document), "application/json")


def body_response(body: bytes, media_type: str) -> Response:
    """Return a 200 response with some bytes."""
    headers = Headers()  # added one by one, at half the cost of a list that werkzeug would look through
    headers.add("Content-Type", media_type)
    headers.add("Content-Length", str(len(body)))
    return Answer(body, headers)


def request_id_of(request: Request) -> str:
    """Return the caller's X-Request-Id if it is one that can be logged as it is, else one made for this request."""
    request_id: str | None = request.environ.get(REQUEST_ID_KEY)
    if request_id is None:
        given = request.environ.get("HTTP_X_REQUEST_ID", "")
        request_id = given if given and REQUEST_ID.fullmatch(given) else f"{names.getrandbits(128):032x}"
        request.environ[REQUEST_ID_KEY] = request_id
    return request_id
