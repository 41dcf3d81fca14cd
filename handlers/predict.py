"""From the bytes of a request to the bytes of a prediction, in each dialect."""

from collections.abc import Callable, Mapping
from typing import Any

from flask import Request, Response

from handlers import answers
from handlers.answers import Predictions
from handlers.dialects import table
from handlers.dialects.asked import Asked
from handlers.dialects.dialect import Dialect
from handlers.dialects.plain import answer_of
from handlers.entry_point import View, entry_point
from handlers.http import parse_json, read_body
from handlers.responses import MAX_ERRORS, Problem
from handlers.schemas import Instances
from handlers.service import Service, once
from handlers.timing import laps_of
from predictor import Manifest, NotPredictable, Predictor

POST = "POST, OPTIONS"


@once  # so that all hosts of a service call the very same function
def make(service: Service) -> View:
    """Return the handler of a service: of POST /predict, and of every other path under functions-framework."""
    views = views_of(service)
    elsewhere = view_of_any_path(service)

    def predict(request: Request) -> Response:
        """Answer in the dialect of the path, or else of the body."""
        return views.get(request.environ["PATH_INFO"], elsewhere)(request)

    return predict


@once
def dialects_of(service: Service) -> list[Dialect]:
    """Return the dialects of a service."""
    return [dialect(service) for dialect in table.DIALECTS]


@once
def views_of(service: Service) -> Mapping[str, View]:
    """Return the views of predictions by path."""
    return {path: view_of(service, dialect) for dialect in dialects_of(service) for path in dialect.paths}


def view_of(service: Service, dialect: Dialect) -> View:
    """Return the view of a dialect's predictions."""

    @entry_point(service, allow=POST, refuse=dialect.refuse, origins=service.origins)
    def view(request: Request) -> Response:
        laps_of(request).dialect = dialect.name
        body = read_body(request, service.max_body_bytes, dialect.media_types)
        headers = request.headers
        with service.room_for(body, lambda: dialect.json_of(body, headers)):
            instances, options = valid(request, dialect, lambda: dialect.read(body, headers))
        return answer(request, dialect, instances, options)

    return view


def view_of_any_path(service: Service) -> View:
    """Return the view of paths that are no dialect's: what is sent there says by itself of which one it is."""
    plain, *others = dialects_of(service)

    def predict(request: Request) -> Response:
        dialect = plain

        def refuse(problem: Problem) -> Response:
            return dialect.refuse(problem)

        def view(request: Request) -> Response:
            nonlocal dialect
            if here := next((each for each in others if begins_with(request, each.below)), None):
                dialect = here
                not_here(dialect, request)
            body = read_body(request, service.max_body_bytes)
            with service.room_for(body):
                document = parse_json(body)
                if type(document) is dict:
                    dialect = next((each for each in others if each.recognises(document)), plain)
                laps_of(request).dialect = dialect.name
                instances, options = valid(request, dialect, lambda: dialect.read_document(document))
            return answer(request, dialect, instances, options)

        return entry_point(service, allow=POST, refuse=refuse, origins=service.origins)(view)(request)

    return predict


def begins_with(request: Request, below: str) -> bool:
    """Whether a request is for something below an address, if there is one."""
    return bool(below) and request.path.startswith(below)


def not_here(dialect: Dialect, request: Request) -> Response:
    """Refuse what is sent to another model or version than the one that is served."""
    laps_of(request).dialect = dialect.name
    manifest = dialect.manifest
    raise Problem(
        404, f"there is nothing at this address; the model is {manifest.name}, its version {manifest.version}"
    )


def valid(request: Request, dialect: Dialect, read: Callable[[], Asked]) -> tuple[Instances, Any]:
    """Return the valid instances of what a request asks, and how it wants to be answered."""
    laps = laps_of(request)
    asked = read()
    laps.lap("read")
    instances = dialect.instances(asked)
    if instances.rows:
        for watch in dialect.service.watchers:
            watch(instances.inputs)
    laps.lap("validate")
    laps.rows = len(instances.rows)
    return instances, asked.options


def answer(request: Request, dialect: Dialect, instances: Instances, options: Any) -> Response:
    """Answer valid instances in a dialect."""
    found = predict_rows(dialect.service.predictor, instances)
    laps_of(request).lap("predict")
    return dialect.write(found, options)


def predict_rows(predictor: Predictor, instances: Instances) -> Predictions:
    """Return the predictions of valid instances; Problem when there are none."""
    try:
        return answers.predict(predictor, instances)
    except NotPredictable as error:
        raise unpredictable(error, predictor.manifest, instances) from None


def unpredictable(error: NotPredictable, manifest: Manifest, instances: Instances) -> Problem:
    """Return the refusal of rows that the model cannot predict: each row, or each category that it refuses."""
    errors = [(instances.path(row), str(error)) for row in error.rows[:MAX_ERRORS]]
    for row, position in error.cells[:MAX_ERRORS]:
        column = manifest.features[position]
        errors.append((instances.cell_path(row, position, column.name), f"must be {column.expected_strictly()}"))
    return Problem(422, str(error), errors, total=max(len(error.rows), len(error.cells)))


def predictions(predictor: Predictor, instances: Instances) -> dict[str, Any]:
    """Return the answer of POST /predict to valid instances; Problem when there is none."""
    return answer_of(predictor.manifest, predict_rows(predictor, instances))
