"""What a kind of column says of itself: why a cell is refused, the schema of a cell, and its form in the manifest."""

from typing import Any

import marshmallow
import numpy as np
import pytest

from predictor.columns import Boolean, Category, Column, ColumnField, Date, Number, Text
from predictor.columns.date import LOCAL_TIME

CITIES = Category("c", values=["Bremen", "Köln", "Ulm", "a" * 40, "e", "f"])
RINGS = Category("c", values=[3, 1, 2], missing=True)


@pytest.mark.parametrize(
    ("column", "cell", "says"),
    [
        (Number("n"), None, "must be a number, not null"),
        (Number("n"), True, "must be a number, not a boolean"),
        (Number("n", missing=True), "1", "must be a number or null, not a string"),
        (Number("n"), 10**400, "must be a number that float64 holds"),
        (Number("n", dtype="int8"), 128, "must be a whole number from -128 to 127"),
        (Number("n", dtype="uint8", missing=True), [], "must be a whole number from 0 to 255 or null, not a list"),
        (Boolean("b"), 1, "must be true or false, not a number"),
        (Boolean("b", missing=True), {}, "must be true or false or null, not an object"),
        (CITIES, None, f'must be one of "Bremen", "Köln", "Ulm", "{"a" * 30}", "e", … or another text, not null'),
        (Category("c", values=["a", "b"]), 1, 'must be one of "a", "b" or another text, not a number'),
        (CITIES, 2.5, f'must be one of "Bremen", "Köln", "Ulm", "{"a" * 30}", "e", … or another text, not a number'),
        (CITIES, [], f'must be one of "Bremen", "Köln", "Ulm", "{"a" * 30}", "e", … or another text, not a list'),
        (CITIES, "x" * 10_001, "must have at most 10000 characters, has 10001"),
        (CITIES, "a\ufdd0", "must not have the character U+FDD0, which stands for missing"),
        (RINGS, 1.5, "must be one of 3, 1, 2 or another whole number or null, not a number"),
        (RINGS, "1", "must be one of 3, 1, 2 or another whole number or null, not a string"),
        (RINGS, 2**63, "must be a whole number of at most 64 bits"),
        (RINGS, -(2**63) - 1, "must be a whole number of at most 64 bits"),
        (Text("t", longest=2), None, "must be a text, not null"),
        (Text("t", longest=2), 1, "must be a text, not a number"),
        (Text("t", longest=2), "x" * 21, "must have at most 20 characters, has 21"),
        (Date("d"), None, "must be a date such as 2026-03-01, not null"),
        (Date("d", last="2020-12-31"), "31.12.2020", "must be a date such as 2020-12-31"),
        (Date("d", last="2020-12-31", missing=True), 7, "must be a date such as 2020-12-31 or null, not a number"),
        (Date("d", dtype="datetime64[ns]"), "2262-01-01", "must be a date from the years 1678 to 2261"),
    ],
)
def test_a_refusal_says_what_a_cell_must_be(column: Column, cell: Any, says: str) -> None:
    assert column.fault(cell) == says


def test_where_nothing_else_is_taken_ten_values_are_named() -> None:
    column = Category("c", values=[f"v{number}" for number in range(11)])
    named = ", ".join(f'"v{number}"' for number in range(10))
    assert column.expected_strictly() == f"one of {named}, …"
    assert Category("c", values=column.values[:10]).expected_strictly() == f"one of {named}"
    assert Text("t").expected_strictly() == "a text"


A_DATE = [{"format": "date"}, {"format": "date-time"}, {"pattern": LOCAL_TIME}]
LIMIT = float(np.finfo(np.float64).max)


@pytest.mark.parametrize(
    ("column", "schema"),
    [
        (Number("n"), {"type": "number", "minimum": -LIMIT, "maximum": LIMIT}),
        (
            Number("n", dtype="Int64", missing=True),
            {"type": ["integer", "null"], "minimum": -(2**63), "maximum": 2**63 - 1},
        ),
        (Boolean("b"), {"type": "boolean"}),
        (Boolean("b", missing=True), {"type": ["boolean", "null"]}),
        (Category("c", values=["a"]), {"type": "string", "maxLength": 10_000, "examples": ["a"]}),
        (RINGS, {"type": ["integer", "null"], "examples": [3, 1, 2]}),
        (Text("t", longest=7), {"type": "string", "maxLength": 70}),
        (Date("d"), {"type": "string", "anyOf": A_DATE, "examples": ["2026-03-01"]}),
        (
            Date("d", last="2020-12-31", missing=True),
            {"type": ["string", "null"], "anyOf": A_DATE, "examples": ["2020-12-31"]},
        ),
        (Text("t", longest=20_000, missing=True), {"type": ["string", "null"], "maxLength": 20_000}),
    ],
)
def test_the_schema_of_a_cell(column: Column, schema: dict[str, Any]) -> None:
    assert column.schema() == schema


@pytest.mark.parametrize(
    ("column", "says"),
    [
        (Number("n", minimum=-0.5, maximum=1e6), "-0.5 to 1e+06 in training"),
        (Number("n", minimum=1), ""),
        (Number("n", maximum=1), ""),
        (Date("d", first="2020-01-01", last="2020-12-31T10:00:00"), "2020-01-01 to 2020-12-31T10:00:00 in training"),
        (Date("d", last="2020-12-31"), ""),
        (Text("t"), ""),
        (Boolean("b"), ""),
    ],
)
def test_what_training_saw_is_said(column: Column, says: str) -> None:
    assert column.seen() == says


@pytest.mark.parametrize(
    ("moment", "cell"),
    [
        ("2026-03-01T00:00:00.000000", "2026-03-01"),
        ("2026-03-01T10:00:00.000000", "2026-03-01T10:00:00"),
        ("2026-03-01T00:00:00.500000", "2026-03-01T00:00:00.500000"),
        ("NaT", None),
    ],
)
def test_a_date_is_written_as_short_as_it_is(moment: str, cell: str | None) -> None:
    assert Date("d").cell(np.datetime64(moment, "us")) == cell


COLUMN = ColumnField()


@pytest.mark.parametrize(
    "described",
    [
        {"name": "n", "kind": "number", "missing": False, "minimum": 0.0, "maximum": 1.0},
        {
            "name": "n", "kind": "number", "missing": True, "dtype": "Int64", "minimum": None, "maximum": None,
            "deciles": [1.0, 2.0], "cumulative": [0.25, 0.5],
        },
        {"name": "b", "kind": "boolean", "missing": False, "dtype": "bool"},
        {"name": "c", "kind": "category", "missing": True, "values": ["b", "a"], "shares": [0.5, 0.25]},
        {"name": "c", "kind": "category", "missing": False, "values": [2]},
        {"name": "t", "kind": "text", "missing": False, "longest": 0},
        {"name": "d", "kind": "date", "missing": False, "first": "2020-01-01", "last": None, "parts": ["hour"]},
    ],
)  # fmt: skip
def test_a_column_of_the_manifest_is_read_as_it_is_written(described: dict[str, Any]) -> None:
    column = COLUMN.deserialize(described)
    again = COLUMN.serialize("column", {"column": column})
    assert {key: value for key, value in described.items() if value is not None} == {
        key: value for key, value in again.items() if value is not None
    }
    assert COLUMN.deserialize(again | {key: None for key, value in described.items() if value is None}) == column


def test_a_column_of_format_1_is_a_number() -> None:
    assert COLUMN.deserialize({"name": "n", "minimum": 1, "maximum": 2}) == Number("n", minimum=1, maximum=2)


NUMBER = {"name": "n", "minimum": 0, "maximum": 1}
CATEGORY = {"name": "c", "kind": "category", "values": ["a", "b"]}
DATE = {"name": "d", "kind": "date", "first": None, "last": None}
NOT_A_CATEGORY = {"values": ["must be different strings, or different whole numbers"]}


@pytest.mark.parametrize(
    ("described", "says"),
    [
        ([], ["must be an object"]),
        ({"name": "n", "kind": "colour"}, ["its kind must be one of number, boolean, category, text, date"]),
        ({"name": "", "minimum": 0, "maximum": 1}, {"name": ["Length must be between 1 and 200."]}),
        (NUMBER | {"name": "n" * 201}, {"name": ["Length must be between 1 and 200."]}),
        (NUMBER | {"deciles": [1, 1], "cumulative": [0.1, 0.2]}, {"deciles": ["must ascend"]}),
        (NUMBER | {"deciles": [1, 2], "cumulative": [0.2, 0.1]}, {"cumulative": ["must ascend"]}),
        (NUMBER | {"deciles": [1], "cumulative": []}, ["deciles and cumulative must be equally many"]),
        (NUMBER | {"dtype": "category"}, ["a number cannot have the dtype category"]),
        (NUMBER | {"dtype": "int64", "missing": True}, ["a number with missing cells cannot have the dtype int64"]),
        (NUMBER | {"dtype": "x" * 99}, [f"a number cannot have the dtype {'x' * 30}"]),
        (CATEGORY | {"values": []}, NOT_A_CATEGORY),
        (CATEGORY | {"values": ["a", "a"]}, NOT_A_CATEGORY),
        (CATEGORY | {"values": ["a", 1]}, NOT_A_CATEGORY),
        (CATEGORY | {"values": [True]}, NOT_A_CATEGORY),
        (CATEGORY | {"values": [1.5]}, NOT_A_CATEGORY),
        (CATEGORY | {"shares": [0.1, 0.1, 0.1]}, ["there are more shares than values"]),
        ({"name": "t", "kind": "text", "longest": -1}, {"longest": ["Must be greater than or equal to 0."]}),
        (DATE | {"first": "1.2.2020"}, {"first": ["must be an ISO 8601 date or time"]}),
        (DATE | {"last": ""}, {"last": ["must be an ISO 8601 date or time"]}),
        (DATE | {"parts": ["year"]}, {"parts": {0: ["Must be one of: month, weekday, hour."]}}),
    ],
)
def test_a_column_that_cannot_be_is_refused(described: Any, says: Any) -> None:
    with pytest.raises(marshmallow.ValidationError) as refused:
        COLUMN.deserialize(described)
    assert refused.value.messages == says
