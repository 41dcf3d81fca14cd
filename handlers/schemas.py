"""The form of a prediction request: marshmallow schemas made once from the manifest."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import numpy as np
from marshmallow import Schema, ValidationError, fields
from numpy.typing import NDArray

from handlers.responses import MAX_ERRORS, Problem
from handlers.rows import Fault, Faults, Path, Row, Rows, kind_of, shorten


@dataclass(frozen=True)
class Instances:
    """A valid request: the matrix to predict, finite and of shape (rows, features), and how to answer."""

    matrix: NDArray[np.float64]
    single: bool
    probabilities: bool

    def pointer(self, row: int) -> str:
        """Return the JSON pointer of a row of the matrix in the request."""
        return pointer(("features",) if self.single else ("instances", row))


class Flag(fields.Field[bool]):
    """true or false; marshmallow's own Boolean takes "yes" and 1, too."""

    default_error_messages = {"null": "must be true or false, not null"}

    def _deserialize(self, value: Any, attr: str | None, data: Any, **_: Any) -> bool:
        if not isinstance(value, bool):
            raise ValidationError(f"must be true or false, not {kind_of(value)}")
        return value


def predict_request(names: Sequence[str], max_rows: int) -> Schema:
    """Return the request schema of a model with these features, in the order of its columns."""
    members: dict[str, Any] = {"features": Row(names, 1), "instances": Rows(names, max_rows), "probabilities": Flag()}
    return Schema.from_dict(members, name="PredictRequest")()


def validate(schema: Schema, document: Any) -> Instances:
    """Return the instances of a request; Problem 422 with every fault of the document, in its order."""
    if type(document) is not dict:
        raise Problem(422, "the request is not valid", [("#", f"must be an object, not {kind_of(document)}")])
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
    single = "features" in data
    return Instances(data["features" if single else "instances"], single, data.get("probabilities", False))


def refusal(document: dict[str, Any], messages: dict[str, Any], unknown: list[str]) -> Problem:
    """Return the problem that lists what is wrong with the keys of a request."""
    errors: list[tuple[str, str]] = []
    total = len(unknown)
    for key in unknown[:MAX_ERRORS]:
        errors.append((pointer((key,)), "is not a key of this request; they are features, instances, probabilities"))
    for key, found in messages.items():
        faults = found if isinstance(found, Faults) else Faults([Fault((), detail) for detail in found], len(found))
        path: Path = () if key == "_schema" else (key,)
        errors += [(pointer(path + fault.path), fault.detail) for fault in faults.first]
        total += faults.total
    return Problem(422, "the request is not valid", errors, total=total)


def pointer(path: Path) -> str:
    """Return a path as a JSON pointer in a URI fragment (RFC 6901, section 6), long names cut."""
    return "#" + "".join(
        "/" + shorten(quote(str(part).replace("~", "~0").replace("/", "~1"), safe="~!$'()*+,;:@")) for part in path
    )
