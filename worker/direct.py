"""The way from gunicorn to the handler of POST /predict that leaves out what Flask would do for nobody.

The handler is called with a Flask request, as functions-framework does. Where somebody could notice that Flask itself
was not there, by a hook, a signal, a middleware or a subclass, the whole app is called instead.
"""

from collections.abc import Sequence
from typing import Any

import flask
from flask import Flask, Request

from handlers import predict
from handlers.ahead import Ahead
from handlers.quick import asks_one_row, longest_quick_body, most_seconds
from handlers.service import Service
from handlers.timing import AHEAD
from worker.connection import ClientSocket

ENDPOINT = "webapp.predict"
HOOKS = (
    "before_request_funcs", "after_request_funcs", "teardown_request_funcs", "url_value_preprocessors",
    "teardown_appcontext_funcs",
)  # fmt: skip
SIGNALS = (
    flask.request_started, flask.request_finished, flask.request_tearing_down, flask.got_request_exception,
    flask.appcontext_pushed, flask.appcontext_popped, flask.appcontext_tearing_down,
)  # fmt: skip


class Direct:
    """A WSGI app that calls an app's handler for the requests of the lane, and the app for all others."""

    def __init__(self, app: Flask, service: Service) -> None:
        self.app = app
        self.handler = predict.make(service)
        self.seconds = most_seconds(service)
        self.longest_body = longest_quick_body(service)
        self.ahead = Ahead.of(service)
        # Each of them is empty while nobody asked; they are filled and emptied, but not replaced.
        self.askers = [getattr(app, name) for name in HOOKS] + [signal.receivers for signal in SIGNALS]

    @classmethod
    def to(cls, app: Any) -> "Direct | None":
        """Return the direct way to an app, None when it is not one of `webapp` as it was made."""
        if type(app) is not Flask or app.request_class is not Request:
            return None
        service = app.extensions.get("tandem")
        if service is None or app.view_functions.get(ENDPOINT) is not predict.make(service):
            return None
        return cls(app, service)

    def open(self) -> bool:
        """Whether nobody asked to see a request on its way."""
        app = self.app
        return (
            self.longest_body > 0
            and "wsgi_app" not in app.__dict__
            and app.config["TRUSTED_HOSTS"] is None
            and not any(self.askers)
        )

    def begin_turn(self) -> bool:
        """Forget what was predicted for a turn of the loop; return whether it is worth to look ahead in this one."""
        if self.ahead is None:
            return False
        self.ahead.forget()
        return self.ahead.together.worthwhile and self.open()

    def predict_ahead(self, bodies: Sequence[bytes]) -> bool:
        """Predict in one call what some bodies ask for; return whether that went well."""
        return self.ahead is not None and self.ahead.predict(bodies)

    def takes(self, body: bytes) -> bool:
        """Whether a body is one row's, of a length that was tried."""
        return 0 < len(body) <= self.longest_body and asks_one_row(body)

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Any:
        """Answer a request (PEP 3333)."""
        if not is_of_the_lane(environ):
            return self.app(environ, start_response)
        if self.ahead is not None:
            environ[AHEAD] = self.ahead.seconds
        # A request that stood in its own environ would be a cycle, which only the garbage collector can free.
        return self.handler(Request(environ, populate_request=False))(environ, start_response)


def is_of_the_lane(environ: dict[str, Any]) -> bool:
    """Whether the main loop calls, and neither a header nor a setting makes the request one for another address."""
    return (
        environ["gunicorn.socket"].__class__ is ClientSocket
        and environ["gunicorn.socket"].held is not None
        and environ["PATH_INFO"] == "/predict"
        and not environ["SCRIPT_NAME"]
        and "HTTP_UPGRADE" not in environ
    )
