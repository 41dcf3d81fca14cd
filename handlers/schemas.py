"""The form of a prediction request: marshmallow schemas made once from the manifest."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import numpy as np
from marshmallow import EXCLUDE, Schema, ValidationError, fields
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


class PredictRequest(Schema):
    """What POST /predict takes; the fields come from the manifest, see predict_request."""

    class Meta:  # noqa: D106
        unknown = EXCLUDE  # validate() looks for unknown keys, in the order of the request


def predict_request(names: Sequence[str], max_rows: int) -> PredictRequest:
    """Return the request schema of a model with these features, in the order of its columns."""
    members: dict[str, Any] = {
        "features": Row(names, 1),
        "instances": Rows(names, max_rows),
        "probabilities": Flag(load_default=False),
    }
    return PredictRequest.from_dict(members, name="PredictRequest")()  # type: ignore[return-value]


def validate(schema: PredictRequest, document: Any) -> Instances:
    """Return the instances of a request; Problem 422 with every fault of the document, in its order."""
    if type(document) is not dict:
        raise Problem(422, "the request is not valid", [("#", f"must be an object, not {kind_of(document)}")])
    try:
        data = schema.load(document)
        messages: dict[str, Any] = {}
    except ValidationError as error:
        messages = dict(error.messages)  # type: ignore[arg-type]  # of a schema it is a dict
    unknown = [key for key in document if key not in schema.fields]
    # Here and not in the schema: a hook of marshmallow's costs every request a tenth of its time.
    if ("features" in document) == ("instances" in document):
        messages["_schema"] = ["send either features (one row) or instances (a list of rows)"]
    if messages or unknown:
        raise refusal(document, messages, unknown)
    single = "features" in data
    return Instances(data["features" if single else "instances"], single, data["probabilities"])


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
