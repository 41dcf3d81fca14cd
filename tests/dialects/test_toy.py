"""How much one more dialect takes: a file of some thirty lines and a line of the table; both hosts serve it."""

from pathlib import Path

import pytest
from flask import Response

from handlers.dialects import table
from handlers.responses import Problem
from servers.running import ROOT
from tests.dialects.conftest import Hosts
from tests.dialects.toy import Toy
from tests.files import copy_model


def test_a_dialect_of_ones_own_is_served(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(table, "DIALECTS", (*table.DIALECTS, Toy))
    here = Hosts({"MODEL_DIR": str(copy_model(tmp_path / "model")), "MAX_ROWS": "3"}, tmp_path)
    for body, status, answer in (
        (b"1 2 3\n2 3 4\n", 200, b"10.0\n15.0"),
        (b"1 2 3\n2 x 4\n", 422, b"line 1: x2 must be a number, not a string"),
        (b"1 2\n", 422, b"line 0: must have 3 numbers, has 2 values"),
        (b"1 2 3\n" * 4, 413, b"a request takes at most 3 rows, this one has 4"),
        (b"", 400, b"the body is empty; send a JSON object"),
    ):
        got = here.post("/toy", body, {})
        assert (got.status, got.body) == (status, answer)
    assert here.web.send(path="/toy", method="DELETE").body == b"this address takes POST, OPTIONS"
    assert here.web.send(b'{"features":[1,2,3]}').status == 200


class Broken(Toy):
    """Fails at what it is to refuse."""

    paths = ["/broken"]

    def refuse(self, problem: Problem) -> Response:
        assert problem.status == 500
        return super().refuse(problem)


def test_a_dialect_that_fails_at_a_refusal_is_a_fault_of_ours(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(table, "DIALECTS", (*table.DIALECTS, Broken))
    here = Hosts({"MODEL_DIR": str(copy_model(tmp_path / "model"))}, tmp_path)
    got = here.post("/broken", b"1 2\n", {"X-Request-Id": "one"})
    assert (got.status, got.body) == (500, b"internal error; the request id is one")
    assert "AssertionError" in caplog.text


def test_it_takes_about_thirty_lines() -> None:
    lines = (ROOT / "tests" / "dialects" / "toy.py").read_text().splitlines()
    assert len([line for line in lines if line.strip()]) <= 30
