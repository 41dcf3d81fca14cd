"""The pages for people, and what they are made of: the model's page, the API's, and their scripts and styles.

Nothing here is made before it is first asked for. Every page takes its scripts and styles from this very server.
"""

import importlib.util
from pathlib import Path
from urllib.parse import quote

from flask import Request, Response, render_template

from handlers.responses import json_response
from handlers.service import Service
from predictor import Predictor
from webapp.fields import IN_PYTHON, field_of, row_as_text

# A page takes nothing from elsewhere, runs nothing that stands in it, and stands in no frame of another site.
PAGE_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
}

# Path -> package and file in its folder. Swagger UI's come from PyPI, with its licence.
ASSETS = {
    "/assets/page.css": ("webapp", "assets/page.css"),
    "/assets/page.js": ("webapp", "assets/page.js"),
    "/assets/docs.css": ("webapp", "assets/docs.css"),
    "/assets/docs.js": ("webapp", "assets/docs.js"),
    "/assets/swagger-ui.css": ("flask_swagger_ui", "dist/swagger-ui.css"),
    "/assets/swagger-ui.js": ("flask_swagger_ui", "dist/swagger-ui-bundle.js"),
}
MEDIA_TYPES = {".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8"}

METRICS = {
    "r2": "R²",
    "mae": "mean absolute error",
    "rmse": "root mean squared error",
    "accuracy": "accuracy",
    "balanced_accuracy": "balanced accuracy",
    "log_loss": "log loss",
    "roc_auc": "area under the ROC curve",
}


def home(service: Service, request: Request) -> Response:
    """Show the model to a person, with a form to try it; tell a program that asks for JSON that it runs."""
    manifest = service.predictor.manifest
    # Of two media types that the caller likes alike, best_match takes the first.
    if request.accept_mimetypes.best_match(["text/html", "application/json"]) == "application/json":
        response = json_response({"status": "running", "model_version": manifest.version})
    else:
        examples = zip(*(example["features"] for example in manifest.examples), strict=True)
        fields = list(map(field_of, manifest.features, examples))
        response = page(
            "home.html",
            manifest=manifest,
            fields=fields,
            features_json=row_as_text(fields),
            features_python=row_as_text(fields, IN_PYTHON),
            origin=quote(request.url_root, safe=":/[]%"),
            detail=detail_of(service.predictor),
            metrics=manifest.training and manifest.training["metrics"],
            metric_names=METRICS,
        )
    response.headers["Vary"] = "Accept"
    return response


def detail_of(predictor: Predictor) -> str:
    """Return what the form asks for beside the prediction."""
    return "probabilities" if predictor.gives_probabilities else "scores" if predictor.gives_scores else ""


def docs(service: Service, _: Request) -> Response:
    """Show the API's description, interactive."""
    return page("docs.html", manifest=service.predictor.manifest)


def openapi(service: Service, _: Request) -> Response:
    """Describe the API by OpenAPI 3.1."""
    from handlers.openapi import web_app  # apispec is not the start's to pay for

    return json_response(web_app(service))


def asset(_: Service, request: Request) -> Response:
    """Send a script or a style."""
    package, name = ASSETS[request.path]
    spec = importlib.util.find_spec(package)
    assert spec is not None and spec.origin is not None  # noqa: PT018, S101  # it is among the serving dependencies
    file = Path(spec.origin).parent / name
    return Response(file.read_bytes(), content_type=MEDIA_TYPES[file.suffix])


def page(template: str, **values: object) -> Response:
    """Return a page: Jinja escapes every value that stands in it."""
    return Response(render_template(template, **values), headers=PAGE_HEADERS, content_type="text/html; charset=utf-8")


# Path -> function of a service and a request.
PAGES = {"/": home, "/docs": docs, "/openapi.json": openapi} | dict.fromkeys(ASSETS, asset)
