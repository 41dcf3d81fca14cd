"""What a dialect costs beside /predict: little more for the same rows, and bytes much less."""

import pytest

from benchmarks import dialects
from handlers.service import load_service
from webapp import create_app

# It was at most 1.15; what is between is the noise of a busy machine.
MOST = 1.25
SLOWER = {"BigQuery, numbers in strings"}  # docs/dialects/bigquery.md says to cast them

pytestmark = [pytest.mark.slow, pytest.mark.alone]


@pytest.mark.parametrize("rows", [1, 1000])
def test_no_dialect_costs_much_more_than_predict(rows: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dialects, "ROUNDS", 15)
    app = create_app(load_service({"AIP_PREDICT_ROUTE": dialects.ROUTE}))
    ratios = dialects.ratios_of(dialects.measured(app, rows))
    assert {name: ratio for name, ratio in ratios.items() if ratio > MOST and name not in SLOWER} == {}
    if rows == 1000:
        assert ratios["Open Inference, bytes"] < 0.7
