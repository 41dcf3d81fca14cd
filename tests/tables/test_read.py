"""What tables are taken for: how they are written, of what kind each column is, and what is left out."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from tables import Table, example_table, read


def table(folder: Path, content: str | bytes, target: str = "y", **wishes: Any) -> Table:
    path = folder / "table.csv"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return read(path, target, **wishes)


def column(*cells: str, name: str = "c", delimiter: str = ",", repeat: int = 1) -> str:
    """Return a table of a column, a number that says nothing, and a target."""
    rows = [
        delimiter.join([cell, str(i * 7 % 11 + i), f"{i * 3 % 7}{i}"]) for i, cell in enumerate(cells * repeat, start=1)
    ]
    return "\n".join([delimiter.join([name, "n", "y"]), *rows]) + "\n"


def first(found: Table) -> tuple[Any, ...]:
    """Return the kind and the values of the first column, as JSON cells."""
    one = found.columns[0]
    return one.kind, one.missing, [one.cell(value) for value in found.values(one)]


# The cells of a column -> its kind, whether it has gaps, and its cells as JSON.
KINDS: dict[str, tuple[str, str, bool, list[Any]]] = {
    "numbers": (column("1", "2.5", "-3e2"), "number", False, [1.0, 2.5, -300.0]),
    "numbers with a gap": (column("1", "", "3"), "number", True, [1.0, None, 3.0]),
    "numbers and a question mark": (column("1", "?", "3"), "number", True, [1.0, None, 3.0]),
    "numbers, blanks round them": (column(" 1 ", "2", "\t3"), "number", False, [1.0, 2.0, 3.0]),
    "words for missing": (column("1", "NA", "N/A", "null", "-"), "number", True, [1.0, None, None, None, None]),
    "a word that is often there": (
        column(*map(str, range(30)), "unknown", "unknown"),
        "number",
        True,
        [*map(float, range(30)), None, None],
    ),
    "thousands": (column('"1,200"', '"12,300,000"', "5"), "number", False, [1200.0, 12300000.0, 5.0]),
    "thousands with fractions": (column('"1,200.5"', "2"), "number", False, [1200.5, 2.0]),
    "decimal commas": (column('"1,25"', '"2,5"', "3"), "number", False, [1.25, 2.5, 3.0]),
    "decimal commas between semicolons": (column("1,250", "2,125", delimiter=";"), "number", False, [1.25, 2.125]),
    "thousands as in Switzerland": (column("1'200", "3"), "number", False, [1200.0, 3.0]),
    "thousands as in France": (column("1\u202f200", "3"), "number", False, [1200.0, 3.0]),
    "per cent": (column("5%", "6.5%"), "number", False, [5.0, 6.5]),
    "money": (column('"$1,200"', "$5", "-$3"), "number", False, [1200.0, 5.0, -3.0]),
    "euros": (column('"1.200,50 €"', '"3,00 €"'), "number", False, [1200.5, 3.0]),
    "booleans": (column("True", "false", "TRUE"), "boolean", False, [True, False, True]),
    "booleans with a gap": (column("True", "", "False"), "boolean", True, [True, None, False]),
    "yes and no": (column("yes", "no", "yes"), "category", False, ["yes", "no", "yes"]),
    "words": (column("red", "blue", "red"), "category", False, ["red", "blue", "red"]),
    "a rare question mark": (column(*["red", "blue"] * 30, "?"), "category", True, [*["red", "blue"] * 30, None]),
    "a frequent question mark": (column("a", "?", "b", "?", "a"), "category", False, ["a", "?", "b", "?", "a"]),
    "underscored": (column("1_0", "2_0", "1_0"), "category", False, ["1_0", "2_0", "1_0"]),
    "codes": (column("00501", "10001", "00501"), "category", False, ["00501", "10001", "00501"]),
    "texts": (column('"a long, long way"', "some other words", "more of it all"), "text", False,
              ["a long, long way", "some other words", "more of it all"]),
    "days": (column("2020-01-31", "2020-02-01"), "date", False, ["2020-01-31", "2020-02-01"]),
    "days first": (column("01/12/2017", "13/12/2017"), "date", False, ["2017-12-01", "2017-12-13"]),
    "months first": (column("12/01/2017", "12/13/2017"), "date", False, ["2017-12-01", "2017-12-13"]),
    "days or months, rising": (column("01/11/2017", "02/11/2017", "01/12/2017"), "date", False,
                               ["2017-11-01", "2017-11-02", "2017-12-01"]),
    "slashes": (column("2012/01/02", "2012/03/04"), "date", False, ["2012-01-02", "2012-03-04"]),
    "dots": (column("31.01.2020", "", "01.02.2020"), "date", True, ["2020-01-31", None, "2020-02-01"]),
    "a moment": (column("2020-01-31T10:00:00Z", "2020-01-31T11:30:00+01:00"), "date", False,
                 ["2020-01-31T10:00:00", "2020-01-31T10:30:00"]),
    "an American moment": (column("1/31/2020 1:05 PM", "2/1/2020 12:00 AM"), "date", False,
                           ["2020-01-31T13:05:00", "2020-02-01"]),
    "times of day": (column("18.00.00", "06.30.00"), "number", False, [18.0, 6.5]),
    "hours and minutes": (column("18:00", "6:15"), "number", False, [18.0, 6.25]),
}  # fmt: skip


@pytest.mark.parametrize("what", KINDS)
def test_a_column_is_of_the_kind_that_all_its_cells_are(what: str, tmp_path: Path) -> None:
    content, *expected = KINDS[what]
    assert list(first(table(tmp_path, content))) == expected


# How a file is written: its bytes, of a column c of red, blue and red again.
PLAIN = column("red", "blue", "red", "größe")
WRITTEN: dict[str, bytes] = {
    "UTF-8": PLAIN.encode(),
    "with a byte order mark": PLAIN.encode("utf-8-sig"),
    "UTF-16": PLAIN.encode("utf-16"),
    "UTF-16 without a mark": PLAIN.encode("utf-16-le"),
    "Latin-1": PLAIN.encode("latin-1"),
    "semicolons": PLAIN.replace(",", ";").encode(),
    "tabs": PLAIN.replace(",", "\t").encode(),
    "bars": PLAIN.replace(",", "|").encode(),
    "CR LF": PLAIN.replace("\n", "\r\n").encode(),
    "CR": PLAIN.replace("\n", "\r").encode(),
    "no line end": PLAIN.rstrip("\n").encode(),
    "blank lines": PLAIN.replace("\n", "\n\n").encode(),
    "quotes": PLAIN.replace("red", '"red"').replace("c,", '"c",').encode(),
    "blanks round names and cells": PLAIN.replace(",", " , ").encode(),
    "a title above": b"Colours of 2020\n\n" + PLAIN.encode(),
}


@pytest.mark.parametrize("how", WRITTEN)
def test_a_table_is_read_however_it_is_written(how: str, tmp_path: Path) -> None:
    found = table(tmp_path, WRITTEN[how])
    assert first(found) == ("category", False, ["red", "blue", "red", "größe"])
    assert (found.feature_names, found.target.tolist()) == (["c", "n"], [31, 62, 23, 54])
    assert json.loads(json.dumps(found.reading)) == found.reading


@pytest.mark.parametrize(
    ("content", "lines"),
    [
        ("x,y\n1,1\n2,3\n", [2, 3]),
        ("x,y\n\n1,1\n\n\n2,3\n", [3, 6]),
        ('x,t,y\n1,"two\nlines",5\n2,"three\r\n\n",3\n3,a,4\n', [2, 4, 7]),
        ('x,"n\nn",y\n1,2,5\n2,1,3\n', [3, 4]),
    ],
)
def test_rows_know_the_line_in_which_they_start(content: str, lines: list[int], tmp_path: Path) -> None:
    assert list(table(tmp_path, content).lines) == lines


def rows(*pairs: tuple[object, object], names: str = "x,y") -> str:
    return "\n".join([names, *(f"{left},{right}" for left, right in pairs)])


def test_the_row_numbers_of_r_are_left_out(tmp_path: Path) -> None:
    found = table(tmp_path, '"c","y"\n"1",5,2\n"2",6,4\n"3",8,9\n')
    assert (found.feature_names, found.left_out) == (["c"], {"(column 1)": "it has no name"})


# A target's cells -> the task, and its values.
TARGETS: dict[str, tuple[list[str], str, list[Any]]] = {
    "two whole numbers": (["0", "1", "1", "0"], "classification", [0, 1, 1, 0]),
    "two numbers written in two ways": (["0.0", "0", "1", "1"], "classification", [0.0, 0.0, 1.0, 1.0]),
    "three, each ten times": (["1", "2", "3"] * 10, "classification", [1, 2, 3] * 10),
    "three, each nine times": (["1", "2", "3"] * 9, "regression", [1, 2, 3] * 9),
    "21, each ten times": ([*map(str, range(21))] * 10, "regression", [*range(21)] * 10),
    "fractions": (["0.5", "1"] * 20, "regression", [0.5, 1.0] * 20),
    "truth": (["True", "False", "True"], "classification", [True, False, True]),
    "words": (["a", "b", "a"], "classification", ["a", "b", "a"]),
    "labels that elsewhere are gaps": (["a", "None", "NA", "b", "NA", "None"], "classification",
                                       ["a", "None", "NA", "b", "NA", "None"]),
    "a gap among numbers": (["1.5", "N/A", "3", "4"], "regression", [1.5, 3.0, 4.0]),
    "a rare word for a gap": (["a", "b", "NA", *["a", "b"] * 20], "classification", ["a", "b", *["a", "b"] * 20]),
    "money": (['"$1,200"', '"$2,300"', "$5"], "regression", [1200.0, 2300.0, 5.0]),
    "large whole numbers": (["9007199254740993", "1", "5"], "regression", [9007199254740993, 1, 5]),
}  # fmt: skip


@pytest.mark.parametrize("what", TARGETS)
def test_a_target_says_what_is_to_be_learnt(what: str, tmp_path: Path) -> None:
    cells, task, values = TARGETS[what]
    found = table(tmp_path, rows(*((i * 7 % 5, cell) for i, cell in enumerate(cells))))
    assert (found.task, found.target.tolist()) == (task, values)
    assert "'y'" in found.why


def test_a_task_by_hand_is_taken(tmp_path: Path) -> None:
    found = table(tmp_path, rows((1, 0), (2, 1), (3, 1)), task="regression")
    assert (found.task, found.why) == ("regression", "--task regression")


def test_rows_without_a_target_and_footnotes_are_left_out(tmp_path: Path) -> None:
    found = table(tmp_path, "x,z,y\n1,1,2\n2,3,\n3,5,6\n4,1,8\nSource: the world\n")
    assert found.lines == [2, 4, 5]
    assert found.rows_left_out == {"count": 2, "reason": "the target 'y' has no value", "lines": [3, 6]}
    assert "2 rows are left out, the target 'y' has no value: lines 3, 6" in found.notices
    assert found.columns[0].missing  # a cell of the footnote's row: the file itself must be predictable


# A column that says nothing: the table, and the reason.
many = [str(i * 37 % 101) for i in range(60)]
USELESS: dict[str, tuple[str, str]] = {
    "one value": (column(*["7"] * 60), "it has one value only, '7'"),
    "no value": (column(*[""] * 60), "it is empty"),
    "no name": (column(*many, name=""), "it has no name"),
    "no name, by pandas": (column(*many, name="Unnamed: 0"), "it has no name"),
    "an id": (column(*many, name="id"), "it is an identifier by its name, and nearly every row has a value of its own"),
    "an id of a kind": (column(*many, name="CustomerID"), "it is an identifier by its name, and nearly every row has "
                        "a value of its own"),
    "words that are all different": (column(*(f"w{cell}" for cell in many)),
                                     "it is an identifier, every row has a value of its own"),
    "running numbers": (column(*map(str, range(60))), "it numbers the rows"),
}  # fmt: skip


@pytest.mark.parametrize("what", USELESS)
def test_a_column_that_says_nothing_is_left_out_unless_it_is_kept(what: str, tmp_path: Path) -> None:
    content, why = USELESS[what]
    found = table(tmp_path, content)
    (name,) = found.left_out
    assert (found.feature_names, found.left_out[name]) == (["n"], why)
    assert f"column {name!r} is left out: {why}" in found.notices
    if what != "no value":
        assert table(tmp_path, content, keep=[name]).feature_names == [name, "n"]


@pytest.mark.parametrize(
    "content",
    [
        column(*(f"{cell}.5" for cell in many), name="id"),  # fractions name nothing
        column(*(f"some words about {cell}" for cell in many)),  # a text
        column(*map(str, range(20))),  # too few rows to say
        column(*["a", "b"] * 30, name="shop_id"),  # many rows share one
        column(*["a", ""] * 30),  # that it is missing says something
    ],
)
def test_a_column_that_may_say_something_is_kept(content: str, tmp_path: Path) -> None:
    assert len(table(tmp_path, content).columns) == 2


def test_an_identifier_is_better_than_no_column(tmp_path: Path) -> None:
    found = table(tmp_path, rows(*((i, i * 7 % 13 + 0.5) for i in range(60)), names="id,y"))
    assert (found.feature_names, found.left_out) == (["id"], {})


# What a good colleague would say: the table and the words of the notice.
NOTICES: dict[str, tuple[str, str]] = {
    "the same": ("a,b,y\n1,1,5\n2,2,3\n2,2,9\n3,3,4", "column 'b' is the same as 'a'"),
    "three the same": ("a,b,c,y\n1,1,1,5\n2,2,2,3\n2,2,2,9\n3,3,3,4", "columns 'b', 'c' are the same as 'a': one"),
    "the same in other words": ("a,b,y\n1,x,5\n2,z,3\n2,z,9\n3,u,4", "column 'b' is in other words the same as 'a'"),
    "a leak": ("a,b,y\n1,yes,1\n2,no,0\n4,no,0\n3,yes,1", "column 'b' gives the target 'y' away"),
    "the target twice": ("a,b,y\n1,5,5\n2,3.5,3.5\n9,9,9", "column 'b' gives the target 'y' away"),
    "a sentinel": (column(*many, "-999", "-999"), "column 'c': -999 is repeated and far from all other values"),
    "a sentinel below zero": (column("-1", "5", "3", "-1", "9", "0"), "column 'c': -1 is repeated"),
    "a sentinel above": (column("999", "5", "3", "999", "9"), "column 'c': 999 is repeated"),
    "days or months": (column("02/01/2020", "01/03/2020", "01/02/2020"), "column 'c' may have days or months first; it "
                       "is read so: 02/01/2020 is 2020-01-02"),
    "commas": (column('"1,200"', '"3,100"'), "column 'c' may have decimal or thousands signs; it is read so: 1,200 is "
               "1200"),
    "long codes": (column(*(f"5{(i * 7919) % 100003:05}" for i in range(60))), "column 'c' looks like an identifier"),
    "hours": (column("18.00.00", "19.00.00"), "column 'c' holds times of day, read as hours: 18.00.00 is 18"),
}  # fmt: skip


def test_two_measures_of_rows_that_are_repeated_are_not_the_same(tmp_path: Path) -> None:
    pairs = [(f"{i * 37 % 101}.5,{i * 53 % 101}", i * 1.5) for i in range(60)]
    assert "the same" not in "\n".join(table(tmp_path, rows(*pairs, *pairs, names="a,b,y")).notices)


def test_a_wide_table_of_few_rows_does_not_bury_what_is_said(tmp_path: Path) -> None:
    patterns = [[i * step % 97 % 3 for i in range(9)] for step in range(1, 90)] * 2
    names = ",".join([*(f"c{i}" for i in range(len(patterns))), "y"])
    lines = [",".join([*(str(pattern[row]) for pattern in patterns), f"{row}.5"]) for row in range(9)]
    said = [notice for notice in table(tmp_path, "\n".join([names, *lines])).notices if "the same" in notice]
    assert len(said) == 11
    assert said[-1].endswith(" more groups of columns say the same")


@pytest.mark.parametrize("what", NOTICES)
def test_what_is_odd_is_said(what: str, tmp_path: Path) -> None:
    content, words = NOTICES[what]
    assert words in "\n".join(table(tmp_path, content).notices)


@pytest.mark.parametrize(
    "content",
    [
        column("1", "2", "0", "-1", "-2"),  # -1 among its neighbours
        column(*many),
        column("red", "blue", "red"),
        "a,b,y\n1,2.5,5\n2,3.5,3\n2,4.5,9\n3,5.5,4",
    ],
)
def test_nothing_is_said_of_what_is_not_odd(content: str, tmp_path: Path) -> None:
    assert list(table(tmp_path, content).notices) == []


# A wish -> the kind of the first column, and its cells as JSON.
WISHES: dict[str, tuple[str, dict[str, Any], str, list[Any]]] = {
    "whole numbers as categories": (column("3", "1", "3"), {"category": ["c"]}, "category", [3, 1, 3]),
    "with a gap": (column("3", "", "3"), {"category": ["c"]}, "category", [3, None, 3]),
    "fractions as categories": (column("3.5", "1", "1"), {"category": ["c"]}, "category", ["3.5", "1", "1"]),
    "words as text": (column("red", "blue"), {"text": ["c"]}, "text", ["red", "blue"]),
    "codes as numbers": (column("007", "010"), {"number": ["c"]}, "number", [7.0, 10.0]),
    "words among numbers": (column("1", "two", "three", "4"), {"number": ["c"]}, "number", [1.0, None, None, 4.0]),
    "a date": (column("2020-01-01", "2020-01-02"), {"date": ["c"]}, "date", ["2020-01-01", "2020-01-02"]),
}


@pytest.mark.parametrize("what", WISHES)
def test_a_kind_by_hand_is_taken(what: str, tmp_path: Path) -> None:
    content, wishes, kind, cells = WISHES[what]
    found = first(table(tmp_path, content, **wishes))
    assert (found[0], found[2]) == (kind, cells)


def test_a_table_without_a_header_has_numbered_columns(tmp_path: Path) -> None:
    found = table(tmp_path, "M,0.5,15\nF,0.3,7\nM,0.4,9\n", "column3", header=False)
    assert (found.feature_names, found.lines) == (["column1", "column2"], [1, 2, 3])


def test_a_date_has_the_parts_that_differ(tmp_path: Path) -> None:
    days = [f"2020-{month:02}-{day:02}" for month in (1, 5, 9) for day in (3, 4, 5, 6, 7)]
    assert table(tmp_path, column(*days)).columns[0].describe()["parts"] == ["month", "weekday"]


def test_parquet_keeps_its_types(tmp_path: Path) -> None:
    duckdb = pytest.importorskip("duckdb")
    path = tmp_path / "odd ' name*.parquet"
    duckdb.sql(
        "SELECT * FROM (VALUES (1, 0.1::FLOAT, '1', true, DATE '2020-01-01', [1], 5), "
        "(2, NULL, '2', false, DATE '2020-01-02', [2], 6), (2, 2.5, '2', NULL, NULL, [3], 8)) "
        "t(i, f, s, b, d, l, y)"
    ).write_parquet(str(tmp_path / "made.parquet"))
    (tmp_path / "made.parquet").rename(path)
    found = read(path, "y")
    assert [(one.kind, one.missing) for one in found.columns] == [
        ("number", False), ("number", True), ("category", False), ("boolean", True), ("date", True),
    ]  # fmt: skip
    assert found.frame["f"].tolist()[0] == float(np.float32(0.1))
    assert "column 'l' is left out: it holds values of type INTEGER[]" in found.notices


def test_inputs_are_what_the_estimator_gets(tmp_path: Path) -> None:
    found = table(tmp_path, column("red", "", "blue"))
    frame = found.inputs()
    assert isinstance(frame, pd.DataFrame)
    assert frame.dtypes.astype(str).tolist() == ["str", "float64"]
    assert frame["c"].isna().tolist() == [False, True, False]
    matrix = table(tmp_path, column("1", "", "3")).inputs()
    assert isinstance(matrix, np.ndarray)
    assert matrix.dtype == np.float64


def test_the_example_is_exact() -> None:
    found = example_table()
    assert (found.sha256, found.is_matrix) == (example_table().sha256, True)
    assert np.array_equal(found.target, found.inputs() @ np.array([3.0, 1.0, 1.0]) + 2.0)
