"""POST /predict: from the bytes of a request to the bytes of a prediction."""

import functools
from typing import Any

from flask import Request, Response

from handlers.entry_point import View, entry_point
from handlers.http import parse_json, read_body
from handlers.responses import MAX_ERRORS, Problem, json_response
from handlers.schemas import Instances, pointer, validate
from handlers.service import Service
from handlers.timing import laps_of
from predictor import Manifest, NotPredictable, Predictor


@functools.cache  # so that all hosts of a service call the very same function
def make(service: Service) -> View:
    """Return the handler of POST /predict for a service."""

    @entry_point(service, allow="POST, OPTIONS")
    def predict(request: Request) -> Response:
        """Answer `{"features": row}` or `{"instances": rows}` with the model's predictions."""
        laps = laps_of(request)
        body = read_body(request, service.max_body_bytes)
        with service.room_for(body):
            document = parse_json(body)
            laps.lap("read")
            instances = validate(service.request_schema, document)
            del document  # of a large body it is many times the size, and the next one may be waiting
        laps.lap("validate")
        laps.rows = len(instances.rows)
        answer = predictions(service.predictor, instances)
        laps.lap("predict")
        return json_response(answer)

    return predict


def predictions(predictor: Predictor, instances: Instances) -> dict[str, Any]:
    """Return the answer to valid instances, in the contract's key order; Problem when there is none."""
    try:
        outputs = predictor.predict(instances.inputs).tolist()
        probabilities = probabilities_of(predictor, instances) if instances.probabilities else None
    except NotPredictable as error:
        raise unpredictable(error, predictor.manifest, instances) from None
    answer: dict[str, Any] = {"prediction": outputs[0]} if instances.single else {"predictions": outputs}
    if probabilities is not None:
        answer["probabilities"] = probabilities[0] if instances.single else probabilities
    answer["model_version"] = predictor.manifest.version
    return answer


def unpredictable(error: NotPredictable, manifest: Manifest, instances: Instances) -> Problem:
    """Return the refusal of rows that the model cannot predict: each row, or each category that it refuses."""
    errors = [(pointer(instances.path(row)), str(error)) for row in error.rows[:MAX_ERRORS]]
    for row, position in error.cells[:MAX_ERRORS]:
        column = manifest.features[position]
        place = instances.cell_path(row, position, column.name)
        errors.append((pointer(place), f"must be {column.expected_strictly()}"))
    return Problem(422, str(error), errors, total=max(len(error.rows), len(error.cells)))


def probabilities_of(predictor: Predictor, instances: Instances) -> list[dict[str, float]]:
    """Return an object label -> probability for each row."""
    if not predictor.gives_probabilities:
        raise Problem(422, "this model gives no probabilities", [("#/probabilities", "leave it out, or false")])
    labels = class_names(predictor.manifest)
    rows: list[list[float]] = predictor.predict_proba(instances.inputs).tolist()
    return [dict(zip(labels, row, strict=True)) for row in rows]


def class_names(manifest: Manifest) -> list[str]:
    """Return the classes as JSON's keys, which are strings."""
    return [label if isinstance(label, str) else str(label).lower() for label in manifest.classes or ()]
