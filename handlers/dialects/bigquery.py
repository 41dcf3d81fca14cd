"""BigQuery's remote functions: lists of arguments in, as many replies out.

https://cloud.google.com/bigquery/docs/remote-functions; values are written as by TO_JSON_STRING.
"""

import itertools
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import orjson
from flask import Response

from handlers.answers import Predictions, details_of, labels_of
from handlers.dialects.bigquery_calls import Calls, SomeInstances, context_of
from handlers.dialects.bigquery_values import converted, is_numeric
from handlers.dialects.describe import TEXT, closed, listed, posted
from handlers.dialects.dialect import DETAILS, Asked, Dialect, cast_hint
from handlers.dialects.inputs import matrix_of
from handlers.http import parse_json
from handlers.responses import Problem, json_response
from handlers.schemas import Instances
from predictor.columns import Values, kind_of

# Without an errorMessage of less than this BigQuery takes a refusal for a fault of the network, and tries again.
MAX_MESSAGE_BYTES = 1000
# Tried again up to 20 times, so no answer to what the caller did; 422 is 400 in all of its examples.
STATUSES = {408: 400, 422: 400}


class BigQuery(Dialect):
    """POST /bigquery; under functions-framework any address."""

    name = "bigquery"

    @property
    def paths(self) -> Sequence[str]:
        """The address in the function's DDL."""
        return ["/bigquery"]

    def recognises(self, document: dict[str, Any]) -> bool:
        """Whether there are `calls`, which nobody else's body has."""
        return "calls" in document

    def read_document(self, document: Any) -> Asked:
        """Return the arguments of each call as a row. What else the document says of its caller is not looked at."""
        calls = document.get("calls") if type(document) is dict else None
        if type(calls) is not list:
            raise Problem(422, f"calls must be a list of lists of arguments, not {kind_of(calls)}")
        options = context_of(document.get("userDefinedContext"))
        wanted: dict[str, Any] = {detail: True for detail in DETAILS if options.get("output") == detail}
        matrix = self.matrix(calls)
        if matrix is not None:
            return Asked(inputs=matrix, **wanted, options=Calls(len(calls)))
        rows = self.rows(calls)
        null: frozenset[int] = frozenset()
        if options.get("nulls") == "null":
            null = self.fill_gaps(rows)
        return Asked({"instances": rows} | wanted, **wanted, options=Calls(len(calls), null))

    def matrix(self, calls: list[Any]) -> Values | None:
        """Return calls of nothing but numbers as the model takes them, None where there is more to look at."""
        width = len(self.manifest.features)
        if len(calls) > self.service.max_rows or set(map(type, calls)) != {list} or set(map(len, calls)) != {width}:
            return None
        return matrix_of(self.manifest, list(itertools.chain.from_iterable(calls)))

    def rows(self, calls: list[Any]) -> list[Any]:
        """Return calls as rows of /predict: names out of a single JSON argument, numbers out of strings."""
        if len(calls) > self.service.max_rows:
            self.check_count(len(calls))
        rows = [self.row(index, call) for index, call in enumerate(calls)]
        convert = {index: column for index, column in enumerate(self.manifest.features) if is_numeric(column)}
        by_name = {column.name: column for column in convert.values()}
        return [converted(row, convert if type(row) is list else by_name) for row in rows]

    def row(self, index: int, call: Any) -> Any:
        """Return the row that a call with one argument is: the document in it, or the one cell of the model."""
        if type(call) is not list or len(call) != 1:
            return call
        argument = call[0]
        if type(argument) in {dict, list}:
            return argument
        if type(argument) is not str or len(self.manifest.features) == 1:
            return call
        try:
            document = parse_json(argument.encode())
        except Problem as problem:
            detail = problem.detail.replace("the body", "its one argument")
            raise Problem(422, f"calls[{index}]: {detail}") from None
        if type(document) not in {dict, list}:
            raise Problem(422, f"calls[{index}]: its one argument must be a JSON object, not {kind_of(document)}")
        return document

    def fill_gaps(self, rows: list[Any]) -> frozenset[int]:
        """Give each null where none may be a valid value; return the rows that had one, which get no prediction.

        So what else is wrong with such a row is still found.
        """
        features = self.manifest.features
        example = self.manifest.examples[0]["features"]
        cells = dict(enumerate(example)) | dict(zip(self.manifest.feature_names, example, strict=True))
        whole = {index for index, column in enumerate(features) if not column.missing}
        whole_names = {column.name for column in features if not column.missing}
        filled = set()
        for number, row in enumerate(rows):
            if type(row) is dict:
                gaps: Any = [name for name in whole_names if name in row and row[name] is None]
            else:
                gaps = [i for i, cell in enumerate(row) if cell is None and i in whole] if type(row) is list else []
            if gaps:
                rows[number] = row.copy()
                for gap in gaps:
                    rows[number][gap] = cells[gap]
                filled.add(number)
        return frozenset(filled)

    def instances(self, asked: Asked) -> Instances:
        """Return the rows to predict, without those that are answered by null."""
        if asked.inputs is not None:
            return super().instances(asked)
        if not asked.document["instances"]:
            return Instances([], [], False, asked.probabilities, asked.scores)
        try:
            whole = super().instances(asked)
        except Problem as problem:
            if problem.errors:
                problem.detail = self.message(problem, asked.options.count)
                problem.errors = []
            raise
        null = asked.options.null
        if not null:
            return whole
        kept = [row for row in range(asked.options.count) if row not in null]
        inputs = whole.inputs
        some = inputs[kept] if isinstance(inputs, np.ndarray) else [column[kept] for column in inputs]
        rows = [whole.rows[row] for row in kept]
        return SomeInstances(rows, some, False, asked.probabilities, asked.scores, kept)

    def message(self, problem: Problem, count: int) -> str:
        """Return the first fault in a sentence, with in how many of the rows there is one."""
        first = Problem(problem.status, problem.detail, problem.errors[:1])
        rows = len({pointer.split("/")[2] for pointer, _ in problem.errors if pointer.startswith("#/instances/")})
        most = "at least " if problem.total > len(problem.errors) else ""
        counted = f"; {most}{rows} of {count} rows" if rows else ""
        return self.sentence(first, "calls[{}]") + cast_hint(first) + counted

    def write(self, predictions: Predictions, options: Any) -> Response:
        """Answer with exactly the replies."""
        calls: Calls = options
        details = details_of(self.manifest, predictions)
        values = next(iter(details.values())) if details else labels_of(self.manifest, predictions)
        if calls.null:
            rest = iter(values)
            values = [None if row in calls.null else next(rest) for row in range(calls.count)]
        return json_response({"replies": values})

    def refuse(self, problem: Problem) -> Response:
        """Refuse by `errorMessage`, which the user of the query sees, and never so that BigQuery tries it again."""
        text = self.sentence(problem, "calls[{}]")
        while len(orjson.dumps(text)) > MAX_MESSAGE_BYTES:
            text = text[: len(text) * 3 // 4] + "…"
        return problem.reply({"errorMessage": text}, STATUSES.get(problem.status, problem.status))

    def openapi(self) -> Mapping[str, Any]:
        """Return what OpenAPI says of the address."""
        row = self.manifest.examples[0]["features"]
        predict = posted(
            "bigquery", "Predict, as a BigQuery remote function", example={"calls": [row]},
            keys=["calls", "userDefinedContext"], answer=closed(replies=listed({})), refusal=closed(errorMessage=TEXT),
        )  # fmt: skip
        del predict["responses"]["408"]  # it is 400 here
        return {self.paths[0]: {"post": predict}}
