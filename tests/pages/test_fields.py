"""The small histogram beside a field, drawn from what the manifest keeps of training's values."""

import pytest

from predictor.columns import Category, Column, Number, Text
from webapp.fields import field_of

QUARTERS = [0.25, 0.5, 0.75]


@pytest.mark.parametrize(
    ("column", "bars"),
    [
        # Whole numbers: each part is as wide as the numbers that it holds, the smallest included.
        (
            Number("n", minimum=0, maximum=3, deciles=[0, 1, 2], cumulative=QUARTERS),
            [(0, 25, 20), (25, 25, 20), (50, 25, 20), (75, 25, 20)],
        ),
        # Half of the numbers lie in a quarter of the range.
        (Number("n", minimum=0.5, maximum=4.5, deciles=[1.5], cumulative=[0.5]), [(0, 25, 20), (25, 75, 6.67)]),
        # A part that is too narrow to be seen is drawn wider; none lies over another.
        (
            Number("n", minimum=0.5, maximum=1000.5, deciles=[0.6], cumulative=[0.5]),
            [(0, 1.96, 20), (1.96, 98.04, 0.4)],
        ),
        (Number("n", minimum=0, maximum=1), []),
        (Number("n", deciles=[0.5], cumulative=[0.5]), []),
        (Number("n", minimum=1, maximum=1, deciles=[1], cumulative=[0.5]), []),
        (Category("c", values=["a", "b"], shares=[0.8, 0.2]), [(0, 50, 20), (50, 50, 5)]),
        (Category("c", values=["a", "b"]), []),
        (Text("t"), []),
    ],
)
def test_bars_are_as_wide_as_what_they_hold(column: Column, bars: list[tuple[float, float, float]]) -> None:
    assert field_of(column, [None]).bars == bars
