"""The routes of the web app."""

from typing import Any

from flask import Blueprint, Request, Response, current_app, request
from flask.blueprints import BlueprintSetupState
from werkzeug.exceptions import HTTPException
from werkzeug.routing import Rule

from handlers.predict import predict
from handlers.responses import Problem, entry_point, finish, internal_error, json_response, request_id_of
from handlers.service import model_headers, service
from predictor.version import __version__
from webapp.pages import PAGES, READ_ONLY

blueprint = Blueprint("webapp", __name__)


@entry_point(allow=READ_ONLY, headers=model_headers)
def health(_: Request) -> Response:
    """Tell that the process serves."""
    return json_response({"status": "ok"})


@entry_point(allow=READ_ONLY, headers=model_headers)
def ready(_: Request) -> Response:
    """Tell that the model of this very worker predicts its golden examples, as it did when it was trained."""
    predictor = service().predictor
    if predictor.replay():
        raise Problem(503, "the model no longer predicts what it was trained to")
    return json_response({"status": "ready", "model_version": predictor.manifest.version})


@entry_point(allow=READ_ONLY, headers=model_headers)
def model(_: Request) -> Response:
    """Describe the model: the public part of its manifest."""
    return json_response(service().predictor.manifest.public())


@entry_point(allow=READ_ONLY, headers=model_headers)
def version(_: Request) -> Response:
    """Tell the version of Tandem, bare as MLflow's clients want it; the model's own is in every answer."""
    return Response(__version__, content_type="text/plain; charset=utf-8")


@entry_point(allow=READ_ONLY, headers=model_headers)
def metrics(_: Request) -> Response:
    """Tell Prometheus what was counted."""
    text = current_app.extensions.get("metrics")
    if text is None:
        raise Problem(404, "metrics are off; start with METRICS=1 to count")
    return Response(text(), content_type="text/plain; version=0.0.4; charset=utf-8")


ROUTES = {
    "/predict": predict,
    "/health": health,
    "/ready": ready,
    "/model": model,
    "/version": version,
    "/metrics": metrics,
} | PAGES


@blueprint.record
def register(state: BlueprintSetupState) -> None:
    """Register the handlers for every method: which of them it takes, a handler says itself, on both hosts alike.

    A rule without methods is werkzeug's; Flask's add_url_rule has no way to say it. `request` is the handlers' only
    argument, and Flask passes a rule's defaults to its view, so the very handler is the view.
    """
    state.app.url_map.redirect_defaults = False  # it redirects between paths of one handler
    for path, handler in ROUTES.items():
        endpoint = f"{blueprint.name}.{handler.__name__}"
        state.app.url_map.add(Rule(path, endpoint=endpoint, defaults={"request": request}))
        state.app.view_functions[endpoint] = handler


@blueprint.app_errorhandler(HTTPException)
def http_error(error: HTTPException) -> Response:
    """Answer what Flask refuses by itself, an unknown path for one, in the contract's form."""
    status = 404 if error.code == 404 else 400
    detail = "there is nothing at this address; POST to /predict" if status == 404 else "the request cannot be read"
    return finish(Problem(status, detail).response(), request_id_of(request), model_headers())


@blueprint.app_errorhandler(Exception)
def fault(_: Exception) -> Any:
    """Answer a fault of ours outside the handlers."""
    return finish(internal_error(request), request_id_of(request), model_headers())
