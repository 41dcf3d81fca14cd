"""The drift query, over a stream that shifts: it tells which number did, and of the others nothing."""

import pytest
from werkzeug.test import Client

from benchmarks.drift import DAY, SHIFTS, indices_by_hour, picture
from webapp import create_app


@pytest.mark.slow
def test_the_number_that_shifts_is_told_and_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("METRICS", "1")
    app = create_app()
    columns = app.extensions["tandem"].predictor.manifest.features
    first, *others = indices_by_hour(Client(app), columns).values()
    before, after = slice(DAY, SHIFTS.start), slice(SHIFTS.stop, None)
    assert max(first[before]) < 0.01
    assert min(first[after]) > 1
    assert all(max(index[DAY:]) < 0.01 for index in others)
    drawn = picture({"x1": first, "x2": others[0]})
    assert [line.get_label() for line in drawn.axes[0].lines[:2]] == ["x1", "x2"]
