"""What a cell may be and what the estimator gets for it: cells, arrays and pandas' columns of every kind and type."""

import contextlib
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from predictor import load, pickled
from predictor.columns import KINDS, Boolean, Category, Column, Date, Number, Text
from predictor.frames import frame_maker
from servers.running import ROOT
from tests.files import copy_model
from tests.models import mixed_regressor

COLUMNS: dict[str, tuple[Column, list[Any], list[Any]]] = {
    # column, cells that it takes, cells that it does not take
    "number": (Number("n"), [1, -2.5, 1e308, 10**15], [None, True, "1", [], {}, 10**400]),
    "number with gaps": (Number("n", missing=True), [1, None], [False, "", 10**400]),
    "int8": (Number("n", dtype="int8"), [1, -128, 127.0], [128, -129, 0.5, None, 1e300]),
    "uint64": (Number("n", dtype="uint64"), [0, 2**63], [-1, 2**64, 1.5]),
    "Int64": (Number("n", dtype="Int64", missing=True), [None, 5], [5.5, 2**63]),
    "boolean": (Boolean("b"), [True, False], [None, 0, 1, "true"]),
    "boolean with gaps": (Boolean("b", missing=True), [True, None], [0, "null"]),
    "category": (Category("c", values=["a", "b"]), ["a", "z", "", "ü"], [None, 1, True, "x" * 10_001, "\ufdd0"]),
    "whole numbers": (Category("c", values=[1, 2]), [1, 9, -(2**63), 2**53 + 1], [1.0, True, "1", None, 2**63]),
    "whole numbers with gaps": (Category("c", missing=True, values=[1, 2]), [1, None], [1.5]),
    "text": (Text("t", longest=3), ["", "x" * 30], ["x" * 31, 1, None, "a\ufdd0b"]),
    "long text": (Text("t", longest=20_000), ["x" * 20_000], ["x" * 20_001]),
    "date": (Date("d"), ["2024-02-29", "2024-02-29T10:00:00.5+01:00"], ["2023-02-29", 1, None, "now", ""]),
    "nanoseconds": (
        Date("d", dtype="datetime64[ns]"),
        ["1678-01-01", "2261-12-31"],
        ["1677-12-31", "2262-01-01", "0001-01-01"],
    ),
    "date with gaps": (Date("d", missing=True), [None, "1969-12-31T23:59:59.999999"], ["null"]),
}


@pytest.mark.parametrize("name", COLUMNS)
def test_arrays_and_faults_judge_alike(name: str) -> None:
    column, good, bad = COLUMNS[name]
    assert [column.fault(cell) for cell in good] == [None] * len(good)
    assert column.array(good) is not None
    for cell in bad:
        assert str(column.fault(cell)).startswith("must ")
        assert column.array([good[0], cell]) is None


@pytest.mark.parametrize("name", COLUMNS)
def test_a_cell_comes_back_from_its_array(name: str) -> None:
    column, good, _ = COLUMNS[name]
    array = column.array(good)
    assert array is not None
    again = [column.cell(value) for value in array]
    if isinstance(column, Date):
        np.testing.assert_array_equal(column.array(again), array)  # the same moments, in UTC
    else:
        assert again == good


def test_each_kind_has_a_case() -> None:
    assert {column.kind for column, _, _ in COLUMNS.values()} == set(KINDS)


GAP = np.nan


@pytest.mark.parametrize(
    ("column", "cells", "expected"),
    [
        (Number("x"), [1, 2.5], pd.Series([1.0, 2.5])),
        (Number("x", missing=True), [1, None], pd.Series([1.0, GAP])),
        (Number("x", dtype="float32"), [1, 2.5], pd.Series([1.0, 2.5], dtype="float32")),
        (Number("x", dtype="int64"), [1, 2.0], pd.Series([1, 2])),
        (Number("x", dtype="Int64", missing=True), [1, None], pd.Series([1, None], dtype="Int64")),
        (Boolean("x"), [True, False], pd.Series([1.0, 0.0])),
        (Boolean("x", dtype="bool"), [True, False], pd.Series([True, False])),
        (Boolean("x", dtype="boolean", missing=True), [True, None], pd.Series([True, None], dtype="boolean")),
        (Boolean("x", dtype="boolean", missing=True), [None, None], pd.Series([None, None], dtype="boolean")),
        (Boolean("x", dtype="object", missing=True), [True, None], pd.Series([True, GAP], dtype=object)),
        (Category("x", missing=True, values=["a"]), ["a", None, "z"], pd.Series(["a", None, "z"], dtype="str")),
        (Category("x", missing=True, values=["a"], dtype="object"), ["z", None], pd.Series(["z", GAP], dtype=object)),
        (
            Category("x", missing=True, values=["a"], dtype="string"),
            ["z", None],
            pd.Series(["z", None], dtype="string"),
        ),
        (
            Category("x", missing=True, values=["b", "a"], dtype="category"),
            ["a", None, "a"],
            pd.Series(pd.Categorical(["a", None, "a"], categories=["b", "a"])),
        ),
        (
            Category("x", values=["b", "a"], dtype="category"),
            ["z", "a", "y", "z"],
            pd.Series(pd.Categorical(["z", "a", "y", "z"], categories=["b", "a", "z", "y"])),
        ),
        (Category("x", values=[1, 2]), [1, 7], pd.Series([1, 7])),
        (Category("x", missing=True, values=[1, 2]), [1, 7], pd.Series([1.0, 7.0])),
        (Category("x", values=[1, 2], dtype="category"), [2], pd.Series(pd.Categorical([2], categories=[1, 2]))),
        (Text("x", missing=True), ["", None], pd.Series(["", None], dtype="str")),
        (Date("x"), ["1970-01-02", "1969-12-31T12:00:00"], pd.Series([1.0, -0.5])),
        (Date("x", missing=True), ["1970-01-02", None], pd.Series([1.0, GAP])),
        (
            Date("x", dtype="datetime64[ns]", missing=True),
            ["2024-01-01T10:00:00+02:00", None],
            pd.Series(["2024-01-01T08:00:00", None]).astype("datetime64[ns]"),
        ),
    ],
    ids=str,
)
def test_the_frame_has_exactly_the_types_of_the_manifest(column: Column, cells: list[Any], expected: Any) -> None:
    array = column.array(cells)
    assert array is not None
    frame = frame_maker([column])([array])
    pd.testing.assert_frame_equal(frame, pd.DataFrame({"x": expected}), check_index_type="exact")


def test_the_parts_of_a_date_are_columns_of_their_own() -> None:
    column = Date("x", missing=True, parts=["month", "weekday", "hour"])
    array = column.array(["2026-03-01T23:30:00", "1969-12-31", None])
    assert array is not None
    assert {values.dtype for values in column.inputs(array).values()} == {np.dtype("float64")}
    frame = frame_maker([column])([array])
    assert list(frame) == column.input_names == ["x", "x month", "x weekday", "x hour"]
    moments = pd.to_datetime(pd.Series(["2026-03-01T23:30:00", "1969-12-31T00:00:00", None]))
    for part, expected in (
        ("month", moments.dt.month),
        ("weekday", moments.dt.day_of_week),
        ("hour", moments.dt.hour),
    ):
        np.testing.assert_array_equal(frame[f"x {part}"], expected)


@pytest.mark.parametrize(
    ("make", "own", "package", "kept_out"),
    [
        (copy_model, False, False, True),
        (mixed_regressor, False, False, False),
        (copy_model, True, False, False),
        (copy_model, False, True, False),
    ],
    ids=["a matrix", "a frame", "own code", "a package that needs it"],
)
def test_pandas_is_kept_out_where_nothing_can_need_it(
    make: Any, own: bool, package: bool, *, kept_out: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    entered: list[str] = []
    make(tmp_path)
    monkeypatch.setattr(pickled, "without_pandas", lambda: contextlib.nullcontext(entered.append("without")))
    monkeypatch.setattr(pickled, "is_custom", lambda *_: own)
    monkeypatch.setattr(pickled, "need_pandas", lambda _: package)
    load(tmp_path)
    assert bool(entered) == kept_out


LOADED = (
    "import sys; from predictor import load; from pathlib import Path; load(Path({!r}));"
    "print('sklearn' in sys.modules, 'pandas' in sys.modules, 'pyarrow' in sys.modules)"
)


@pytest.mark.parametrize("mixed", [False, True])
def test_pandas_is_imported_for_frames_only_and_then_at_load(tmp_path: Path, mixed: bool) -> None:
    if mixed:
        mixed_regressor(tmp_path / "mixed")
    code = LOADED.format(str(tmp_path / "mixed" if mixed else ROOT))
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True, capture_output=True, text=True)
    assert done.stdout.split() == ["True", str(mixed), "False"]


@pytest.mark.parametrize("start", ["import gunicorn.app.wsgiapp, webapp; webapp.create_app()", "import main"])
def test_no_host_imports_pandas_for_a_matrix(start: str) -> None:
    code = f"import sys; {start}; print('sklearn' in sys.modules, 'pandas' in sys.modules); import pandas"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True, capture_output=True, text=True)
    assert done.stdout.split()[-2:] == ["True", "False"]


TENTHS = [number / 10 for number in range(1, 10)]


@pytest.mark.parametrize(
    ("values", "counts", "deciles", "cumulative", "shares"),
    [
        (range(1, 101), [1] * 100, range(10, 100, 10), TENTHS, [0.1] * 10),
        (range(1, 11), [1] * 10, range(1, 10), TENTHS, [0.1] * 10),
        ([3, 1, 2], [1, 1, 1], [1, 2], [0.333333, 0.666667], [1 / 3] * 3),
        ([1, 0], [1, 3], [0], [0.75], [0.75, 0.25]),
        ([2, 1, 2], [1, 1, 2], [1], [0.25], [0.25, 0.75]),
        ([0, 1, 2], [98, 1, 1], [0], [0.98], [0.98, 0.02]),
        ([7], [5], [], [], []),
    ],
)
def test_deciles_part_the_values_of_training(
    values: Any, counts: Any, deciles: Any, cumulative: list[float], shares: list[float]
) -> None:
    column = Number("n").with_deciles(np.array(values, dtype=np.float64), np.array(counts))
    assert column.deciles == list(deciles)
    assert column.cumulative == pytest.approx(cumulative, abs=1e-12)
    assert column.shares == pytest.approx(shares, abs=1e-6)


def test_the_shares_of_categories_are_of_the_first_ones() -> None:
    column = Category("c", values=["a", "b", "c"]).with_shares([1, 2], 3)
    assert column.shares == [0.333333, 0.666667]
    assert column.frequent == [("b", 0.666667), ("a", 0.333333)]
    assert len(Category("c", values=list(range(60))).with_shares([1] * 60, 60).shares) == 50
