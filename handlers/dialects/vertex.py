"""Vertex AI's custom container: /predict's own form with `parameters` beside `instances`.

https://cloud.google.com/vertex-ai/docs/predictions/custom-container-requirements
"""

from collections.abc import Mapping, Sequence
from typing import Any

from flask import Request, Response

from handlers.answers import Predictions, labelled
from handlers.dialects.asked import Asked, options_of
from handlers.dialects.dialect import Get
from handlers.dialects.plain import Plain
from handlers.responses import json_response
from handlers.service import Service


class Vertex(Plain):
    """POST $AIP_PREDICT_ROUTE, GET $AIP_HEALTH_ROUTE."""

    name = "vertex"

    def __init__(self, service: Service) -> None:
        super().__init__(service)
        self.floats_may_be_whole = service.predict_route != "/predict"  # that is as strict as ever

    @property
    def paths(self) -> Sequence[str]:
        """The one address that the platform names."""
        return [self.service.predict_route] if self.service.predict_route else []

    @property
    def gets(self) -> Mapping[str, Get]:
        """The health route."""
        return {self.service.health_route: self.health} if self.service.health_route else {}

    def health(self, _: Request) -> Response:
        """Tell that the model still predicts its examples; Vertex looks at the status only."""
        self.service.check_ready()
        return json_response({"status": "ready", "model_version": self.manifest.version})

    def recognises(self, document: dict[str, Any]) -> bool:
        """Whether `parameters` stand beside `instances`, which nobody else's body has."""
        return "parameters" in document and "instances" in document

    def read_document(self, document: Any) -> Asked:
        """Take `parameters` out of a document; without them it is /predict's."""
        if type(document) is not dict or not self.recognises(document):
            return Asked(document)
        rest = {key: value for key, value in document.items() if key != "parameters"}
        wanted = options_of(document["parameters"], "parameters")
        return Asked(rest, **wanted, options=bool(wanted))

    def write(self, predictions: Predictions, options: Any) -> Response:
        """Answer one element an instance, since Vertex hands on nothing but `predictions`."""
        if not options:
            return super().write(predictions, options)
        labels = labelled(self.manifest, predictions)
        return json_response({"predictions": labels, "model_version": self.manifest.version})
