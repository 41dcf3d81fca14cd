"""Arbitrary bodies in each dialect on both hosts: never a 5xx, never two different answers.

TANDEM_EXAMPLES says how many of each kind; `make fuzz` tries ten thousand.
"""

import json
from collections.abc import Callable
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.contract.test_fuzz import dumps, fuzz
from tests.dialects.conftest import ROUTES, Hosts
from tests.hosts import JSON

Models = Callable[..., Hosts]

NAMES = ["area", "furnished", "city", "story", "since", "id", "x1", "x2", "x3"]
SCALARS = (
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=8)
)
CELLS = SCALARS | st.sampled_from([1.5, "NaN", "1.5", "2024-01-01", "Ulm", True, 2**63, "\ufdd0", [], {}])
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3)
)
GOOD = st.tuples(
    st.none() | st.floats(-1e6, 1e6), st.booleans(), st.none() | st.sampled_from(["Ulm", "Rom"]),
    st.text(max_size=20), st.dates().map(str),
).map(list)  # fmt: skip
BY_NAME = st.dictionaries(st.sampled_from(NAMES), CELLS, max_size=7)
ROWS = GOOD | st.lists(CELLS, max_size=6) | BY_NAME | CELLS | GOOD.map(lambda row: dict(zip(NAMES, row, strict=False)))
SEVERAL = st.lists(ROWS, max_size=4) | VALUES
PARAMETERS = st.none() | st.dictionaries(st.sampled_from(["probabilities", "x"]), st.booleans() | CELLS) | VALUES

CONTEXT = st.dictionaries(
    st.sampled_from(["output", "nulls", "x"]),
    st.sampled_from(["probabilities", "null", "label", ""]) | VALUES,
    max_size=2,
)
CALLS = st.lists(ROWS | st.lists(ROWS.map(json.dumps) | ROWS, max_size=2), max_size=4)

TYPES = st.sampled_from(["FP64", "FP32", "FP16", "INT64", "UINT8", "BOOL", "BYTES", "fp64", ""])
TENSOR = st.fixed_dictionaries(
    {"name": st.sampled_from(NAMES) | st.text(max_size=3), "shape": st.lists(st.integers(-1, 6), max_size=3) | CELLS,
     "datatype": TYPES | CELLS},
    optional={"data": st.lists(CELLS, max_size=6) | st.lists(st.lists(CELLS, max_size=5), max_size=3) | VALUES,
              "parameters": st.dictionaries(st.just("binary_data_size"), st.integers(-1, 60) | CELLS) | CELLS},
)  # fmt: skip
OUTPUT = st.fixed_dictionaries(
    {"name": st.sampled_from(["predict", "predict_proba", "x"])},
    optional={"parameters": st.dictionaries(st.just("binary_data"), st.booleans() | CELLS)},
)


def optional(keys: dict[str, Any]) -> Any:
    return st.fixed_dictionaries({}, optional=keys)


DOCUMENTS: dict[str, Any] = {
    "/bigquery": optional({"calls": CALLS | VALUES, "userDefinedContext": CONTEXT | VALUES, "sessionUser": VALUES}),
    ROUTES["AIP_PREDICT_ROUTE"]: optional({"instances": SEVERAL, "parameters": PARAMETERS, "features": ROWS}),
    "/v1/models/quiet:predict": optional({"instances": SEVERAL, "inputs": SEVERAL, "x": VALUES}),
    "/invocations": SEVERAL
    | optional(
        {
            "dataframe_split": optional(
                {"columns": st.lists(st.sampled_from(NAMES)) | CELLS, "data": SEVERAL, "x": CELLS}
            ),
            "params": PARAMETERS,
        }
    )
    | optional({"dataframe_records": SEVERAL, "params": PARAMETERS})
    | optional({"instances": SEVERAL, "inputs": SEVERAL})
    | optional(
        {
            "inputs": st.dictionaries(st.sampled_from(NAMES), st.lists(CELLS, max_size=3) | CELLS) | SEVERAL,
            "params": PARAMETERS,
        }
    ),
    "/v2/models/quiet/infer": optional(
        {
            "inputs": st.lists(TENSOR | VALUES, max_size=6) | VALUES,
            "outputs": st.lists(OUTPUT | CELLS, max_size=2) | VALUES,
            "id": CELLS,
            "parameters": st.dictionaries(st.just("binary_data_output"), st.booleans() | CELLS) | CELLS,
        }
    ),
}
PATHS = pytest.mark.parametrize("path", DOCUMENTS)


def check(here: Hosts, path: str, body: bytes, headers: dict[str, str] = JSON) -> int:
    """Return the status of a body's answer, which is the dialect's and the same on both hosts."""
    got = here.post(path, body, headers)
    assert got.status in {200, 400, 413, 415, 422}
    media_type = got.headers["content-type"].split(";")[0]
    if got.status != 200:
        assert len(got.body) <= 4096
        document = got.json()
        if path == "/bigquery":
            assert list(document) == ["errorMessage"]
            assert got.status != 422
            assert len(got.body) < 1024
        elif path == "/invocations":
            assert list(document) == ["error_code", "message"]
        elif path.startswith("/v1/endpoints"):
            assert media_type == "application/problem+json"
        else:
            assert list(document) == ["error"]
    elif media_type == "application/json":
        got.json()
    else:
        assert media_type in {"application/octet-stream", "text/csv"}
    return got.status


@PATHS
@fuzz
@given(body=st.binary(max_size=300))
def test_any_bytes(hosts: Models, path: str, body: bytes) -> None:
    check(hosts("quiet"), path, body)


@PATHS
@fuzz
@given(data=st.data())
def test_almost_a_request(hosts: Models, path: str, data: st.DataObject) -> None:
    check(hosts("quiet"), path, dumps(data.draw(DOCUMENTS[path])))


@PATHS
@fuzz
@given(data=st.data())
def test_a_request_that_was_cut_or_changed(hosts: Models, path: str, data: st.DataObject) -> None:
    body = bytearray(dumps(data.draw(DOCUMENTS[path])))
    for place in data.draw(st.lists(st.integers(0, max(len(body) - 1, 0)), max_size=3)):
        if body:
            body[place] = data.draw(st.sampled_from(list(b'{}[]",:0eN\\ \xff')))
    check(hosts("quiet"), path, bytes(body[: data.draw(st.integers(0, len(body)))]))


LINE = st.lists(st.text(alphabet='ab1.5-",\r\n\0 é', max_size=6), max_size=6).map(",".join)
GOOD_LINE = st.sampled_from(["52.5,true,Ulm,river,2024-01-01", ",False,,x,2024-01-01", ",".join(NAMES[:6]), "a,b"])


@fuzz
@given(lines=st.lists(LINE | GOOD_LINE, max_size=4), end=st.sampled_from(["\n", "\r\n", "\r"]), accept=st.booleans())
def test_any_csv(hosts: Models, lines: list[str], end: str, accept: bool) -> None:
    headers = {"Content-Type": "text/csv", "Accept": "text/csv" if accept else "*/*"}
    check(hosts("quiet"), "/invocations", end.join(lines).encode(), headers)


@fuzz
@given(
    head=st.lists(TENSOR, max_size=3).map(lambda inputs: dumps({"inputs": inputs})),
    tail=st.binary(max_size=60),
    off=st.sampled_from([0, 0, 0, 1, -1]),
)
def test_any_bytes_after_tensors(hosts: Models, head: bytes, tail: bytes, off: int) -> None:
    headers = {"Inference-Header-Content-Length": str(len(head) + off)}
    check(hosts("quiet"), "/v2/models/quiet/infer", head + tail, headers)


SIZES = {"FP64": 8, "FP32": 4, "FP16": 2, "INT64": 8, "UINT8": 1, "BOOL": 1}


@fuzz
@given(datatype=st.sampled_from(list(SIZES)), rows=st.integers(0, 3), data=st.data())
def test_any_numbers_in_bytes(hosts: Models, datatype: str, rows: int, data: st.DataObject) -> None:
    size = 3 * rows * SIZES[datatype]
    tail = data.draw(st.binary(min_size=size, max_size=size))
    tensor = {"name": "x", "shape": [rows, 3], "datatype": datatype, "parameters": {"binary_data_size": size}}
    head = orjson.dumps({"inputs": [tensor], "parameters": {"binary_data_output": True}})
    headers = {"Inference-Header-Content-Length": str(len(head))}
    check(hosts("clf"), "/v2/models/clf/infer", head + tail, headers)
