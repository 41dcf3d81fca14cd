"""The last that each form takes and the first that it does not: rows at the limit, empty texts, gaps, brackets."""

import re
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pytest
from sklearn.impute import SimpleImputer
from sklearn.linear_model import Ridge
from sklearn.pipeline import make_pipeline

from handlers.dialects.csv_rows import write_csv
from predictor import Predictor
from predictor.columns import Number
from tests.dialects.conftest import Hosts
from tests.hosts import JSON
from tests.models import Sample, save_model

CSV = {"Content-Type": "text/csv"}
CSV_BOTH_WAYS = CSV | {"Accept": "text/csv"}
LENGTH = "Inference-Header-Content-Length"
AT_MOST = "a request takes at most 2 rows, this one has "

Models = Callable[..., Hosts]


def rows(count: int) -> list[list[int]]:
    return [[1, 2, 3]] * count


def tensor(data: Any, shape: list[int], **more: Any) -> dict[str, Any]:
    return {"inputs": [{"name": "x", "shape": shape, "datatype": "FP64", "data": data} | more]}


FORMS: dict[str, tuple[str, Callable[[int], Any]]] = {
    "predict": ("/predict", lambda count: {"instances": rows(count)}),
    "bigquery": ("/bigquery", lambda count: {"calls": rows(count)}),
    "bigquery, strings": ("/bigquery", lambda count: {"calls": [["1", "2", "3"]] * count}),
    "invocations": ("/invocations", rows),
    "invocations, by column": ("/invocations", lambda count: {"inputs": {f"x{n}": [n] * count for n in (1, 2, 3)}}),
    "invocations, split": (
        "/invocations",
        lambda count: {"dataframe_split": {"columns": ["x3", "x2", "x1"], "data": [[3, 2, 1]] * count}},
    ),
    "kserve": ("/v1/models/example:predict", lambda count: {"instances": rows(count)}),
    "open inference": ("/v2/models/example/infer", lambda count: tensor(rows(count), [count, 3])),
    "vertex": ("/v1/endpoints/7/deployedModels/8:predict", lambda count: {"instances": rows(count), "parameters": {}}),
}


@pytest.mark.parametrize("form", FORMS)
def test_as_many_rows_as_may_be_and_one_more(hosts: Models, form: str) -> None:
    path, make = FORMS[form]
    here = hosts("example", MAX_ROWS="2")
    got = here.post(path, make(2))
    assert (got.status, got.body.count(b"10.0")) == (200, 2)
    got = here.post(path, make(3))
    assert got.status == 413
    assert f"{AT_MOST}3" in got.body.decode()


@pytest.mark.parametrize("header", [b"", b"x1,x2,x3\n"])
def test_as_many_lines_of_csv_as_may_be_and_one_more(hosts: Models, header: bytes) -> None:
    here = hosts("example", MAX_ROWS="2")
    assert here.post("/invocations", header + b"1,2,3\n" * 2, CSV_BOTH_WAYS).body == b"10.0\n10.0"
    got = here.post("/invocations", header + b"1,2,3\n" * 3, CSV)
    assert (got.status, got.json()) == (
        413,
        {"error_code": "INVALID_PARAMETER_VALUE", "message": f"{AT_MOST}more"},
    )


def test_of_many_wrong_lines_the_first_is_named_and_the_rest_counted(hosts: Models) -> None:
    got = hosts("example").post("/invocations", b"1,2,3\n" + b"1,2\n" * 15, CSV)
    assert (got.status, got.json()["message"]) == (400, "row 1: must have 3 values, has 2 values; and 14 more")


def test_a_label_is_one_cell_of_csv_whatever_it_is(hosts: Models) -> None:
    rows = b'52.5,true,Bremen,"quiet, by the river",2024-01-15\n,false,,x,2024-01-16\n'
    here = hosts("quiet")
    labels = here.post("/invocations", rows, CSV).json()["predictions"]
    assert set(labels) <= {"yes", "no"}
    assert here.post("/invocations", rows, CSV_BOTH_WAYS).body.decode() == "\n".join(labels)


@pytest.mark.parametrize("floor", [b"2", b" 2 ", b"+2", b"02"])
def test_a_whole_number_of_csv_is_a_category(hosts: Models, floor: bytes) -> None:
    here = hosts("whole")
    expected = here.post("/predict", {"instances": [[2.5, False, 2]]}).body
    assert here.post("/invocations", b"2.5,false," + floor, CSV).body == expected


@pytest.mark.parametrize("floor", [b"two", b"2.5", b"2" * 21, b"--2", b""])
def test_what_is_no_whole_number_is_refused(hosts: Models, floor: bytes) -> None:
    got = hosts("whole").post("/invocations", b"2.5,false," + floor, CSV)
    assert got.status == 400
    assert got.json()["message"].startswith("row 0: floor must be ")


@pytest.mark.parametrize(("cell", "what"), [(b"yes", "a string"), (b"2", "a string"), (b"", "null")])
def test_what_is_no_truth_of_csv_is_named(hosts: Models, cell: bytes, what: str) -> None:
    got = hosts("whole").post("/invocations", b"2.5," + cell + b",2", CSV)
    assert (got.status, got.json()["message"]) == (400, f"row 0: new must be true or false, not {what}")


@pytest.mark.parametrize(
    ("values", "text"),
    [
        ([1, 2.5, -0.25], "1\n2.5\n-0.25"),
        (["a", "b, c", 'd "e"', ""], 'a\n"b, c"\n"d ""e"""\n""'),
        ([True, False], "true\nfalse"),
        ([["a", True], ["b", 2.5]], "a,true\nb,2.5"),
        ([], ""),
    ],
)
def test_predictions_are_lines_of_csv(values: list[Any], text: str) -> None:
    assert write_csv(values) == text


def test_a_fault_among_columns_is_named_whatever_else_is_asked(hosts: Models) -> None:
    inputs = {"x1": [1, 1], "x2": [2, "2"], "x3": [3, 3]}
    for params in ({}, {"probabilities": True}):
        got = hosts("clf").post("/invocations", {"inputs": inputs, "params": params})
        assert (got.status, got.json()["message"]) == (400, "row 1: x2 must be a number, not a string")


def test_a_call_with_a_gap_gets_null_beside_columns_of_every_kind(hosts: Models) -> None:
    whole = [52.5, True, "Bremen", "quiet", "2024-01-15"]
    expected = hosts("mixed").post("/predict", {"instances": [whole] * 2}).json()["predictions"]
    calls = [whole, [52.5, None, *whole[2:]], whole]
    got = hosts("mixed").post("/bigquery", {"calls": calls, "userDefinedContext": {"nulls": "null"}})
    assert got.json() == {"replies": [expected[0], None, expected[1]]}


@pytest.mark.parametrize("columns", [["x1", "x2", "x3"], ["x3", "x2", "x1"], []])
def test_a_split_of_no_rows_has_none(hosts: Models, columns: list[str]) -> None:
    got = hosts("example").post("/invocations", {"dataframe_split": {"columns": columns, "data": []}})
    assert (got.status, got.json()["message"]) == (400, "the request must have at least one row")


def test_more_lists_than_rows_can_be_are_refused_unread(hosts: Models) -> None:
    here = hosts("example", MAX_ROWS="2")
    for path, key in (("/predict", b"instances"), ("/invocations", b"inputs"), ("/bigquery", b"calls")):
        got = here.post(path, b'{"%s":[%s[]]}' % (key, b"[]," * 100_000))
        assert got.status == 413
        assert b"the body has too many lists and objects; send fewer rows a request" in got.body


@pytest.mark.parametrize("nulls", ["refuse", "null"])
def test_a_call_that_is_no_list_is_refused_beside_gaps(hosts: Models, nulls: str) -> None:
    calls = [[1, 2, 3], 7, [2, 3, 4]]
    got = hosts("example").post("/bigquery", {"calls": calls, "userDefinedContext": {"nulls": nulls}})
    assert (got.status, list(got.json())) == (400, ["errorMessage"])
    assert re.match(r"calls\[1\]:? must be a list of .+, not a number", got.json()["errorMessage"])


def strings(*texts: str) -> bytes:
    return b"".join(struct.pack("<I", len(text)) + text.encode() for text in texts)


@pytest.mark.parametrize("texts", [("quiet", ""), ("", "quiet"), ("", ""), ("quiet",)])
def test_a_text_in_bytes_may_be_empty(hosts: Models, texts: tuple[str, ...]) -> None:
    data = strings(*texts)
    head = orjson.dumps(
        {
            "inputs": [
                {
                    "name": "story",
                    "shape": [len(texts)],
                    "datatype": "BYTES",
                    "parameters": {"binary_data_size": len(data)},
                }
            ]
        }
    )
    here = hosts("text")
    got = here.post("/v2/models/text/infer", head + data, {LENGTH: str(len(head))})
    expected = here.post("/predict", {"instances": [[text] for text in texts]}).json()["predictions"]
    assert got.json()["outputs"][0]["data"] == expected


def test_brackets_among_the_bytes_of_a_tensor_are_no_lists(hosts: Models) -> None:
    data = b"[" * 300_000  # 91 each, and more of them than a request may have lists
    parameters = {"binary_data_size": len(data)}
    head = orjson.dumps(
        {"inputs": [{"name": "x", "shape": [100_000, 3], "datatype": "UINT8", "parameters": parameters}]}
    )
    got = hosts("example").post("/v2/models/example/infer", head + data, {LENGTH: str(len(head))})
    assert got.status == 200
    expected = hosts("example").post("/predict", {"features": [91, 91, 91]}).json()["prediction"]
    assert set(got.json()["outputs"][0]["data"]) == {expected}


def test_brackets_in_the_texts_of_csv_are_no_lists(hosts: Models) -> None:
    got = hosts("text").post("/invocations", (b"[" * 200 + b"\n") * 1500, CSV)
    assert (got.status, len(got.json()["predictions"])) == (200, 1500)


DATA = 'input "x": data must be a list of 6 elements, flat or nested as its shape'
GIVE = 'input "x": give either data or the parameter binary_data_size'


@pytest.mark.parametrize(
    ("document", "message"),
    [
        (tensor([[1, 2, 3], 4], [2, 3]), DATA),
        (tensor([[1, 2, 3], "456"], [2, 3]), DATA),
        (tensor([[1, 2, 3], {"4": 4, "5": 5, "6": 6}], [2, 3]), DATA),
        (tensor([[1, 2, 3], [4, 5]], [2, 3]), DATA),
        (tensor([[1, 2, 3], [4, 5, 6], [7, 8, 9]], [2, 3]), DATA),
        (tensor([1, 2, 3], [1, 3], parameters={"binary_data_size": 24}), GIVE),
    ],
)
def test_a_tensor_is_as_its_shape(hosts: Models, document: Any, message: str) -> None:
    got = hosts("example").post("/v2/models/example/infer", document)
    assert (got.status, got.json()) == (400, {"error": message})


@pytest.mark.parametrize(
    ("datatype", "least", "most"), [("UINT8", 0, 255), ("INT8", -128, 127), ("INT64", -(2**63), 2**63 - 1)]
)
def test_a_whole_number_of_a_tensor_is_within_its_datatype(hosts: Models, datatype: str, least: int, most: int) -> None:
    here = hosts("example")
    expected = here.post("/predict", {"features": [least, most, 0]}).json()["prediction"]
    got = here.post("/v2/models/example/infer", tensor([least, most, 0], [1, 3], datatype=datatype))
    assert (got.status, got.json()["outputs"][0]["data"]) == (200, [expected])
    for beyond in (least - 1, most + 1):
        if abs(beyond) < 2**63:  # JSON's parser takes no larger ones as whole numbers
            got = here.post("/v2/models/example/infer", tensor([beyond, 0, 0], [1, 3], datatype=datatype))
            assert (got.status, got.json()) == (
                400,
                {"error": f'input "x": an element is out of the range of {datatype}'},
            )


def test_a_fault_in_a_tensor_of_one_column_is_in_its_row(hosts: Models) -> None:
    inputs = [tensor(data, [3], name=name)["inputs"][0] for name, data in (("x1", [1, 2, "3"]), ("x2", [1] * 3))]
    got = hosts("example").post("/v2/models/example/infer", {"inputs": inputs})
    message = "row 2: x1 must be a number, not a string; cast it to a number"
    assert (got.status, got.json()) == (400, {"error": message})


@pytest.mark.parametrize("more", [{"priority": 1}, {"binary_data_output": False, "priority": 1}])
def test_parameters_of_others_do_not_change_an_answer(hosts: Models, more: dict[str, Any]) -> None:
    document = tensor([1, 2, 3], [1, 3]) | {"parameters": more}
    outputs = [{"name": "predict", "parameters": {"classification": 3}}]
    for each in (document, document | {"outputs": outputs}):
        got = hosts("example").post("/v2/models/example/infer", each)
        assert (got.status, got.json()["outputs"][0]["data"]) == (200, [10.0])


def test_vertex_hears_what_ready_says(hosts: Models) -> None:
    here = hosts("example")
    assert here.get("/v1/health:x").json() == {"status": "ready", "model_version": "1.0"}
    assert here.get("/v1/health:x").body == here.get("/ready").body


@pytest.mark.parametrize("parameters", [None, {}, [], [1], "x", 7, {"content_type": "np"}])
def test_parameters_of_a_tensor_that_mean_nothing_are_not_looked_at(hosts: Models, parameters: Any) -> None:
    got = hosts("example").post("/v2/models/example/infer", tensor([1, 2, 3], [1, 3], parameters=parameters))
    assert (got.status, got.json()["outputs"][0]["data"]) == (200, [10.0])


@pytest.mark.parametrize("output", ["label", "probabilities"])
def test_no_calls_get_no_replies(hosts: Models, output: str) -> None:
    got = hosts("clf").post("/bigquery", {"calls": [], "userDefinedContext": {"output": output}})
    assert (got.status, got.body) == (200, b'{"replies":[]}')


def test_a_whole_number_that_bigquery_writes_as_a_string_is_a_category(hosts: Models) -> None:
    here = hosts("whole")
    expected = here.post("/predict", {"instances": [[2.5, False, 2]]}).json()["predictions"]
    for arguments in ([2.5, False, "2"], [{"floor": "2", "size": "2.5", "new": False}], [[2.5, False, "2"]]):
        assert here.post("/bigquery", {"calls": [arguments]}).json() == {"replies": expected}


def test_a_tensor_header_may_be_the_whole_body(hosts: Models) -> None:
    body = orjson.dumps(tensor([1, 2, 3], [1, 3]))
    got = hosts("example").post("/v2/models/example/infer", body, {LENGTH: str(len(body))})
    assert (got.status, got.json()["outputs"][0]["data"]) == (200, [10.0])
    got = hosts("example").post("/v2/models/example/infer", body, {LENGTH: str(len(body) + 1)})
    message = f"{LENGTH} must be a number of bytes, of at most {len(body)} that came"
    assert (got.status, got.json()) == (400, {"error": message})


def fail(*_: Any) -> None:
    raise RuntimeError("a secret")


FAULT = "internal error; the request id is my-id"


@pytest.mark.parametrize(
    ("path", "document", "answer"),
    [
        ("/bigquery", {"calls": rows(1)}, {"errorMessage": FAULT}),
        ("/invocations", rows(1), {"error_code": "INTERNAL_ERROR", "message": FAULT}),
        ("/v1/models/example:predict", {"instances": rows(1)}, {"error": FAULT}),
        ("/v2/models/example/infer", tensor([1, 2, 3], [1, 3]), {"error": FAULT}),
    ],
)
def test_a_fault_of_ours_is_told_in_the_form_of_the_dialect(
    hosts: Models, monkeypatch: pytest.MonkeyPatch, path: str, document: Any, answer: dict[str, str]
) -> None:
    here = hosts("example")
    monkeypatch.setattr(Predictor, "predict", fail)
    for host in (here.web, here.function):
        got = host.send(orjson.dumps(document), path=path, headers=JSON | {"X-Request-Id": "my-id"})
        assert (got.status, got.json(), got.headers["content-type"]) == (500, answer, "application/json")


@pytest.fixture(scope="module")
def gaps(tmp_path_factory: pytest.TempPathFactory) -> Hosts:
    """Return the hosts of a model of a matrix of two numbers, the first of which may be missing."""
    folder = tmp_path_factory.mktemp("model") / "gaps"
    sample = Sample(
        [Number("a", missing=True), Number("b")], [[1.0, 2.0], [None, 1.5], [3.0, 0.0], [2.5, -1.0]], [1.0, 2.0, 3.5, 4]
    )
    save_model(folder, make_pipeline(SimpleImputer(add_indicator=True), Ridge()), np.column_stack, sample)
    return Hosts({"MODEL_DIR": str(folder)}, folder)


def test_a_gap_in_a_matrix_is_told_in_each_form(gaps: Hosts) -> None:
    whole = [[None, 1.0], [2.0, 3.0]]
    expected = gaps.post("/predict", {"instances": whole}).json()["predictions"]
    assert expected != gaps.post("/predict", {"instances": [[0, 1.0], [2.0, 3.0]]}).json()["predictions"]
    assert gaps.post("/predict", {"features": {"b": 1.0}}).json()["prediction"] == pytest.approx(expected[0])
    assert gaps.post("/bigquery", {"calls": [["NaN", 1], [2, "3"]]}).json() == {"replies": expected}
    assert gaps.post("/invocations", b"a,b\n,1\n2,3\n", CSV).json()["predictions"] == expected
    assert gaps.post("/invocations", {"inputs": {"b": [1, 3], "a": [None, 2]}}).json()["predictions"] == expected
    by_column = tensor([1, 3], [2], name="b")["inputs"] + tensor([None, 2], [2], name="a")["inputs"]
    for document in (tensor([None, 1, 2, 3], [2, 2]), {"inputs": by_column}):
        got = gaps.post("/v2/models/gaps/infer", document).json()
        assert got["outputs"][0]["data"] == expected


@pytest.mark.parametrize(
    ("row", "errors"),
    [
        ([1, None], [("#/features/1", "must be a number, not null")]),
        ([None, None], [("#/features/1", "must be a number, not null")]),
        ([True, 2], [("#/features/0", "must be a number or null, not a boolean")]),
        ([None, "2"], [("#/features/1", "must be a number, not a string")]),
        ({"a": 1}, [("#/features/b", "is missing")]),
    ],
    ids=str,
)
def test_a_gap_is_refused_where_there_may_be_none(gaps: Hosts, row: Any, errors: Any) -> None:
    got = gaps.post("/predict", {"features": row})
    assert got.status == 422
    assert [(error["pointer"], error["detail"]) for error in got.json()["errors"]] == errors


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("inf", "row 0: a must be a number that float64 holds"),
        ("-inf", "row 0: a must be a number that float64 holds"),
        ("nan", None),
    ],
)
def test_infinity_is_no_gap(gaps: Hosts, value: str, message: str | None) -> None:
    inputs = [{"name": name, "shape": [1], "datatype": "FP64", "parameters": {"binary_data_size": 8}} for name in "ab"]
    head = orjson.dumps({"inputs": inputs})
    body = head + struct.pack("<2d", float(value), 1.0)
    got = gaps.post("/v2/models/gaps/infer", body, {LENGTH: str(len(head))})
    if message:
        assert (got.status, got.json()) == (400, {"error": message})
    else:
        expected = gaps.post("/predict", {"instances": [[None, 1.0]]}).json()["predictions"]
        assert got.json()["outputs"][0]["data"] == expected


def test_csv_of_columns_that_may_all_be_left_out(tmp_path: Path) -> None:
    cells = [[1.0, 2.0], [None, 1.5], [3.0, None], [2.5, -1.0]]
    sample = Sample([Number("a", missing=True), Number("b", missing=True)], cells, [1.0, 2.0, 3.5, 4])
    save_model(tmp_path / "all", make_pipeline(SimpleImputer(), Ridge()), np.column_stack, sample)
    here = Hosts({"MODEL_DIR": str(tmp_path / "all")}, tmp_path)
    for body, row in (
        (b"b\n3\n", [None, 3]),
        (b"b,a\n3,1\n", [1, 3]),
        (b'a\n""\n', [None, None]),
        (b"1,3\n", [1, 3]),
        (b",3", [None, 3]),
    ):
        expected = here.post("/predict", {"instances": [row]}).body
        assert here.post("/invocations", body, CSV).body == expected
    got = here.post("/invocations", b"a,c\n1,3\n", CSV)
    assert got.json()["message"] == "row 0: a must be a number or null, not a string; and 1 more"
