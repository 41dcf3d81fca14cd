"""The Open Inference Protocol, V2, over REST, with its binary extension: KServe, Triton, MLServer.

https://github.com/kserve/open-inference-protocol/blob/main/specification/protocol/inference_rest.md
"""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import orjson
from flask import Response
from werkzeug.datastructures import Headers

from handlers.answers import Predictions
from handlers.dialects.asked import Asked
from handlers.dialects.inputs import matrix_of, to_cells
from handlers.dialects.open_inference_metadata import Metadata
from handlers.dialects.tensors import Tensor, fault, read_tensor, write_tensor
from handlers.dialects.words import cast_hint
from handlers.http import parse_json
from handlers.responses import Problem, body_response, json_response
from handlers.schemas import validate
from predictor.columns import kind_of

LENGTH = "Inference-Header-Content-Length"
KEYS = frozenset({"id", "inputs", "outputs", "parameters", "model_name", "model_version"})


class Wanted(NamedTuple):
    """How to answer: the outputs by name, each in bytes or not, and the caller's id."""

    outputs: Mapping[str, bool]
    id: str | None


class OpenInference(Metadata):
    """POST /v2/models/M/infer and what clients ask before."""

    name = "open-inference"
    media_types = ()  # Triton's client sends none

    @property
    def paths(self) -> Sequence[str]:
        """The addresses of predictions, by POST."""
        return [f"{address}/infer" for address in self.addresses]

    def json_of(self, body: bytes, headers: Headers) -> bytes:
        """Return the part of a body that is JSON, before the tensors' bytes."""
        length = headers.get(LENGTH)
        if length is None:
            return body
        if not (length.isascii() and length.isdigit() and len(length) < 19 and int(length) <= len(body)):
            raise Problem(400, f"{LENGTH} must be a number of bytes, of at most {len(body)} that came")
        return body[: int(length)]

    def read(self, body: bytes, headers: Headers) -> Asked:
        """Read the JSON of a request, and the tensors' bytes after it."""
        text = self.json_of(body, headers)
        return self.read_parts(parse_json(text), memoryview(body)[len(text) :])

    def read_parts(self, document: Any, tail: memoryview) -> Asked:
        """Return what a request asks for."""
        if type(document) is not dict:
            raise Problem(422, f"send an object with inputs, not {kind_of(document)}")
        if unknown := [key for key in document if key not in KEYS]:
            raise Problem(
                422, f"{unknown[0]:.64} is not a key of this request; they are id, inputs, outputs, parameters"
            )
        if type(document.get("id")) not in {str, type(None)}:
            raise Problem(422, "id must be a string")
        outputs = self.outputs(document)
        tensors = self.inputs(document.get("inputs"), tail)
        methods = {self.tensors[name].method for name in outputs}
        asked = self.rows_of(tensors[0]) if self.has_all_features(tensors) else self.columns_by_name(tensors)
        return asked._replace(
            probabilities="predict_proba" in methods,
            scores="decision_function" in methods,
            options=Wanted(outputs, document.get("id")),
        )

    def outputs(self, document: dict[str, Any]) -> dict[str, bool]:
        """Return the outputs that a request wants, in its order, each with whether it wants bytes."""
        usual = flag(document, "binary_data_output", False)
        given = document.get("outputs")
        if given is None or given == []:
            return {name: usual for name, tensor in self.tensors.items() if tensor.method == "predict"}
        if type(given) is not list or any(type(output) is not dict for output in given):
            raise Problem(422, "outputs must be a list of objects with a name")
        names = [output.get("name") for output in given]
        if any(type(name) is not str for name in names):
            raise Problem(422, "the name of an output must be a string")
        if unknown := [name for name in names if name not in self.tensors]:
            raise Problem(
                422, f"{unknown[0]:.64} is not an output of this model; it has {', '.join(self.tensors):.1000}"
            )
        if len(set(names)) < len(names):
            raise Problem(422, "an output stands twice in outputs")
        return {output["name"]: flag(output, "binary_data", usual) for output in given}

    def inputs(self, given: Any, tail: memoryview) -> list[Tensor]:
        """Return the inputs of a request; `tail` are the bytes of those that are not in its JSON."""
        if type(given) is not list or not given:
            raise Problem(422, "inputs must be a list of tensors")
        # More names than a model has are refused before any data is looked at.
        if len(given) > len(self.manifest.known_names):
            raise Problem(422, f"there are {len(given)} inputs, but the model has {len(self.names)} features")
        tensors = []
        for tensor in given:
            cells, tail = read_tensor(tensor, tail, self.service.max_rows)
            tensors.append(cells)
        if tail:
            raise Problem(422, f"{len(tail)} bytes after the JSON belong to no input")
        return tensors

    def has_all_features(self, tensors: list[Tensor]) -> bool:
        """Whether there is one input for all features: as wide as a row, or no column that the model knows by name."""
        only = tensors[0]
        wide = only.columns == len(self.names) or only.columns != 1
        return len(tensors) == 1 and (wide or only.name not in self.manifest.known_names)

    def rows_of(self, tensor: Tensor) -> Asked:
        """Return the rows that one tensor has."""
        width = len(self.names)
        self.check_count(tensor.rows)
        if tensor.columns != width:
            row = to_cells(tensor.values[: tensor.columns])
            validate(self.service.request_schema, {"instances": [row]})  # says how wide a row is
        matrix = matrix_of(tensor.values, width) if self.any_numbers else None
        if matrix is not None:
            return Asked(inputs=matrix)
        return Asked(columns=[tensor.values[index::width] for index in range(width)])

    def columns_by_name(self, tensors: list[Tensor]) -> Asked:
        """Return inputs that are a column each."""
        rows = tensors[0].rows
        cells = {tensor.name: tensor.values for tensor in tensors}
        if len(cells) < len(tensors):
            raise Problem(422, "two inputs have one name")
        for tensor in tensors:
            if tensor.columns != 1 or tensor.rows != rows:
                raise fault(tensor.name, f"shape must be [{rows}] or [{rows}, 1]")
        return Asked(columns=self.columns_of(cells))

    def write(self, predictions: Predictions, options: Any) -> Response:
        """Answer with the outputs in the order in which they were asked for, in JSON or in bytes."""
        wanted: Wanted = options
        outputs, tail = [], b""
        for name, binary in wanted.outputs.items():
            described = self.tensors[name]
            values = described.values(predictions)
            tensor, data = write_tensor(
                name, values, described.datatype, binary=binary, parameters=described.parameters
            )
            outputs.append(tensor)
            tail += data
        answer: dict[str, Any] = {"model_name": self.manifest.name, "model_version": self.manifest.version}
        if wanted.id is not None:
            answer["id"] = wanted.id
        answer["outputs"] = outputs
        if not any(wanted.outputs.values()):
            return json_response(answer)
        head = orjson.dumps(answer)
        response = body_response(head + tail, "application/octet-stream")
        response.headers.add(LENGTH, str(len(head)))
        return response

    def refuse(self, problem: Problem) -> Response:
        """Refuse by `error`, which every client looks for."""
        status = 400 if problem.status == 422 else problem.status
        return problem.reply({"error": self.sentence(problem, "row {}") + cast_hint(problem)}, status)


def flag(holder: dict[str, Any], name: str, default: bool) -> bool:
    """Return a parameter that is true or false; parameters that nobody knows are ignored."""
    parameters = holder.get("parameters")
    if parameters is None:
        return default
    if type(parameters) is not dict:
        raise Problem(422, "parameters must be an object")
    value = parameters.get(name, default)
    if type(value) is not bool:
        raise Problem(422, f"the parameter {name} must be true or false")
    return value
