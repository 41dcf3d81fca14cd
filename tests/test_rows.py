"""What the estimator gets of the rows of a request, to the type, and what is said of those that it cannot get."""

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from handlers.responses import Problem
from handlers.schemas import predict_request, validate
from predictor import Manifest, load
from tests.files import copy_model
from tests.models import gappy_matrix, mixed_regressor, text_classifier

NAN = float("nan")
MODELS: dict[str, Callable[[Path], Any]] = {
    "numbers": copy_model,
    "gaps": gappy_matrix,
    "mixed": mixed_regressor,
    "text": text_classifier,
}
FLAT: list[Any] = [52, True, "Ulm", "small", "1970-01-03"]
NAMED = dict(zip(["area", "furnished", "city", "story", "since"], FLAT, strict=True))


@pytest.fixture(scope="module")
def manifests(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Manifest]:
    folder = tmp_path_factory.mktemp("models")
    for name, make in MODELS.items():
        make(folder / name)
    return {name: load(folder / name, trusted_modules=["tests"]).manifest for name in MODELS}


def inputs_of(manifest: Manifest, document: Any, max_rows: int = 3) -> Any:
    return validate(predict_request(manifest, max_rows), document).inputs


@pytest.mark.parametrize(
    ("name", "rows", "matrix"),
    [
        ("numbers", [[1, 2, 3]], [[1, 2, 3]]),
        ("numbers", [[1, 2.5, -0.0], [0, 2**53 + 1, 10**300]], [[1, 2.5, -0.0], [0, 2**53, 1e300]]),
        ("numbers", [{"x3": 3, "x1": 1, "x2": 2}], [[1, 2, 3]]),
        ("numbers", [{"x1": 1, "x2": 2, "x3": 3}, {"x2": 5, "x3": 6, "x1": 4}], [[1, 2, 3], [4, 5, 6]]),
        ("numbers", [[1, 2, 3], {"x3": 6, "x2": 5, "x1": 4}], [[1, 2, 3], [4, 5, 6]]),
        ("gaps", [[None, True, 2], [1, False, 2.5]], [[NAN, 1, 2], [1, 0, 2.5]]),
        ("gaps", [{"c": 1, "b": False}, {"c": 1, "a": 2, "b": True}], [[NAN, 0, 1], [2, 1, 1]]),
        ("gaps", [{"c": 1, "b": False}], [[NAN, 0, 1]]),
        ("gaps", [[1, True, 2], {"b": False, "c": 1}], [[1, 1, 2], [NAN, 0, 1]]),
    ],
)
def test_rows_of_numbers_are_a_matrix_of_float64(
    manifests: dict[str, Manifest], name: str, rows: Any, matrix: Any
) -> None:
    got = inputs_of(manifests[name], {"instances": rows})
    assert (type(got), got.dtype) == (np.ndarray, np.float64)
    np.testing.assert_array_equal(got, np.array(matrix, dtype=np.float64))
    if len(rows) == 1:
        alone = inputs_of(manifests[name], {"features": rows[0]})
        assert (alone.dtype, alone.shape) == (np.float64, (1, 3))
        np.testing.assert_array_equal(alone, got)


def lists(arrays: Sequence[Any]) -> list[Any]:
    return [[None if cell != cell else cell for cell in array.tolist()] for array in arrays]  # noqa: PLR0124


@pytest.mark.parametrize(
    "rows",
    [
        [FLAT, [None, False, None, "", "1970-01-01T12:00:00Z"]],
        [NAMED, {"furnished": False, "story": "", "since": "1970-01-01T12:00"}],
        [FLAT, {"since": "1970-01-01T12:00", "id": "left out", "furnished": False, "story": "", "city": None}],
    ],
)
def test_rows_of_every_kind_are_an_array_a_column(manifests: dict[str, Manifest], rows: Any) -> None:
    got = inputs_of(manifests["mixed"], {"instances": rows})
    area, furnished, city, story, since = got
    assert lists([area, furnished]) == [[52.0, None], [1.0, 0.0]]
    assert {area.dtype, furnished.dtype} == {np.dtype(np.float64)}
    assert ((since - np.datetime64("1970-01-01")) / np.timedelta64(1, "D")).tolist() == [2.0, 0.5]
    assert (city.tolist()[0], story.tolist()) == ("Ulm", ["small", ""])


@pytest.mark.parametrize("row", [["quiet"], {"story": "quiet"}])
def test_a_model_of_one_column_takes_it_by_place_or_name(manifests: dict[str, Manifest], row: Any) -> None:
    for document in ({"features": row}, {"instances": [row]}):
        [texts] = inputs_of(manifests["text"], document)
        assert texts.tolist() == ["quiet"]
    [texts] = inputs_of(manifests["text"], {"instances": [row, ["loud"], {"story": "small"}]})
    assert texts.tolist() == ["quiet", "loud", "small"]


def told(problem: Problem) -> tuple[str, list[tuple[str, str]], int]:
    """Return detail and errors of a refusal as its caller reads them, and how many there are."""
    document = json.loads(problem.response().get_data())
    errors = [(error["pointer"], error["detail"]) for error in document["errors"]]
    return document["detail"], errors, len(errors) + document.get("more_errors", 0)


LIST = "must be a list of numbers or an object of them by feature name, not "
UNKNOWN = "is not a feature of this model; they are x1, x2, x3"


@pytest.mark.parametrize(
    ("document", "errors", "total"),
    [
        ({"instances": [[1, 2, 3], [1, True, None]]},
         [("#/instances/1/1", "must be a number, not a boolean"),
          ("#/instances/1/2", "must be a number, not null")], 2),
        ({"instances": [{"x1": 1, "x2": 2, "x3": 3}, {"x1": 1, "x2": 2, "x9": 3}]},
         [("#/instances/1/x3", "is missing"), ("#/instances/1/x9", UNKNOWN)], 2),
        ({"instances": [{"x1": 1, "x2": 2, "x3": 3, "x4": 4}]}, [("#/instances/0/x4", UNKNOWN)], 1),
        ({"instances": [[1, 2, 3], 7, "x"]},
         [("#/instances/1", f"{LIST}a number"), ("#/instances/2", f"{LIST}a string")], 2),
        ({"instances": [[1, 2], [1, 2, 3], []]},
         [("#/instances/0", "must have 3 numbers, has 2 values"),
          ("#/instances/2", "must have 3 numbers, has 0 values")], 2),
        ({"instances": [[10**400, 2, 3]]}, [("#/instances/0/0", "must be a number that float64 holds")], 1),
        ({"instances": [[float("inf"), 2, 3]]}, [("#/instances/0/0", "must be a number that float64 holds")], 1),
        ({"features": [1, 2, float("nan")]}, [("#/features/2", "must be a number that float64 holds")], 1),
        ({"features": {"x1": 1, "x2": "2"}},
         [("#/features/x3", "is missing"), ("#/features/x2", "must be a number, not a string")], 2),
        ({"instances": [[None] * 3] * 3}, [(f"#/instances/{row}/{column}", "must be a number, not null")
                                          for row in range(3) for column in range(3)], 9),
        ({"features": {f"{n:02}" * 40: 1 for n in range(12)}},
         [(f"#/features/x{n}", "is missing") for n in (1, 2, 3)]
         + [(f"#/features/{f'{n:02}' * 31}{n // 10}…", UNKNOWN) for n in range(7)], 15),
    ],
    ids=lambda value: str(value)[:40],
)  # fmt: skip
def test_what_is_wrong_is_told_in_the_order_of_the_request(
    manifests: dict[str, Manifest], document: Any, errors: Any, total: int
) -> None:
    with pytest.raises(Problem) as refused:
        inputs_of(manifests["numbers"], document)
    assert refused.value.status == 422
    assert told(refused.value) == ("the request is not valid", errors, total)


@pytest.mark.parametrize(
    ("rows", "errors"),
    [
        ([[1, None, 3], [1, True, None]],
         [("#/instances/0/1", "must be true or false, not null"), ("#/instances/1/2", "must be a number, not null")]),
        ([[None, True, 10**400]], [("#/instances/0/2", "must be a number that float64 holds")]),
        ([{"a": None, "c": 1}], [("#/instances/0/b", "is missing")]),
        ([[1, True]], [("#/instances/0", "must have 3 values, has 2 values")]),
        ([7], [("#/instances/0", "must be a list of values or an object of them by feature name, not a number")]),
    ],
)  # fmt: skip
def test_a_gap_is_a_fault_where_there_may_be_none(manifests: dict[str, Manifest], rows: Any, errors: Any) -> None:
    with pytest.raises(Problem) as refused:
        inputs_of(manifests["gaps"], {"instances": rows})
    assert told(refused.value) == ("the request is not valid", errors, len(errors))


def test_more_rows_than_may_be_are_refused_before_any_is_looked_at(manifests: dict[str, Manifest]) -> None:
    assert len(inputs_of(manifests["numbers"], {"instances": [[1, 2, 3]] * 3})) == 3
    with pytest.raises(Problem, match=r"^a request takes at most 3 rows, this one has 4$") as refused:
        inputs_of(manifests["numbers"], {"instances": [7] * 4})
    assert refused.value.status == 413
