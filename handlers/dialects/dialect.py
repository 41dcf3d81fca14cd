"""What a dialect is: three pure parts around the one internal request. `table.py` has the list of them.

A new dialect is a subclass in a file of its own, with the paths that it is spoken at, and a line in that table.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from flask import Request, Response
from werkzeug.datastructures import Headers

from handlers.answers import Predictions
from handlers.dialects import words
from handlers.dialects.asked import Asked
from handlers.dialects.inputs import Given, inputs_of, matrix_by_column, rows_of
from handlers.dialects.whole_numbers import whole_cells, whole_columns, with_whole_numbers
from handlers.http import JSON, parse_json
from handlers.responses import Problem
from handlers.schemas import Instances, validate
from handlers.service import Service
from predictor import Manifest

Get = Callable[[Request], Response]

INVALID = "the request is not valid"


class Dialect:
    """A platform's wire form, for one service."""

    name: str
    # Empty is any media type, and none at all.
    media_types: Sequence[str] = (JSON,)
    nan_is_null = False
    # Whether 1.0 is a whole number, as protobuf and pandas write one beside gaps.
    floats_may_be_whole = True
    # Of the addresses that begin so, all but `paths` and `gets` are 404 in the dialect's form.
    below = ""

    def __init__(self, service: Service) -> None:
        self.service = service
        self.manifest: Manifest = service.predictor.manifest
        self.names = self.manifest.feature_names
        self.whole = whole_columns(self.manifest.features)
        self.any_numbers = self.manifest.input == "matrix" and self.manifest.only_numbers

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
        if self.whole and self.floats_may_be_whole:
            asked = with_whole_numbers(asked, self.whole)
        inputs = asked.inputs
        if asked.columns is not None and self.any_numbers:
            inputs = matrix_by_column(asked.columns)
        if asked.columns is not None and inputs is None:
            inputs = inputs_of(self.manifest, asked.columns)
        if inputs is not None:
            rows = len(inputs) if isinstance(inputs, np.ndarray) else len(inputs[0])
            return Instances(range(rows), inputs, False, asked.probabilities, asked.scores)
        if asked.columns is not None:  # to say what is wrong, and where
            asked = asked._replace(document={"instances": rows_of(self.manifest, asked.columns)})
        return validate(self.service.request_schema, asked.in_full())

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
            raise Problem(422, INVALID, [(("instances",), "must have at least one row")])

    def columns_of(self, cells: Mapping[str, Given]) -> Sequence[Given]:
        """Return equally many cells by name in the manifest's order; Problem when the names are not the features'."""
        rows = len(next(iter(cells.values()), ()))
        self.check_count(rows)
        if not self.manifest.needed_names <= cells.keys() <= self.manifest.known_names:
            row = {name: whole_cells(values[:1])[0] for name, values in cells.items()}
            validate(self.service.request_schema, {"instances": [row]})  # says which one
        return [cells[name] if name in cells else [None] * rows for name in self.names]

    def sentence(self, problem: Problem, where: str) -> str:
        """Return a problem's first fault in one sentence; `where` says where a row is, with {} for its number."""
        return words.sentence(problem, where, self.names)
