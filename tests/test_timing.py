"""The Server-Timing header: how long the parts of a request took, of those that it came to."""

import itertools
import re
import time
from typing import Any

import pytest
from flask import Request

from handlers import timing
from handlers.timing import AHEAD, laps_of
from tests.hosts import Host

GOOD = b'{"features":[1,2,3]}'
X = b'{"inputs":[{"name":"x","shape":[1,3],"datatype":"FP64","data":[1,2,3]}]}'
ALL = ["read", "validate", "predict"]
PART = r"(\w+);dur=(\d+\.\d{3})"


@pytest.mark.parametrize(
    ("path", "body", "status", "parts"),
    [
        ("/predict", GOOD, 200, ALL),
        ("/bigquery", b'{"calls":[[1,2,3]]}', 200, ALL),
        ("/invocations", b"[[1,2,3]]", 200, ALL),
        ("/v1/models/example:predict", b'{"instances":[[1,2,3]]}', 200, ALL),
        ("/v2/models/example/infer", X, 200, ALL),
        ("/predict", b'{"features":[1e308,1e308,1e308]}', 422, ALL[:2]),
        ("/predict", b'{"features":[1,2]}', 422, ALL[:1]),
        ("/predict", b"[", 400, []),
        ("/predict", b"", 400, []),
    ],
)
def test_a_request_tells_the_parts_that_it_came_to(
    web: Host, function: Host, *, path: str, body: bytes, status: int, parts: list[str]
) -> None:
    for host in (web, function):
        began = time.perf_counter()
        got = host.send(body, path=path)
        milliseconds = (time.perf_counter() - began) * 1000
        assert got.status == status
        assert ("server-timing" in got.headers) is bool(parts)
        told = got.headers.get("server-timing", "").removeprefix('cold;desc="first request", ')
        found = re.findall(PART, told)
        assert [name for name, _ in found] == parts
        assert told == ", ".join(f"{name};dur={dur}" for name, dur in found)
        assert 0 <= sum(float(dur) for _, dur in found) <= milliseconds


def clock(monkeypatch: pytest.MonkeyPatch, *seconds: float) -> None:
    readings = iter(seconds)
    monkeypatch.setattr(time, "perf_counter", lambda: next(readings))


@pytest.mark.parametrize(
    ("environ", "told"),
    [
        ({}, "read;dur=250.000, validate;dur=1000.000, predict;dur=0.500"),
        ({AHEAD: 2.0}, "read;dur=250.000, validate;dur=1000.000, predict;dur=2000.500"),
    ],
)
def test_what_a_prediction_waited_for_before_the_request_was_looked_at_is_part_of_it(
    monkeypatch: pytest.MonkeyPatch, environ: dict[str, Any], told: str
) -> None:
    monkeypatch.setattr(timing, "cold", itertools.repeat("cold, ", 1))
    request = Request(environ)
    clock(monkeypatch, 10.0, 10.25, 11.25, 11.2505)
    laps = laps_of(request)
    assert (laps.rows, laps.dialect, laps.began) == (0, "", 10.0 - environ.get(AHEAD, 0.0))
    for part in ALL:
        laps_of(request).lap(part)
    assert laps.server_timing() == f"cold, {told}"
    assert laps.server_timing() == told
