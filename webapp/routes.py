"""The routes of the web app."""

import functools
from collections.abc import Callable
from typing import Any

from flask import Blueprint, Request, Response, current_app, request
from flask.blueprints import BlueprintSetupState
from werkzeug.exceptions import HTTPException
from werkzeug.routing import Rule

from handlers import predict
from handlers.dialects.dialect import Dialect
from handlers.entry_point import View, entry_point, respond
from handlers.responses import Problem, json_response
from handlers.service import Service
from predictor.version import __version__
from webapp.pages import PAGES


def health(_: Service, __: Request) -> Response:
    """Tell that the process serves."""
    return json_response({"status": "ok"})


def ready(service: Service, _: Request) -> Response:
    """Tell that the model of this very worker predicts its golden examples, as it did when it was trained."""
    service.check_ready()
    return json_response({"status": "ready", "model_version": service.predictor.manifest.version})


def model(service: Service, _: Request) -> Response:
    """Describe the model: the public part of its manifest."""
    return json_response(service.predictor.manifest.public())


def version(_: Service, __: Request) -> Response:
    """Tell the version of Tandem, bare as MLflow's clients want it; the model's own is in every answer."""
    return Response(__version__, content_type="text/plain; charset=utf-8")


def metrics(_: Service, __: Request) -> Response:
    """Tell Prometheus what was counted."""
    text = current_app.extensions.get("metrics")
    if text is None:
        raise Problem(404, "metrics are off; start with METRICS=1 to count")
    return Response(text(), content_type="text/plain; version=0.0.4; charset=utf-8")


READ = "GET, HEAD, OPTIONS"

# Path -> function of a service and a request; each takes no method that changes anything.
READ_ONLY = {
    "/health": health,
    "/ready": ready,
    "/model": model,
    "/version": version,
    "/metrics": metrics,
} | PAGES


def routes_of(service: Service) -> Blueprint:
    """Return the routes of an app that serves `service`."""
    blueprint = Blueprint("webapp", __name__)

    @blueprint.record
    def register(state: BlueprintSetupState) -> None:
        state.app.url_map.merge_slashes = False  # or /v2//models were answered by a page that leads to /v2/models
        for path, view in views_by_path(service).items():
            add(state, path, path[1:].replace(".", "_") or "home", view)

    elsewhere = {dialect.below: view_of_elsewhere(dialect) for dialect in predict.dialects_of(service)}

    @blueprint.app_errorhandler(HTTPException)
    def http_error(error: HTTPException) -> Response:
        """Answer what Flask refuses by itself, an unknown path for one, in the contract's form."""
        for below, view in elsewhere.items():
            if below and error.code == 404 and request.path.startswith(below):
                return view(request)

        def refuse(_: Request) -> Response:
            if error.code == 404:
                raise Problem(404, "there is nothing at this address; POST to /predict")
            raise Problem(400, "the request cannot be read")

        return respond(service, refuse, request)

    @blueprint.app_errorhandler(Exception)
    def fault(error: Exception) -> Any:
        """Answer a fault of ours outside the handlers."""

        def fail(_: Request) -> Response:
            raise error

        return respond(service, fail, request)

    return blueprint


def views_by_path(service: Service) -> dict[str, View]:
    """Return every view of the app: of predictions, and of what is asked by GET, both where they share a path."""
    read_only = entry_point(service, allow=READ)
    gets = {path: read_only(functools.partial(function, service)) for path, function in READ_ONLY.items()}
    for dialect in predict.dialects_of(service):
        in_its_form = entry_point(service, allow=READ, refuse=dialect.refuse)
        gets = {path: in_its_form(function) for path, function in dialect.gets.items()} | gets
    posts = dict(predict.views_of(service)) | {"/predict": predict.make(service)}
    shared = {path: by_method(gets[path], posts[path]) for path in gets.keys() & posts.keys()}
    return gets | posts | shared


def view_of_elsewhere(dialect: Dialect) -> View:
    """Return the view of the addresses of a dialect at which there is nothing."""
    in_its_form = entry_point(dialect.service, allow=f"{READ}, POST", refuse=dialect.refuse)
    return in_its_form(functools.partial(predict.not_here, dialect))


def by_method(get: View, post: View) -> View:
    """Return the view of a path at which both are asked for; what is neither, the second one refuses."""
    return lambda request: (get if request.method in {"GET", "HEAD"} else post)(request)


def add(state: BlueprintSetupState, path: str, name: str, handler: Callable[..., Response]) -> None:
    """Register a handler for every method: which of them it takes, it says itself, on both hosts alike.

    A rule without methods is werkzeug's; Flask's add_url_rule has no way to say it. `request` is the handlers' only
    argument, and Flask passes a rule's defaults to its view, so the very handler is the view.
    """
    endpoint = f"{state.blueprint.name}.{name}"
    state.app.url_map.add(Rule(path, endpoint=endpoint, defaults={"request": request}))
    state.app.view_functions[endpoint] = handler
