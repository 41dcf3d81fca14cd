"""Ten thousand bodies in each dialect on both hosts: real ones, changed at random; never a 5xx, never two answers.

They come of a number, which a failure names; `TANDEM_SEED=… make test-all ARGS='-k many_bodies'` sends the same ones.
"""

import json
import os
import random
import re
import struct
from collections.abc import Callable
from typing import Any

import pytest

from tests.dialects.conftest import ROUTES, Hosts
from tests.dialects.mutations import LENGTH, Sent, change
from tests.dialects.test_captured import CASES
from tests.dialects.test_fuzz import check

BODIES = 10_000
SEED = os.environ.get("TANDEM_SEED") or str(random.SystemRandom().randrange(10**9))

Models = Callable[..., Hosts]

VERTEX = ROUTES["AIP_PREDICT_ROUTE"]
CSV = {"Content-Type": "text/csv", "Accept": "text/csv"}
COLUMNS = ["area", "furnished", "city", "story", "since"]
FLAT = [52.5, True, "Bremen", "quiet flat by the river", "2024-01-15"]
GAPS = [None, False, None, "x", "2024-01-16"]
BY_NAME = [dict(zip(COLUMNS, row, strict=True)) for row in (FLAT, GAPS)]


def document(model: str, path: str, **keys: Any) -> Sent:
    return Sent(model, path, json.dumps(keys).encode())


def lines(model: str, *texts: str) -> Sent:
    return Sent(model, "/invocations", "\n".join(texts).encode(), headers=CSV)


def tensors(model: str, *inputs: tuple[str, list[int], str, bytes], **more: Any) -> Sent:
    given = [
        {"name": name, "shape": shape, "datatype": datatype, "parameters": {"binary_data_size": len(data)}}
        for name, shape, datatype, data in inputs
    ]
    text = json.dumps({"inputs": given} | more).encode()
    return Sent(model, f"/v2/models/{model}/infer", text, b"".join(data for *_, data in inputs), {})


def tensor(name: str, datatype: str, data: list[Any], *columns: int) -> dict[str, Any]:
    return {"name": name, "shape": [2, *columns], "datatype": datatype, "data": data}


BIGQUERY = [
    document("mixed", "/bigquery", calls=[FLAT, GAPS], userDefinedContext={"nulls": "null"}),
    document("quiet", "/bigquery", calls=[[row] for row in BY_NAME], userDefinedContext={"output": "probabilities"}),
    document("clf", "/bigquery", calls=[['{"x1":1,"x2":2,"x3":3}'], ["[1,2,3]"], ["1", "NaN", None]]),
    document("whole", "/bigquery", calls=[["2.0", False, "2"]], userDefinedContext={"output": "label"}),
    document("text", "/bigquery", calls=[["quiet"], ["loud"]]),
]
INVOCATIONS = [
    document("quiet", "/invocations", dataframe_split={"columns": [*COLUMNS[::-1]], "data": [FLAT[::-1], GAPS[::-1]]}),
    document("mixed", "/invocations", dataframe_records=BY_NAME, params={}),
    document("clf", "/invocations", inputs={"x1": [1, 2], "x2": [2, 3], "x3": [3, 4]}, params={"probabilities": True}),
    lines("mixed", "52.5,true,Bremen,quiet,2024-01-15", ',False,,"x, ""y""",2024-01-16'),
    lines("mixed", "since,id,city,furnished,story", "2024-01-15,7,Ulm,0,x", "2024-01-15,8,,1,y"),
    lines("clf", "x3,x1,x2", "3,1,2", "1e0,2.,.5"),
    lines("text", "story", "quiet", '"loud\nstreet"'),
]
V2 = [
    tensors("clf", ("x", [2, 3], "FP32", struct.pack("<6f", *range(6))), parameters={"binary_data_output": True},
            outputs=[{"name": "predict"}, {"name": "predict_proba", "parameters": {"binary_data": False}}]),
    tensors("mixed", ("since", [1], "BYTES", b"\x0a\0\0\0002024-01-15"), ("story", [1, 1], "BYTES", b"\1\0\0\0x"),
            ("furnished", [1], "BOOL", b"\1"), ("area", [1], "FP64", struct.pack("<d", 3)), id="7"),
    tensors("example", ("x3", [2], "INT8", b"\1\2"), ("x1", [2, 1], "UINT16", b"\1\0\2\0"),
            ("x2", [2], "FP16", b"\0\x3c" * 2)),
    document("quiet", "/v2/models/quiet/infer", inputs=[
        tensor(name, datatype, [FLAT[i], GAPS[i]], 1)
        for i, (name, datatype) in enumerate(zip(COLUMNS, ["FP64", "BOOL", "BYTES", "BYTES", "BYTES"], strict=True))
    ]),
    document("clf", "/v2/models/clf/infer", inputs=[{"name": "x", "shape": [1, 4], "datatype": "FP64",
                                                     "data": [1, 2, 3, 4]}]),
    document("whole", "/v2/models/whole/infer", inputs=[
        tensor("size", "FP64", [2, 3]), tensor("new", "BOOL", [False, True]), tensor("floor", "INT64", [[2], [3]], 1)
    ], parameters={"binary_data_output": True}),
]  # fmt: skip
KSERVE = [
    document("digits", "/v1/models/digits:predict", instances=[[1, 2, 3], {"0": 1, "1": 2, "2": 3}]),
    document("quiet", "/v1/models/quiet:predict", instances=[FLAT, BY_NAME[1]]),
    document("clf", "/v1/models/clf:predict", inputs=[{"x1": [1], "x2": 2, "x3": [3]}]),
]
PARAMETERS = [
    document("clf", VERTEX, instances=[[1, 2, 3], {"x1": 1, "x2": 2, "x3": 3}], parameters={"probabilities": True}),
    document("mixed", VERTEX, instances=[FLAT, BY_NAME[1] | {"id": 7}]),
    document("example", VERTEX, features=[1, 2, 3]),
]


def captured(path: str) -> list[Sent]:
    """Return what real clients posted to an address that begins so."""
    found = []
    for request, *_ in CASES:
        head, _, body = request.partition(b"\r\n\r\n")
        first, *rest = head.decode().split("\r\n")
        headers = {name.title(): value for name, value in (line.split(": ") for line in rest[1:])}
        if re.match(f"POST {re.escape(path)}", first):
            length = int(headers.get(LENGTH, headers.pop("Content-Length")))
            found.append(Sent("example", first.split()[1], body[:length], body[length:], headers))
    return found


REQUESTS = {
    "bigquery": BIGQUERY + captured("/bigquery"),
    "invocations": INVOCATIONS + captured("/invocations"),
    "open-inference": V2 + captured("/v2/"),
    "kserve": KSERVE + captured("/v1/models/"),
    "vertex": PARAMETERS + captured(VERTEX),
}


def bodies(requests: list[Sent], name: str, count: int) -> Any:
    for number in range(count):
        chance = random.Random(f"{SEED} {name} {number}")  # noqa: S311
        sent = requests[number % len(requests)]
        yield sent, *change(sent, chance)


@pytest.mark.parametrize(
    "count", [100, pytest.param(BODIES, marks=pytest.mark.slow)], ids=["a hundred", "ten thousand"]
)
@pytest.mark.parametrize("name", REQUESTS)
def test_many_bodies(hosts: Models, name: str, count: int) -> None:
    good = 0
    for sent, body, headers in bodies(REQUESTS[name], name, count):
        try:
            status = check(hosts(sent.model), sent.path, body, headers)
        except Exception as error:
            raise AssertionError(f"TANDEM_SEED={SEED}: {sent.model} {sent.path} {headers} {body!r}") from error
        good += status == 200
    assert count / 20 < good < count * 19 / 20  # bodies that are all refused, or all taken, try little


@pytest.mark.parametrize(
    "count", [100, pytest.param(BODIES, marks=pytest.mark.slow)], ids=["a hundred", "ten thousand"]
)
def test_many_bodies_at_any_path_of_the_function(hosts: Models, count: int) -> None:
    requests = [sent for requests in REQUESTS.values() for sent in requests]
    for sent, body, headers in bodies(requests, "any path", count):
        got = hosts(sent.model).function.send(body, path="/any/path", headers=headers)
        assert got.status in {200, 400, 413, 415, 422}, f"TANDEM_SEED={SEED}: {sent.model} {headers} {body!r}"
        got.json()
