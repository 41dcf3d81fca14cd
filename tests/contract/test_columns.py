"""Columns of every kind, on both hosts: what is answered, as scikit-learn answers it, and what is refused, and how."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, OrdinalEncoder

from predictor.columns import Boolean, Category, Column, Date, Number, Text
from tests import models
from tests.contract.test_bad_input import assert_problem

INVALID = "the request is not valid"
UNKNOWN_CATEGORY = "the model takes no other categories than it knows"
NOT_FINITE = "the prediction is not a finite number for this input"
CITY = 'one of "Bremen", "Köln", "Ulm" or another text'
FIRST = models.ROWS[0]


class Both:
    """Both hosts of a model, whose answers are the same."""

    def __init__(self, folder: Path) -> None:
        self.hosts = models.hosts_of(folder, MAX_ROWS="2000", TRUSTED_MODULES="tests")

    def send(self, document: Any) -> Any:
        first, second = (host.send(json.dumps(document).encode()) for host in self.hosts)
        assert (first.status, first.body) == (second.status, second.body)
        return first

    def ask(self, document: Any) -> Any:
        got = self.send(document)
        assert got.status == 200, got.body
        return got.json()

    def refuses(self, document: Any, detail: str, errors: Any) -> None:
        assert_problem(self.send(document), 422, "Unprocessable Content", detail, errors)


Served = Callable[[Callable[[Path], Any]], tuple[Any, Both]]


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Served:
    """Save and serve a model, once; return its estimator and its hosts."""
    made: dict[Any, tuple[Any, Both]] = {}

    def serve(save: Callable[[Path], Any]) -> tuple[Any, Both]:
        if save not in made:
            folder = tmp_path_factory.mktemp("model") / "model"
            made[save] = save(folder), Both(folder)
        return made[save]

    return serve


@pytest.fixture(scope="module")
def mixed(served: Served) -> Both:
    return served(models.mixed_regressor)[1]


def by_name(row: list[Any]) -> dict[str, Any]:
    return dict(reversed(list(zip([column.name for column in models.COLUMNS], row, strict=True))))


@pytest.mark.parametrize("save", [models.mixed_regressor, models.mixed_classifier])
def test_every_answer_equals_scikit_learns_on_the_frame_of_a_person(
    served: Served, save: Callable[[Path], Any]
) -> None:
    estimator, both = served(save)
    # Further rows: an unseen category, an empty text, a time with a zone, whole numbers.
    rows = [*models.ROWS, [7, True, "Rom", "", "2031-01-01T10:00:00"], [0, False, "", "river " * 40, "1969-12-31"]]
    expected = estimator.predict(models.frame_of(rows)).tolist()
    assert both.ask({"instances": rows})["predictions"] == expected
    assert both.ask({"instances": list(map(by_name, rows))})["predictions"] == expected
    for row in rows:
        alone = estimator.predict(models.frame_of([row])).tolist()[0]
        assert both.ask({"features": row})["prediction"] == alone
        assert both.ask({"features": by_name(row)})["prediction"] == alone
    if hasattr(estimator, "predict_proba"):
        chances = estimator.predict_proba(models.frame_of(rows)).tolist()
        got = both.ask({"instances": rows, "probabilities": True})["probabilities"]
        assert [list(row.values()) for row in got] == chances


@pytest.mark.parametrize(
    ("changes", "same_as"),
    [
        ({"since": "2024-01-15T00:00:00Z"}, {}),
        ({"since": "2024-01-15T02:00:00+02:00"}, {}),
        ({"since": "2024-01-15 00:00"}, {}),
        ({"since": "20240115"}, {}),
        ({"area": 52}, {"area": 52.0}),
        ({"area": None}, {"area": ...}),
        ({"city": None}, {"city": ...}),
        ({"city": ..., "area": ...}, {"city": None, "area": None}),
        ({"id": "left out by training"}, {}),
        ({"id": {"any": ["thing"]}}, {}),
    ],
    ids=str,
)
def test_two_ways_to_say_the_same(mixed: Both, changes: Any, same_as: Any) -> None:
    one, other = (
        {name: cell for name, cell in (by_name(FIRST) | some).items() if cell is not ...} for some in (changes, same_as)
    )
    assert mixed.ask({"features": one}) == mixed.ask({"features": other})


@pytest.mark.parametrize(
    ("features", "errors"),
    [
        ([1, 2], [("#/features", "must have 5 values, has 2 values")]),
        (None, [("#/features", "must be a list of values or an object of them by feature name, not null")]),
        ("x", [("#/features", "must be a list of values or an object of them by feature name, not a string")]),
        (
            ["1", 0, 3, None, "yesterday"],
            [
                ("#/features/0", "must be a number or null, not a string"),
                ("#/features/1", "must be true or false, not a number"),
                ("#/features/2", f"must be {CITY} or null, not a number"),
                ("#/features/3", "must be a text, not null"),
                ("#/features/4", "must be a date such as 2026-02-11"),
            ],
        ),
        (
            {"area": True, "city": ["Ulm"], "since": 20240115, "zip": "x", "rent": 1},
            [
                ("#/features/furnished", "is missing"),
                ("#/features/story", "is missing"),
                ("#/features/area", "must be a number or null, not a boolean"),
                ("#/features/city", f"must be {CITY} or null, not a list"),
                ("#/features/since", "must be a date such as 2026-02-11, not a number"),
                ("#/features/zip", "is not a feature of this model; they are area, furnished, city, story, since"),
                ("#/features/rent", "is not a feature of this model; they are area, furnished, city, story, since"),
            ],
        ),
        ([10**400, True, "Ulm", "x", "2024-01-01"], None),
        (
            [1, True, "x" * 10_001, "y" * 291, "2024-01-01"],
            [
                ("#/features/2", "must have at most 10000 characters, has 10001"),
                ("#/features/3", "must have at most 290 characters, has 291"),
            ],
        ),
        (
            [1, True, "Ulm\ufdd0", "\ufdd0", "2024-01-01"],
            [(f"#/features/{at}", "must not have the character U+FDD0, which stands for missing") for at in (2, 3)],
        ),
        *(
            ([1, True, "Ulm", "x", date], [("#/features/4", "must be a date such as 2026-02-11")])
            for date in ("", "2024-02-30", "2024-13-01", "01.02.2024", "2024-01-01x10:00", "0000-01-01", "10:30", "NaT",
                         "2024-01-01T25:00", "0001-01-01T00:00+14:00", "2024-01-01" * 9)
        ),
    ],
    ids=lambda value: str(value)[:40],
)  # fmt: skip
def test_a_cell_of_another_kind_is_refused_where_it_stands(mixed: Both, features: Any, errors: Any) -> None:
    if errors is None:  # the JSON parser refuses it first
        assert mixed.send({"features": features}).status == 400
    else:
        mixed.refuses({"features": features}, INVALID, errors)
    if isinstance(features, list | dict) and errors:
        moved = [(pointer.replace("#/features", "#/instances/1"), what) for pointer, what in errors]
        mixed.refuses({"instances": [FIRST, features]}, INVALID, moved)


def test_ten_errors_are_told_and_the_rest_counted_without_an_echo(mixed: Both) -> None:
    got = mixed.send({"instances": [[1, True, 5, "x" * 300, "s3cret" * 50]] * 2000})
    document = got.json()
    assert (got.status, len(document["errors"]), document["more_errors"]) == (422, 10, 5990)
    assert len(got.body) <= 4096
    assert b"s3cret" not in got.body


def test_a_matrix_with_gaps_and_booleans(served: Served) -> None:
    estimator, both = served(models.gappy_matrix)
    rows = [[None, False, 1], [1, True, 2.5], {"b": True, "c": -1}]
    matrix = np.array([[np.nan, 0, 1], [1, 1, 2.5], [np.nan, 1, -1]])
    assert both.ask({"instances": rows})["predictions"] == estimator.predict(matrix).tolist()
    errors = [
        ("#/instances/0/1", "must be true or false, not null"),
        ("#/instances/0/2", "must be a number, not null"),
        ("#/instances/1/0", "must be a number or null, not a boolean"),
        ("#/instances/1/1", "must be true or false, not a number"),
    ]
    both.refuses({"instances": [[1, None, None], [True, 1, 2]]}, INVALID, errors)


def test_a_list_of_texts(served: Served) -> None:
    estimator, both = served(models.text_classifier)
    texts = ["quiet river", "", "loud"]
    assert both.ask({"instances": [[text] for text in texts]})["predictions"] == estimator.predict(texts).tolist()
    assert both.ask({"features": {"story": "loud"}})["prediction"] == estimator.predict(["loud"])[0]
    both.refuses({"features": ["quiet", "river"]}, INVALID, [("#/features", "must have 1 value, has 2 values")])


def ordinal(folder: Path) -> Any:
    return models.strict_regressor(folder, OrdinalEncoder())


@pytest.mark.parametrize("save", [models.strict_regressor, ordinal])
def test_a_category_that_the_estimator_refuses_is_named(served: Served, save: Callable[[Path], Any]) -> None:
    _, both = served(save)
    good = [55, "Köln", 2, "oil"]
    city, floor = 'must be one of "Bremen", "Köln"', "must be one of 1, 2, 3"
    assert both.ask({"features": [55, "Köln", 2, "wood"]})  # this encoder takes what it did not see
    both.refuses({"features": [55, "Rom", 2, "oil"]}, UNKNOWN_CATEGORY, [("#/features/1", city)])
    named = {"area": 1, "floor": 9, "heating": "wood", "city": "köln"}
    errors = [("#/instances/1/city", city), ("#/instances/1/floor", floor), ("#/instances/2/2", floor)]
    both.refuses({"instances": [good, named, [55, "Köln", -1, "oil"]]}, UNKNOWN_CATEGORY, errors)
    many = both.send({"instances": [[55, f"{n}" * 300, n + 4, "oil"] for n in range(2000)]})
    assert (many.status, len(many.json()["errors"]), len(many.body) <= 4096) == (422, 10, True)


def boosting(folder: Path) -> Any:
    columns: list[Column] = [
        Number("rooms", dtype="int64"),
        Category("city", missing=True, values=["Köln", "Ulm"], dtype="category"),
        Boolean("furnished", dtype="bool"),
        Date("since", dtype="datetime64[ns]"),
    ]
    rows = [[n % 5, "Köln" if n % 3 else "Ulm", n % 2 == 0, f"2024-01-{n % 30 + 1:02}"] for n in range(90)]
    since = ("since", FunctionTransformer(), ["rooms", "city", "furnished"])
    boosted = HistGradientBoostingRegressor(categorical_features="from_dtype", max_iter=5, min_samples_leaf=2)
    prepare = ColumnTransformer([since]).set_output(transform="pandas")
    sample = models.Sample(columns, rows, [n % 5 + (0.0 if n % 3 else 20.0) for n in range(90)])
    return models.save_frame_model(folder, make_pipeline(prepare, boosted), sample)


def test_unseen_categories_of_a_boosted_model_are_answered_as_missing(served: Served) -> None:
    estimator, both = served(boosting)
    cities = ["Ulm", "Rom", None]
    frame = pd.DataFrame({"rooms": [3] * 3, "city": cities, "furnished": [True] * 3})
    frame["city"] = pd.Categorical(cities, categories=["Köln", "Ulm", "Rom"])
    frame["since"] = pd.to_datetime(["2024-05-01"] * 3).astype("datetime64[ns]")
    predictions = both.ask({"instances": [[3, city, True, "2024-05-01"] for city in cities]})["predictions"]
    assert predictions == estimator.predict(frame).tolist()
    assert predictions[1] == predictions[2] != predictions[0]
    both.refuses(
        {"instances": [[3.5, "Ulm", True, "2024-01-01"], [2**63, "Ulm", True, "2024-01-01"]]},
        INVALID,
        [(f"#/instances/{row}/0", f"must be a whole number from {-(2**63)} to {2**63 - 1}") for row in (0, 1)],
    )
    assert both.ask({"features": [3.0, "Ulm", True, "2024-05-01"]})["prediction"] == predictions[0]


def needs_positive(frame: Any) -> Any:
    if (frame["x"] < 0).any():
        raise ValueError("own code does not like this")
    return frame


def own_code(folder: Path) -> Any:
    sample = models.Sample([Number("x"), Category("c", values=["a", "b"])], [[1.0, "a"], [2.0, "b"]], [1.0, 2.0])
    encode = ColumnTransformer([("c", OneHotEncoder(handle_unknown="ignore"), ["c"])], remainder="passthrough")
    steps = (FunctionTransformer(needs_positive), encode, HistGradientBoostingRegressor(min_samples_leaf=1))
    return models.save_frame_model(folder, make_pipeline(*steps), sample)


def test_a_fault_of_own_code_in_the_model_is_no_fault_of_the_caller(served: Served) -> None:
    _, both = served(own_code)
    assert both.ask({"features": [1, "z"]})
    for host in both.hosts:
        got = host.send(b'{"features":[-1,"a"]}')
        assert (got.status, b"own code" in got.body) == (500, False)


def test_a_row_that_the_estimator_refuses_for_another_reason_is_named(served: Served) -> None:
    _, both = served(models.strict_regressor)
    good, beyond = [55, "Köln", 2, "oil"], [1e308, "Köln", 2, "oil"]
    got = both.send({"instances": [good, good, beyond, good]})
    assert got.status in {200, 422}
    if got.status == 422:
        assert got.json()["errors"] == [{"pointer": "#/instances/2", "detail": NOT_FINITE}]


def test_a_column_of_no_kind_in_particular_cannot_be_forgotten() -> None:
    assert {type(column) for column in models.COLUMNS} == {Number, Boolean, Category, Text, Date}
