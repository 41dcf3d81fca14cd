"""The Open Inference Protocol, V2: metadata, tensors of every datatype and layout, the binary extension."""

import json
import struct
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import orjson
import pytest

from predictor.version import __version__
from tests.dialects.conftest import Hosts
from tests.hosts import Answer

# Triton's client sends neither Content-Type nor Accept.
NONE: dict[str, str] = {}
LENGTH = "Inference-Header-Content-Length"
EXAMPLE = "/v2/models/example/infer"
X = [[1.0, 2.0, 3.0], [2.0, 3.0, 4.0]]
TEN = {"name": "predict", "datatype": "FP64", "shape": [2], "data": [10.0, 15.0]}
COLUMNS = ["area", "furnished", "city", "story", "since"]
TYPES = ["FP64", "BOOL", "BYTES", "BYTES", "BYTES"]
FLAT = [52.5, True, "Bremen", "quiet by the river", "2024-01-15"]
GAPS = [None, False, None, "x", "2024-01-16"]

Models = Callable[..., Hosts]


def tensor(name: str, shape: list[int], datatype: str, data: Any, **more: Any) -> dict[str, Any]:
    return {"name": name, "shape": shape, "datatype": datatype, "data": data} | more


def x(data: Any = X, shape: Sequence[int] = (2, 3), datatype: str = "FP64", **more: Any) -> dict[str, Any]:
    return {"inputs": [tensor("input", list(shape), datatype, data)]} | more


def binary(*inputs: tuple[str, list[int], str, bytes], **more: Any) -> tuple[bytes, dict[str, str]]:
    """Return body and headers of a request whose tensors are bytes."""
    tensors = [
        {"name": name, "shape": shape, "datatype": datatype, "parameters": {"binary_data_size": len(data)}}
        for name, shape, datatype, data in inputs
    ]
    head = orjson.dumps({"inputs": tensors} | more)
    return head + b"".join(data for *_, data in inputs), {LENGTH: str(len(head))}


def bytes_of(texts: Sequence[str]) -> bytes:
    return b"".join(struct.pack("<I", len(text.encode())) + text.encode() for text in texts)


def answer(got: Answer) -> tuple[dict[str, Any], bytes]:
    """Return the JSON of an answer with tensors, and the bytes after it."""
    assert got.status == 200, got.body
    length = int(got.headers.get(LENGTH.lower(), len(got.body)))
    media_type = "application/octet-stream" if LENGTH.lower() in got.headers else "application/json"
    assert got.headers["content-type"] == media_type
    return json.loads(got.body[:length]), got.body[length:]


def test_server_and_model_describe_themselves(hosts: Models) -> None:
    here = hosts("example")
    assert here.get("/v2").json() == {"name": "tandem", "version": __version__, "extensions": ["binary_tensor_data"]}
    assert here.get("/v2/health/live").json() == {"live": True}
    assert here.get("/v2/health/ready").json() == {"ready": True}
    assert here.get("/v2/models").json() == {"models": ["example"]}
    for version in ("", "/versions/1.0"):
        assert here.get(f"/v2/models/example{version}/ready").json() == {"name": "example", "ready": True}
        assert here.get(f"/v2/models/%65xample{version}").json() == {
            "name": "example",
            "versions": ["1.0"],
            "platform": "scikit-learn",
            "inputs": [{"name": name, "datatype": "FP64", "shape": [-1]} for name in ("x1", "x2", "x3")],
            "outputs": [{"name": "predict", "datatype": "FP64", "shape": [-1]}],
        }


def test_the_metadata_name_datatypes_and_the_order_of_the_classes(hosts: Models) -> None:
    got = hosts("quiet").get("/v2/models/quiet").json()
    assert [(column["name"], column["datatype"]) for column in got["inputs"]] == list(zip(COLUMNS, TYPES, strict=True))
    assert got["outputs"] == [
        {"name": "predict", "datatype": "BYTES", "shape": [-1]},
        {"name": "predict_proba", "datatype": "FP64", "shape": [-1, 2], "parameters": {"classes": '["no","yes"]'}},
    ]
    got = hosts("whole").get("/v2/models/whole").json()
    assert [column["datatype"] for column in got["inputs"]] == ["FP64", "BOOL", "INT64"]
    assert [output["datatype"] for output in got["outputs"]] == ["INT64", "FP64"]
    assert got["outputs"][1]["parameters"] == {"classes": "[0,1]"}


@pytest.mark.parametrize("path", ["/v2/models/nosuch", "/v2/models/example/versions/2", "/v2/models/nosuch/ready",
                                  "/v2/repository/index", "/v2/models/a%2Fb", "/v2/", "/v2//models/example",
                                  "/v2/models/nosuch/infer/"])  # fmt: skip
def test_what_is_not_here_is_404_with_an_error(hosts: Models, path: str) -> None:
    got = hosts("example").get(path)
    message = "there is nothing at this address; the model is example, its version 1.0"
    assert (got.status, got.json()) == (404, {"error": message})
    if "nosuch" in path:
        got = hosts("example").post("/v2/models/nosuch/infer", x(), NONE)
        assert (got.status, got.json()) == (404, {"error": message})


@pytest.mark.parametrize(
    "document",
    [
        x(),
        x([1, 2, 3, 2, 3, 4]),
        x([1, 2, 3, 2, 3, 4], datatype="INT64"),
        x(datatype="FP32"),
        x([[1, 2, 3], [2, 3, 4]], datatype="UINT8"),
        x(outputs=[], parameters=None),
        x(outputs=[{"name": "predict", "parameters": {"binary_data": False, "classification": 3}}]),
        x(model_name="example", parameters={"content_type": "pd", "binary_data_output": False}),
        {"inputs": [tensor("x3", [2, 1], "FP64", [[3], [4]]), tensor("x1", [2], "INT32", [1, 2]),
                    tensor("x2", [2, 1], "FP64", [2, 3])]},
    ],
)  # fmt: skip
def test_tensors_of_json(hosts: Models, document: Any) -> None:
    for path in (EXAMPLE, "/v2/models/example/versions/1.0/infer"):
        got, rest = answer(hosts("example").post(path, document, NONE))
        assert (got, rest) == ({"model_name": "example", "model_version": "1.0", "outputs": [TEN]}, b"")


@pytest.mark.parametrize("kind", ["application/json", "application/octet-stream", "text/plain", ""])
def test_any_media_type_and_an_id(hosts: Models, kind: str) -> None:
    got = hosts("example").post(EXAMPLE, x(id="42"), {"Content-Type": kind} if kind else {})
    assert got.body == (
        b'{"model_name":"example","model_version":"1.0","id":"42","outputs":'
        b'[{"name":"predict","datatype":"FP64","shape":[2],"data":[10.0,15.0]}]}'
    )


@pytest.mark.parametrize("datatype", ["FP16", "FP32", "FP64", "INT8", "INT16", "INT32", "INT64",
                                      "UINT8", "UINT16", "UINT32", "UINT64"])  # fmt: skip
def test_bytes_both_ways(hosts: Models, datatype: str) -> None:
    kind = datatype.lower().replace("fp", "float")
    data = np.array(X, dtype=np.dtype(kind).newbyteorder("<")).tobytes()
    body, headers = binary(("input", [2, 3], datatype, data), parameters={"binary_data_output": True}, id="7")
    got, rest = answer(hosts("example").post(EXAMPLE, body, headers))
    output = {"name": "predict", "datatype": "FP64", "shape": [2], "parameters": {"binary_data_size": 16}}
    assert got == {"model_name": "example", "model_version": "1.0", "id": "7", "outputs": [output]}
    assert rest == np.array([10.0, 15.0]).tobytes()


def test_fp32_is_widened_as_it_is(hosts: Models) -> None:
    here = hosts("example")
    body, headers = binary(("input", [1, 3], "FP32", np.array([0.1, 0.2, 0.3], np.float32).tobytes()))
    got, _ = answer(here.post(EXAMPLE, body, headers))
    wide = np.array([0.1, 0.2, 0.3], np.float32).astype(np.float64).tolist()
    assert got["outputs"][0]["data"] == here.post("/predict", {"instances": [wide]}).json()["predictions"]
    assert got["outputs"][0]["data"] != here.post("/predict", {"instances": [[0.1, 0.2, 0.3]]}).json()["predictions"]


def test_each_output_says_for_itself_whether_it_is_bytes(hosts: Models) -> None:
    here = hosts("clf")
    plain = here.post("/predict", {"instances": X, "probabilities": True}).json()
    chances = [list(row.values()) for row in plain["probabilities"]]
    order = {"classes": '["a","b","c"]'}
    outputs = [{"name": "predict_proba", "parameters": {"binary_data": False}}, {"name": "predict"}]
    document = x(outputs=outputs, parameters={"binary_data_output": True})
    got, rest = answer(here.post("/v2/models/clf/infer", document, NONE))
    assert got["outputs"] == [
        {
            "name": "predict_proba",
            "datatype": "FP64",
            "shape": [2, 3],
            "parameters": order,
            "data": [*chances[0], *chances[1]],
        },
        {"name": "predict", "datatype": "BYTES", "shape": [2], "parameters": {"binary_data_size": 10}},
    ]
    assert rest == bytes_of(plain["predictions"])
    outputs = [{"name": "predict_proba", "parameters": {"binary_data": True}}]
    got, rest = answer(here.post("/v2/models/clf/infer", x(outputs=outputs), NONE))
    assert got["outputs"] == [
        {"name": "predict_proba", "datatype": "FP64", "shape": [2, 3], "parameters": order | {"binary_data_size": 48}}
    ]
    assert rest == np.array(chances).tobytes()


def test_whole_number_labels_are_int64(hosts: Models) -> None:
    here = hosts("whole")
    rows = [[2.0, False, 2], [3.0, True, 3]]
    expected = here.post("/predict", {"instances": rows}).json()["predictions"]
    inputs = [tensor("size", [2], "FP64", [2, 3]), tensor("new", [2], "BOOL", [False, True]),
              tensor("floor", [2], "INT64", [2, 3])]  # fmt: skip
    got, _ = answer(here.post("/v2/models/whole/infer", {"inputs": inputs}, NONE))
    assert got["outputs"] == [{"name": "predict", "datatype": "INT64", "shape": [2], "data": expected}]
    body, headers = binary(
        ("floor", [2, 1], "UINT16", struct.pack("<2H", 2, 3)),
        ("new", [2], "BOOL", b"\x00\x01"),
        ("size", [2], "FP16", np.array([2, 3], "<f2").tobytes()),
        parameters={"binary_data_output": True},
    )
    got, rest = answer(here.post("/v2/models/whole/infer", body, headers))
    assert rest == struct.pack("<2q", *expected)


def test_every_kind_of_column(hosts: Models) -> None:
    here, path = hosts("mixed"), "/v2/models/mixed/infer"
    expected = here.post("/predict", {"instances": [FLAT, GAPS]}).json()["predictions"]
    cells = list(zip(FLAT, GAPS, strict=True))
    inputs = [tensor(n, [2], t, list(c)) for n, t, c in zip(COLUMNS, TYPES, cells, strict=True)]
    for document in ({"inputs": inputs}, {"inputs": [*inputs[::-1], tensor("id", [2, 1], "INT8", [1, 2])]}):
        assert answer(here.post(path, document, NONE))[0]["outputs"][0]["data"] == expected
    body, headers = binary(
        ("since", [2, 1], "BYTES", bytes_of(cells[4])),
        ("story", [2], "BYTES", bytes_of(cells[3])),
        ("furnished", [2], "BOOL", b"\x01\x00"),
        ("area", [2], "FP64", struct.pack("<2d", 52.5, float("nan"))),
    )
    without_city = here.post("/predict", {"instances": [[*FLAT[:2], None, *FLAT[3:]], GAPS]}).json()["predictions"]
    assert answer(here.post(path, body, headers))[0]["outputs"][0]["data"] == without_city
    # JSON and bytes side by side.
    mixed = orjson.loads(body[: int(headers[LENGTH])])
    mixed["inputs"].insert(2, inputs[2])
    head = orjson.dumps(mixed)
    got = here.post(path, head + body[int(headers[LENGTH]) :], {LENGTH: str(len(head))})
    assert answer(got)[0]["outputs"][0]["data"] == expected


def test_texts_of_a_model_of_one_column(hosts: Models) -> None:
    here = hosts("text")
    expected = here.post("/predict", {"instances": [["quiet"], ["loud € street"]]}).json()["predictions"]
    for name in ("story", "any"):
        for shape in ([2], [2, 1]):
            body, headers = binary((name, shape, "BYTES", bytes_of(["quiet", "loud € street"])))
            assert answer(here.post("/v2/models/text/infer", body, headers))[0]["outputs"][0]["data"] == expected


def test_a_thousand_rows_in_bytes_are_those_of_predict(hosts: Models) -> None:
    here = hosts("example")
    rows = np.random.default_rng(1).normal(size=(1000, 3))
    body, headers = binary(("x", [1000, 3], "FP64", rows.tobytes()), parameters={"binary_data_output": True})
    _, rest = answer(here.post(EXAMPLE, body, headers))
    assert np.frombuffer(rest).tolist() == here.post("/predict", {"instances": rows.tolist()}).json()["predictions"]


def sized(size: Any, data: bytes = b"", shape: Any = (1, 3), datatype: str = "FP64") -> tuple[bytes, dict[str, str]]:
    """Return a request with one input that says to have `size` bytes."""
    parameters = {"binary_data_size": size}
    one = {"name": "x", "shape": list(shape), "datatype": datatype, "parameters": parameters}
    head = orjson.dumps({"inputs": [one]})
    return head + data, {LENGTH: str(len(head))}


ROW = struct.pack("<3d", 1, 2, 3)
SHAPE = 'input "x": shape must be [rows] or [rows, columns]'
LEFT = 'input "x": binary_data_size is not that of bytes after the JSON; 24 are left'


@pytest.mark.parametrize(
    ("request_", "message"),
    [
        (sized(24, ROW[:-1]), LEFT.replace("24", "23")),
        (sized(24, ROW + b"x"), "1 bytes after the JSON belong to no input"),
        (sized(16, ROW), 'input "x": 3 of FP64 are 24 bytes, not 16'),
        (sized(-1, ROW), LEFT),
        (sized("24", ROW), LEFT),
        (sized(24.0, ROW), LEFT),
        (sized(True, ROW), LEFT),
        (sized(10**18, ROW), LEFT),
        (sized(24, ROW, shape=(1, 3, 1)), SHAPE),
        (sized(24, ROW, shape=()), SHAPE),
        (sized(24, ROW, shape=(-1, 3)), SHAPE),
        (sized(24, ROW, shape=(1.0, 3)), SHAPE),
        (sized(24, ROW, shape=(True, 3)), SHAPE),
        (sized(24, ROW, shape=(3, 1)), "row 0: must have 3 numbers, has 1 value"),
        (sized(0, b"", shape=(0, 3)), "the request must have at least one row"),
        (sized(0, b"", shape=(100_000, 0)), "row 0: must have 3 numbers, has 0 values"),
        (sized(0, b"", shape=(10**9, 10**9)), "a request takes at most 100000 rows, this one has 1000000000"),
        (sized(24, ROW, datatype="FP8"), 'input "x": datatype must be one of BOOL, '),
        (sized(24, ROW, datatype="fp64"), 'input "x": datatype must be one of BOOL, '),
        (sized(24, struct.pack("<3d", 1, float("nan"), 3)), "row 0: x2 must be a number, not null"),
        (sized(24, struct.pack("<3d", 1, 2, float("-inf"))), "row 0: x3 must be a number that float64 holds"),
        (sized(3, b"\x00\x01\x01", datatype="BOOL"),
         "row 0: x1 must be a number, not a boolean; and 2 more; cast it to a number"),
        (sized(3, b"\x00\x01\x02", datatype="BOOL"), 'input "x": a byte of BOOL must be 0 or 1'),
        (sized(15, bytes_of(["1", "2", "3"]), datatype="BYTES"),
         "row 0: x1 must be a number, not a string; and 2 more; cast it to a number"),
        (sized(14, bytes_of(["1", "2", "3"])[:-1], datatype="BYTES"),
         'input "x": its bytes are not 3 elements of BYTES, each after its length in 4 bytes'),
        (sized(20, bytes_of(["1", "2", "3", "4"]), datatype="BYTES"), 'input "x": its bytes are not 3 elements'),
        (sized(10, bytes_of(["1", "2"]), datatype="BYTES"), 'input "x": its bytes are not 3 elements'),
        (sized(7, b"\xff\xff\xff\xffabc", datatype="BYTES"), 'input "x": its bytes are not 3 elements'),
        (sized(2, b"\x00\x00", datatype="BYTES"), 'input "x": its bytes are not 3 elements'),
        (sized(5, b"\x01\x00\x00\x00\xff", shape=(1, 1), datatype="BYTES"), 'input "x": element 0 is not in UTF-8'),
        ((sized(24, ROW)[0], {LENGTH: "-1"}), f"{LENGTH} must be a number of bytes, of at most "),
        ((sized(24, ROW)[0], {LENGTH: "1e2"}), f"{LENGTH} must be a number of bytes, of at most "),
        ((sized(24, ROW)[0], {LENGTH: "9" * 30}), f"{LENGTH} must be a number of bytes, of at most "),
        ((sized(24, ROW)[0], {LENGTH: "200"}), f"{LENGTH} must be a number of bytes, of at most "),
        ((sized(24, ROW)[0], {LENGTH: ""}), f"{LENGTH} must be a number of bytes, of at most "),
        ((sized(24, ROW)[0], {LENGTH: "0"}), "the body is not JSON: "),
        ((sized(24, ROW)[0], {LENGTH: "50"}), "the body is not JSON: "),
        ((sized(24, ROW)[0], {}), "the body is not JSON: "),
    ],
    ids=lambda value: repr(value)[:60],
)  # fmt: skip
def test_bytes_that_are_refused(hosts: Models, request_: tuple[bytes, dict[str, str]], message: str) -> None:
    got = hosts("example").post(EXAMPLE, *request_)
    assert got.status == (413 if "at most 100000" in message else 400)
    assert list(got.json()) == ["error"]
    assert got.json()["error"].startswith(message)


DATA = 'input "input": data must be a list of 6 elements, flat or nested as its shape'
NUMBER = "must be a number, not "


@pytest.mark.parametrize(
    ("document", "message"),
    [
        ([], "send an object with inputs, not a list"),
        ({}, "inputs must be a list of tensors"),
        ({"inputs": []}, "inputs must be a list of tensors"),
        ({"inputs": {}}, "inputs must be a list of tensors"),
        ({"inputs": [1]}, "each of inputs must be an object with a name, shape, datatype and data"),
        ({"inputs": [{"shape": [1]}]}, "each of inputs must be an object with a name, shape, datatype and data"),
        (x() | {"x": 1}, "x is not a key of this request; they are id, inputs, outputs, parameters"),
        (x(id=7), "id must be a string"),
        (x(parameters=[]), "parameters must be an object"),
        (x(parameters={"binary_data_output": "yes"}), "the parameter binary_data_output must be true or false"),
        (x(outputs={}), "outputs must be a list of objects with a name"),
        (x(outputs=["predict"]), "outputs must be a list of objects with a name"),
        (x(outputs=[{}]), "the name of an output must be a string"),
        (x(outputs=[{"name": ["predict"]}]), "the name of an output must be a string"),
        (x(outputs=[{"name": "y" * 80}]), f"{'y' * 64} is not an output of this model; it has predict"),
        (x([1, 2, 3, 4, 5, 6, 7, "8"], shape=[2, 4]), f"row 1: value 3 {NUMBER}a string; cast it to a number"),
        ({"inputs": [tensor("7", [1], "FP64", ["1"])]}, f"row 0: 7 {NUMBER}a string; cast it to a number"),
        (x(outputs=[{"name": "predict_proba"}]), "predict_proba is not an output of this model; it has predict"),
        (x(outputs=[{"name": "predict"}, {"name": "predict"}]), "an output stands twice in outputs"),
        (x(outputs=[{"name": "predict", "parameters": {"binary_data": 1}}]),
         "the parameter binary_data must be true or false"),
        (x("1"), DATA),
        (x([]), DATA),
        (x([1, 2, 3]), DATA),
        (x([[1, 2, 3]]), DATA),
        (x([[1, 2], [3, 4], [5, 6]]), DATA),
        (x([[1, 2, 3], 4, 5, 6]), DATA),
        (x([[1, 2, 3], [4, 5, 6], []]), DATA),
        (x([[1, 2, 3], [4, 5, [6]]]), f"row 1: x3 {NUMBER}a list"),
        (x([1, 2, 3, 4, "5", 6]), f"row 1: x2 {NUMBER}a string; cast it to a number"),
        (x([1, 2, 3, 4, True, 6]), f"row 1: x2 {NUMBER}a boolean; cast it to a number"),
        (x([1, 2, 3, 4, 5, None]), f"row 1: x3 {NUMBER}null"),
        (x([1, 2, 3, 4, 5.5, 6], datatype="INT64"), "row 1: x2 must be a whole number, not a number"),
        (x([1, 2, 3, 4, 256, 6], datatype="UINT8"), 'input "input": an element is out of the range of UINT8'),
        (x([1, 2, 3, 4, 5, 6], datatype="BOOL"), "row 0: x1 must be true or false, not a number"),
        (x([1, 2, 3, 4, 5, 6], datatype="BYTES"), "row 0: x1 must be a string, not a number"),
        (x(["1"] * 6, datatype="BYTES"), f"row 0: x1 {NUMBER}a string; and 5 more; cast it to a number"),
        (x([True] * 6, datatype="BOOL"), f"row 0: x1 {NUMBER}a boolean; and 5 more; cast it to a number"),
        (x([1, 2], shape=[1, 2]), "row 0: must have 3 numbers, has 2 values"),
        (x([1, 2, 3], shape=[3]), "row 0: must have 3 numbers, has 1 value"),
        (x([], shape=[0, 3]), "the request must have at least one row"),
        ({"inputs": [tensor("x1", [1], "FP64", [1])]}, "row 0: x2 is missing; and 1 more"),
        ({"inputs": [tensor(n, [1], "FP64", [1]) for n in ("x1", "x2", "y")]}, "row 0: x3 is missing; and 1 more"),
        ({"inputs": [tensor(n, [1], "FP64", [1]) for n in ("x1", "x2", "x1")]}, "two inputs have one name"),
        ({"inputs": [tensor(n, [1], "FP64", [1]) for n in ("x1", "x2", "x3", "x3")]},
         "there are 4 inputs, but the model has 3 features"),
        ({"inputs": [tensor("x1", [1], "FP64", [1]), tensor("x2", [2], "FP64", [1, 2]),
                     tensor("x3", [1], "FP64", [1])]}, 'input "x2": shape must be [1] or [1, 1]'),
        ({"inputs": [tensor("x1", [1, 2], "FP64", [1, 2]), tensor("x2", [1], "FP64", [1])]},
         'input "x1": shape must be [1] or [1, 1]'),
        ({"inputs": [tensor("x1", [2], "FP64", [1, 2]), tensor("x2", [2], "BOOL", [True, False]),
                     tensor("x3", [2], "FP64", [1, None])]},
         f"row 0: x2 {NUMBER}a boolean; and 2 more; cast it to a number"),
        ({"inputs": [tensor("x1", [1], "FP64", [1], parameters={"binary_data_size": 8})]},
         'input "x1": give either data or the parameter binary_data_size'),
        ({"inputs": [{"name": "x1", "shape": [1], "datatype": "FP64"}]},
         'input "x1": give either data or the parameter binary_data_size'),
        ({"inputs": [{"name": "x1", "shape": [1], "datatype": "FP64", "parameters": []}]},
         'input "x1": give either data or the parameter binary_data_size'),
        (x([1e308] * 6), "row 0: the prediction is not a finite number for this input; and 1 more"),
    ],
)  # fmt: skip
def test_tensors_that_are_refused(hosts: Models, document: Any, message: str) -> None:
    got = hosts("example").post(EXAMPLE, document, NONE)
    assert (got.status, got.json()) == (400, {"error": message})


@pytest.mark.parametrize(
    ("body", "headers", "status"),
    [
        (b"", {}, 400),
        (b'{"inputs":[],"inputs":[]}', {}, 400),
        (b'{"inputs":[NaN]}', {}, 400),
        (b'{"inputs":[],"outputs":[{"name":' + b"[" * 1000 + b"]" * 1000 + b"}]}", {}, 400),
        (b"\x1f\x8b\x08", {"Content-Encoding": "gzip", LENGTH: "139"}, 415),
        (b" " * 8388609, {}, 413),
        (orjson.dumps(x([], shape=[100_001, 3])), {}, 413),
    ],
    ids=lambda value: repr(value)[:30],
)
def test_what_is_no_request(hosts: Models, body: bytes, headers: dict[str, str], status: int) -> None:
    got = hosts("example").post(EXAMPLE, body, headers)
    assert (got.status, list(got.json())) == (status, ["error"])


def test_a_cell_is_judged_by_its_column(hosts: Models) -> None:
    for position, datatype, cell, message in (
        (1, "FP64", 1, "row 0: furnished must be true or false, not a number"),
        (2, "BOOL", True, "row 0: city must be one of "),
        (3, "BYTES", None, "row 0: story must be a text, not null"),
        (3, "BYTES", "x" * 400, "row 0: story must have at most 290 characters, has 400"),
        (4, "BYTES", "yesterday", "row 0: since must be a date such as 2026-02-11"),
        (0, "BYTES", "52", "row 0: area must be a number or null, not a string; cast it to a number"),
    ):
        cells: list[Any] = [*FLAT[:position], cell, *FLAT[position + 1 :]]
        types = [*TYPES[:position], datatype, *TYPES[position + 1 :]]
        inputs = [tensor(n, [1], t, [c]) for n, t, c in zip(COLUMNS, types, cells, strict=True)]
        got = hosts("mixed").post("/v2/models/mixed/infer", {"inputs": inputs}, NONE)
        assert got.status == 400
        assert got.json()["error"].startswith(message)


def test_a_nan_that_signals_is_null_like_any_other(hosts: Models) -> None:
    for datatype, row in (("FP16", b"\x01\x7c" * 3), ("FP32", b"\x01\x00\x80\x7f" * 3)):
        got = hosts("example").post(EXAMPLE, *sized(len(row), row, datatype=datatype))
        assert got.json() == {"error": "row 0: x1 must be a number, not null; and 2 more"}
