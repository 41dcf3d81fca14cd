"""How a dialect describes itself in OpenAPI: operations, made of the schemas of a body, an answer and a refusal."""

from typing import Any

from handlers.answers import output_schema
from predictor import Manifest

JSON = "application/json"
TEXT = {"type": "string"}
OBJECT = {"type": "object"}
REFUSALS = {
    400: "The request is not valid, or no JSON; the body says what is wrong first.",
    405: "Another method than the allowed ones.",
    408: "The body did not arrive in time.",
    413: "The body has too many bytes, or the request too many rows.",
    415: "Another media type, charset or content coding than this address takes.",
    500: "A fault of the server; the log has it under the request id.",
}
NOT_READY = {503: "The model no longer predicts what it was trained to."}


def posted(
    name: str,
    summary: str,
    *,
    example: Any,
    keys: list[str],
    answer: dict[str, Any],
    refusal: dict[str, Any],
    **more: Any,
) -> dict[str, Any]:
    """Return the operation of a prediction: an object with `keys` in, an answer out, or a refusal.

    The schema of the body is no more than its keys: docs/dialects says what stands in them, the refusals say the rest.
    `media_types` are further ones of the answer.
    """
    body = {"schema": OBJECT | {"properties": {key: {} for key in keys}}, "example": example}
    content: dict[str, Any] = {kind: {"schema": {}} for kind in more.get("media_types", ())}
    content[JSON] = {"schema": answer}
    responses = {"200": {"description": "The predictions, in the order of the rows.", "content": content}}
    return operation(name, summary, responses, REFUSALS, refusal) | {
        "tags": ["dialects"],
        "requestBody": {"required": True, "content": {JSON: body}},
    }


def asked(
    name: str, summary: str, answer: dict[str, Any], refusal: dict[str, Any], *, refusals: dict[int, str] | None = None
) -> dict[str, Any]:
    """Return the operation of an address that is read by GET."""
    responses = {"200": {"description": "As it should be.", "content": {JSON: {"schema": answer}}}}
    always = {405: REFUSALS[405], 500: REFUSALS[500]}
    return operation(name, summary, responses, always | (refusals or {}), refusal) | {"tags": ["dialects"]}


def operation(
    name: str, summary: str, responses: dict[str, Any], refusals: dict[int, str], refusal: dict[str, Any]
) -> dict[str, Any]:
    """Return an operation with its answers, good and bad."""
    bad = {
        str(status): {"description": text, "content": {JSON: {"schema": refusal}}} for status, text in refusals.items()
    }
    return {"operationId": name, "summary": summary, "responses": responses | bad}


def closed(**properties: Any) -> dict[str, Any]:
    """Return the schema of an object with exactly these keys."""
    return OBJECT | {"properties": properties, "required": list(properties), "additionalProperties": False}


def listed(items: dict[str, Any]) -> dict[str, Any]:
    """Return the schema of a list."""
    return {"type": "array", "items": items}


def answer_of(manifest: Manifest) -> dict[str, Any]:
    """Return the schema of predictions beside the model's version, which several dialects answer."""
    label = output_schema(manifest)
    items = {"anyOf": [label, closed(label=label, probabilities=OBJECT), closed(label=label, scores={})]}
    return closed(predictions=listed(items), model_version={"const": manifest.version})
