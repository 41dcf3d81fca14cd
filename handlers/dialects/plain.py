"""The product's own form: `{"features": row}` or `{"instances": rows}` at /predict."""

from collections.abc import Sequence
from typing import Any

from flask import Response

from handlers.answers import Predictions, details_of, labels_of
from handlers.dialects.asked import Asked
from handlers.dialects.dialect import Dialect
from handlers.responses import json_response
from predictor import Manifest


class Plain(Dialect):
    """POST /predict."""

    name = "predict"
    floats_may_be_whole = False

    @property
    def paths(self) -> Sequence[str]:
        """The addresses of predictions, by POST."""
        return ["/predict"]

    def read_document(self, document: Any) -> Asked:
        """Return the document: validation knows its form."""
        return Asked(document)

    def write(self, predictions: Predictions, options: Any) -> Response:
        """Answer in the contract's key order."""
        return json_response(answer_of(self.manifest, predictions))


def answer_of(manifest: Manifest, predictions: Predictions) -> dict[str, Any]:
    """Return the answer as a document."""
    outputs = labels_of(manifest, predictions)
    answer: dict[str, Any] = {"prediction": outputs[0]} if predictions.single else {"predictions": outputs}
    for name, values in details_of(manifest, predictions).items():
        answer[name] = values[0] if predictions.single else values
    answer["model_version"] = manifest.version
    return answer
