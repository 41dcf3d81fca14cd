"""Another table of the form of training's: the same cells, in batches, with their lines; what cannot be stays text."""

import io
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from predictor.columns import Boolean, Category, Column, Date, Number, Text
from tables import TableError, read
from tables.again import again

COLUMNS: list[Column] = [Number("n"), Category("c", missing=True), Boolean("b", missing=True), Date("d"), Text("t")]
HEADER = "t,extra,n,c,b,d\n"
ROW = "some words,9,1.5,red,True,2020-01-31\n"
CELLS = {"n": 1.5, "c": "red", "b": True, "d": "2020-01-31T00:00:00", "t": "some words"}


def model(columns: list[Column] = COLUMNS, /, **reading: Any) -> Any:
    return SimpleNamespace(
        features=columns,
        feature_names=[column.name for column in columns],
        training={"reading": reading} if reading else None,
    )


def cells(content: str | bytes, manifest: Any, rows_at_once: int = 1000) -> list[dict[str, Any]]:
    data = content if isinstance(content, bytes) else content.encode()
    with again(io.BytesIO(data), manifest, rows_at_once) as table:
        return [cell for batch in table.batches for cell in batch.instances]


# How the table is written, and how training's was: (content, reading).
FORMS: dict[str, tuple[str | bytes, dict[str, Any]]] = {
    "plain": (HEADER + ROW, {}),
    "a byte order mark": ("\ufeff" + HEADER + ROW, {}),
    "CR LF": ((HEADER + ROW).replace("\n", "\r\n"), {}),
    "blanks": ((HEADER + ROW).replace(",", " , "), {}),
    "blank lines": (f"{HEADER}\n\n{ROW}\n", {}),
    "semicolons": ((HEADER + ROW).replace(",", ";"), {"delimiter": ";"}),
    "semicolons, unlike training's": ((HEADER + ROW).replace(",", ";"), {"delimiter": ","}),
    "tabs, and training is not known": ((HEADER + ROW).replace(",", "\t"), {}),
    "UTF-16": ((HEADER + ROW).encode("utf-16"), {}),
    "decimal commas": (HEADER + ROW.replace("1.5", '"1,5"'), {"columns": {"n": {"decimal": ","}}}),
    "money": (HEADER + ROW.replace("1.5", '"$1.5"'), {"columns": {"n": {"sign": "$"}}}),
    "days first": (HEADER + ROW.replace("2020-01-31", "31/01/2020"), {"columns": {"d": {"date": "%d/%m/%Y"}}}),
    "a title": ("The title\n" + HEADER + ROW, {"skipped_lines": 1}),
    "a footnote": (f"{HEADER}{ROW}Source: the world\n", {}),
}


@pytest.mark.parametrize("what", FORMS)
def test_a_table_is_read_as_training_read_its_own(what: str) -> None:
    content, reading = FORMS[what]
    assert cells(content, model(**reading)) == [CELLS]


# A column -> what its cells are in JSON; what it does not take stays text, which validation refuses.
NUMBER, GAPS = Number("n"), Number("n", missing=True)
JSON: dict[str, tuple[Column, dict[str, Any]]] = {
    "numbers": (NUMBER, {"1": 1.0, "-2e3": -2000.0, ".5": 0.5, "1_0": "1_0", "": "", "x": "x", "NA": "NA"}),
    "what Python takes for numbers": (NUMBER, {"\u0661": "\u0661", "0x10": "0x10", "nan": "nan", "True": "True"}),
    "what is written in another form": (NUMBER, {"1,200": "1,200", "5%": "5%", "$5": "$5"}),
    "numbers that may be missing": (GAPS, {"": None, "NA": None, "?": None, "-": None, "nan": None, "x": "x"}),
    "booleans": (Boolean("n"), {"TRUE": True, "false": False, "1": "1", "yes": "yes", "": ""}),
    "categories": (Category("n", missing=True, values=["a"]), {"a": "a", "new": "new", "NA": None, "1": "1"}),
    "whole numbers": (Category("n", values=[1, 2]), {"1": 1, "7": 7, "1.0": "1.0", "01": "01"}),
    "dates": (Date("n"), {"2020-01-31": "2020-01-31T00:00:00", "31/01/2020": "31/01/2020", "soon": "soon"}),
}


@pytest.mark.parametrize("what", JSON)
def test_a_cell_becomes_json_by_its_column(what: str) -> None:
    column, cases = JSON[what]
    for text, value in cases.items():
        (row,) = cells(f'x,n\n0,"{text}"\n', model([column]))
        assert (text, row["n"]) == (text, value)
        assert type(row["n"]) is type(value)


def test_a_value_that_training_kept_is_no_gap() -> None:
    manifest = model([Category("c", missing=True, values=["?"])], columns={"c": {"values": ["?"]}})
    assert [row["c"] for row in cells("c,x\n?,1\n-,1\n", manifest)] == ["?", None]


def test_a_column_that_may_be_missing_may_be_left_out() -> None:
    assert cells("t,n,d\nsome words,1.5,2020-01-31\n", model()) == [{k: CELLS[k] for k in ("n", "d", "t")}]


def test_columns_without_a_header_are_known_by_their_place() -> None:
    manifest = model([Number("column2"), Number("column1")], header=False)
    with again(io.BytesIO(b"1,2,x\n3,4,y\n"), manifest, 1) as table:
        assert table.header is None
        assert [(b.lines, b.rows, b.instances) for b in table.batches] == [
            ([1], [["1", "2", "x"]], [{"column2": 2.0, "column1": 1.0}]),
            ([2], [["3", "4", "y"]], [{"column2": 4.0, "column1": 3.0}]),
        ]


def test_batches_know_the_lines_and_the_cells_as_they_stand() -> None:
    content = 'n,note\n1,"two\nlines"\n\n2, blank \n3,c\n'
    with again(io.BytesIO(content.encode()), model([Number("n")]), 2) as table:
        assert table.header == ["n", "note"]
        assert [(b.lines, b.rows) for b in table.batches] == [
            ([2], [["1", "two\nlines"]]),  # and the blank line
            ([5, 6], [["2", "blank "], ["3", "c"]]),
        ]


# A table that cannot be read: its content, and its faults.
BAD: dict[str, tuple[str | bytes, list[str]]] = {
    "a column is not there": ("x,y\n1,2\n", ["the table has no column n; the features are n"]),
    "it is empty": ("", ["the table has no column n; the features are n"]),
    "a column is there twice": ("n,n\n1,2\n", ["the table has two columns named n; give each its own name"]),
    "rows are too long": (
        "n,x\n1,2\n1,2\n1,2,3\n\n1,2,3,4\n",
        [f"line {line} has {has} values, but the header names 2 columns; correct it" for line, has in ((4, 3), (6, 4))],
    ),
    "a row is too short": ("n,x\n1,2\n1\n1,2\n", ["line 3 has 1 value, but the header names 2 columns; correct it"]),
    "a quote is never closed": ('n,x\n1,2\n1,"2\n3,4\n', ["a quote that opens in line 3 is never closed"]),
    "a NUL": ("n,x\n1,\0\n", ["line 2 holds a NUL byte; remove it"]),
    "a byte of another encoding": ("n,x\n1,é\n".encode() + b"1,a\n" * 20_000 + b"2,\xe9\n",
                                   ["line 20003 holds the byte 0xe9, which is not UTF-8, unlike the rest; correct it"]),
    "gzip": (b"\x1f\x8b\x08abc", ["it is compressed (gzip); unpack it first"]),
    "a line without end": (
        "n,x\n1," + "a" * 10_000_000,
        ["line 2 cannot be read: it has more than 10,000,000 characters"],
    ),
}  # fmt: skip


@pytest.mark.parametrize("what", BAD)
def test_a_table_that_cannot_be_read_says_where(what: str) -> None:
    content, expected = BAD[what]
    with pytest.raises(TableError) as refused:
        cells(content, model([Number("n")]))
    assert refused.value.faults == expected


def test_rows_before_a_bad_one_are_read(tmp_path: Path) -> None:
    path = tmp_path / "table.csv"
    path.write_text("n,x\n" + "1,2\n" * 5 + "1,2,3\n")
    with again(path, model([Number("n")]), 2) as table:
        assert [len(next(table.batches).rows) for _ in range(2)] == [2, 2]
        with pytest.raises(TableError, match="line 7 has 3 values"):
            next(table.batches)


def test_the_row_numbers_of_r_have_no_name() -> None:
    assert cells('"n","x"\n"1",5,2\n"2",6,4\n', model([Number("n")])) == [{"n": 5.0}, {"n": 6.0}]


def test_parquet_is_read_by_its_types(tmp_path: Path) -> None:
    duckdb = pytest.importorskip("duckdb")
    path = tmp_path / "table.parquet"
    duckdb.sql(
        "SELECT 'some words' t, 1.5 n, 'red' c, NULL::BOOLEAN b, TIMESTAMP '2020-01-31 00:00:00' d, 9 extra"
    ).write_parquet(str(path))
    with again(path, model(columns={"n": {"decimal": ","}, "d": {"date": "%d/%m/%Y"}}), 10) as table:
        assert [row for batch in table.batches for row in batch.instances] == [CELLS | {"b": None}]


def test_what_training_read_is_read_again_alike(tmp_path: Path) -> None:
    path = tmp_path / "table.csv"
    path.write_text(
        "when;amount;kind;share;ok;y\n"
        + "".join(f"{i % 28 + 1:02}.03.2020;1.{i:03},5;k{i % 3};{i}%;{i % 2 == 0};{i},25\n" for i in range(40))
    )
    trained = read(path, "y")
    manifest = model(list(trained.columns), **(trained.reading or {}))
    with again(path, manifest, 7) as table:
        rows = [row for batch in table.batches for row in batch.instances]
    for column in trained.columns:
        assert column.array([row[column.name] for row in rows]).tolist() == trained.values(column).tolist()  # type: ignore[union-attr]
