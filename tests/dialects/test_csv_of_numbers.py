"""Lines of numbers are read in a quick way, which takes nothing that Python's own reader reads otherwise."""

import random

import pytest

from handlers.dialects.csv_rows import read_csv, read_numbers
from handlers.responses import Problem
from predictor.loading import read_manifest
from servers.running import ROOT

MANIFEST = read_manifest(ROOT / "model.json")
CELLS = ["1", "-2.5", "3e5", "0", "-0", "1E-3", "9007199254740993", "18446744073709551616", "0.1", "12345.6789"]
ODD = [
    "", " 1", "1 ", "\t1", "1\r", "\u0661", "\ufeff1", "+1", "1.", ".5", "01", "nan", "NaN", "inf", "1e999", "-", "1-2",
    "e", "1_0", "0x1", "null", "true", "false", "[1]", "{}", '"1"', '"1,2"', "1,2",
]  # fmt: skip
ENDS = ["\n", "\n", "\r\n", "\r", "\n\n", ""]


def body(chance: random.Random) -> bytes:
    end = chance.choice(ENDS)
    lines = [chance.choices(CELLS, k=3) for _ in range(chance.randint(1, 4))]
    if chance.random() < 0.5:
        lines.insert(0, chance.choice([["x1", "x2", "x3"], ["x3", "x1", "x2"], ["x1", "x2", "x3", "x1"], ["x1", "x2"]]))
    if chance.random() < 0.5:
        line = chance.choice(lines)
        line[chance.randrange(len(line))] = chance.choice(ODD)
    return (end.join(map(",".join, lines)) + chance.choice(ENDS)).encode()


@pytest.mark.parametrize("seed", range(10))
def test_both_read_the_same(seed: int) -> None:
    chance = random.Random(seed)  # noqa: S311
    quick = 0
    for _ in range(300):
        text = body(chance)
        frame = read_numbers(text, MANIFEST, 4)
        if frame is None:
            continue
        quick += 1
        columns = zip(frame["columns"], zip(*frame["data"], strict=True), strict=True)
        floats = {name: [*map(float, cells)] for name, cells in columns}
        assert floats == {name: list(cells) for name, cells in read_csv(text, MANIFEST, 4).items()}, text
    assert quick > 20


@pytest.mark.parametrize(
    ("text", "is_quick"),
    [
        (b"1,2,3", True),
        (b"1,2,3\n" * 4, True),
        (b"1,2,3\n" * 5, False),
        (b"x2,x1,x3\r\n1,2,3\r\n", True),
        (b"1,2", False),
        (b"1,2,3\n1,2", False),
        (b"x1,x2,x3", False),
        (b"x1,x2,x3,x1\n1,2,3", False),
        (b"x1,x2,x3,x1\n1,2,3,1", False),
        (b"", False),
        (b"1," * 100_000, False),
    ],
    ids=lambda value: repr(value)[:30],
)
def test_what_has_the_quick_way(text: bytes, is_quick: bool) -> None:
    assert (read_numbers(text, MANIFEST, 4) is not None) == is_quick


def test_too_many_lines_of_numbers_are_refused() -> None:
    with pytest.raises(Problem, match="at most 4 rows"):
        read_csv(b"1,2,3\n" * 5, MANIFEST, 4)
