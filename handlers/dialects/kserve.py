"""KServe's V1 protocol: `:predict` of a model by its name.

https://kserve.github.io/website/docs/concepts/architecture/data-plane/v1-protocol
"""

import itertools
from collections.abc import Mapping, Sequence
from typing import Any

from flask import Request, Response

from handlers.answers import Predictions, labels_of
from handlers.dialects.asked import Asked
from handlers.dialects.describe import NOT_READY, TEXT, answer_of, asked, closed, listed, posted
from handlers.dialects.dialect import Dialect, Get
from handlers.responses import Problem, json_response

KEYS = ("inputs", "instances")  # the first one wins


class KServe(Dialect):
    """POST /v1/models/M:predict."""

    name = "kserve"
    media_types = ()
    below = "/v1/models/"

    @property
    def paths(self) -> Sequence[str]:
        """The address of the one model."""
        return [f"/v1/models/{self.manifest.name}:predict"]

    @property
    def gets(self) -> Mapping[str, Get]:
        """The list of models, and whether the one is ready."""
        return {"/v1/models": self.models, f"/v1/models/{self.manifest.name}": self.ready}

    def models(self, _: Request) -> Response:
        """Name the model."""
        return json_response({"models": [self.manifest.name]})

    def ready(self, _: Request) -> Response:
        """Tell that the model still predicts its examples."""
        self.service.check_ready()
        return json_response({"name": self.manifest.name, "ready": True})

    def read_document(self, document: Any) -> Asked:
        """Return the rows of `inputs` or else of `instances`."""
        keys = [key for key in KEYS if type(document) is dict and key in document]
        if not keys:
            raise Problem(422, "send an object with instances, a list of rows")
        if unknown := [key for key in document if key not in KEYS]:
            raise Problem(422, f"{unknown[0]:.64} is not a key of this request; there is instances")
        rows = document[keys[0]]
        objects = [row for row in rows if type(row) is dict] if type(rows) is list else []
        if list in map(type, itertools.chain.from_iterable(map(dict.values, objects))):
            rows = [unpacked(row) if type(row) is dict else row for row in rows]
        return Asked({"instances": rows})

    def write(self, predictions: Predictions, options: Any) -> Response:
        """Answer with the predictions alone; the protocol has no probabilities."""
        labels = labels_of(self.manifest, predictions)
        return json_response({"predictions": labels, "model_version": self.manifest.version})

    def refuse(self, problem: Problem) -> Response:
        """Refuse by `error`, which KServe's client shows."""
        status = 400 if problem.status == 422 else problem.status
        return problem.reply({"error": self.sentence(problem, "instances/{}")}, status)

    def openapi(self) -> Mapping[str, Any]:
        """Return what OpenAPI says of the addresses."""
        name, error = self.manifest.name, closed(error=TEXT)
        ready = closed(name={"const": name}, ready={"const": True})
        predict = posted(
            "kserve_predict", "Predict, as KServe V1", example={"instances": [self.manifest.examples[0]["features"]]},
            keys=list(KEYS), answer=answer_of(self.manifest), refusal=error,
        )  # fmt: skip
        return {
            self.paths[0]: {"post": predict},
            "/v1/models": {"get": asked("kserve_models", "Name the model", closed(models=listed(TEXT)), error)},
            f"/v1/models/{name}": {
                "get": asked("kserve_ready", "Tell whether it is ready", ready, error, refusals=NOT_READY)
            },
        }


def unpacked(row: dict[str, Any]) -> dict[str, Any]:
    """Return a row without the lists of one cell in which KServe's own server wants them."""
    return {name: cell[0] if type(cell) is list and len(cell) == 1 else cell for name, cell in row.items()}
