"""The contract's table of bad input, row by row: the whole problem, alike on every host."""

import json
from typing import Any

import pytest

from tests.hosts import JSON, Answer, Host

LIMIT = 8388608
ROW = "must be a list of numbers or an object of them by feature name, not "
KEYS = "is not a key of this request; they are features, instances, probabilities, scores"
BOTH = "send either features (one row) or instances (a list of rows)"
NOT_FINITE = "the prediction is not a finite number for this input"
TWICE = "the body is not JSON that can be trusted: a key stands twice in one object"


def assert_problem(got: Answer, status: int, title: str, detail: str, errors: Any = None) -> None:
    document: dict[str, Any] = {"type": "about:blank", "title": title, "status": status, "detail": detail}
    if errors:
        document["errors"] = [{"pointer": pointer, "detail": what} for pointer, what in errors]
    assert got.json() == document
    assert got.status == status
    assert got.headers["content-type"] == "application/problem+json"
    assert len(got.body) <= 4096


@pytest.mark.parametrize("method", ["GET", "PUT", "PATCH", "DELETE", "TRACE", "BREW"])
def test_another_method(host: Host, method: str) -> None:
    got = host.send(method=method, headers={})
    assert_problem(got, 405, "Method Not Allowed", "this address takes POST, OPTIONS")
    assert got.headers["allow"] == "POST, OPTIONS"


def test_head_is_answered_like_get_without_a_body(host: Host) -> None:
    got = host.send(method="HEAD", headers={})
    assert (got.status, got.headers["allow"], got.body) == (405, "POST, OPTIONS", b"")


@pytest.mark.parametrize(
    ("headers", "detail", "answer"),
    [
        ({}, "send Content-Type: application/json", {"accept": "application/json"}),
        ({"Content-Type": "text/plain"}, "send Content-Type: application/json", {"accept": "application/json"}),
        ({"Content-Type": "text/json"}, "send Content-Type: application/json", {"accept": "application/json"}),
        ({"Content-Type": "application/jsonx"}, "send Content-Type: application/json", {"accept": "application/json"}),
        ({"Content-Type": "application/x-www-form-urlencoded"}, "send Content-Type: application/json", {}),
        ({"Content-Type": "multipart/form-data; boundary=x"}, "send Content-Type: application/json", {}),
        ({"Content-Type": ";;;="}, "send Content-Type: application/json", {}),
        (
            {"Content-Type": "application/json; charset=utf-16"},
            "send the body in UTF-8",
            {"accept": "application/json"},
        ),
        ({"Content-Type": "application/json; charset=latin-1"}, "send the body in UTF-8", {}),
        (
            JSON | {"Content-Encoding": "gzip"},
            "send the body without a content coding",
            {"accept-encoding": "identity"},
        ),
        (JSON | {"Content-Encoding": "identity, br"}, "send the body without a content coding", {}),
    ],
)
def test_another_media_type(host: Host, headers: dict[str, str], detail: str, answer: dict[str, str]) -> None:
    got = host.send(b'{"features":[1,2,3]}', headers=headers)
    assert_problem(got, 415, "Unsupported Media Type", detail)
    assert answer.items() <= got.headers.items()


@pytest.mark.parametrize("coding", ["identity", "Identity", " identity "])
def test_the_identity_coding_is_none(host: Host, coding: str) -> None:
    assert host.send(b'{"features":[1,2,3]}', headers=JSON | {"Content-Encoding": coding.strip()}).status == 200


def test_a_body_over_the_limit(host: Host) -> None:
    got = host.send(b" " * (LIMIT + 1))
    assert_problem(got, 413, "Content Too Large", "the body is larger than 8388608 bytes; send fewer rows a request")
    assert got.headers["connection"] == "close"


def test_a_body_at_the_limit(host: Host) -> None:
    body = b'{"features":[1,2,3]}'
    assert host.send(body + b" " * (LIMIT - len(body))).status == 200


NOT_JSON = [
    "nothing",
    "{",
    "{'features':[1,2,3]}",
    '{"features":[1,2,3],}',
    '{"features":[1,2,3]} x',
    '{"features":[1,2,3]}{"features":[1,2,3]}',
    '{"features":[NaN,2,3]}',
    '{"features":[Infinity,2,3]}',
    '{"features":[-Infinity,2,3]}',
    '{"features":[nan,2,3]}',
    '{"features":[01,2,3]}',
    '{"features":[+1,2,3]}',
    '{"features":[.5,2,3]}',
    '{"features":[1.,2,3]}',
    '{"features":[0x1,2,3]}',
    '{"features":[1_0,2,3]}',
    '{"features":[1e999,2,3]}',
    '{"features":[-1e999,2,3]}',
    '{"features":[1' + "0" * 400 + ",2,3]}",
    '{"features":[' + "9" * 5000 + ",2,3]}",
    '{"features":"\\ud800"}',
    '{"features":"\\x"}',
    '{"features":"a\nb"}',
    '{"features":' + "[" * 2000 + "]" * 2000 + "}",
    '{"a":' * 2000 + "1" + "}" * 2000,
    "[" * 100_000,
    "/* */{}",
    "\x00",
]


@pytest.mark.parametrize(
    "body",
    [text.encode() for text in NOT_JSON]
    + [
        b"\xef\xbb\xbf{}",
        b"\xff",
        b'{"features":["\xff",2,3]}',
        b'{"features":["\xed\xa0\x80",2,3]}',
        '{"features":[1,2,3]}'.encode("utf-16"),
        '{"features":[1,2,3]}'.encode("utf-32-le"),
    ],
    ids=lambda body: repr(body[:24]),
)
def test_what_is_not_json(host: Host, body: bytes) -> None:
    got = host.send(body)
    assert got.json()["detail"].startswith("the body is not JSON: ")
    assert_problem(got, 400, "Bad Request", got.json()["detail"])


def test_an_empty_body(host: Host) -> None:
    assert_problem(host.send(b""), 400, "Bad Request", "the body is empty; send a JSON object")


@pytest.mark.parametrize(
    "body",
    [
        '{"features":[1,2,3],"features":[1,2,3]}',
        '{"features":[1,2,3],"features":[4,5,6]}',
        '{"features":[1,2,3],"f\\u0065atures":[1,2,3]}',
        '{"features":{"x1":1,"x1":2,"x2":2,"x3":3}}',
        '{"features":{"x1":1,"x2":2,"x3":3,"x\\u0033":3}}',
        '{"instances":[[1,2,3],{"x1":1,"x2":2,"x3":3,"x3":3}]}',
        '{"x":{"y":[{"z":1,"z":1}]}}',
        '{"":1,"":2}',
        '{"a\\"":1,"a\\"":2}',
        '{"a\\\\":1,"a\\\\":"\\""}',
        '[{"a":1,"a":1}]',
        "[" * 300 + '{"a":1,"a":1}' + "]" * 300,
        '{"features":[' + "1," * 5000 + '{"a":1,"a":1}]}',
    ],
    ids=lambda body: body[:30],
)
def test_a_duplicate_key(host: Host, body: str) -> None:
    assert_problem(host.send(body.encode()), 400, "Bad Request", TWICE)


@pytest.mark.parametrize(
    ("body", "errors"),
    [
        # the document
        ("[]", [("#", "must be an object, not a list")]),
        ("null", [("#", "must be an object, not null")]),
        ("true", [("#", "must be an object, not a boolean")]),
        ("1", [("#", "must be an object, not a number")]),
        ('"features"', [("#", "must be an object, not a string")]),
        ("{}", [("#", BOTH)]),
        ('{"features":[1,2,3],"instances":[[1,2,3]]}', [("#", BOTH)]),
        ('{"probabilities":false}', [("#", BOTH)]),
        ('{"features":[1,2,3],"zeta":1,"alpha":2}', [("#/zeta", KEYS), ("#/alpha", KEYS)]),
        ('{"Features":[1,2,3]}', [("#/Features", KEYS), ("#", BOTH)]),
        ('{"features":[1,2,3],"a/b~c":1}', [("#/a~1b~0c", KEYS)]),
        ('{"features":[1,2,3],"":1}', [("#/", KEYS)]),
        ('{"features":[1,2,3],"é \\n":1}', [("#/%C3%A9%20%0A", KEYS)]),
        ('{"features":[1,2,3],"' + "k" * 100 + '":1}', [("#/" + "k" * 63 + "…", KEYS)]),
        ('{"features":[1,2,3],"a\\"\\\\b":1}', [("#/a%22%5Cb", KEYS)]),
        # one row
        ('{"features":null}', [("#/features", ROW + "null")]),
        ('{"features":"1,2,3"}', [("#/features", ROW + "a string")]),
        ('{"features":1}', [("#/features", ROW + "a number")]),
        ('{"features":true}', [("#/features", ROW + "a boolean")]),
        ('{"features":[]}', [("#/features", "must have 3 numbers, has 0 values")]),
        ('{"features":[1]}', [("#/features", "must have 3 numbers, has 1 value")]),
        ('{"features":[1,2,3,4]}', [("#/features", "must have 3 numbers, has 4 values")]),
        ('{"features":[[1,2,3]]}', [("#/features", "must have 3 numbers, has 1 value")]),
        ('{"features":[1,true,3]}', [("#/features/1", "must be a number, not a boolean")]),
        ('{"features":["1",2,3]}', [("#/features/0", "must be a number, not a string")]),
        ('{"features":[1,2,null]}', [("#/features/2", "must be a number, not null")]),
        (
            '{"features":[[1],{"a":1},3]}',
            [("#/features/0", "must be a number, not a list"), ("#/features/1", "must be a number, not an object")],
        ),
        (
            '{"features":{}}',
            [("#/features/x1", "is missing"), ("#/features/x2", "is missing"), ("#/features/x3", "is missing")],
        ),
        (
            '{"features":{"x1":1,"x2":"2","x9":3}}',
            [
                ("#/features/x3", "is missing"),
                ("#/features/x2", "must be a number, not a string"),
                ("#/features/x9", "is not a feature of this model; they are x1, x2, x3"),
            ],
        ),
        (
            '{"features":{"x1":1,"x2":2,"x3":3,"x4":null}}',
            [("#/features/x4", "is not a feature of this model; they are x1, x2, x3")],
        ),
        ('{"features":{"x1":1,"x2":2,"x3":false}}', [("#/features/x3", "must be a number, not a boolean")]),
        # many rows
        ('{"instances":null}', [("#/instances", "must be a list of rows, not null")]),
        ('{"instances":{"x1":1,"x2":2,"x3":3}}', [("#/instances", "must be a list of rows, not an object")]),
        ('{"instances":"x"}', [("#/instances", "must be a list of rows, not a string")]),
        ('{"instances":[]}', [("#/instances", "must have at least one row")]),
        (
            '{"instances":[1,2,3]}',
            [(f"#/instances/{row}", ROW + "a number") for row in range(3)],
        ),
        (
            '{"instances":[[1,2,3],null,[1,2],{"x1":1,"x2":2},[1,2,"3"]]}',
            [
                ("#/instances/1", ROW + "null"),
                ("#/instances/2", "must have 3 numbers, has 2 values"),
                ("#/instances/3/x3", "is missing"),
                ("#/instances/4/2", "must be a number, not a string"),
            ],
        ),
        # flags, and several things at once
        ('{"features":[1,2,3],"probabilities":1}', [("#/probabilities", "must be true or false, not a number")]),
        ('{"features":[1,2,3],"probabilities":"yes"}', [("#/probabilities", "must be true or false, not a string")]),
        ('{"features":[1,2,3],"probabilities":null}', [("#/probabilities", "must be true or false, not null")]),
        (
            '{"extra":0,"features":[1,2],"probabilities":0}',
            [
                ("#/extra", KEYS),
                ("#/features", "must have 3 numbers, has 2 values"),
                ("#/probabilities", "must be true or false, not a number"),
            ],
        ),
    ],
)
def test_json_that_is_no_request(host: Host, body: str, errors: list[tuple[str, str]]) -> None:
    assert_problem(host.send(body.encode()), 422, "Unprocessable Content", "the request is not valid", errors)


def test_probabilities_of_a_model_that_gives_none(host: Host) -> None:
    got = host.send(b'{"features":[1,2,3],"probabilities":true}')
    errors = [("#/probabilities", "leave it out, or false")]
    assert_problem(got, 422, "Unprocessable Content", "this model gives no probabilities", errors)


@pytest.mark.parametrize(
    ("document", "pointers"),
    [
        ({"features": [1e308, 1e308, 1e308]}, ["#/features"]),
        ({"features": {"x1": 1e308, "x2": 1, "x3": 1e308}}, ["#/features"]),
        ({"features": [-1e308, 0, -1e308]}, ["#/features"]),
        (
            {"instances": [[1, 2, 3], [1e308, 1e308, 1e308], [1, 2, 3], [-1e308] * 3]},
            ["#/instances/1", "#/instances/3"],
        ),
    ],
)
def test_a_prediction_that_is_not_finite(host: Host, document: Any, pointers: list[str]) -> None:
    got = host.send(json.dumps(document).encode())
    assert_problem(got, 422, "Unprocessable Content", NOT_FINITE, [(pointer, NOT_FINITE) for pointer in pointers])


def test_more_rows_than_the_limit(host: Host) -> None:
    got = host.send(b'{"instances":[' + b"[]," * 100_000 + b"[]]}")
    assert_problem(got, 413, "Content Too Large", "a request takes at most 100000 rows, this one has 100001")


@pytest.mark.parametrize(
    ("body", "first", "more"),
    [
        ('{"instances":[' + ",".join(["null"] * 100_000) + "]}", ("#/instances/0", ROW + "null"), 99_990),
        (
            '{"instances":[' + ",".join(["[0,0,null]"] * 50_000) + "]}",
            ("#/instances/0/2", "must be a number, not null"),
            49_990,
        ),
        ("{" + ",".join(f'"{n:060}":0' for n in range(9999)) + "}", ("#/" + "0" * 60, KEYS), 9990),
        (
            "{" + ",".join(f'"{"é" * 99}{n}":0' for n in range(9999)) + "}",
            ("#/" + ("%C3%A9" * 11)[:63] + "…", KEYS),
            9990,
        ),
        ('{"features":{' + ",".join(f'"{n:099}":0' for n in range(999)) + "}}", ("#/features/x1", "is missing"), 992),
    ],
    ids=["nulls", "cells", "keys", "long keys", "features"],
)
def test_ten_errors_are_told_and_the_rest_counted(host: Host, body: str, first: tuple[str, str], more: int) -> None:
    got = host.send(body.encode())
    document = got.json()
    assert got.status == 422
    assert document["errors"][0] == {"pointer": first[0], "detail": first[1]}
    assert (len(document["errors"]), document["more_errors"]) == (10, more)
    assert len(got.body) <= 4096
