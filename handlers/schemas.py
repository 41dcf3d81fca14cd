"""The form of a prediction request: marshmallow schemas made once from the manifest."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from marshmallow import Schema, ValidationError, fields

from handlers.paths import Path
from handlers.responses import MAX_ERRORS, Problem
from handlers.rows import Fault, Faults, Row, Rows
from predictor import Manifest
from predictor.columns import Inputs, kind_of


@dataclass  # made for each request, at a third of what a frozen one costs
class Instances:
    """A valid request: its rows as they came, what Predictor.predict takes for them, and how to answer."""

    rows: Sequence[Any]
    inputs: Inputs
    single: bool
    probabilities: bool
    scores: bool = False

    def path(self, row: int) -> Path:
        """Return where a row stands in the request."""
        return ("features",) if self.single else ("instances", row)

    def cell_path(self, row: int, position: int, name: str) -> Path:
        """Return where a cell of a row stands, which the row has at its position or by the column's name."""
        return (*self.path(row), position if type(self.rows[row]) is list else name)


class Flag(fields.Field[bool]):
    """true or false; marshmallow's own Boolean takes "yes" and 1, too."""

    default_error_messages = {"null": "must be true or false, not null"}

    def _deserialize(self, value: Any, attr: str | None, data: Any, **_: Any) -> bool:
        if not isinstance(value, bool):
            raise ValidationError(f"must be true or false, not {kind_of(value)}")
        return value


def predict_request(manifest: Manifest, max_rows: int) -> Schema:
    """Return the request schema of a model."""
    members: dict[str, Any] = {
        "features": Row(manifest),
        "instances": Rows(manifest, max_rows),
        "probabilities": Flag(),
        "scores": Flag(),
    }
    return Schema.from_dict(members, name="PredictRequest")()


def validate(schema: Schema, document: Any) -> Instances:
    """Return the instances of a request; Problem 422 with every fault of the document, in its order."""
    if type(document) is not dict:
        raise Problem(422, "the request is not valid", [((), f"must be an object, not {kind_of(document)}")])
    data: dict[str, Any] = {}
    messages: dict[str, Any] = {}
    unknown = []
    # Schema.load would do the same at twice the cost, a tenth of a request.
    for key, value in document.items():
        member = schema.fields.get(key)
        if member is None:
            unknown.append(key)
            continue
        try:
            data[key] = member.deserialize(value, key, document)
        except ValidationError as error:
            messages[key] = error.messages
    if ("features" in document) == ("instances" in document):
        messages["_schema"] = ["send either features (one row) or instances (a list of rows)"]
    if messages or unknown:
        raise refusal(document, messages, unknown)
    asked = data.get("probabilities", False), data.get("scores", False)
    if "features" in data:
        return Instances([document["features"]], data["features"], True, *asked)
    return Instances(document["instances"], data["instances"], False, *asked)


def refusal(document: dict[str, Any], messages: dict[str, Any], unknown: list[str]) -> Problem:
    """Return the problem that lists what is wrong with the keys of a request."""
    errors: list[tuple[Path, str]] = []
    total = len(unknown)
    for key in unknown[:MAX_ERRORS]:
        errors.append(((key,), "is not a key of this request; they are features, instances, probabilities, scores"))
    for key, message in messages.items():
        faults = message
        if not isinstance(message, Faults):
            faults = Faults([Fault((), detail) for detail in message], len(message))
        path: Path = () if key == "_schema" else (key,)
        errors += [(path + fault.path, fault.detail) for fault in faults.first]
        total += faults.total
    return Problem(422, "the request is not valid", errors, total=total)
