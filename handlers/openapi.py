"""The OpenAPI 3.1 description of what this process serves, from the schemas that validate and from the manifest.

`flask --app webapp model openapi` prints the Cloud Function's, which cannot serve its own: it predicts on every path.
"""

from typing import Any

from apispec import APISpec
from apispec.ext.marshmallow import MarshmallowPlugin
from marshmallow import fields

from handlers.openapi_schemas import PROBLEM, cell_schemas, constant, model_schema, prediction_schema, row_schema
from handlers.predict import dialects_of
from handlers.responses import TITLES
from handlers.rows import Row, Rows
from handlers.schemas import Flag
from handlers.service import Service
from predictor import Predictor

JSON = "application/json"
ROW = {"$ref": "#/components/schemas/Row"}

# What each refusal of POST /predict means; handlers.http, handlers.rows and handlers.schemas raise them.
REFUSALS = {
    400: "The body is empty, cut short, or not JSON (RFC 8259).",
    405: "Another method than the allowed ones.",
    408: "The body did not arrive in time.",
    413: "The body has too many bytes, or the request too many rows.",
    415: "The body is not application/json in UTF-8 without a content coding.",
    422: "The request is not valid, each culprit with its pointer; or the model cannot predict it: there is no finite "
    "prediction, or it takes no category but those that it knows.",
}
UNCHANGED = {405: REFUSALS[405], 500: "A fault of the server; the log has it under the request id."}


def web_app(service: Service) -> dict[str, Any]:
    """Return the description of the web app's JSON addresses."""
    spec = specification(service)
    predict_path(spec, "/predict", service)
    for path, summary, schema, refusals in (
        ("/health", "Tell that the process serves", constant({"status": "ok"}), {}),
        (
            "/ready",
            "Tell that the model repeats its known predictions",
            constant({"status": "ready", "model_version": service.predictor.manifest.version}),
            {503: "The model no longer predicts what it was trained to."},
        ),
        ("/model", "Describe the model", model_schema(service.predictor.manifest), {}),
    ):
        responses = {"200": answer("As it should be.", schema)} | problems(refusals | UNCHANGED)
        operation = {"operationId": path[1:], "summary": summary, "tags": ["model"], "responses": responses}
        spec.path(path, operations={"get": operation})
    for dialect in dialects_of(service):
        for path, operations in dialect.openapi().items():
            spec.path(path, operations=dict(operations))
    return spec.to_dict()


def function(service: Service, url: str) -> dict[str, Any]:
    """Return the description of the Cloud Function at `url`: one operation, on any path."""
    spec = specification(service, servers=[{"url": url}])
    predict_path(spec, "/", service)
    return spec.to_dict()


def specification(service: Service, **options: Any) -> APISpec:
    """Return a description with the components and without paths."""
    manifest = service.predictor.manifest
    plugin = MarshmallowPlugin()
    title = f"{manifest.name}: {manifest.target} by {manifest.estimator['class']}"
    spec = APISpec(title, manifest.version, "3.1.0", info={"description": DESCRIPTION}, plugins=[plugin], **options)
    assert plugin.converter is not None  # noqa: S101  # APISpec has just made it
    plugin.converter.add_attribute_function(rows_to_property)  # type: ignore[no-untyped-call]
    request = plugin.converter.schema2jsonschema(service.request_schema)  # type: ignore[no-untyped-call]
    for name, given in given_by(service.predictor).items():
        if not given:
            request["properties"][name]["enum"] = [False]
    # validate() refuses unknown keys, and both or none of these two; apispec does not see that.
    request["additionalProperties"] = False
    request["oneOf"] = [{"required": ["features"]}, {"required": ["instances"]}]
    spec.components.schema("PredictRequest", request)
    spec.components.schema("Row", row_schema(manifest))
    for name, cell in cell_schemas(manifest).items():
        spec.components.schema(name, cell)
    spec.components.schema("Prediction", prediction_schema(service))
    spec.components.schema("Problem", PROBLEM)
    for name, description in HEADERS.items():
        spec.components.header(name, {"description": description, "schema": {"type": "string"}})
    return spec


DESCRIPTION = """Predictions of one scikit-learn model. A row is a list of cells in the order of the features, or an \
object of them by name. Send one row as `features`, several as `instances`. \
Every response has an `X-Request-Id`."""

FLAGS = {
    "probabilities": "Whether a classifier answers with each class's probability, too.",
    "scores": "Whether a model without probabilities answers with its decision function, too.",
}
HEADERS = {
    "X-Request-Id": "The caller's, when it is a token of at most 64 characters; else a new one. The log has it.",
    "Model-Version": "The version of the model.",
}


def given_by(predictor: Predictor) -> dict[str, bool]:
    """Return what may be asked for beside predictions, and whether the model gives it."""
    return {"probabilities": predictor.gives_probabilities, "scores": predictor.gives_scores}


def rows_to_property(_: Any, field: fields.Field[Any], **__: Any) -> dict[str, Any]:
    """Tell apispec about our fields; it binds this function to its converter as a method."""
    if isinstance(field, Row):
        return ROW | {"description": "One row."}
    if isinstance(field, Rows):
        limits = {"minItems": 1, "maxItems": field.max_rows}
        return {"type": "array", "items": ROW, "description": "Rows, answered in their order."} | limits
    if isinstance(field, Flag):
        return {"type": "boolean", "description": FLAGS[str(field.name)]}
    return {}


def predict_path(spec: APISpec, path: str, service: Service) -> None:
    """Describe the prediction at `path`, with examples that work as they are."""
    requests, answers = examples(service)
    refusals = REFUSALS | {413: f"{REFUSALS[413][:-1]}: over {service.max_body_bytes} bytes, or as the schema says."}
    success = answer("The predictions, in the order of the rows.", {"$ref": "#/components/schemas/Prediction"})
    success["content"][JSON]["examples"] = answers
    operation = {
        "operationId": "predict",
        "summary": "Predict one row or several",
        "tags": ["prediction"],
        "requestBody": {
            "required": True,
            "content": {JSON: {"schema": {"$ref": "#/components/schemas/PredictRequest"}, "examples": requests}},
        },
        "responses": {"200": success} | problems(refusals | {500: UNCHANGED[500]}),
    }
    spec.path(path, operations={"post": operation})


def examples(service: Service) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the examples of requests and of their answers, by one set of names: the manifest's golden ones."""
    manifest = service.predictor.manifest
    golden = manifest.examples
    first, rows = golden[0], [example["features"] for example in golden]
    version = {"model_version": manifest.version}
    one = {"prediction": first["prediction"]} | version
    by_name = dict(zip(manifest.feature_names, first["features"], strict=True))
    pairs: dict[str, tuple[Any, Any]] = {
        "by-name": ({"features": by_name}, one),
        "by-position": ({"features": first["features"]}, one),
        "several": ({"instances": rows}, {"predictions": [example["prediction"] for example in golden]} | version),
    }
    requests = {name: {"value": request} for name, (request, _) in pairs.items()}
    for detail, given in given_by(service.predictor).items():
        if given:
            requests[f"with-{detail}"] = {"value": {"features": by_name, detail: True}}
    return requests, {name: {"value": response} for name, (_, response) in pairs.items()}


def answer(description: str, schema: dict[str, Any]) -> dict[str, Any]:
    """Return a 200 response."""
    headers = {name: {"$ref": f"#/components/headers/{name}"} for name in HEADERS}
    return {"description": description, "headers": headers, "content": {JSON: {"schema": schema}}}


def problems(refusals: dict[int, str]) -> dict[str, Any]:
    """Return the error responses, in the order of their status."""
    schema = {"$ref": "#/components/schemas/Problem"}
    return {
        str(status): {
            "description": refusals[status],
            "content": {
                "application/problem+json": {
                    "schema": schema,
                    "example": {"type": "about:blank", "title": TITLES[status], "status": status, "detail": "…"},
                }
            },
        }
        for status in sorted(refusals)
    }
