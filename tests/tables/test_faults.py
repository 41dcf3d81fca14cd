"""Tables that cannot be used: every fault of a file in one run, one line each, with its place and what to do."""

import gzip
import os
from pathlib import Path
from typing import Any

import pytest

from tables import TableError, read

GOOD = "a,b,y\n" + "".join(f"{i},{i * 7 % 11},{2 * i + 1}\n" for i in range(20))


def faults(path: Path, target: str = "y", **wishes: Any) -> list[str]:
    with pytest.raises(TableError) as refused:
        read(path, target, **wishes)
    for fault in refused.value.faults:
        assert len(fault) < 2500
        assert len(fault.splitlines()) == 1
        assert str(path) in fault or fault.endswith(" more")
    return [fault.removeprefix(f"{path}: ") for fault in refused.value.faults]


# What is wrong with a file: its content, and how each of its faults begins.
FAULTS: dict[str, tuple[str | bytes, list[str]]] = {
    "it is empty": ("", ["it has no rows"]),
    "it is blank": ("\n \n", ["it has no rows"]),
    "it has a header only": ("a,b,y\n", ["it has no rows"]),
    "rows are too long and too short": (
        f"{GOOD}1,2,3,4\n5,6,7\n8\n",
        ["line 22 has 4 values, but the header names 3 columns; correct it", "line 24 has 1 value, but"],
    ),
    "every row is too long": (
        GOOD.replace("\n", ",0\n").replace("y,0", "y"), ["every row has 4 values, but the header names 3 columns; name"]
    ),
    "every row but one is too long": (
        "a,b,y\n1,2,3\n1,2,3,4\n1,2,3,4\n", ["line 3 has 4 values", "line 4 has 4 values"]
    ),
    "a quote is never closed": (f'{GOOD}1,2,"3\n4,5,6\n', ["a quote that opens in line 22 is never closed"]),
    "bytes are not of its encoding": (
        GOOD.encode() + "é,ü,1\n".encode() + b"caf\xe9,1,2\n" + b"\xff,1,2\n",
        ["line 23 holds the byte 0xe9, which is not UTF-8", "line 24 holds the byte 0xff, which is not UTF-8"],
    ),
    "NULs": (f"{GOOD}1,\0,3\n4,5,6\n7,8,\0\n", ["line 22 holds a NUL byte; remove it", "line 24 holds a NUL byte"]),
    "a picture": (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0", ["it is no text file"]),
    "gzip": (gzip.compress(GOOD.encode()), ["it is compressed (gzip); unpack it first"]),
    "a workbook": (b"PK\x03\x04" + b"x" * 99, ["it is a zip archive or an Excel workbook"]),
    "no Parquet": (b"PAR1" + b"x" * 99, ["it cannot be read as Parquet: "]),
    "names twice and too long": (
        f"a,b, a,y,b,{'n' * 201}\n1,2,3,4,5,6\n",
        ["the name of column 6 is longer than 200", "columns 1 and 3 are all named 'a'", "columns 2 and 5 are all"],
    ),
    "one column": ("y\n1\n2\n", ["it has one column only, 'y'"]),
    "no such column": (GOOD.replace("y", "z"), ["it has no column 'y'; it has a, b, z"]),
    "no header": ("M,0.4,15\nF,0.3,7\nM,0.5,9\n", ["it seems to have no header line, it starts with M, 0.4, 15; give "
                  "--no-header, then the columns are column1 to column3"]),
    "no header, all numbers": ("1,0.4,15\n2,0.3,7\n3,0.5,9\n", ["it seems to have no header line"]),
    "no header, all words": ("p,x,s,p\ne,x,y,p\np,b,s,p\ne,x,s,e\n", ["it seems to have no header line"]),
    "strays in two columns": (
        "a,b,y\n" + "".join(f"{i},{i}.5,{i}\n" for i in range(30)) + "one,1,1\n2,two,2\n",
        ["column 'a' holds numbers, but 'one' in line 32; correct it, or give --number a", "column 'b' holds numbers, "
         "but 'two' in line 33"],
    ),
    "infinite": ("a,y\n1,2\ninf,3\n1e999,4\n", ["column 'a' holds an infinite value in line 3; remove that row"]),
    "an infinite target": ("a,y\n1,2\n2,3\n7,-inf\n", ["the target 'y' holds an infinite value in line 4"]),
    "a stray in the target": ("a,y\n" + "".join(f"{i},{i}.5\n" for i in range(30)) + "1,x7\n",
                              ["the target 'y' holds numbers, but 'x7' in line 32"]),
    "an empty target": ("a,y\n1,\n2,\n", ["the target 'y' is empty"]),
    "one value in the target": ("a,y\n1,5\n2,5.0\n", ["the target 'y' has one value only"]),
    "dates in the target": ("a,y\n1,2020-01-01\n2,2020-01-02\n", ["the target 'y' holds dates"]),
    "nothing to learn from": ("a,y\n7,5\n7,6\n", ["no column is left to predict 'y' from: 'a' is left out"]),
}  # fmt: skip


@pytest.mark.parametrize("what", FAULTS)
def test_every_fault_of_a_file_is_said_in_one_run(what: str, tmp_path: Path) -> None:
    content, expected = FAULTS[what]
    path = tmp_path / "table.csv"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    found = faults(path)
    assert [fault[: len(begin)] for fault, begin in zip(found, expected, strict=True)] == expected


def test_no_more_than_ten_faults_are_said(tmp_path: Path) -> None:
    path = tmp_path / "table.csv"
    path.write_text("a,b,y\n1,2,3\n" + "1,2,3,4\n" * 5000)
    found = faults(path)
    assert (len(found), found[0][:6], found[-1]) == (11, "line 3", "and 4,990 more")


# What is wrong with the wishes: they, and how each fault begins.
WISHES: dict[str, tuple[dict[str, Any], list[str]]] = {
    "no such columns": ({"drop": ["q"], "keep": ["r"], "text": ["s"]}, [f"it has no column '{c}'" for c in "qsr"]),
    "the target is dropped": ({"drop": ["y"]}, ["--drop y: that is the target"]),
    "all is dropped": ({"drop": ["a", "b"]}, ["no column is left to predict 'y' from; drop fewer"]),
    "no date": ({"date": ["b"]}, ["column 'b' holds '0' in line 2, which is no date; leave out --date"]),
}


@pytest.mark.parametrize("what", WISHES)
def test_wishes_that_cannot_be_met_are_said(what: str, tmp_path: Path) -> None:
    wishes, expected = WISHES[what]
    path = tmp_path / "table.csv"
    path.write_text(GOOD)
    found = faults(path, **wishes)
    assert [fault[: len(begin)] for fault, begin in zip(found, expected, strict=False)] == expected


def test_what_is_no_file_is_refused_at_once(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")  # nobody writes into it: to open it would wait for ever
    assert faults(tmp_path / "pipe") == [
        f"cannot read {tmp_path}/pipe: it is no regular file; give the path of a CSV or Parquet file"
    ]
    assert "Is a directory" in faults(tmp_path)[0]
    assert "No such file" in faults(tmp_path / "nowhere.csv")[0]
    assert "No such file" in faults(tmp_path / "*.csv")[0]


def test_a_line_without_end_is_refused_soon(tmp_path: Path) -> None:
    path = tmp_path / "table.csv"
    path.write_bytes(b"a" * 10_000_000)
    assert faults(path) == ["its first line has more than 1,000,000 characters; give a table"]
    path.write_bytes(GOOD.encode() + b"1," * 1_000_000)
    assert faults(path)[0].startswith("line 22 has 1000001 values")
    path.write_bytes(GOOD.encode() + b'1,2,"' + b"a" * 1_000_000 + b'"\n')
    assert faults(path) == ["line 22 cannot be read: field larger than field limit (131072)"]


def test_a_table_that_is_very_wide_is_refused_or_read(tmp_path: Path) -> None:
    path = tmp_path / "table.csv"
    names = [f"c{i}" for i in range(2000)]
    row = ",".join(map(str, range(2000)))
    path.write_text(",".join([*names, "y"]) + f"\n{row},1\n{row.replace('1', '2')},5\n3{row},7\n")
    assert len(read(path, "y").columns) + len(read(path, "y").left_out) == 2000
    path.write_text(",".join(f"c{i}" for i in range(20_001)) + "\n" + "1," * 20_000 + "1\n")
    assert faults(path, "c5") == ["it has 20,001 columns; at most 20,000 can be used"]


@pytest.mark.parametrize("name", ["a'b.csv", "*.csv", "a?[b].csv", "a\nb.csv", "s3:x.csv", "-"])
def test_a_file_may_have_any_name_and_no_other_is_opened(name: str, tmp_path: Path) -> None:
    (tmp_path / "other.csv").write_text(GOOD.replace("b", "secret"))
    (tmp_path / name).write_text(GOOD)
    assert read(tmp_path / name, "y").feature_names == ["a", "b"]


def test_a_table_that_names_other_files_is_only_text(tmp_path: Path) -> None:
    path = tmp_path / "table.csv"
    path.write_text("c,n,y\n" + "".join(f"read_csv('/etc/passwd'),{i},{i}.5\n/etc/hosts,1,{i}.1\n" for i in range(9)))
    assert sorted(read(path, "y").columns[0].describe()["values"]) == ["/etc/hosts", "read_csv('/etc/passwd')"]
