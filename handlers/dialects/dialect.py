"""What a dialect is: three pure parts around the one internal request. `table.py` has the list of them.

A new dialect is a subclass in a file of its own, with the paths that it is spoken at, and a line in that table.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from flask import Request, Response
from werkzeug.datastructures import Headers

from handlers.answers import Predictions
from handlers.dialects.inputs import (
    Given,
    as_whole,
    inputs_of,
    matrix_by_column,
    rows_of,
    takes_any_numbers,
    to_cells,
    whole_cells,
)
from handlers.http import JSON, parse_json
from handlers.paths import Path, shorten
from handlers.responses import Problem
from handlers.schemas import Instances, validate
from handlers.service import Service
from predictor import Manifest
from predictor.columns import Category, Inputs, kind_of

Get = Callable[[Request], Response]

# What may be asked for beside predictions.
DETAILS = ("probabilities", "scores")
INVALID = "the request is not valid"
# Said of a cell that is of another type than its column's numbers.
NO_NUMBER = ("not a string", "not a boolean")


class Asked(NamedTuple):
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
    # Whether 1.0 is a whole number, as protobuf and pandas write one beside gaps.
    floats_may_be_whole = True
    # Of the addresses that begin so, all but `paths` and `gets` are 404 in the dialect's form.
    below = ""

    def __init__(self, service: Service) -> None:
        self.service = service
        self.manifest: Manifest = service.predictor.manifest
        self.names = self.manifest.feature_names
        self.needed = {column.name for column in self.manifest.features if not column.missing}
        self.known = self.manifest.left_out.keys() | self.names
        self.whole = {
            place: column.name
            for place, column in enumerate(self.manifest.features)
            if isinstance(column, Category) and column.whole_numbers
        }
        self.any_numbers = takes_any_numbers(self.manifest)

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
            raise Problem(422, INVALID, [(("instances",), "must have at least one row")])

    def columns_of(self, cells: Mapping[str, Given]) -> Sequence[Given]:
        """Return equally many cells by name in the manifest's order; Problem when the names are not the features'."""
        rows = len(next(iter(cells.values()), ()))
        self.check_count(rows)
        if not self.needed <= cells.keys() <= self.known:
            row = {name: to_cells(values[:1])[0] for name, values in cells.items()}
            validate(self.service.request_schema, {"instances": [row]})  # says which one
        return [cells[name] if name in cells else [None] * rows for name in self.names]

    def sentence(self, problem: Problem, where: str) -> str:
        """Return a problem's first fault in one sentence: in which row, in which column, what, and how many more.

        `where` says where a row is, with {} for its number.
        """
        path, detail = problem.errors[0] if problem.errors else ((), "")
        if path[:1] != ("instances",):
            return problem.detail
        more = max(problem.total, len(problem.errors)) - 1
        return f"{self.place(path[1:], where)} {detail}" + (f"; and {more} more" if more else "")

    def place(self, path: Path, where: str) -> str:
        """Return row and column in words."""
        if not path:
            return "the request"
        row, *cell = path
        return " ".join([f"{where.format(row)}:", *map(self.column, cell)])

    def column(self, part: str | int) -> str:
        """Return the name of a cell's column; of one that the model does not have, its position."""
        if isinstance(part, str):
            return shorten(part)
        return self.names[part] if part < len(self.names) else f"value {part}"


def with_whole_numbers(asked: Asked, whole: Mapping[int, str]) -> Asked:
    """Return what is asked with whole numbers in the columns of such, by place and name, where floats were as whole."""
    if asked.columns is not None:
        columns = [whole_cells(cells) if place in whole else cells for place, cells in enumerate(asked.columns)]
        return asked._replace(columns=columns)
    rows = asked.document.get("instances") if type(asked.document) is dict else None
    for row in rows if type(rows) is list else ():
        if type(row) is list:
            row[:] = [as_whole(cell) if place in whole else cell for place, cell in enumerate(row)]
        elif type(row) is dict:
            row.update({name: as_whole(row[name]) for name in whole.values() if name in row})
    return asked


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
    return Problem(422, f"{'.'.join(path):.100} {detail}", [(path, detail)])
