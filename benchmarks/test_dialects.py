"""The measure of what dialects cost: each of its requests is one that its dialect answers."""

import pytest

from benchmarks import dialects
from handlers.service import load_service
from webapp import create_app


@pytest.mark.parametrize("rows", [1, 1000])
def test_every_form_is_answered_and_measured(rows: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dialects, "ROUNDS", 1)
    app = create_app(load_service({"AIP_PREDICT_ROUTE": dialects.ROUTE}))
    times = dialects.measured(app, rows)
    assert len(times) == 17
    assert min(times.values()) > 0
    ratios = dialects.ratios_of(times)
    assert {name for name, ratio in ratios.items() if ratio == 1} >= {"/predict", "/predict, by name"}


def test_a_form_that_is_refused_ends_the_measure() -> None:
    app = create_app(load_service({}))  # without a route of Vertex AI's
    with pytest.raises(SystemExit, match="benchmarks.dialects: .* answers 404"):
        dialects.measured(app, 1)
