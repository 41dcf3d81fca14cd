"""MLflow's scoring server and SageMaker's containers: six forms of JSON, and CSV, at one address."""

import csv
import io
import json
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from predictor.version import __version__
from tests.dialects.conftest import Hosts
from tests.hosts import JSON

ANSWER = b'{"predictions":[10.0,15.0],"model_version":"1.0"}'
NUMBERS = [[1, 2, 3], [2, 3, 4]]
CSV = {"Content-Type": "text/csv"}
COLUMNS = ["area", "furnished", "city", "story", "since"]
FLAT = [52.5, True, "Bremen", "quiet, by the river", "2024-01-15"]
GAPS = [None, False, None, "x", "2024-01-16"]

Models = Callable[..., Hosts]


@pytest.mark.parametrize(
    "document",
    [
        {"dataframe_split": {"index": [0, 1], "columns": ["x1", "x2", "x3"], "data": NUMBERS}},
        {"dataframe_split": {"columns": ["x3", "x1", "x2"], "data": [[3, 1, 2], [4, 2, 3]]}},
        {"dataframe_split": {"data": NUMBERS}},
        {"dataframe_records": [{"x1": 1, "x2": 2, "x3": 3}, {"x3": 4, "x2": 3, "x1": 2}]},
        {"instances": NUMBERS},
        {"instances": [{"x1": 1, "x2": 2, "x3": 3}, [2, 3, 4]], "params": None},
        {"inputs": {"x3": [3, 4], "x1": [1, 2], "x2": [2, 3]}},
        {"inputs": NUMBERS, "params": {}},
        {"inputs": [{"x1": 1, "x2": 2, "x3": 3}, {"x3": 4, "x2": 3, "x1": 2}], "params": {"probabilities": False}},
    ],
)
def test_every_form_of_json(hosts: Models, document: Any) -> None:
    got = hosts("example").post("/invocations", document)
    assert (got.status, got.body, got.headers["content-type"]) == (200, ANSWER, "application/json")


@pytest.mark.parametrize(
    ("body", "accept", "answer"),
    [
        (b"x1,x2,x3\n1,2,3\n2,3,4\n", "*/*", ANSWER),
        (b"x3,x1,x2\r\n3,1,2\r\n4,2,3\r\n", "application/json", ANSWER),
        (b'"x3","x1","x2"\n"3","1","2"\n4,2,3', "*/*", ANSWER),
        (b"\xef\xbb\xbfx1,x2,x3\n1,2,3\n2,3,4\n", "*/*", ANSWER),
        (b"1,2,3\n2,3,4", "application/json", ANSWER),
        (b"1.0,2.0,3.0\n2.0,3.0,4.0", "text/csv", b"10.0\n15.0"),
        (b"1.0,2.0,3.0\n2.0,3.0,4.0\n", "text/csv, */*;q=0.1", b"10.0\n15.0"),
        (b" 1, +2.,3e0\n2,3,4", "text/csv", b"10.0\n15.0"),
        (b"x1,x2,x3\n1,2,3", "text/csv", b"10.0"),
    ],
)
def test_csv_with_and_without_a_header(hosts: Models, body: bytes, accept: str, answer: bytes) -> None:
    got = hosts("example").post("/invocations", body, CSV | {"Accept": accept})
    assert (got.status, got.body) == (200, answer)
    assert got.headers["content-type"].split(";")[0] == ("text/csv" if b"{" not in answer else "application/json")


@pytest.mark.parametrize(
    ("document", "accept", "answer"),
    [
        (NUMBERS, "application/json", b"[10.0,15.0]"),
        ([{"x1": 1, "x2": 2, "x3": 3}], "*/*", b"[10.0]"),
        (NUMBERS, "text/csv", b"10.0\n15.0"),
        ({"instances": NUMBERS}, "text/csv", b"10.0\n15.0"),
        ({"instances": NUMBERS}, "application/x-npy", ANSWER),
    ],
)
def test_the_forms_of_sagemakers_serializers(hosts: Models, document: Any, accept: str, answer: bytes) -> None:
    got = hosts("example").post("/invocations", document, JSON | {"Accept": accept})
    assert (got.status, got.body) == (200, answer)


def lines(rows: list[list[Any]]) -> bytes:
    text = io.StringIO()
    csv.writer(text).writerows([["" if cell is None else cell for cell in row] for row in rows])
    return text.getvalue().encode()


def test_every_kind_of_column(hosts: Models) -> None:
    here = hosts("mixed")
    expected = here.post("/predict", {"instances": [FLAT, GAPS]}).body
    for body in (
        lines([FLAT, GAPS]),
        lines([COLUMNS, FLAT, GAPS]),
        lines([[*COLUMNS[::-1], "id"], [*FLAT[::-1], 7], [*GAPS[::-1], 8]]),
        lines([COLUMNS, [52.5, "true", *FLAT[2:]], ["nan", "0", *GAPS[2:]]]),
    ):
        got = here.post("/invocations", body, CSV)
        assert (got.status, got.body) == (200, expected)
    for document in (
        {"inputs": dict(zip(COLUMNS, map(list, zip(FLAT, GAPS, strict=True)), strict=True))},
        {"inputs": {"furnished": [True, False], "story": [FLAT[3], "x"], "since": [FLAT[4], GAPS[4]],
                    "area": [52.5, None], "city": ["Bremen", None], "id": ["a", "b"]}},
        {"dataframe_split": {"columns": [*COLUMNS, "id"], "data": [[*FLAT, 1], [*GAPS, 2]]}},
    ):  # fmt: skip
        assert here.post("/invocations", document).body == expected
    left_out = {"inputs": {"furnished": [False], "story": ["x"], "since": ["2024-01-16"]}}
    assert here.post("/invocations", left_out).json()["predictions"] == [
        here.post("/predict", {"instances": [GAPS]}).json()["predictions"][0]
    ]


def test_the_word_nan_is_null(hosts: Models) -> None:
    here = hosts("mixed")
    expected = here.post("/predict", {"instances": [GAPS]}).body
    body = b'{"dataframe_split":{"data":[[NaN,false,NaN,"x","2024-01-16"]]}}'
    assert here.post("/invocations", body).body == expected
    # Inside of a string it is a word like any other.
    body = b'{"instances":[[NaN,false,"NaN","\\"NaN, NaN\\\\","2024-01-16"]]}'
    expected = here.post("/predict", {"instances": [[None, False, "NaN", '"NaN, NaN\\', "2024-01-16"]]}).body
    assert here.post("/invocations", body).body == expected


@pytest.mark.parametrize(
    "body",
    [
        b"NaN", b'{"instances":[[NaN,2,3]', b'{"instances":[[-NaN,2,3]]}', b'{"instances":[[NaNNaN,2,3]]}',
        b'{"instances":[[NaN1,2,3]]}', b'{"instances":[[1NaN,2,3]]}', b'{"instances":[[Infinity,2,3]]}',
        b'{"instances":[[NaN,2,-Infinity]]}', b'{"instances":[[NaN,2,3]],NaN:1}', b'{"instances":[[nan,2,3]]}',
        b'{"instances":[["NaN,2,3]]}', b'{"instances":[["NaN\\', b'{"instances":[[NaN,2,3]],"instances":[]}',
        b'{"a":NaN,"a":NaN}', b"[" * 5000 + b"NaN", b'{"instances":[[NaN,2,3],["\xff"]]}',
        b'{"instances":[[NaN,"\\ud800",3]]}', b"\xef\xbb\xbf[[NaN]]", b"NaN," * 100_000,
    ],
    ids=lambda body: repr(body[:30]),
)  # fmt: skip
def test_with_the_word_nan_json_is_as_strict_as_without(hosts: Models, body: bytes) -> None:
    got = hosts("example").post("/invocations", body)
    assert got.status == 400
    assert list(got.json()) == ["error_code", "message"]


def test_predict_itself_takes_no_nan(hosts: Models) -> None:
    assert hosts("mixed").post("/predict", b'{"features":[NaN,true,null,"x","2024-01-16"]}').status == 400


def test_labels_and_probabilities(hosts: Models) -> None:
    here = hosts("clf")
    plain = here.post("/predict", {"instances": NUMBERS, "probabilities": True}).json()
    rows = {"inputs": NUMBERS}
    assert here.post("/invocations", rows).json()["predictions"] == plain["predictions"]
    got = here.post("/invocations", rows | {"params": {"probabilities": True}}).json()["predictions"]
    assert got == [
        {"label": label, "probabilities": chances}
        for label, chances in zip(plain["predictions"], plain["probabilities"], strict=True)
    ]
    by_column = {"inputs": {"x1": [1, 2], "x2": [2, 3], "x3": [3, 4]}, "params": {"probabilities": True}}
    assert here.post("/invocations", by_column).json()["predictions"] == got
    body = here.post("/invocations", b"1,2,3\n2,3,4\n", CSV | {"Accept": "text/csv"}).body
    assert body.decode().split("\n") == plain["predictions"]


def test_whole_number_labels_are_lines_of_csv(hosts: Models) -> None:
    here = hosts("whole")
    expected = here.post("/predict", {"instances": [[2.0, False, 2], [3, True, 3]]}).json()["predictions"]
    got = here.post("/invocations", b"2.0,False,2\n3,True, 3", CSV | {"Accept": "text/csv"})
    assert got.body.decode() == "\n".join(map(str, expected))


def test_a_column_of_texts_has_lines_of_one_cell(hosts: Models) -> None:
    here = hosts("text")
    expected = here.post("/predict", {"instances": [["quiet"], ["loud, small"]]}).body
    for body in (b'quiet\n"loud, small"\n', b'story\nquiet\n"loud, small"'):
        assert here.post("/invocations", body, CSV).body == expected
    got = here.post("/invocations", b"quiet\n\nloud\n", CSV)
    assert got.json()["message"] == "row 1: story must be a text, not null"


FORMS = "dataframe_split, dataframe_records, instances, inputs"
SPLIT = "dataframe_split must be an object with data, and may have columns and index"


@pytest.mark.parametrize(
    ("document", "message"),
    [
        ("x", "send an object or a list of rows, not a string"),
        ({}, f"send exactly one of {FORMS}"),
        ({"params": {}}, f"send exactly one of {FORMS}"),
        ({"columns": ["x1"], "data": NUMBERS}, f"send exactly one of {FORMS}"),
        ({"inputs": NUMBERS, "instances": NUMBERS}, f"send exactly one of {FORMS}"),
        ({"inputs": NUMBERS, "x": 1}, f"x is not a key of this request; they are {FORMS}, params"),
        ({"inputs": NUMBERS, "params": []}, "params must be an object, not a list"),
        ({"inputs": NUMBERS, "params": {"a": 1}},
         "params.a is unknown; there are probabilities and scores, true or false"),
        ({"inputs": NUMBERS, "params": {"probabilities": "yes"}},
         "params.probabilities must be true or false, not a string"),
        ({"inputs": NUMBERS, "params": {"probabilities": True}}, "this model gives no probabilities"),
        ({"inputs": {"x1": [1], "x2": [2], "x3": [3]}, "params": {"probabilities": True}},
         "this model gives no probabilities"),
        ({"inputs": []}, "the request must have at least one row"),
        ({"inputs": {}}, "the request must have at least one row"),
        ({"inputs": {"x1": [], "x2": [], "x3": []}}, "the request must have at least one row"),
        ([], "the request must have at least one row"),
        ([1, 2, 3], "row 0: must be a list of numbers or an object of them by feature name, not a number; and 2 more"),
        ({"inputs": None}, "the request must be a list of rows, not null"),
        ({"inputs": [[1, 2]]}, "row 0: must have 3 numbers, has 2 values"),
        ({"inputs": {"x1": 1}}, "inputs.x1 must be a list of values, not a number"),
        ({"inputs": {"x1": [1], "x2": [1, 2], "x3": [1]}}, "the lists of inputs must be of one length, not of 1 and 2"),
        ({"inputs": {"x1": [1], "x2": [1]}}, "row 0: x3 is missing"),
        ({"inputs": {"x1": [1], "x2": [1], "x3": [1], "y/z": [1]}},
         "row 0: y/z is not a feature of this model; they are x1, x2, x3"),
        ({"inputs": {"x1": [1, 2], "x2": [1, None], "x3": [1, True]}},
         "row 1: x2 must be a number, not null; and 1 more"),
        ({"inputs": {"x1": [1, 10**400], "x2": [1, 1], "x3": [1, 1]}}, None),
        ({"inputs": {"x1": [1], "x2": [1], "x3": [2**64]}}, "200"),
        ({"dataframe_records": [{"x1": 1}]}, "row 0: x2 is missing; and 1 more"),
        ({"dataframe_records": {"x1": 1}}, "the request must be a list of rows, not an object"),
        ({"dataframe_split": []}, SPLIT),
        ({"dataframe_split": {"columns": []}}, SPLIT),
        ({"dataframe_split": {"data": NUMBERS, "dtype": 1}}, SPLIT),
        ({"dataframe_split": {"data": 1}}, "the request must be a list of rows, not a number"),
        ({"dataframe_split": {"data": 1, "columns": ["x2", "x1", "x3"]}},
         "the request must be a list of rows, not a number"),
        ({"dataframe_split": {"data": NUMBERS, "columns": "x1"}}, "dataframe_split.columns must be a list of names"),
        ({"dataframe_split": {"data": NUMBERS, "columns": [1, 2, 3]}},
         "dataframe_split.columns must be a list of names"),
        ({"dataframe_split": {"data": NUMBERS, "columns": ["x1", "x1", "x2", "x3"]}},
         "dataframe_split.columns has a name twice"),
        ({"dataframe_split": {"data": [[1, 2, 3], [1, 2]], "columns": ["x2", "x1", "x3"]}},
         "row 1: must be a list of 3 values"),
        ({"dataframe_split": {"data": [[1, 2, 3], 7], "columns": ["x2", "x1", "x3"]}},
         "row 1: must be a list of 3 values"),
        ({"dataframe_split": {"data": NUMBERS, "columns": ["x1", "x2", "y"]}}, "row 0: x3 is missing; and 1 more"),
        ({"dataframe_split": {"data": [["1", 2, 3]]}}, "row 0: x1 must be a number, not a string"),
        ({"inputs": [[1e308, 1e308, 1e308]]}, "row 0: the prediction is not a finite number for this input"),
    ],
)  # fmt: skip
def test_what_is_refused(hosts: Models, document: Any, message: str | None) -> None:
    got = hosts("example").post("/invocations", json.dumps(document).encode())
    if message == "200":
        assert got.status == 200
    elif message is None:
        assert got.json()["error_code"] == "BAD_REQUEST"
    else:
        assert (got.status, got.json()) == (400, {"error_code": "INVALID_PARAMETER_VALUE", "message": message})


VALUE = "INVALID_PARAMETER_VALUE"


@pytest.mark.parametrize(
    ("body", "status", "code", "message"),
    [
        (b"", 400, "BAD_REQUEST", "the body is empty; send a JSON object"),
        (b"\xff", 400, "BAD_REQUEST", "the body is not in UTF-8"),
        (b'1,"2,3\n', 400, "BAD_REQUEST", "the body is not CSV: unexpected end of data"),
        (b'1,"2"x,3\n', 400, "BAD_REQUEST", "the body is not CSV: "),
        (b"1,2," + b"3" * 200_000, 400, "BAD_REQUEST", "the body is not CSV: field larger than field limit (131072)"),
        (b"1,2\n", 400, VALUE, "row 0: must have 3 values, has 2 values"),
        (b"1,2,3\n\n1,2,3\n", 400, VALUE, "row 1: must have 3 values, has 0 values"),
        (b"1,2,3\n1\n2\n", 400, VALUE, "row 1: must have 3 values, has 1 value; and 1 more"),
        (b"x1,x2,x3\n", 400, VALUE, "the request must have at least one row"),
        (b"x1,x2,x3,x3\n1,2,3,3\n", 400, VALUE, "the header has a name twice"),
        (b"x1,x2,x3,x1\n1,2,3\n", 400, VALUE, "the header has a name twice"),
        (b"x1,x2,x3,y\n1,2,3,3\n", 400, VALUE, "row 0: y is not a feature of this model; they are x1, x2, x3"),
        (b"x1,x2,X3\n1,2,3\n", 400, VALUE, "row 0: x1 must be a number, not a string; and 2 more"),
        (b"1,,3\n", 400, VALUE, "row 0: x2 must be a number, not null"),
        (b"1,nan,3\n", 400, VALUE, "row 0: x2 must be a number, not null"),
        (b"1,inf,3\n", 400, VALUE, "row 0: x2 must be a number, not a string"),
        (b"1,1e999,3\n", 400, VALUE, "row 0: x2 must be a number that float64 holds"),
        (b"1,1_0,3\n", 400, VALUE, "row 0: x2 must be a number, not a string"),
        ("1,\u0661,3\n".encode(), 400, VALUE, "row 0: x2 must be a number, not a string"),
        (b"1,true,3\n", 400, VALUE, "row 0: x2 must be a number, not a string"),
        (b"1;2;3\n", 400, VALUE, "row 0: must have 3 values, has 1 value"),
        (b"1,2,3\n" * 100_001, 413, VALUE, "a request takes at most 100000 rows, this one has more"),
        (b"\n" * 8_000_000, 413, VALUE, "a request takes at most 100000 rows, this one has more"),
        (b" " * 8388609, 413, VALUE, "the body is larger than 8388608 bytes; send fewer rows a request"),
    ],
    ids=lambda value: repr(value)[:30],
)  # fmt: skip
def test_csv_that_is_refused(hosts: Models, body: bytes, status: int, code: str, message: str) -> None:
    got = hosts("example").post("/invocations", body, CSV)
    assert (got.status, got.json()["error_code"]) == (status, code)
    assert got.json()["message"] == message or (message.endswith(": ") and got.json()["message"].startswith(message))


@pytest.mark.parametrize(
    "line", [b"52.5,yes,Bremen,x,2024-01-15", b"52.5,True,Bremen,x,yesterday", b"a,True,,x,2024-01-15"]
)
def test_a_cell_of_csv_is_judged_by_its_column(hosts: Models, line: bytes) -> None:
    got = hosts("mixed").post("/invocations", line, CSV)
    assert got.status == 400
    assert got.json()["message"].startswith(("row 0: furnished must", "row 0: since must", "row 0: area must"))


@pytest.mark.parametrize(
    "kind", ["", "text/plain", "application/x-npy", "text/csv; charset=latin-1", "application/json; charset=utf-16"]
)
def test_another_media_type(hosts: Models, kind: str) -> None:
    got = hosts("example").post("/invocations", b"1,2,3", {"Content-Type": kind} if kind else {})
    assert (got.status, got.json()["error_code"]) == (415, "BAD_REQUEST")
    assert got.headers["accept"] == "application/json, text/csv"


def test_what_is_asked_beside_predictions(hosts: Models) -> None:
    here = hosts("example")
    assert (here.get("/ping").status, here.get("/ping").body) == (200, b"\n")
    assert (here.get("/version").status, here.get("/version").body) == (200, __version__.encode())
    assert here.get("/execution-parameters").status == 404


def test_a_thousand_lines_are_as_many_predictions(hosts: Models) -> None:
    rows = np.random.default_rng(1).normal(size=(1000, 3)).round(6)
    body = "\n".join(",".join(map(str, row)) for row in rows.tolist()).encode()
    here = hosts("example")
    expected = here.post("/predict", {"instances": rows.tolist()}).body
    assert here.post("/invocations", body, CSV).body == expected
