"""What is written and shown of a result."""

import json
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any

import pytest

from benchmarks.contenders import CONTENDERS
from benchmarks.documents import BEGIN, END, PAGE, PICTURE, README, RESULTS, between_marks, write_documents
from benchmarks.report import MEASURES, Measure, is_missed, quantity, result_of, shown
from servers.running import ROOT


def result() -> dict[str, Any]:
    """Return a result of made-up figures for everybody."""
    samples = {
        one.key: {measure.key: [1.0 + len(one.key), 2.0, 3.0] for measure in MEASURES} for one in CONTENDERS
    }  # fmt: skip
    return result_of(samples, rounds=3, seconds=1)


def test_a_result_is_written_where_it_is_shown(tmp_path: Path) -> None:
    for name in (PAGE, README, RESULTS):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(f"before\n{BEGIN}as before\n{END}after\n")
    assert write_documents(result(), tmp_path) == [RESULTS, PICTURE, PAGE, README]
    assert json.loads((tmp_path / RESULTS).read_text()) == result()
    texts = {name: (tmp_path / name).read_text() for name in (PAGE, README)}
    for text in texts.values():
        assert text.startswith(f"before\n{BEGIN}")
        assert text.endswith(f"{END}after\n")
        assert "as before" not in text
    assert texts[README].count("\n| ") == 1 + 1 + 6
    assert texts[PAGE].count("\n| ") == 2 + len(MEASURES)
    ET.fromstring((tmp_path / PICTURE).read_text())  # noqa: S314  # our own file


def test_what_is_shown_is_what_was_measured(tmp_path: Path) -> None:
    """Nobody changed a figure by hand."""
    for name in (RESULTS, PICTURE, PAGE, README):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text((ROOT / name).read_text())
    for name in write_documents(json.loads((ROOT / RESULTS).read_text()), tmp_path):
        assert (tmp_path / name).read_text() == (ROOT / name).read_text(), name


@pytest.mark.parametrize("text", ["", BEGIN, END, f"{END}{BEGIN}"])
def test_a_page_without_its_marks_is_not_changed(text: str) -> None:
    with pytest.raises(ValueError, match="a page needs one"):
        between_marks(text, ["new"])


@pytest.mark.parametrize(
    ("ratio", "aim", "missed"), [(0.42, 0.42, False), (0.424, 0.42, False), (0.426, 0.42, True), (0.0214, 0.02, True)]
)
def test_an_aim_is_missed_by_what_the_shown_digits_say(ratio: float, aim: float, missed: bool) -> None:
    assert is_missed(Measure("it", "it", aims={"compiled": aim}), "compiled", ratio) == missed
    assert not is_missed(Measure("it", "it", aims={"compiled": aim}), "sklearn", ratio)


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [(1234.5, "µs", "1,234 µs"), (20.04, "µs", "20.0 µs"), (0.44, "s", "0.44 s"), (1.26, "s", "1.3 s")],
)  # fmt: skip
def test_quantities_are_read_by_people(value: float, unit: str, text: str) -> None:
    assert quantity(value, unit) == text


def test_small_ratios_have_three_decimals() -> None:
    assert [shown(ratio) for ratio in (1.0, 0.104, 0.0994)] == ["1.00", "0.10", "0.099"]
