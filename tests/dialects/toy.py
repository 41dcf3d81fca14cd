"""A dialect of one's own, whole: a word for each row of blanks and numbers. test_toy.py serves it."""

from typing import Any

from flask import Response
from werkzeug.datastructures import Headers

from handlers.answers import Predictions
from handlers.dialects.asked import Asked
from handlers.dialects.dialect import Dialect
from handlers.responses import Problem


class Toy(Dialect):
    """POST /toy: lines of numbers in, lines of predictions out."""

    name = "toy"
    media_types = ()
    paths = ["/toy"]

    def read(self, body: bytes, headers: Headers) -> Asked:
        lines = body.decode("ascii", "replace").splitlines()
        return Asked({"instances": [[number(word) for word in line.split()] for line in lines]})

    def write(self, predictions: Predictions, options: Any) -> Response:
        return Response("\n".join(map(str, predictions.outputs.tolist())), content_type="text/plain")

    def refuse(self, problem: Problem) -> Response:
        return Response(self.sentence(problem, "line {}"), problem.status, content_type="text/plain")


def number(word: str) -> Any:
    try:
        return float(word)
    except ValueError:
        return word
