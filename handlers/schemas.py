"""The form of a prediction request: marshmallow schemas made once from the manifest.

Rows become one float64 matrix at C speed; only what was refused is looked at value by value, to say where and why.
"""

import itertools
import math
import operator
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import numpy as np
from marshmallow import EXCLUDE, Schema, ValidationError, fields, validates_schema
from numpy.typing import NDArray

from handlers.responses import MAX_ERRORS, Problem

NUMBERS = frozenset({int, float})
KINDS = {bool: "a boolean", str: "a string", list: "a list", dict: "an object", type(None): "null"}
MAX_ECHO = 64

Path = tuple[str | int, ...]


@dataclass(frozen=True)
class Instances:
    """A valid request: the matrix to predict, finite and of shape (rows, features), and how to answer."""

    matrix: NDArray[np.float64]
    single: bool
    probabilities: bool

    def pointer(self, row: int) -> str:
        """Return the JSON pointer of a row of the matrix in the request."""
        return pointer(("features",) if self.single else ("instances", row))


@dataclass(frozen=True)
class Fault:
    """One thing wrong with a row: where, and what."""

    path: Path
    detail: str


@dataclass(frozen=True)
class Faults:
    """What is wrong with a field: the first faults and the number of all. It stands in for marshmallow's messages."""

    first: list[Fault]
    total: int


class Rows(fields.Field[NDArray[np.float64]]):
    """A list of rows, each a list of numbers or an object of them by feature name, as one float64 matrix."""

    default_error_messages = {"null": "must be a list of rows, not null"}

    def __init__(self, names: Sequence[str], max_rows: int) -> None:
        super().__init__()
        self.names = list(names)
        self.known = frozenset(names)
        self.max_rows = max_rows
        self.cells = operator.itemgetter(*names) if len(names) > 1 else lambda row: (row[self.names[0]],)

    def _deserialize(self, value: Any, attr: str | None, data: Any, **_: Any) -> NDArray[np.float64]:
        if type(value) is not list:
            raise ValidationError(f"must be a list of rows, not {kind_of(value)}")
        if not value:
            raise ValidationError("must have at least one row")
        if len(value) > self.max_rows:
            raise Problem(413, f"a request takes at most {self.max_rows} rows, this one has {len(value)}")
        return self.matrix(value)

    def matrix(self, rows: list[Any]) -> NDArray[np.float64]:
        """Return the rows as a finite matrix of shape (rows, features); ValidationError with Faults."""
        lists = self.as_lists(rows)
        if lists is not None and set(map(len, lists)) == {len(self.names)}:
            cells = itertools.chain.from_iterable(lists)
            # numpy alone would take booleans, and strings that look like numbers.
            if set(map(type, cells)) <= NUMBERS:
                matrix = as_float64(lists)
                if matrix is not None:
                    return matrix
        raise ValidationError(self.faults(rows))

    def as_lists(self, rows: list[Any]) -> list[Any] | None:
        """Return the rows as sequences in the order of the columns, None when one of them cannot be."""
        kinds = set(map(type, rows))
        if kinds == {list}:
            return rows
        if not kinds <= {list, dict}:
            return None
        try:
            return [self.cells(row) if type(row) is dict and len(row) == len(self.names) else row for row in rows]
        except KeyError:
            return None

    def faults(self, rows: list[Any]) -> Any:
        """Return what is wrong with the rows. Only the faults that are shown are put into words."""
        found = self.find_faults(rows)
        first = [Fault(path, self.explain(rule, value)) for path, rule, value in itertools.islice(found, MAX_ERRORS)]
        return Faults(first, len(first) + sum(1 for _ in found))

    def find_faults(self, rows: list[Any]) -> Iterator[tuple[Path, str, Any]]:
        """Yield path, broken rule and culprit for each fault, in the order of the request."""
        for index, row in enumerate(rows):
            if type(row) is dict:
                yield from self.find_faults_by_name(index, row)
            elif type(row) is not list:
                yield (index,), "row", row
            elif len(row) != len(self.names):
                yield (index,), "width", row
            else:
                for column, cell in enumerate(row):
                    if not is_finite_number(cell):
                        yield (index, column), "cell", cell

    def find_faults_by_name(self, index: int, row: dict[str, Any]) -> Iterator[tuple[Path, str, Any]]:
        """Yield the faults of a row that names its features: those that are missing, then those that came."""
        for name in self.names:
            if name not in row:
                yield (index, name), "missing", None
        for name, cell in row.items():
            if name not in self.known:
                yield (index, name), "unknown", None
            elif not is_finite_number(cell):
                yield (index, name), "cell", cell

    def explain(self, rule: str, value: Any) -> str:
        """Return what was expected and what came instead."""
        if rule == "width":
            return f"must have {plural(len(self.names), 'number')}, has {plural(len(value), 'value')}"
        if rule == "cell":
            return "must be a number" + (" that float64 holds" if type(value) in NUMBERS else f", not {kind_of(value)}")
        if rule == "missing":
            return "is missing"
        if rule == "unknown":
            return f"is not a feature of this model; they are {', '.join(map(shorten, self.names[:MAX_ERRORS]))}"[:200]
        return f"must be a list of numbers or an object of them by feature name, not {kind_of(value)}"


class Row(Rows):
    """One row, as a matrix of one."""

    default_error_messages = {"null": "must be a list of numbers or an object of them by feature name, not null"}

    def _deserialize(self, value: Any, attr: str | None, data: Any, **_: Any) -> NDArray[np.float64]:
        return self.matrix([value])

    def faults(self, rows: list[Any]) -> Any:
        """Return what is wrong with the row, without the index that the request does not have."""
        faults = super().faults(rows)
        return Faults([Fault(fault.path[1:], fault.detail) for fault in faults.first], faults.total)


class Flag(fields.Field[bool]):
    """true or false; marshmallow's own Boolean takes "yes" and 1, too."""

    default_error_messages = {"null": "must be true or false, not null"}

    def _deserialize(self, value: Any, attr: str | None, data: Any, **_: Any) -> bool:
        if not isinstance(value, bool):
            raise ValidationError(f"must be true or false, not {kind_of(value)}")
        return value


class PredictRequest(Schema):
    """What POST /predict takes; the fields come from the manifest, see predict_request."""

    class Meta:  # noqa: D106
        unknown = EXCLUDE  # validate() looks for unknown keys, in the order of the request

    @validates_schema(skip_on_field_errors=False, pass_original=True)
    def one_of_both(self, data: Any, original: Any, **_: Any) -> None:
        """Refuse a request with both keys or none of them."""
        if ("features" in original) == ("instances" in original):
            raise ValidationError("send either features (one row) or instances (a list of rows)")


def predict_request(names: Sequence[str], max_rows: int) -> PredictRequest:
    """Return the request schema of a model with these features, in the order of its columns."""
    members: dict[str, Any] = {
        "features": Row(names, 1),
        "instances": Rows(names, max_rows),
        "probabilities": Flag(load_default=False),
    }
    return PredictRequest.from_dict(members, name="PredictRequest")()  # type: ignore[return-value]


def validate(schema: PredictRequest, document: Any) -> Instances:
    """Return the instances of a request; Problem 422 with every fault of the document, in its order."""
    if type(document) is not dict:
        raise Problem(422, "the request is not valid", [("#", f"must be an object, not {kind_of(document)}")])
    try:
        data = schema.load(document)
        messages: dict[str, Any] = {}
    except ValidationError as error:
        messages = dict(error.messages)  # type: ignore[arg-type]  # of a schema it is a dict
    unknown = [key for key in document if key not in schema.fields]
    if messages or unknown:
        raise refusal(document, messages, unknown)
    single = "features" in data
    return Instances(data["features" if single else "instances"], single, data["probabilities"])


def refusal(document: dict[str, Any], messages: dict[str, Any], unknown: list[str]) -> Problem:
    """Return the problem that lists what is wrong with the keys of a request."""
    errors: list[tuple[str, str]] = []
    total = len(unknown)
    for key in unknown[:MAX_ERRORS]:
        errors.append((pointer((key,)), "is not a key of this request; they are features, instances, probabilities"))
    for key, found in messages.items():
        faults = found if isinstance(found, Faults) else Faults([Fault((), detail) for detail in found], len(found))
        path: Path = () if key == "_schema" else (key,)
        errors += [(pointer(path + fault.path), fault.detail) for fault in faults.first]
        total += faults.total
    return Problem(422, "the request is not valid", errors, total=total)


def pointer(path: Path) -> str:
    """Return a path as a JSON pointer in a URI fragment (RFC 6901, section 6), long names cut."""
    return "#" + "".join(
        "/" + shorten(quote(str(part).replace("~", "~0").replace("/", "~1"), safe="~!$'()*+,;:@")) for part in path
    )


def shorten(text: str) -> str:
    """Return at most MAX_ECHO characters of a text that came from the caller."""
    return text if len(text) <= MAX_ECHO else text[: MAX_ECHO - 1] + "…"


def as_float64(rows: list[Any]) -> NDArray[np.float64] | None:
    """Return rows of Python numbers as a matrix, None when float64 cannot hold one of them."""
    try:
        matrix = np.array(rows, dtype=np.float64)
    except OverflowError:
        return None
    return matrix if np.isfinite(matrix).all() else None


def is_finite_number(cell: Any) -> bool:
    """Whether a cell is a number, and one that float64 can hold."""
    try:
        return type(cell) in NUMBERS and math.isfinite(cell)
    except OverflowError:  # an integer beyond float64's range
        return False


def kind_of(value: Any) -> str:
    """Return what JSON calls a value's type."""
    return KINDS.get(type(value), "a number")


def plural(count: int, noun: str) -> str:
    """Return a count with its noun."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"
