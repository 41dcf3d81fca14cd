"""A short soak; `make soak` sends 50,000 requests."""

from pathlib import Path

import pytest

from tests.process.soak import KINDS, soak, unexpected

pytestmark = [pytest.mark.slow, pytest.mark.alone]


def test_two_thousand_requests_good_and_bad_leave_nothing_behind(tmp_path: Path) -> None:
    counts, start, end = soak(tmp_path, 2000, 2000)
    assert unexpected(counts) == {}
    assert (counts.total(), {name for name, _ in counts}) == (2000, set(KINDS))
    assert end.is_flat_since(start), (start, end)
