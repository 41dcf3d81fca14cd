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
from handlers.dialects.asked import DETAILS, Asked
from handlers.dialects.bigquery_calls import Calls, SomeInstances, context_of
from handlers.dialects.bigquery_values import converted, gaps_of, is_numeric
from handlers.dialects.describe import TEXT, closed, listed, posted
from handlers.dialects.dialect import Dialect
from handlers.dialects.inputs import matrix_of
from handlers.dialects.number_texts import numbers_of
from handlers.dialects.words import cast_hint
from handlers.http import JSON, parse_json
from handlers.responses import Problem, body_response
from handlers.schemas import Instances
from predictor.columns import NUMBERS, Values, kind_of

# Without an errorMessage of less than this BigQuery takes a refusal for a fault of the network, and tries again.
MAX_MESSAGE_BYTES = 1000
# What BigQuery takes of a container (https://cloud.google.com/bigquery/quotas#remote_function_limits).
MAX_REPLIES_BYTES = 15_000_000
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
        return Asked({"instances": rows}, **wanted, options=Calls(len(calls), null))

    def matrix(self, calls: list[Any]) -> Values | None:
        """Return calls of numbers, also in strings, as the model takes them; None where there is more to look at."""
        width = len(self.names)
        if not self.any_numbers or len(calls) > self.service.max_rows:
            return None
        if set(map(type, calls)) != {list} or set(map(len, calls)) != {width}:
            return None
        cells = list(itertools.chain.from_iterable(calls))
        kinds = set(map(type, cells))
        if str in kinds and kinds <= NUMBERS | {str}:
            cells = numbers_of(cells, [cell for cell in cells if type(cell) is str]) or cells
        return matrix_of(cells, width)

    def rows(self, calls: list[Any]) -> list[Any]:
        """Return calls as rows of /predict: names out of a single JSON argument, numbers out of strings."""
        if len(calls) > self.service.max_rows:
            self.check_count(len(calls))
        # They are JSON of their own, of which the brackets were just text so far. The first that is none ends it all,
        # so that its quotation marks hide no brackets of the next.
        documents = [call[0] for call in calls if self.is_document(call)]
        self.service.check_room(",".join(documents).encode())
        rows = [self.row(index, call) for index, call in enumerate(calls)]
        convert = {index: column for index, column in enumerate(self.manifest.features) if is_numeric(column)}
        by_name = {column.name: column for column in convert.values()}
        return [converted(row, convert if type(row) is list else by_name) for row in rows]

    def is_document(self, call: Any) -> bool:
        """Whether the one argument of a call is a row in a STRING; of a model of one column it is the cell."""
        return type(call) is list and len(call) == 1 and type(call[0]) is str and len(self.names) > 1

    def row(self, index: int, call: Any) -> Any:
        """Return the row that a call with one argument is: the document in it, or the one cell of the model."""
        if type(call) is not list:
            raise Problem(422, f"calls[{index}] must be a list of arguments, not {kind_of(call)}")
        if len(call) != 1:
            return call
        argument = call[0]
        if type(argument) in {dict, list} or (argument is None and len(self.names) > 1):
            return argument
        if not self.is_document(call):
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
        """Give each null where none may be a valid value; return the rows that had or were one: they get no prediction.

        So what else is wrong with such a row is still found.
        """
        example = self.manifest.examples[0]["features"]
        cells = zip(self.manifest.features, example, strict=True)
        by_place = {place: cell for place, (column, cell) in enumerate(cells) if not column.missing}
        by_name = {self.names[place]: cell for place, cell in by_place.items()}
        filled = set()
        for number, row in enumerate(rows):
            if row is None:
                rows[number] = [*example]
            elif gaps := gaps_of(row, by_name if type(row) is dict else by_place):
                rows[number] = row.copy()
                for gap, cell in gaps.items():
                    rows[number][gap] = cell
            if rows[number] is not row:
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
        rows = len({path[1] for path, _ in problem.errors if len(path) > 1})
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
        body = orjson.dumps({"replies": values})
        if len(body) > MAX_REPLIES_BYTES:
            fewer = calls.count * MAX_REPLIES_BYTES // len(body)
            raise Problem(413, f"the replies are {len(body)} bytes, and BigQuery takes {MAX_REPLIES_BYTES}; "
                          f"make the function with max_batching_rows = {fewer} or fewer")  # fmt: skip
        return body_response(body, JSON)

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
        return {self.paths[0]: {"post": predict}}
