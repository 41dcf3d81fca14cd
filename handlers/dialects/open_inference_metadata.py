"""What clients of the Open Inference Protocol ask before they predict: is it there, is it ready, what does it take."""

import functools
from collections.abc import Mapping
from typing import Any

from flask import Request, Response

from handlers.dialects.describe import NOT_READY, OBJECT, TEXT, asked, closed, posted
from handlers.dialects.dialect import Dialect, Get
from handlers.dialects.output_tensors import OutputTensor, output_tensors
from handlers.responses import json_response
from predictor.columns import Boolean, Category, Column, Number
from predictor.version import __version__


class Metadata(Dialect):
    """GET /v2 and below."""

    below = "/v2/"

    @property
    def addresses(self) -> list[str]:
        """The model's, with and without its version."""
        model = f"/v2/models/{self.manifest.name}"
        return [model, f"{model}/versions/{self.manifest.version}"]

    @property
    def gets(self) -> Mapping[str, Get]:
        """Metadata and health of server and model."""
        model = dict.fromkeys(self.addresses, self.model)
        ready = {f"{address}/ready": self.model_ready for address in self.addresses}
        health = {"/v2/health/live": self.live, "/v2/health/ready": self.ready}
        return {"/v2": self.server, "/v2/models": self.models} | health | model | ready

    def server(self, _: Request) -> Response:
        """Describe the server."""
        return json_response({"name": "tandem", "version": __version__, "extensions": ["binary_tensor_data"]})

    def models(self, _: Request) -> Response:
        """Name the model."""
        return json_response({"models": [self.manifest.name]})

    def live(self, _: Request) -> Response:
        """Tell that the process serves."""
        return json_response({"live": True})

    def ready(self, _: Request) -> Response:
        """Tell that the model still predicts its examples."""
        self.service.check_ready()
        return json_response({"ready": True})

    def model_ready(self, _: Request) -> Response:
        """Tell the same of the model by its name."""
        self.service.check_ready()
        return json_response({"name": self.manifest.name, "ready": True})

    def model(self, _: Request) -> Response:
        """Describe the model: an input a feature, and the outputs."""
        outputs = [tensor.describe() for tensor in self.tensors.values()]
        inputs = [
            {"name": column.name, "datatype": datatype_of(column), "shape": [-1]} for column in self.manifest.features
        ]
        manifest = self.manifest
        platform = "onnx_onnxv1" if manifest.is_onnx else "scikit-learn"
        about = {"name": manifest.name, "versions": [manifest.version], "platform": platform}
        return json_response(about | {"inputs": inputs, "outputs": outputs})

    @functools.cached_property
    def tensors(self) -> Mapping[str, OutputTensor]:
        """The outputs by name."""
        return {tensor.name: tensor for tensor in output_tensors(self.service.predictor)}

    def openapi(self) -> Mapping[str, Any]:
        """Return what OpenAPI says of the addresses."""
        error, ready = closed(error=TEXT), closed(name=TEXT, ready={"const": True})
        row = self.manifest.examples[0]["features"]
        inputs = [
            {"name": column.name, "datatype": datatype_of(column), "shape": [1], "data": [cell]}
            for column, cell in zip(self.manifest.features, row, strict=True)
        ]
        predict = posted(
            "infer", "Predict, as Open Inference V2", example={"inputs": inputs},
            keys=["id", "inputs", "outputs", "parameters"], answer=OBJECT, refusal=error,
            media_types=["application/octet-stream"],
        )  # fmt: skip
        model, health = self.addresses[0], "/v2/health"
        live, is_ready = closed(live={"const": True}), closed(ready={"const": True})
        gets = {
            "/v2": asked("server_metadata", "Describe the server", OBJECT, error),
            f"{health}/live": asked("live", "Tell that the process serves", live, error),
            f"{health}/ready": asked("server_ready", "Tell whether it is ready", is_ready, error, refusals=NOT_READY),
            model: asked("model_metadata", "Describe the model", OBJECT, error),
            f"{model}/ready": asked("model_ready", "Tell whether it is ready", ready, error, refusals=NOT_READY),
        }
        return {f"{model}/infer": {"post": predict}} | {path: {"get": get} for path, get in gets.items()}


def datatype_of(column: Column) -> str:
    """Return the datatype in which a column's cells are sent."""
    if isinstance(column, Category) and column.whole_numbers:
        return "INT64"
    return {Number: "FP64", Boolean: "BOOL"}.get(type(column), "BYTES")
