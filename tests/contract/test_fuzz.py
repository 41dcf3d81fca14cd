"""Arbitrary bodies and JSON: never a 5xx, always the contract's form, both hosts alike.

TANDEM_EXAMPLES sets how many examples each test tries; `make fuzz` tries ten thousand.
"""

import json
import os
from typing import Any

import joblib
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from servers.running import ROOT
from tests import models
from tests.hosts import JSON, Answer, Host

EXAMPLES = int(os.environ.get("TANDEM_EXAMPLES", "150"))
fuzz = settings(
    max_examples=EXAMPLES,
    deadline=None,
    database=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture, HealthCheck.data_too_large],
)

# JSON's values, and those that only lax parsers take.
SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=80)
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=6) | st.dictionaries(st.text(max_size=70), inner, max_size=6)
)
KEYS = st.sampled_from(["features", "instances", "probabilities", "x1", "x2", "x3"]) | st.text(max_size=8)
CELLS = st.integers(-5, 5) | st.floats() | SCALARS
ROWS = st.lists(CELLS, min_size=2, max_size=4) | st.dictionaries(KEYS, CELLS, max_size=4) | VALUES


def check(web: Host, function: Host, body: bytes, headers: dict[str, str] = JSON) -> Answer:
    """Return the answer of both hosts to `body`, which is the contract's and the same."""
    got, other = web.send(body, headers=headers), function.send(body, headers=headers)
    assert (got.status, got.body) == (other.status, other.body)
    document = got.json()
    if got.status == 200:
        assert got.headers["content-type"] == "application/json"
        assert list(document) in (["prediction", "model_version"], ["predictions", "model_version"])
        rows = len(document.get("predictions", [0]))
        assert len(got.body) <= max(4096, 60 + 26 * rows)
    else:
        assert got.headers["content-type"] == "application/problem+json"
        assert got.status in {400, 413, 415, 422}
        assert document["status"] == got.status
        assert set(document) <= {"type", "title", "status", "detail", "errors", "more_errors"}
        assert len(document.get("errors", [])) <= 10
        assert len(got.body) <= 4096
    return got


def dumps(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False).encode("utf-8", "surrogatepass")


@fuzz
@given(body=st.binary(max_size=400))
def test_any_bytes(web: Host, function: Host, body: bytes) -> None:
    check(web, function, body)


@fuzz
@given(value=VALUES)
def test_any_json(web: Host, function: Host, value: Any) -> None:
    check(web, function, dumps(value))


@fuzz
@given(document=st.dictionaries(KEYS, VALUES | ROWS | st.lists(ROWS, max_size=4), max_size=4))
def test_any_object(web: Host, function: Host, document: Any) -> None:
    check(web, function, dumps(document))


@fuzz
@given(row=ROWS)
def test_any_row(web: Host, function: Host, row: Any) -> None:
    single = check(web, function, dumps({"features": row}))
    several = check(web, function, dumps({"instances": [row, [1, 2, 3]]}))
    assert single.status == several.status


@fuzz
@given(text=st.text(alphabet='{}[]",:\\ \n0123456789.-+eEtrufalsn' + "featuresinstances", max_size=60))
def test_almost_json(web: Host, function: Host, text: str) -> None:
    check(web, function, text.encode())


@fuzz
@given(pairs=st.lists(st.tuples(st.text(max_size=3), st.integers() | st.text(max_size=3)), max_size=6))
def test_a_duplicate_key_is_found_whatever_the_keys(web: Host, function: Host, pairs: list[tuple[str, Any]]) -> None:
    text = "{" + ",".join(f"{json.dumps(key)}:{json.dumps(value)}" for key, value in pairs) + "}"
    got = check(web, function, text.encode())
    surrogates = any(0xD800 <= ord(char) < 0xE000 for pair in pairs for char in f"{pair[0]}{pair[1]}")
    duplicate = len({key for key, _ in pairs}) < len(pairs)
    assert got.status == (400 if duplicate or surrogates else 422)
    assert duplicate == ("a key stands twice" in got.json()["detail"]) or surrogates


@fuzz
@given(
    headers=st.dictionaries(
        st.sampled_from(["Content-Type", "Content-Encoding", "X-Request-Id", "Accept", "Authorization", "traceparent"]),
        st.text(alphabet=st.characters(min_codepoint=32, max_codepoint=126), max_size=80),
    )
)
def test_any_headers(web: Host, function: Host, headers: dict[str, str]) -> None:
    check(web, function, b'{"features":[1,2,3]}', headers=headers)


# Cells that each kind of column takes, and beside them what comes near.
DATES = st.dates().map(str) | st.datetimes(timezones=st.none() | st.timezones()).map(lambda moment: moment.isoformat())
ALMOST_DATES = st.text(alphabet="0123456789-:TZW+. ", max_size=30)
WORDS = st.sampled_from(["Bremen", "Köln", "Ulm", "bremen", "NaN", "None", "", "\ufdd0", "\x00"]) | st.text(max_size=40)
GOOD_CELLS: dict[str, st.SearchStrategy[Any]] = {
    "area": st.none() | st.integers(-(10**6), 10**6) | st.floats(-1e9, 1e9),
    "furnished": st.booleans(),
    "city": st.none() | WORDS.filter(lambda text: "\ufdd0" not in text),
    "story": st.text(max_size=290).filter(lambda text: "\ufdd0" not in text),
    "since": st.dates().map(str) | st.datetimes().map(lambda moment: moment.isoformat()),
}
NEAR = SCALARS | st.lists(st.integers(), max_size=2)
ANY_CELLS = {
    "area": st.floats() | NEAR,
    "furnished": st.sampled_from([0, 1, "true", None]) | NEAR,
    "city": WORDS | NEAR | st.integers(9_990, 10_010).map("x".__mul__),
    "story": WORDS | NEAR | st.text(min_size=280, max_size=300),
    "since": DATES | ALMOST_DATES | NEAR,
}


@pytest.fixture(scope="module")
def mixed(tmp_path_factory: pytest.TempPathFactory) -> tuple[Any, Host, Host]:
    folder = tmp_path_factory.mktemp("mixed") / "model"
    return models.mixed_regressor(folder), *models.hosts_of(folder)


@pytest.fixture(scope="module")
def strict(tmp_path_factory: pytest.TempPathFactory) -> tuple[Host, Host]:
    folder = tmp_path_factory.mktemp("strict") / "model"
    models.strict_regressor(folder)
    return models.hosts_of(folder)


@pytest.mark.parametrize("name", ANY_CELLS)
@fuzz
@given(data=st.data())
def test_any_cell_of_each_kind(mixed: tuple[Any, Host, Host], name: str, data: st.DataObject) -> None:
    _, web, function = mixed
    row = {other: data.draw(cells) for other, cells in GOOD_CELLS.items()} | {name: data.draw(ANY_CELLS[name])}
    got = check(web, function, dumps({"features": row}))
    if got.status == 422 and "errors" in got.json():
        assert {error["pointer"] for error in got.json()["errors"]} <= {f"#/features/{name}", "#/features"}


@fuzz
@given(row=st.tuples(st.floats() | NEAR, WORDS | NEAR, st.integers(), WORDS))
def test_any_cell_of_a_model_that_refuses_categories(strict: tuple[Host, Host], row: Any) -> None:
    check(*strict, dumps({"instances": [row, [50, "Bremen", 1, "gas"]]}))


@fuzz
@given(rows=st.lists(st.tuples(*GOOD_CELLS.values()), min_size=1, max_size=4))
def test_valid_rows_get_scikit_learns_numbers(mixed: tuple[Any, Host, Host], rows: Any) -> None:
    estimator, web, function = mixed
    got = check(web, function, dumps({"instances": rows}))
    assert got.json()["predictions"] == estimator.predict(models.frame_of(rows)).tolist()


finite = st.floats(allow_nan=False, allow_infinity=False, width=64)


@fuzz
@given(matrix=st.lists(st.tuples(finite, finite, finite), min_size=1, max_size=20))
def test_a_finite_matrix_gets_scikit_learns_numbers(
    web: Host, function: Host, matrix: list[tuple[float, float, float]]
) -> None:
    with np.errstate(all="ignore"):
        expected = joblib.load(ROOT / "model.pkl").predict(np.array(matrix))
    got = check(web, function, dumps({"instances": matrix}))
    if np.isfinite(expected).all():
        assert got.json()["predictions"] == expected.tolist()
    else:
        assert got.status == 422
