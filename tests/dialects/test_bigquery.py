"""BigQuery's remote functions: values as BigQuery writes them, refusals that its user reads and it does not repeat."""

import json
import logging
from collections.abc import Callable
from typing import Any

import pytest

from handlers.dialects import bigquery
from handlers.dialects.bigquery import MAX_MESSAGE_BYTES
from tests.dialects.conftest import Hosts
from tests.hosts import JSON

RETRIED = {408, 429, 500, 503, 504}
CALLER = {
    "requestId": "124ab1c",
    "caller": "//bigquery.googleapis.com/projects/myproject/jobs/myproject:US.job_5b4c112c_17961fafeaf",
    "sessionUser": "test-user@test-company.com",
}
FLAT = [52.5, True, "Bremen", "quiet flat by the river", "2024-01-15"]
FLAT_BY_NAME = dict(zip(["area", "furnished", "city", "story", "since"], FLAT, strict=True))
A_ROW = "must be a list of numbers or an object of them by feature name"
DEEP = b"[" * 1000 + b"]" * 1000
HUGE = '{"x":' * 3000

Models = Callable[..., Hosts]


def call(calls: Any, **context: str) -> dict[str, Any]:
    return CALLER | {"calls": calls} | ({"userDefinedContext": context} if context else {})


@pytest.mark.parametrize("on_function", ["/bigquery", "/", "/any/path"])
@pytest.mark.parametrize(
    ("calls", "body"),
    [
        ([[1, 2, 3], [2, 3, 4]], b'{"replies":[10.0,15.0]}'),
        ([[1, 2, 3], ["2", 3, 4]], b'{"replies":[10.0,15.0]}'),
        ([["1.0", "+2", "3e0"]], b'{"replies":[10.0]}'),
        ([[0, "9007199254740993", 0]], b'{"replies":[9007199254740994.0]}'),
        ([["-1", "0", "-0.0"]], b'{"replies":[-1.0]}'),
        ([], b'{"replies":[]}'),
        ([[{"x3": 3, "x1": 1, "x2": "2"}], [[2, "3", 4]], [1, 2, 3]], b'{"replies":[10.0,15.0,10.0]}'),
        ([['{"x1":1,"x2":2,"x3":3}'], ["[2,3,4]"], [' {"x\\u0031":1,"x2":"2","x3":3}']],
         b'{"replies":[10.0,15.0,10.0]}'),
    ],
)  # fmt: skip
def test_calls_get_as_many_replies(hosts: Models, calls: Any, body: bytes, on_function: str) -> None:
    got = hosts("example").post("/bigquery", call(calls), on_function=on_function)
    assert (got.status, got.body, got.headers["content-type"]) == (200, body, "application/json")


def test_nulls_get_null_where_the_function_asks_for_it(hosts: Models) -> None:
    calls = [[1, None, 3], [1, 2, 3], ["NaN", 2, 3], [2, 3, 4], ["-Infinity", None, 3]]
    got = hosts("example").post("/bigquery", call(calls, nulls="null"))
    assert (got.status, got.body) == (200, b'{"replies":[null,10.0,null,15.0,null]}')
    by_name = [[{"x1": 1, "x2": None, "x3": 3}], ['{"x1":1,"x2":2,"x3":3}']]
    got = hosts("example").post("/bigquery", call(by_name, nulls="null"))
    assert got.body == b'{"replies":[null,10.0]}'
    # The one argument in the place of a row may be NULL itself.
    for calls in ([[None, None, None]], [[None]]):
        assert hosts("example").post("/bigquery", call(calls, nulls="null")).body == b'{"replies":[null]}'


def test_the_row_of_a_refusal_is_the_one_that_was_sent(hosts: Models) -> None:
    calls = [[1, None, 3], [1e308, 1e308, 1e308], [1, 2, 3]]
    got = hosts("example").post("/bigquery", call(calls, nulls="null"))
    message = "calls[1]: the prediction is not a finite number for this input"
    assert (got.status, got.json()) == (400, {"errorMessage": message})


def test_a_classifier_answers_labels_or_probabilities(hosts: Models) -> None:
    here = hosts("clf")
    plain = here.post("/predict", {"instances": [[1, 2, 3], [0, 1, 9]], "probabilities": True}).json()
    assert here.post("/bigquery", call([[1, 2, 3], [0, 1, 9]])).json() == {"replies": plain["predictions"]}
    got = here.post("/bigquery", call([[1, 2, 3], [0, 1, 9]], output="probabilities"))
    assert got.json() == {"replies": plain["probabilities"]}
    got = here.post("/bigquery", call([[1, None, 3], [1, 2, 3]], output="probabilities", nulls="null"))
    assert got.json() == {"replies": [None, plain["probabilities"][0]]}
    assert here.post("/bigquery", call([[1, 2, 3]], output="label")).json() == {"replies": plain["predictions"][:1]}


@pytest.mark.parametrize(
    "arguments",
    [
        FLAT,
        ["52.5", *FLAT[1:4], "2024-01-15T00:00:00Z"],
        [FLAT_BY_NAME],
        [FLAT],
        [json.dumps(FLAT_BY_NAME, ensure_ascii=False)],
        [FLAT_BY_NAME | {"id": 17, "area": "52.5"}],
    ],
)
def test_every_kind_of_column(hosts: Models, arguments: Any) -> None:
    here = hosts("mixed")
    expected = here.post("/predict", {"instances": [FLAT]}).json()["predictions"]
    assert here.post("/bigquery", call([arguments])).json() == {"replies": expected}


def test_null_and_nan_are_missing_where_a_cell_may_be(hosts: Models) -> None:
    here = hosts("mixed")
    row = [None, True, None, "river", "2026-03-06T12:34:56.789"]
    expected = here.post("/predict", {"instances": [row]}).json()["predictions"]
    for cell in (None, "NaN", "Infinity"):
        assert here.post("/bigquery", call([[cell, *row[1:]]], nulls="null")).json() == {"replies": expected}


def test_the_one_string_of_a_model_of_one_column_is_the_cell(hosts: Models) -> None:
    here = hosts("text")
    texts = ["quiet garden", '{"story":"loud"}', "[1]", "1"]
    expected = here.post("/predict", {"instances": [[text] for text in texts]}).json()["predictions"]
    assert here.post("/bigquery", call([[text] for text in texts])).json() == {"replies": expected}
    got = here.post("/bigquery", call([[{"story": "quiet garden"}], [["quiet garden"]]]))
    assert got.json() == {"replies": [expected[0], expected[0]]}


def test_whole_numbers_come_as_numbers_or_strings(hosts: Models) -> None:
    here = hosts("whole")
    expected = here.post("/predict", {"instances": [[2.0, False, 2]]}).json()["predictions"]
    for row in ([2, False, 2], ["2.0", False, "2"]):
        got = here.post("/bigquery", call([row]))
        assert got.json() == {"replies": expected}
    assert type(got.json()["replies"][0]) is int


NOT_NULL = "calls[1]: x2 must be a number, not null; 1 of 2 rows"
KIND = "userDefinedContext.nulls must be a string, not "
CONTEXT = "userDefinedContext can have output=label or probabilities or scores, nulls=refuse or null; not "


@pytest.mark.parametrize(
    ("document", "message"),
    [
        (call([[1, 2, 3], [1, None, 3]]), NOT_NULL),
        (call([[1, 2, 3], [1, "NaN", 3]]), NOT_NULL),
        (call([[1, 2, 3], [1, "Infinity", 3]]), NOT_NULL),
        (call([[None, None, None], [1, 2, 3]]), "calls[0]: x1 must be a number, not null; 1 of 2 rows"),
        (call([[1, None, 3]] * 12), "calls[0]: x2 must be a number, not null; at least 10 of 12 rows"),
        (call([[True, 2, 3]]), "calls[0]: x1 must be a number, not a boolean; cast it to a number; 1 of 1 rows"),
        (call([["1_0", 2, 3]]), "calls[0]: x1 must be a number, not a string; cast it to a number; 1 of 1 rows"),
        (call([["", 2, 3]]), "calls[0]: x1 must be a number, not a string; cast it to a number; 1 of 1 rows"),
        (call([["nan", 2, 3]]), "calls[0]: x1 must be a number, not a string; cast it to a number; 1 of 1 rows"),
        (call([["1e999", 2, 3]]), "calls[0]: x1 must be a number that float64 holds; 1 of 1 rows"),
        (call([[[1], 2, 3]]), "calls[0]: x1 must be a number, not a list; 1 of 1 rows"),
        (call([[1, 2]]), "calls[0]: must have 3 numbers, has 2 values; 1 of 1 rows"),
        (call([[1, 2, 3], []]), "calls[1]: must have 3 numbers, has 0 values; 1 of 2 rows"),
        (call([[1, 2]], nulls="null"), "calls[0]: must have 3 numbers, has 2 values; 1 of 1 rows"),
        (call([[1, None]], nulls="null"), "calls[0]: must have 3 numbers, has 2 values; 1 of 1 rows"),
        (call([[None, True, 3]], nulls="null"),
         "calls[0]: x2 must be a number, not a boolean; cast it to a number; 1 of 1 rows"),
        (call([[1]]), "calls[0]: must have 3 numbers, has 1 value; 1 of 1 rows"),
        (call([["one"]]), "calls[0]: its one argument is not JSON: "),
        (call([['{"x1":1,"x1":1,"x2":2,"x3":3}']]),
         "calls[0]: its one argument is not JSON that can be trusted: a key stands twice in one object"),
        (call([["7"]]), "calls[0]: its one argument must be a JSON object, not a number"),
        (call([[HUGE]]), "calls[0]: its one argument is not JSON: "),
        (call([[{"x1": 1, "x2": 2}]]), "calls[0]: x3 is missing; 1 of 1 rows"),
        (call([[{"x1": 1, "x2": 2, "x3": 3, "y": 4}]]),
         "calls[0]: y is not a feature of this model; they are x1, x2, x3; 1 of 1 rows"),
        (call([1]), "calls[0] must be a list of arguments, not a number"),
        (call([[1, 2, 3], {"x1": 1, "x2": 2, "x3": 3}]), "calls[1] must be a list of arguments, not an object"),
        (call([None], nulls="null"), "calls[0] must be a list of arguments, not null"),
        (call([[None]]), f"calls[0]: {A_ROW}, not null; 1 of 1 rows"),
        (call([["null"]], nulls="null"), "calls[0]: its one argument must be a JSON object, not null"),
        (call([[{"9": 1, "x1": 1, "x2": 2, "x3": 3}]]),
         "calls[0]: 9 is not a feature of this model; they are x1, x2, x3; 1 of 1 rows"),
        (call(None), "calls must be a list of lists of arguments, not null"),
        (call({"a": 1}), "calls must be a list of lists of arguments, not an object"),
        (call([[1, 2, 3]]) | {"userDefinedContext": []}, "userDefinedContext must be an object, not a list"),
        (call([[1, 2, 3]], mode="fast"), CONTEXT + "mode=fast"),
        (call([[1, 2, 3]], output="all"), CONTEXT + "output=all"),
        (call([[1, 2, 3]]) | {"userDefinedContext": {"nulls": None}}, KIND + "null"),
        (call([[1, 2, 3]]) | {"userDefinedContext": {"nulls": ["null"]}}, KIND + "a list"),
        (call([[1, 2, 3]]) | {"userDefinedContext": {"nulls": 1}}, KIND + "a number"),
        (call([[1, 2, 3]], output="probabilities"), "this model gives no probabilities"),
        (call([], output="probabilities"), "this model gives no probabilities"),
        (call([[1e308, 1e308, 1e308]]), "calls[0]: the prediction is not a finite number for this input"),
    ],
)  # fmt: skip
def test_what_is_refused(hosts: Models, document: Any, message: str) -> None:
    got = hosts("example").post("/bigquery", document)
    told = got.json()["errorMessage"]
    assert (got.status, list(got.json())) == (400, ["errorMessage"])
    assert told == message or (message.endswith(": ") and told.startswith(message))


@pytest.mark.parametrize(
    ("body", "headers", "status"),
    [
        (b"", JSON, 400),
        (b"[", JSON, 400),
        (b'{"calls":[[1,2,NaN]]}', JSON, 400),
        (b'{"calls":[],"calls":[]}', JSON, 400),
        (b"[1]", JSON, 400),
        (b'{"calls":[[1,2,3]],"userDefinedContext":{"nulls":' + DEEP + b"}}", JSON, 400),
        (b'{"calls":[[' + DEEP + b",2,3]]}", JSON, 400),
        (b'{"calls":[[1,2,3]]}', {"Content-Type": "text/plain"}, 415),
        (b'{"calls":[[1,2,3]]}', JSON | {"Content-Encoding": "gzip"}, 415),
        (b" " * 8388609, JSON, 413),
        (json.dumps(call([[1, 2, 3]] * 100_001)).encode(), JSON, 413),
    ],
    ids=lambda value: repr(value)[:30],
)
def test_what_is_no_request(hosts: Models, body: bytes, headers: dict[str, str], status: int) -> None:
    got = hosts("example").post("/bigquery", body, headers)
    assert got.status == status
    assert list(got.json()) == ["errorMessage"]


def test_another_method(hosts: Models) -> None:
    got = hosts("example").web.send(method="GET", path="/bigquery", headers={})
    assert (got.status, got.json()) == (405, {"errorMessage": "this address takes POST, OPTIONS"})
    assert got.headers["allow"] == "POST, OPTIONS"


@pytest.mark.parametrize("key", ["k" * 5000, "é" * 5000, '"' * 5000, "\n" * 5000, "\u0001" * 3000])
def test_a_message_is_under_a_kilobyte(hosts: Models, key: str) -> None:
    for document in (call([[{key: 1}]]), call([[1, 2, 3]], **{key: key}), call([[1, 2, 3]]) | {"calls": {key: 1}}):
        got = hosts("example").post("/bigquery", document)
        assert got.status == 400
        assert len(got.body) <= MAX_MESSAGE_BYTES + len('{"errorMessage":""}') < 1024


def test_documents_in_strings_are_bounded_like_all_others(hosts: Models) -> None:
    lists = "[" + "[]," * 60_000 + "[]]"
    for calls in ([[lists]] * 4, [["[1,2,3]"], [lists * 4]]):
        got = hosts("example").post("/bigquery", call(calls))
        assert got.json() == {"errorMessage": "the body has too many lists and objects; send fewer rows a request"}
        assert got.status == 413
    # A quotation mark without its like hides no brackets of the next document: there it ends.
    got = hosts("example").post("/bigquery", call([['"'], [lists * 4]]))
    assert got.json()["errorMessage"].startswith("calls[0]: its one argument is not JSON: ")


def test_replies_that_bigquery_does_not_take_are_refused(hosts: Models, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bigquery, "MAX_REPLIES_BYTES", 100)
    got = hosts("example").post("/bigquery", call([[1, 2, 3]] * 17))
    assert (got.status, len(got.body)) == (200, 98)
    got = hosts("example").post("/bigquery", call([[1, 2, 3]] * 40))
    message = (
        "the replies are 213 bytes, and BigQuery takes 100; make the function with max_batching_rows = 18 or fewer"
    )
    assert (got.status, got.json()) == (413, {"errorMessage": message})


def test_a_fault_of_ours_is_the_one_thing_to_try_again(hosts: Models, monkeypatch: pytest.MonkeyPatch) -> None:
    here = hosts("example", MAX_ROWS="99")

    def fail(*_: Any) -> None:
        raise RuntimeError("a secret of test-user@test-company.com")

    service = here.web.client.application.extensions["tandem"]  # type: ignore[attr-defined]
    monkeypatch.setattr(service.predictor, "predict", fail)
    got = here.web.send(json.dumps(call([[1, 2, 3]])).encode(), path="/bigquery", headers=JSON | {"X-Request-Id": "i"})
    assert (got.status, got.json()) == (500, {"errorMessage": "internal error; the request id is i"})
    assert got.status in RETRIED


def test_rows_without_a_prediction_are_not_watched(hosts: Models) -> None:
    here = hosts("mixed", MAX_ROWS="98")
    watched: list[Any] = []
    service = here.web.client.application.extensions["tandem"]  # type: ignore[attr-defined]
    service.watchers.append(watched.append)
    gap = [52.5, None, "Bremen", "quiet", "2024-01-15"]
    for calls, replies in (([], []), ([gap], [None]), ([[None]], [None])):
        assert here.post("/bigquery", call(calls, nulls="null")).json() == {"replies": replies}
    assert watched == []
    here.post("/bigquery", call([gap, FLAT], nulls="null"))
    assert [column.tolist()[:1] for column in watched[0][:3]] == [[52.5], [1.0], ["Bremen"]]


def test_who_asks_is_never_logged(hosts: Models, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    here = hosts("example")
    for calls in ([[1, 2, 3]], [[None, 2, 3]], {"sessionUser": "x"}, [[1e308, 1e308, 1e308]]):
        here.post("/bigquery", call(calls))
    assert "test-company" not in caplog.text
