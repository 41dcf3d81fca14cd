"""The product's own form: `{"features": row}` or `{"instances": rows}` at /predict."""

from collections.abc import Sequence
from typing import Any

from flask import Response

from handlers.dialects.dialect import Asked, Dialect, Predictions, chances_of
from handlers.responses import json_response
from predictor import Manifest


class Plain(Dialect):
    """POST /predict."""

    name = "predict"

    @property
    def paths(self) -> Sequence[str]:
        """The addresses of predictions, by POST."""
        return ["/predict"]

    def read_document(self, document: Any) -> Asked:
        """Return the document: validation knows its form."""
        return Asked(document)

    def write(self, found: Predictions, options: Any) -> Response:
        """Answer in the contract's key order."""
        return json_response(answer_of(self.manifest, found))


def answer_of(manifest: Manifest, found: Predictions) -> dict[str, Any]:
    """Return the answer as a document."""
    outputs = found.outputs.tolist()
    answer: dict[str, Any] = {"prediction": outputs[0]} if found.single else {"predictions": outputs}
    if found.probabilities is not None:
        chances = chances_of(manifest, found.probabilities)
        answer["probabilities"] = chances[0] if found.single else chances
    answer["model_version"] = manifest.version
    return answer
