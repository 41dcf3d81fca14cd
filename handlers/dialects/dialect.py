"""What a dialect is: three pure parts around the one internal request. `table.py` has the list of them.

A new dialect is a subclass in a file of its own, with the paths that it is spoken at, and a line in that table.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

import numpy as np
from flask import Request, Response
from werkzeug.datastructures import Headers

from handlers.answers import Predictions
from handlers.dialects.inputs import Given, inputs_of, rows_of, to_cells
from handlers.http import JSON, parse_json
from handlers.responses import Problem
from handlers.schemas import Instances, pointer, validate
from handlers.service import Service
from predictor import Manifest
from predictor.columns import Inputs, kind_of

Get = Callable[[Request], Response]

# What may be asked for beside predictions.
DETAILS = ("probabilities", "scores")
INVALID = "the request is not valid"
# Said of a cell that is of another type than its column's numbers.
NO_NUMBER = ("not a string", "not a boolean")


@dataclass  # see Instances
class Asked:
    """The one internal request. What is asked about stands in one of three forms.

    `document` is in the form of /predict, `columns` are cells by feature in the manifest's order, all equally many, and
    `inputs` are valid already. `options` are what the dialect's own answer wants to know.
    """

    document: Any = None
    columns: Sequence[Given] | None = None
    inputs: Inputs | None = None
    probabilities: bool = False
    scores: bool = False
    options: Any = None


class Dialect:
    """A platform's wire form, for one service."""

    name: str
    # Empty is any media type, and none at all.
    media_types: Sequence[str] = (JSON,)
    nan_is_null = False
    # Of the addresses that begin so, all but `paths` and `gets` are 404 in the dialect's form.
    below = ""

    def __init__(self, service: Service) -> None:
        self.service = service
        self.manifest: Manifest = service.predictor.manifest

    @property
    def paths(self) -> Sequence[str]:
        """The addresses of predictions, by POST."""
        raise NotImplementedError

    @property
    def gets(self) -> Mapping[str, Get]:
        """The further addresses of the web app, by GET."""
        return {}

    def recognises(self, document: dict[str, Any]) -> bool:
        """Whether a body says by itself that it is of this dialect, at whatever address of a function."""
        return False

    def json_of(self, body: bytes, headers: Headers) -> bytes:
        """Return the part of a body that is JSON."""
        return body

    def read(self, body: bytes, headers: Headers) -> Asked:
        """Return what a body asks for; Problem when it cannot be read."""
        return self.read_document(parse_json(body, nan_is_null=self.nan_is_null))

    def read_document(self, document: Any) -> Asked:
        """Return what a JSON document asks for; Problem when that is not clear."""
        raise NotImplementedError

    def instances(self, asked: Asked) -> Instances:
        """Return the valid rows of what is asked; Problem 422 in the words of /predict."""
        inputs = asked.inputs
        if asked.columns is not None:
            inputs = inputs_of(self.manifest, asked.columns)
        if inputs is not None:
            rows = len(inputs) if isinstance(inputs, np.ndarray) else len(inputs[0])
            return Instances(range(rows), inputs, False, asked.probabilities, asked.scores)
        document = asked.document
        if asked.columns is not None:  # to say what is wrong, and where
            details = {"probabilities": asked.probabilities, "scores": asked.scores}
            document = {"instances": rows_of(self.manifest, asked.columns)} | details
        return validate(self.service.request_schema, document)

    def write(self, predictions: Predictions, options: Any) -> Response:
        """Return the answer."""
        raise NotImplementedError

    def refuse(self, problem: Problem) -> Response:
        """Return the refusal of a request."""
        return problem.response()

    def openapi(self) -> Mapping[str, Any]:
        """Return what OpenAPI says of the addresses: path -> operations."""
        return {}

    def check_count(self, rows: int) -> None:
        """Refuse no rows, or too many, before anything is made for each of them."""
        if rows > self.service.max_rows:
            raise Problem(413, f"a request takes at most {self.service.max_rows} rows, this one has {rows}")
        if not rows:
            raise Problem(422, INVALID, [("#/instances", "must have at least one row")])

    def columns_of(self, cells: Mapping[str, Given]) -> Sequence[Given]:
        """Return equally many cells by name in the manifest's order; Problem when the names are not the features'."""
        rows = len(next(iter(cells.values()), ()))
        self.check_count(rows)
        features = self.manifest.features
        needed = {column.name for column in features if not column.missing}
        known = self.manifest.left_out.keys() | self.manifest.feature_names
        if not needed <= cells.keys() <= known:
            row = {name: to_cells(values[:1])[0] for name, values in cells.items()}
            validate(self.service.request_schema, {"instances": [row]})  # says which one
        return [cells[column.name] if column.name in cells else [None] * rows for column in features]

    def sentence(self, problem: Problem, where: str) -> str:
        """Return a problem's first fault in one sentence: in which row, in which column, what, and how many more.

        `where` says where a row is, with {} for its number.
        """
        key, *path = problem.errors[0][0][2:].split("/") if problem.errors else [""]
        if key not in {"instances", "features"}:
            return problem.detail
        detail = problem.errors[0][1]
        more = max(problem.total, len(problem.errors)) - 1
        return f"{self.place(path, where)} {detail}" + (f"; and {more} more" if more else "")

    def place(self, path: Sequence[str], where: str) -> str:
        """Return row and column of a pointer in words."""
        if not path:
            return "the request"
        names = [unquote(part).replace("~1", "/").replace("~0", "~") for part in path[1:]]
        known = self.manifest.feature_names
        columns = [known[int(name)] if name.isdecimal() and name not in known else name for name in names]
        return " ".join([f"{where.format(path[0])}:", *columns])


def cast_hint(problem: Problem) -> str:
    """Return what to do about a first fault that is a cell of another type than its number column."""
    detail = problem.errors[0][1] if problem.errors else ""
    return "; cast it to a number" if "be a number" in detail and detail.endswith(NO_NUMBER) else ""


def options_of(given: Any, key: str) -> dict[str, bool]:
    """Return what the parameters of a request, an object or null, ask for beside predictions; Problem 422."""
    if given is None:
        return {}
    if type(given) is not dict:
        raise parameter_fault((key,), f"must be an object, not {kind_of(given)}")
    if unknown := [name for name in given if name not in DETAILS]:
        raise parameter_fault((key, unknown[0]), f"is unknown; there are {' and '.join(DETAILS)}, true or false")
    for name, wanted in given.items():
        if type(wanted) is not bool:
            raise parameter_fault((key, name), f"must be true or false, not {kind_of(wanted)}")
    return {name: True for name, wanted in given.items() if wanted}


def parameter_fault(path: tuple[str, ...], detail: str) -> Problem:
    """Return the refusal of a parameter."""
    return Problem(422, f"{'.'.join(path):.100} {detail}", [(pointer(path), detail)])
