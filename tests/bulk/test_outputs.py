"""What is added to rows by models of every kind of output: the server's answer, in columns."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.bulk.conftest import Bulk, rows_of, write_parquet
from tests.bulk.test_predictions import close
from tests.hosts import Host
from tests.models import hosts_of
from tests.outputs.conftest import MODELS, TARGETS, X, adopt


def flat(prefix: str, answer: Any) -> dict[str, Any]:
    """Return an answer's value or object as columns."""
    if not isinstance(answer, dict):
        return {prefix: answer}
    return {name: value for key, more in answer.items() for name, value in flat(f"{prefix} {key}", more).items()}


def expected_of(host: Host, *, probabilities: bool) -> list[dict[str, Any]] | None:
    body = {"instances": X.tolist()} | ({"probabilities": True} if probabilities else {})
    got = host.send(json.dumps(body).encode(), path="/predict")
    if got.status != 200:
        return None
    answer = got.json()
    rows = [flat("prediction", found) for found in answer["predictions"]]
    chances = [flat("probability", found) for found in answer.get("probabilities", [{}] * len(rows))]
    return [row | more for row, more in zip(rows, chances, strict=True)]


@pytest.mark.parametrize("name", MODELS)
def test_each_kind_of_output_is_in_columns_what_the_server_answers(name: str, bulk: Bulk, tmp_path: Path) -> None:
    model = adopt(MODELS[name](), tmp_path, TARGETS.get(name, "y"))
    web, _ = hosts_of(model)
    cells = ", ".join(f"({a!r}::DOUBLE, {b!r}::DOUBLE)" for a, b in X.tolist())
    source = write_parquet(tmp_path / "rows.parquet", f"SELECT * FROM (VALUES {cells}) AS t(a, b)")
    for asked in (False, True):
        expected = expected_of(web, probabilities=asked)
        out = tmp_path / f"out-{asked}"
        done = bulk(source, "--out", out, *(["--probabilities"] if asked else []), MODEL_DIR=model)
        if expected is None:
            assert (done.status, done.err) == (
                1,
                "bulk: this model gives no probabilities; leave --probabilities out\n",
            )
            continue
        assert (done.status, done.err) == (0, "")
        found = rows_of(out / "predictions-*.parquet")
        assert [{"a": a, "b": b} for a, b in X.tolist()] == [{"a": row.pop("a"), "b": row.pop("b")} for row in found]
        assert [list(row) for row in found] == [list(row) for row in expected]
        for row, wanted in zip(found, expected, strict=True):
            assert {key: type(value) for key, value in row.items()} == {k: type(v) for k, v in wanted.items()}
            assert row == {key: close(value) if type(value) is float else value for key, value in wanted.items()}
