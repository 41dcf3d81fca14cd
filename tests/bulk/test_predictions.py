"""Bulk predictions are those of a server for the same rows, in every form; what a request refuses is rejected."""

import csv
import functools
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.bulk.conftest import Bulk, rows_of, write_parquet
from tests.hosts import Host
from tests.models import (
    COLUMNS,
    ROWS,
    gappy_matrix,
    hosts_of,
    mixed_classifier,
    mixed_regressor,
    strict_regressor,
    text_classifier,
)

# In another batch a sum may be added up in another order, by scikit-learn itself.
close = functools.partial(pytest.approx, rel=1e-12)

NAMES = [column.name for column in COLUMNS]
GOOD = ROWS[1]
# Each beside GOOD: the column, a cell, and how the reason begins; None where a request takes it.
CELLS: list[tuple[str, Any, str | None]] = [
    ("area", None, None),
    ("area", 10**18 + 1, None),
    ("area", -0.0, None),
    ("area", "12", "must be a number or null, not a string"),
    ("area", True, "must be a number or null, not a boolean"),
    ("area", [1], "must be a number or null, not a list"),
    ("furnished", None, "must be true or false, not null"),
    ("furnished", 1, "must be true or false, not a number"),
    ("city", None, None),
    ("city", "Atlantis", None),
    ("city", "", None),
    ("city", 3, "must be one of"),
    ("city", "x" * 10_001, "must have at most 10000 characters, has 10001"),
    ("city", "a\ufdd0", "must not have the character U+FDD0"),
    ("story", None, "must be a text, not null"),
    ("story", "", None),
    ("story", "x" * 290, None),
    ("story", "x" * 291, "must have at most 290 characters, has 291"),
    ("since", None, "must be a date such as"),
    ("since", "2026-02-30", "must be a date such as"),
    ("since", "2026-02-28T23:59:59+02:00", None),
    ("since", "9999-12-31", None),
    ("since", 20_000, "must be a date such as"),
]


def with_cell(name: str, cell: Any) -> dict[str, Any]:
    return dict(zip(NAMES, GOOD, strict=True)) | {name: cell}


def ask(host: Host, rows: Sequence[Any]) -> Any:
    got = host.send(json.dumps({"instances": rows}).encode(), path="/predict")
    return got.json()["predictions"] if got.status == 200 else None


def read_lines(folder: Path, pattern: str) -> list[dict[str, Any]]:
    return [json.loads(line) for path in sorted(folder.glob(pattern)) for line in path.read_text().splitlines()]


def rejected(folder: Path) -> dict[int, tuple[str | None, str]]:
    return {line["row"]: (line["column"], line["reason"]) for line in read_lines(folder, "rejected-*")}


def test_lines_are_taken_and_refused_as_a_request_does_it(bulk: Bulk, tmp_path: Path) -> None:
    mixed_regressor(tmp_path / "model")
    web, _ = hosts_of(tmp_path / "model")
    table = [with_cell(name, cell) for name, cell, _ in CELLS]
    source = tmp_path / "rows.jsonl"
    source.write_text("".join(json.dumps(row) + "\n" for row in table))
    done = bulk(source, "--out", tmp_path / "out", MODEL_DIR=tmp_path / "model")
    assert (done.status, done.err) == (0, "")
    refused = rejected(tmp_path / "out")
    predicted = iter(read_lines(tmp_path / "out", "predictions-*"))
    for line, (row, (name, _, reason)) in enumerate(zip(table, CELLS, strict=True), start=1):
        answer = ask(web, [row])
        if reason is None:
            assert answer is not None
            assert next(predicted) == row | {"prediction": close(answer[0])}
        else:
            assert answer is None
            column, found = refused.pop(line)
            assert column == name
            assert found.startswith(reason)
    assert (refused, list(predicted)) == ({}, [])


def columns_of_parquet(rows: Sequence[dict[str, Any]]) -> str:
    """Return the SQL of rows whose columns have the types that a table in Parquet would have."""
    types = ["DOUBLE", "BOOLEAN", "VARCHAR", "VARCHAR", "TIMESTAMP"]
    quoted = json.dumps(rows).replace("'", "''")
    cells = ", ".join(f"CAST(row->>'{name}' AS {kind}) AS {name}" for name, kind in zip(NAMES, types, strict=True))
    return f"SELECT {cells} FROM (SELECT unnest(CAST('{quoted}' AS JSON[])) AS row)"


def write_csv(path: Path, rows: Sequence[dict[str, Any]]) -> Path:
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(NAMES)
        writer.writerows(["" if cell is None else cell for cell in row.values()] for row in rows)
    return path


def some_rows(count: int) -> list[dict[str, Any]]:
    cities, stories = (
        ["Bremen", "Köln", "Ulm", "Nowhere", None],
        ["river", 'a "loud"\nstreet', "garden; small, cheap", "ü"],
    )
    days = [f"20{20 + row % 7}-{1 + row % 12:02}-{1 + row % 28:02}T1{row % 10}:30:00" for row in range(count)]
    rows = [
        [row * 0.37 if row % 9 else None, row % 2 == 0, cities[row % 5], stories[row % 4], day]
        for row, day in enumerate(days)
    ]
    return [dict(zip(NAMES, row, strict=True)) for row in rows]


@pytest.mark.parametrize("make", [mixed_regressor, mixed_classifier])
def test_ten_thousand_rows_are_predicted_as_by_the_server_in_every_form(make: Any, bulk: Bulk, tmp_path: Path) -> None:
    make(tmp_path / "model")
    web, _ = hosts_of(tmp_path / "model")
    rows = some_rows(10_000)
    expected = ask(web, rows)
    (tmp_path / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    write_csv(tmp_path / "rows.csv", rows)
    write_parquet(tmp_path / "rows.parquet", columns_of_parquet(rows), rows_a_group=2048)
    for suffix in ("jsonl", "csv", "parquet"):
        out = tmp_path / suffix
        done = bulk(tmp_path / f"rows.{suffix}", "--out", out, MODEL_DIR=tmp_path / "model")
        assert (done.status, done.err) == (0, "")
        assert done.out.split()[:8] == ["files", "1", "rows", "10,000", "predicted", "10,000", "rejected", "0"]
    found = [row["prediction"] for row in read_lines(tmp_path / "jsonl", "*-*.jsonl")]
    in_parquet = [row["prediction"] for row in rows_of(tmp_path / "parquet" / "predictions-*.parquet")]
    with next((tmp_path / "csv").glob("predictions-*.csv")).open(newline="") as file:
        in_csv = [row["prediction"] for row in csv.DictReader(file)]
    if make is mixed_regressor:
        expected, in_csv = close(expected), [*map(float, in_csv)]
    assert found == expected
    assert in_parquet == expected
    assert in_csv == expected


def test_gaps_and_values_beyond_all_bounds_in_parquet(bulk: Bulk, tmp_path: Path) -> None:
    mixed_regressor(tmp_path / "model")
    good = "75.5::DOUBLE AS area, true AS furnished, 'Ulm' AS city, 'quiet' AS story, DATE '2026-01-05' AS since"
    query = " UNION ALL ".join(
        f"SELECT * FROM (SELECT {good.replace(*change)})"
        for change in [
            ("75.5", "75.5"),
            ("75.5", "'NaN'"),
            ("75.5", "'Infinity'"),
            ("75.5", "NULL"),
            ("true", "NULL::BOOLEAN"),
            ("'Ulm'", "NULL"),
            ("'quiet'", "NULL"),
            ("'quiet'", "repeat('x', 291)"),
            ("DATE '2026-01-05'", "NULL"),
            ("DATE '2026-01-05'", "DATE '12026-01-05'"),
        ]
    )
    source = write_parquet(tmp_path / "rows.parquet", query)
    done = bulk(source, "--out", tmp_path / "out", MODEL_DIR=tmp_path / "model")
    assert (done.status, done.err) == (0, "")
    assert rejected(tmp_path / "out") == {
        3: ("area", "must be a number that float64 holds"),
        5: ("furnished", "must be true or false, not null"),
        7: ("story", "must be a text, not null"),
        8: ("story", "must have at most 290 characters, has 291"),
        9: ("since", "must be a date such as 2026-02-11, not null"),
        10: ("since", "must be a date such as 2026-02-11"),
    }
    assert len(rows_of(tmp_path / "out" / "predictions-*.parquet")) == 4


@pytest.mark.parametrize(
    ("kind", "cells"),
    [
        ("INTEGER", [1, 2, None]),
        ("UBIGINT", [1, 2**63, None]),
        ("DECIMAL(18,2)", [1.25, 2.5, None]),
        ("FLOAT", [1.5, 2.5, None]),
        ("VARCHAR", ["1.5", " 2e3", None, "NA"]),
    ],
)
def test_numbers_of_any_type_are_what_they_are_as_json(kind: str, cells: list[Any], bulk: Bulk, tmp_path: Path) -> None:
    gappy_matrix(tmp_path / "model")
    web, _ = hosts_of(tmp_path / "model")
    values = " UNION ALL ".join(
        f"SELECT CAST({'NULL' if cell is None else repr(cell)} AS {kind}) AS a, true AS b, 2 AS c" for cell in cells
    )
    done = bulk(
        write_parquet(tmp_path / "rows.parquet", values), "--out", tmp_path / "out", MODEL_DIR=tmp_path / "model"
    )
    assert (done.status, done.err) == (0, "")
    numbers = [None if cell in {None, "NA"} else float(cell) for cell in cells]
    expected = ask(web, [[number, True, 2] for number in numbers])
    assert [row["prediction"] for row in rows_of(tmp_path / "out" / "predictions-*.parquet")] == close(expected)


def test_text_in_the_place_of_a_number_is_rejected_row_by_row(bulk: Bulk, tmp_path: Path) -> None:
    gappy_matrix(tmp_path / "model")
    query = "SELECT unnest(['1', 'many', '3']) AS a, true AS b, 2 AS c"
    done = bulk(
        write_parquet(tmp_path / "rows.parquet", query), "--out", tmp_path / "out", MODEL_DIR=tmp_path / "model"
    )
    assert done.status == 0
    assert rejected(tmp_path / "out") == {2: ("a", "must be a number or null, not a string")}
    assert [row["a"] for row in rows_of(tmp_path / "out" / "predictions-*.parquet")] == ["1", "3"]


def test_categories_that_the_model_refuses_are_rejected_and_no_others(bulk: Bulk, tmp_path: Path) -> None:
    strict_regressor(tmp_path / "model")
    query = (
        "SELECT i * 1.0 AS area, CASE WHEN i % 1000 = 7 THEN 'town ' || i ELSE 'Bremen' END AS city, "
        "CASE WHEN i % 2000 = 9 THEN 4 ELSE 1 + i % 3 END AS floor, "
        "CASE i WHEN 5 THEN 'wood' ELSE 'gas' END AS heating "
        "FROM range(100_000) AS t(i)"
    )
    done = bulk(
        write_parquet(tmp_path / "rows.parquet", query), "--out", tmp_path / "out", MODEL_DIR=tmp_path / "model"
    )
    assert done.status == 0
    expected = {row + 1: ("city", 'must be one of "Bremen", "Köln"') for row in range(7, 100_000, 1000)}
    expected |= {row + 1: ("floor", "must be one of 1, 2, 3") for row in range(9, 100_000, 2000)}
    assert rejected(tmp_path / "out") == expected
    areas = [row["area"] for row in rows_of(tmp_path / "out" / "predictions-*.parquet")]
    assert areas == [row for row in range(100_000) if row + 1 not in expected]


def test_probabilities_stand_in_columns_of_their_own(bulk: Bulk, tmp_path: Path) -> None:
    mixed_classifier(tmp_path / "model")
    web, _ = hosts_of(tmp_path / "model")
    rows = some_rows(50)
    source = write_csv(tmp_path / "rows.csv", rows)
    done = bulk(source, "--out", tmp_path / "out", "--probabilities", "--model-version", MODEL_DIR=tmp_path / "model")
    assert done.status == 0
    answer = web.send(json.dumps({"instances": rows, "probabilities": True}).encode(), path="/predict").json()
    with next((tmp_path / "out").glob("predictions-*.csv")).open(newline="") as file:
        found = list(csv.DictReader(file))
    assert [row["prediction"] for row in found] == answer["predictions"]
    chances = [{label: float(row[f"probability {label}"]) for label in ("no", "yes")} for row in found]
    assert chances == [close(row) for row in answer["probabilities"]]
    assert {row["model_version"] for row in found} == {"1.0"}


def test_a_model_of_texts(bulk: Bulk, tmp_path: Path) -> None:
    text_classifier(tmp_path / "model")
    web, _ = hosts_of(tmp_path / "model")
    texts = ["quiet river", "loud", "ü" * 20]
    query = f"SELECT i AS id, unnest({texts}) AS story FROM (SELECT 1 AS i)"
    done = bulk(
        write_parquet(tmp_path / "rows.parquet", query), "--out", tmp_path / "out", MODEL_DIR=tmp_path / "model"
    )
    assert done.status == 0
    expected = ask(web, [[text] for text in texts])
    assert [row["prediction"] for row in rows_of(tmp_path / "out" / "predictions-*.parquet")] == expected


def test_a_table_in_the_form_of_trainings_is_read_as_training_read_it(bulk: Bulk, tmp_path: Path) -> None:
    mixed_regressor(tmp_path / "model")
    manifest = json.loads((tmp_path / "model" / "model.json").read_text())
    manifest["training"]["reading"] = {
        "delimiter": ";", "encoding": "cp1252", "missing": ["", "k.A."],
        "columns": {"area": {"decimal": ",", "thousands": "."}, "since": {"date": "%d.%m.%Y"}},
    }  # fmt: skip
    (tmp_path / "model" / "model.json").write_text(json.dumps(manifest))
    web, _ = hosts_of(tmp_path / "model")
    text = (
        "since;city;area;story;furnished;note\n02.03.2024;Köln;1.052,5;quiet;true;x\n15.01.2024;k.A.;k.A.;loud;false;\n"
    )
    (tmp_path / "rows.csv").write_text(text, encoding="cp1252")
    done = bulk(tmp_path / "rows.csv", "--out", tmp_path / "out", MODEL_DIR=tmp_path / "model")
    assert (done.status, done.err) == (0, "")
    expected = ask(web, [[1052.5, True, "Köln", "quiet", "2024-03-02"], [None, False, None, "loud", "2024-01-15"]])
    header, *lines = next((tmp_path / "out").glob("predictions-*.csv")).read_text().splitlines()
    assert header == "since;city;area;story;furnished;note;prediction"
    assert lines == [f"{row};{value}" for row, value in zip(text.splitlines()[1:], expected, strict=True)]


@pytest.mark.parametrize("absent", [["area"], ["city"], ["area", "city"]])
def test_columns_that_may_be_missing_may_be_left_out(absent: list[str], bulk: Bulk, tmp_path: Path) -> None:
    mixed_regressor(tmp_path / "model")
    web, _ = hosts_of(tmp_path / "model")
    rows = [{name: cell for name, cell in row.items() if name not in absent} for row in some_rows(20)]
    kept = ", ".join(name for name in NAMES if name not in absent)
    source = write_parquet(tmp_path / "rows.parquet", f"SELECT {kept} FROM ({columns_of_parquet(rows)})")
    (tmp_path / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    expected = close(ask(web, rows))
    assert bulk(source, "--out", tmp_path / "out", MODEL_DIR=tmp_path / "model").status == 0
    assert [row["prediction"] for row in rows_of(tmp_path / "out" / "predictions-*.parquet")] == expected
    assert bulk(tmp_path / "rows.jsonl", "--out", tmp_path / "lines", MODEL_DIR=tmp_path / "model").status == 0
    assert [row["prediction"] for row in read_lines(tmp_path / "lines", "predictions-*")] == expected


def test_every_column_of_the_input_is_kept_whatever_it_holds(bulk: Bulk, tmp_path: Path) -> None:
    query = (
        "SELECT 1 AS x1, 2 AS x2, 3 AS x3, [1, 2] AS list, {'a': 1} AS struct, 'b'::BLOB AS bytes, uuid() AS id, "
        "TIMESTAMPTZ '2026-01-01 10:00:00+02' AS at, 1.10::DECIMAL(9,2) AS price, 'a'::ENUM('a','b') AS kind"
    )
    source = write_parquet(tmp_path / "rows.parquet", query)
    done = bulk(source, "--out", tmp_path / "out")
    assert (done.status, done.err) == (0, "")
    [before] = rows_of(source)
    assert rows_of(tmp_path / "out" / "predictions-*.parquet") == [before | {"prediction": 10.0}]


def test_the_order_of_files_and_rows_is_kept(bulk: Bulk, tmp_path: Path) -> None:
    for file in range(3):
        write_parquet(
            tmp_path / f"{file}.parquet", f"SELECT {file} AS x1, i AS x2, 0 AS x3 FROM range(5000) AS t(i)", 2048
        )
    (tmp_path / "_SUCCESS").touch()
    done = bulk(tmp_path, "--out", tmp_path / "out")
    assert (done.status, done.err) == (0, "")
    found = rows_of(tmp_path / "out" / "predictions-*.parquet")
    assert [(row["x1"], row["x2"]) for row in found] == [(file, row) for file in range(3) for row in range(5000)]
    assert all(row["prediction"] == 3 * row["x1"] + row["x2"] + 2 for row in found)


def test_a_file_whose_name_looks_like_a_pattern_is_that_file(bulk: Bulk, tmp_path: Path) -> None:
    for name in ("[ab].csv", "a.csv", "b.csv"):
        (tmp_path / name).write_text(f"x1,x2,x3\n{len(name)},0,0\n")
    done = bulk(tmp_path / "[ab].csv", "--out", tmp_path / "out")
    assert (done.status, done.out.split()[:4]) == (0, ["files", "1", "rows", "1"])
    assert (tmp_path / "out" / "predictions-00000-00000.csv").read_text() == "x1,x2,x3,prediction\n8,0,0,26.0\n"
