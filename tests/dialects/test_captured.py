"""Requests as real clients of each platform were seen to send them, byte for byte but for host and port.

Seen of tritonclient 2.73.0, kserve 0.21.0, mlflow-skinny 3.17.2, sagemaker 2.257.7 and google-cloud-aiplatform 2.7.0;
of BigQuery, which has no client, written after its documentation. They go through the parsers of both hosts.
"""

import pytest

from servers.running import FUNCTION, Server
from tests.dialects.conftest import ROUTES, exchange

REQUESTS = (
    b"Accept-Encoding: gzip, deflate\r\nAccept: */*\r\nConnection: keep-alive\r\nUser-Agent: python-requests/2.34.2"
)
HTTPX = b"Accept: */*\r\nAccept-Encoding: gzip, deflate\r\nConnection: keep-alive\r\nUser-Agent: python-httpx/0.28.1"
URLLIB3 = b"Accept-Encoding: identity\r\nUser-Agent: python-urllib3/2.8.0"
GEVENT = b"User-Agent: python/gevent-http-client-2.6.1"
JSON = b"\r\nContent-Type: application/json"
VERTEX = ROUTES["AIP_PREDICT_ROUTE"].encode()

ROWS = b"\x00\x00\x00\x00\x00\x00\xf0?\x00\x00\x00\x00\x00\x00\x00@\x00\x00\x00\x00\x00\x00\x08@" \
       b"\x00\x00\x00\x00\x00\x00\x00@\x00\x00\x00\x00\x00\x00\x08@\x00\x00\x00\x00\x00\x00\x10@"  # fmt: skip
FIFTEEN = b"\x00\x00\x00\x00\x00\x00$@\x00\x00\x00\x00\x00\x00.@"
PLAIN = b'{"predictions":[10.0,15.0],"model_version":"1.0"}'
ONE = b'{"predictions":[10.0],"model_version":"1.0"}'
MODEL = b'{"model_name":"example","model_version":"1.0",'
TENSOR = b'"outputs":[{"name":"predict","datatype":"FP64","shape":[2],"data":[10.0,15.0]}]}'
BINARY = b'"outputs":[{"name":"predict","datatype":"FP64","shape":[2],"parameters":{"binary_data_size":16}}]}' + FIFTEEN
CALLER = (
    b'{"requestId": "124ab1", "caller": "//bigquery.googleapis.com/projects/myproject/jobs/myproject:US.'
    b'bquxjob_5b4c112c_17961fafeaf", "sessionUser": "test-user@test-company.com", '
)


def post(path: bytes, headers: bytes, body: bytes) -> bytes:
    return b"POST %s HTTP/1.1\r\nHost: x\r\n%s\r\nContent-Length: %d\r\n\r\n%s" % (path, headers, len(body), body)


def get(path: bytes, headers: bytes) -> bytes:
    return b"GET %s HTTP/1.1\r\nHost: x\r\n%s\r\n\r\n" % (path, headers)


def triton(head: bytes, data: bytes = b"", path: bytes = b"/v2/models/example/infer", more: bytes = b"") -> bytes:
    length = b"\r\nInference-Header-Content-Length: %d" % len(head) if data else b""
    return post(path, GEVENT + length + more, head + data)


def bigquery(rest: bytes) -> bytes:
    return post(b"/bigquery", REQUESTS + JSON, CALLER + rest)


def mlflow(body: bytes) -> bytes:
    return post(b"/invocations", REQUESTS + JSON, body)


def sagemaker(kind: bytes, accept: bytes, body: bytes, more: bytes = b"") -> bytes:
    return post(b"/invocations", URLLIB3 + b"\r\nContent-type: " + kind + b"\r\nAccept: " + accept + more, body)


def kserve(path: bytes, body: bytes, kind: bytes = b"application/json", more: bytes = b"") -> bytes:
    return post(path, HTTPX + more + b"\r\ncontent-type: " + kind, body)


NPY = b"\x93NUMPY\x01\x00v\x00{'descr': '<f8', 'fortran_order': False, 'shape': (2, 3), }" + b" " * 58 + b"\n" + ROWS
INPUT = b'{"inputs":[{"name":"input","shape":[2,3],"datatype":"FP64","parameters":{"binary_data_size":48}}]'
INPUT_0 = INPUT.replace(b'"input"', b'"input-0"')[1:]
GZIP = b"\r\nContent-Encoding: gzip\r\nAccept-Encoding: gzip\r\nInference-Header-Content-Length: 139"

CASES: list[tuple[bytes, int, bytes]] = [
    # tritonclient, which names no media type
    (get(b"/v2/health/live", GEVENT), 200, b'{"live":true}'),
    (get(b"/v2/health/ready", GEVENT), 200, b'{"ready":true}'),
    (get(b"/v2/models/example/ready", GEVENT), 200, b'{"name":"example","ready":true}'),
    (get(b"/v2/models/nosuch/ready", GEVENT), 404, b'{"error":"'),
    (get(b"/v2", GEVENT), 200, b'{"name":"tandem",'),
    (get(b"/v2/models/example/versions/1.0", GEVENT), 200, b'{"name":"example","versions":["1.0"],'),
    (
        triton(
            b'{"inputs":[{"name":"input","shape":[2,3],"datatype":"FP64","data":[1.0,2.0,3.0,2.0,3.0,4.0]}],'
            b'"outputs":[{"name":"predict","parameters":{"binary_data":false}}]}'
        ), 200, MODEL + TENSOR,
    ),
    (triton(INPUT + b',"outputs":[{"name":"predict","parameters":{"binary_data":false}}]}', ROWS), 200, MODEL + TENSOR),
    (triton(INPUT + b',"outputs":[{"name":"predict","parameters":{"binary_data":true}}]}', ROWS), 200, MODEL + BINARY),
    (
        triton(
            b'{"inputs":[{"name":"input","shape":[2,3],"datatype":"FP32","parameters":{"binary_data_size":24}}],'
            b'"outputs":[{"name":"predict","parameters":{"binary_data":true}}]}',
            b"\x00\x00\x80?\x00\x00\x00@\x00\x00@@\x00\x00\x00@\x00\x00@@\x00\x00\x80@",
        ), 200, MODEL + BINARY,
    ),
    (
        triton(b'{"id":"42",' + INPUT[1:] + b',"outputs":[{"name":"predict","parameters":{"binary_data":true}}]}', ROWS,
               b"/v2/models/example/versions/1.0/infer"), 200, MODEL + b'"id":"42",' + BINARY,
    ),
    (
        triton(
            b'{"inputs":[{"name":"x1","shape":[2,1],"datatype":"FP64","parameters":{"binary_data_size":16}},{"name":"x2'
            b'","shape":[2,1],"datatype":"FP64","parameters":{"binary_data_size":16}},{"name":"x3","shape":[2,1],'
            b'"datatype":"FP64","parameters":{"binary_data_size":16}}],"parameters":{"binary_data_output":true}}',
            ROWS[:16] + ROWS[8:16] + ROWS[16:24] + ROWS[16:24] + ROWS[40:],
        ), 200, MODEL + BINARY,
    ),
    (
        triton(
            b'{"inputs":[{"name":"input","shape":[2,3],"datatype":"INT64","data":[1,2,3,2,3,4]}],'
            b'"outputs":[{"name":"predict","parameters":{"binary_data":false}}]}'
        ), 200, MODEL + TENSOR,
    ),
    (
        triton(
            b'{"inputs":[{"name":"input","shape":[2,2],"datatype":"FP64","parameters":{"binary_data_size":32}}],'
            b'"parameters":{"binary_data_output":true}}', ROWS[:16] + ROWS[24:40],
        ), 400, b'{"error":"row 0: must have 3 numbers, has 2 values"}',
    ),
    (post(b"/v2/models/example/infer", GEVENT + GZIP, b"\x1f\x8b\x08\x00\x87%\x07k\x02\xff\xabV"), 415, b'{"error":"'),
    # kserve
    (get(b"/", HTTPX), 200, b""),
    (get(b"/v2/health/live", HTTPX), 200, b'{"live":true}'),
    (get(b"/v2/health/ready", HTTPX), 200, b'{"ready":true}'),
    (get(b"/v1/models/example", HTTPX), 200, b'{"name":"example","ready":true}'),
    (kserve(b"/v1/models/example:predict", b'{"instances":[[1.0,2.0,3.0],[2.0,3.0,4.0]]}'), 200, PLAIN),
    (kserve(b"/v1/models/example:predict", b'{"instances":[{"x1":1,"x2":2,"x3":3}]}'), 200, ONE),
    (kserve(b"/v1/models/example:predict", b'{"instances":[["a",null,3]]}'), 400, b'{"error":"instances/0: x1 must be'),
    (
        kserve(b"/v2/models/example/infer", b'{"id":"7","model_name":"reg","inputs":[{"name":"input-0","shape":[2,3],'
               b'"datatype":"FP64","data":[1.0,2.0,3.0,2.0,3.0,4.0]}]}'), 200, MODEL + b'"id":"7",' + TENSOR,
    ),
    (
        kserve(b"/v2/models/example/infer", b'{"id":"7","model_name":"reg",' + INPUT_0 + b"}" + ROWS,
               b"application/octet-stream", b"\r\ninference-header-content-length: 128"),
        200, MODEL + b'"id":"7",' + TENSOR,
    ),
    (
        kserve(b"/v2/models/example/infer", b'{"id":"7","model_name":"reg",' + INPUT_0
               + b',"parameters":{"binary_data_output":true}}' + ROWS,
               b"application/octet-stream", b"\r\ninference-header-content-length: 169"),
        200, MODEL + b'"id":"7",' + BINARY,
    ),
    (
        kserve(b"/v2/models/example/infer", b'{"id":"7","model_name":"reg","inputs":[{"name":"x1","shape":[2],'
               b'"datatype":"FP64","data":[1.0,2.0]},{"name":"x2","shape":[2],"datatype":"FP64","data":[2.0,3.0]},{"name":"x3",'
               b'"shape":[2],"datatype":"FP64","data":[3.0,4.0]}],"parameters":{"content_type":"pd"}}'),
        200, MODEL + b'"id":"7",' + TENSOR,
    ),
    (
        kserve(b"/v2/models/example/infer",
               b'{"inputs":[{"name":"i","shape":[1,2],"datatype":"FP64","data":[[1,2]]}]}'),
        400, b'{"error":"row 0: must have 3 numbers, has 2 values"}',
    ),
    # mlflow
    (get(b"/ping", REQUESTS), 200, b"\n"),
    (get(b"/version", REQUESTS), 200, b""),
    (mlflow(b'{"dataframe_split": {"index": [0, 1], "columns": ["x1", "x2", "x3"], '
            b'"data": [[1.0, 2.0, 3.0], [2.0, 3.0, 4.0]]}}'), 200, PLAIN),
    (mlflow(b'{"dataframe_split": {"index": [0, 1], "columns": ["x3", "x1", "x2"], '
            b'"data": [[3.0, 1.0, 2.0], [4.0, 2.0, 3.0]]}}'), 200, PLAIN),
    (mlflow(b'{"dataframe_split": {"index": [0, 1], "columns": ["x1", "x2", "x3"], '
            b'"data": [[1.0, 2.0, 3.0], [NaN, 3.0, 4.0]]}}'), 400, b'{"error_code":"INVALID_PARAMETER_VALUE","message":'
            b'"row 1: x1 must be a number, not null"}'),
    (mlflow(b'{"inputs": [[1.0, 2.0, 3.0], [2.0, 3.0, 4.0]]}'), 200, PLAIN),
    (mlflow(b'{"dataframe_split": {"index": [0, 1], "columns": ["x1", "x2", "x3"], "data": [[1.0, 2.0, 3.0], '
            b'[2.0, 3.0, 4.0]]}, "params": {"probabilities": true}}'), 400, b'{"error_code":"'),
    # sagemaker
    (get(b"/ping", URLLIB3), 200, b"\n"),
    (get(b"/execution-parameters", URLLIB3), 404, b""),
    (sagemaker(b"text/csv", b"text/csv", b"1.0,2.0,3.0\n2.0,3.0,4.0"), 200, b"10.0\n15.0"),
    (sagemaker(b"text/csv", b"text/csv", b"1.0,2.0,3.0\n2.0,3.0,4.0\n"), 200, b"10.0\n15.0"),
    (sagemaker(b"text/csv", b"application/json", b"1.0,2.0,3.0\n2.0,3.0,4.0"), 200, PLAIN),
    (sagemaker(b"application/json", b"application/json", b"[[1.0, 2.0, 3.0], [2.0, 3.0, 4.0]]"), 200, b"[10.0,15.0]"),
    (sagemaker(b"application/json", b"application/json", b'{"instances": [[1.0, 2.0, 3.0], [2.0, 3.0, 4.0]]}',
               b"\r\nX-Amzn-SageMaker-Custom-Attributes: a=b"), 200, PLAIN),
    (sagemaker(b"application/x-npy", b"application/json", NPY), 415, b'{"error_code":"BAD_REQUEST",'),
    (sagemaker(b"text/csv", b"text/csv", b"1,2,3\n2,3,4\n1,2,3\n2,3,4\n"), 200, b"10.0\n15.0\n10.0\n15.0"),
    # Vertex AI
    (get(ROUTES["AIP_HEALTH_ROUTE"].encode(), REQUESTS), 200, b""),
    (post(VERTEX, REQUESTS + JSON, b'{"instances": [[1, 2, 3], [2, 3, 4]]}'), 200, PLAIN),
    (post(VERTEX, REQUESTS + JSON, b'{"instances": [[1, 2, 3]], "parameters": {"probabilities": true}}'), 422, b"{"),
    (post(VERTEX, REQUESTS + JSON, b'{"instances": [{"x1": 1, "x2": 2, "x3": 3}], "parameters": null}'), 200, ONE),
    (post(VERTEX, REQUESTS, b'{"instances": [[1, 2, 3]]}'), 415, b"{"),
    (post(VERTEX, REQUESTS + JSON, b'{"instances": [["1", "2", 3]]}'), 422, b"{"),
    (post(VERTEX, REQUESTS + JSON, b'{"instances": []}'), 422, b"{"),
    # BigQuery
    (bigquery(b'"calls": [[1, 2, 3], [2.0, 3, 4]]}'), 200, b'{"replies":[10.0,15.0]}'),
    (bigquery(b'"calls": [["1.5", "2.25", 3]]}'), 200, b'{"replies":[11.75]}'),
    (bigquery(b'"calls": [["9007199254740993", 2, 3]]}'), 200, b'{"replies":[2.702159776422'),
    (bigquery(b'"calls": [[1, null, 3], [1, 2, 3]]}'), 400,
     b'{"errorMessage":"calls[0]: x2 must be a number, not null; 1 of 2 rows"}'),
    (bigquery(b'"calls": [["NaN", 2, 3], ["Infinity", 2, 3]]}'), 400, b'{"errorMessage":"calls[0]: x1 must be'),
    (bigquery(b'"calls": [[true, 2, 3]]}'), 400, b'{"errorMessage":"calls[0]: x1 must be a number, not a boolean'),
    (bigquery(b'"calls": [[{"x1": 1, "x2": 2, "x3": 3}]]}'), 200, b'{"replies":[10.0]}'),
    (bigquery(b'"calls": [[[1, 2, 3]]]}'), 200, b'{"replies":[10.0]}'),
    (bigquery(b'"calls": [["{\\"x1\\":1,\\"x2\\":2,\\"x3\\":3}"]]}'), 200, b'{"replies":[10.0]}'),
    (bigquery(b'"userDefinedContext": {"output": "probabilities"}, "calls": [[1, 2, 3]]}'), 400, b'{"errorMessage":"'),
    (bigquery(b'"calls": [[1, 2]]}'), 400, b'{"errorMessage":"calls[0]: must have 3 numbers, has 2 values'),
    (bigquery(b'"calls": []}'), 200, b'{"replies":[]}'),
]  # fmt: skip


@pytest.mark.parametrize(("request_", "status", "body"), CASES, ids=lambda value: repr(value)[:40])
def test_what_a_client_sent_is_answered(live: Server, request_: bytes, status: int, body: bytes) -> None:
    got = exchange(live, request_)
    if request_.startswith(b"GET") and live.process.args == FUNCTION:
        status, body = 405, b""  # it predicts at every address
    assert got.status == status, got.body
    if body.endswith((b"}", b"]", b"0", b"@", b"\n")):
        assert got.body == body
    else:
        assert got.body.startswith(body)
    assert "test-company" not in live.output()
