"""Requests that wait for a slow model anyway are predicted together, and nobody can tell but by the clock."""

import json
import re
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import chain, islice
from pathlib import Path
from typing import Any, NamedTuple

import joblib
import numpy as np
import pytest
import requests
from sklearn.ensemble import RandomForestClassifier

from handlers.service import Service, load_service
from predictor import together as module
from predictor.columns import Inputs, Number
from predictor.together import MOST_ROWS, count_rows
from servers.running import FUNCTION, GUNICORN, running
from tests.hosts import JSON
from tests.models import Sample, save_model
from tests.workers import Driven
from webapp import create_app
from worker.lane import QuickWorker

BEYOND_FLOAT32 = 1e39  # scikit-learn's trees refuse it


@pytest.fixture(scope="module")
def forest(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of a small forest that may be predicted together."""
    folder = tmp_path_factory.mktemp("forest")
    random = np.random.RandomState(0)
    rows = random.uniform(0, 10, (60, 3)).round(3)
    labels = np.array(["low", "middle", "high"])[(rows.sum(axis=1) // 10).astype(int)]
    sample = Sample([Number("a"), Number("b"), Number("c")], rows.tolist(), labels.tolist())
    save_model(folder, RandomForestClassifier(20, random_state=0), np.column_stack, sample, batch_invariant=True)
    return folder


class Served:
    """A worker that the test drives, its model, and how many rows each call of the estimator had."""

    def __init__(self, folder: Path, **environ: str) -> None:
        self.service: Service = load_service({"MODEL_DIR": str(folder)} | environ)
        self.calls: list[tuple[str, int]] = []
        self.driven = Driven(QuickWorker, create_app(self.service))
        predictor = self.service.predictor
        proper = predictor.call_estimator

        def noting(name: str, inputs: Inputs) -> Any:
            self.calls.append((name, count_rows(inputs)))
            return proper(name, inputs)

        if predictor.together:
            predictor.together.function = noting
        else:
            predictor.call = noting

    def answers(self, bodies: list[bytes], *, kept: bool = False) -> list[tuple[int, Any]]:
        """Return status and document of the answer to each body; all wait before the first turn of the loop.

        They come over new connections, or over kept ones, which have had an answer.
        """
        clients = [self.driven.connect() for _ in bodies]
        for client in clients if kept else ():
            client.sendall(request_of(b"["))
            assert b" 400 BAD REQUEST" in self.driven.answer(client)
        for client, body in zip(clients, bodies, strict=True):
            client.sendall(request_of(body))
        found = []
        for client in clients:
            answer = self.driven.answer(client)
            while not answer.endswith(b"}"):  # the pool sends it in parts
                answer += self.driven.answer(client)
            head, _, document = answer.partition(b"\r\n\r\n")
            found.append((int(head.split()[1]), json.loads(document)))
            client.close()
        self.let_go()
        return found

    def let_go(self) -> None:
        """Run until the worker has closed what its clients closed."""
        while self.driven.worker.nr_conns:
            self.driven.turn()


def request_of(body: bytes, media_type: bytes = b"application/json") -> bytes:
    head = b"POST /predict HTTP/1.1\r\nHost: x\r\nContent-Type: %b\r\nContent-Length: %d\r\n\r\n"
    return head % (media_type, len(body)) + body


@pytest.fixture
def always_worth_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "WORTH_SECONDS", 0.0)


@pytest.fixture
def serve(forest: Path, always_worth_it: None) -> Iterator[Callable[..., Served]]:
    started: list[Served] = []

    def start(**environ: str) -> Served:
        started.append(Served(forest, **environ))
        return started[-1]

    yield start
    for each in started:
        each.driven.close()


def rows_of(count: int) -> list[list[float]]:
    return [[number % 10, (number * 7) % 10 + 0.5, (number * 3) % 10] for number in range(count)]


def body_of(row: list[float], **more: Any) -> bytes:
    return json.dumps({"features": row, **more}).encode()


def expected(folder: Path, rows: list[list[float]]) -> list[tuple[int, Any]]:
    labels = [joblib.load(folder / "model.pkl").predict([row])[0] for row in rows]
    return [(200, {"prediction": label, "model_version": "1.0"}) for label in labels]


@pytest.mark.parametrize("kept", [False, True])
def test_what_waits_for_the_main_loop_is_one_call(serve: Callable[..., Served], forest: Path, kept: bool) -> None:
    served, rows = serve(), rows_of(16)
    assert served.answers([body_of(row) for row in rows], kept=kept) == expected(forest, rows)
    assert served.calls == [("predict", 16)]
    assert served.answers([body_of(row) for row in rows[:1]]) == expected(forest, rows[:1])
    assert served.calls == [("predict", 16), ("predict", 1)]


def test_of_very_many_some_wait_for_the_next_turn(serve: Callable[..., Served], forest: Path) -> None:
    served, rows = serve(), rows_of(MOST_ROWS + 6)
    assert served.answers([body_of(row) for row in rows]) == expected(forest, rows)
    assert served.calls == [("predict", MOST_ROWS), ("predict", 6)]


@pytest.mark.parametrize("environ", [{"BATCHING": "off"}, {"BATCHING": " off "}])
def test_it_can_be_turned_off(serve: Callable[..., Served], forest: Path, environ: dict[str, str]) -> None:
    served, rows = serve(**environ), rows_of(5)
    assert served.answers([body_of(row) for row in rows]) == expected(forest, rows)
    assert served.calls == [("predict", 1)] * 5


@pytest.mark.parametrize("environ", [{"BATCHING": "off"}, {"BATCHING": "on"}, {"BATCHING": ""}])
def test_a_model_that_rounds_otherwise_together_is_not_predicted_together(environ: dict[str, str]) -> None:
    assert load_service(environ).predictor.together is None  # the example: a linear model


@pytest.mark.parametrize("value", ["0", "1", "no", "ON"])
def test_another_setting_is_refused(value: str) -> None:
    with pytest.raises(SystemExit, match=f"BATCHING='{value}' must be on or off; unset, it is on"):
        load_service({"BATCHING": value})


def test_a_quick_model_is_not_looked_ahead_for(
    serve: Callable[..., Served], forest: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    served, rows = serve(), rows_of(4)
    monkeypatch.setattr(module, "WORTH_SECONDS", 60.0)
    assert served.answers([body_of(row) for row in rows]) == expected(forest, rows)
    assert served.calls == [("predict", 1)] * 4


def test_what_is_invalid_is_refused_as_ever_and_the_others_are_answered(
    serve: Callable[..., Served], forest: Path
) -> None:
    served, rows = serve(), rows_of(4)
    bad = [b"[", b"{}", b'{"features":[1,2]}', b'{"features":[1,2,"x"]}', b'{"features":[1,2,3],"features":[1,2,3]}']
    bodies = [body_of(row) for row in rows]
    together = served.answers([*bodies[:2], *bad, *bodies[2:]])
    assert served.calls == [("predict", 4)]
    assert together[:2] + together[2 + len(bad) :] == expected(forest, rows)
    alone = [served.answers([body])[0] for body in bad]
    assert [status for status, _ in alone] == [400, 422, 422, 422, 400]
    assert together[2 : 2 + len(bad)] == alone


def test_a_fault_of_ours_ends_one_request_and_not_the_loop(
    serve: Callable[..., Served], forest: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    served, rows = serve(), rows_of(3)
    proper = served.service.request_schema.fields["features"].deserialize

    def deserialize(value: Any, *more: Any) -> Any:
        if value == [6, 6, 6]:
            raise RuntimeError("a slip")
        return proper(value, *more)

    monkeypatch.setattr(served.service.request_schema.fields["features"], "deserialize", deserialize)
    got = served.answers([body_of([6, 6, 6]), *map(body_of, rows)])
    assert got[0][0] == 500
    assert got[1:] == expected(forest, rows)
    assert served.calls == [("predict", 3)]


@pytest.mark.parametrize("kind", [SystemExit, KeyboardInterrupt, GeneratorExit, MemoryError, RecursionError, OSError])
def test_whatever_the_model_raises_ends_one_request_and_not_the_loop(
    serve: Callable[..., Served], forest: Path, kind: type[BaseException]
) -> None:
    served, rows = serve(), rows_of(3)
    together = served.service.predictor.together
    assert together is not None
    proper = together.function

    def function(name: str, inputs: Inputs) -> Any:
        if 6.5 in np.asarray(inputs):
            raise kind("on purpose")
        return proper(name, inputs)

    together.function = function
    clients = [served.driven.connect() for _ in range(4)]
    for client, row in zip(clients, [[6.5, 1, 1], *rows], strict=True):
        client.sendall(request_of(body_of(row)))
    assert [served.driven.answer(client)[9:12] for client in clients] == [b"500", b"200", b"200", b"200"]
    for client in clients:
        client.close()
    served.let_go()


@pytest.mark.parametrize("kept", [False, True])
def test_a_row_that_the_model_refuses_is_refused_alone(serve: Callable[..., Served], forest: Path, kept: bool) -> None:
    served, rows = serve(), rows_of(8)
    bodies = [body_of(row) for row in rows]
    bodies[3] = body_of([1, BEYOND_FLOAT32, 3])
    got = served.answers(bodies, kept=kept)
    assert got[3] == served.answers([bodies[3]])[0]
    assert got[3][0] == 422
    assert got[:3] + got[4:] == expected(forest, rows[:3] + rows[4:])


def test_what_stands_beside_predictions_is_one_call_too(serve: Callable[..., Served], forest: Path) -> None:
    served, rows = serve(), rows_of(6)
    asked = served.answers([body_of(row, probabilities=number % 2 == 0) for number, row in enumerate(rows)])
    estimator = joblib.load(forest / "model.pkl")
    for number, ((status, document), row) in enumerate(zip(asked, rows, strict=True)):
        chances = dict(zip(estimator.classes_.tolist(), estimator.predict_proba([row])[0].tolist(), strict=True))
        wanted = {"prediction": estimator.predict([row])[0]} | ({} if number % 2 else {"probabilities": chances})
        assert (status, document) == (200, wanted | {"model_version": "1.0"})
    assert served.calls == [("predict", 6), ("predict_proba", 3)]


def test_what_is_not_given_is_refused_to_each(serve: Callable[..., Served]) -> None:
    served = serve()
    got = served.answers([body_of(row, scores=True) for row in rows_of(3)])
    assert [(status, document["detail"]) for status, document in got] == [(422, "this model gives no scores")] * 3


@pytest.mark.parametrize("kept", [False, True])
def test_other_requests_of_the_turn_go_their_usual_way(serve: Callable[..., Served], forest: Path, kept: bool) -> None:
    served, rows = serve(), rows_of(3)
    many = json.dumps({"instances": rows}).encode()
    [first, several, last] = served.answers([body_of(rows[0]), many, body_of(rows[2])], kept=kept)
    assert [first, last] == expected(forest, [rows[0], rows[2]])
    labels = [document["prediction"] for _, document in expected(forest, rows)]
    assert several == (200, {"predictions": labels, "model_version": "1.0"})
    assert sorted(served.calls) == [("predict", 2), ("predict", 3)]


def test_a_client_that_has_gone_costs_the_others_nothing(serve: Callable[..., Served], forest: Path) -> None:
    served, rows = serve(), rows_of(3)
    gone = served.driven.connect()
    gone.sendall(request_of(body_of([1, 2, 3])))
    gone.close()
    assert served.answers([body_of(row) for row in rows]) == expected(forest, rows)
    assert served.calls == [("predict", 4)]


def test_the_time_that_a_request_waited_for_the_call_is_told(serve: Callable[..., Served]) -> None:
    served = serve()
    clients = [served.driven.connect() for _ in range(3)]
    for client in clients:
        client.sendall(request_of(body_of([1, 2, 3])))
    answers = [served.driven.answer(clients[0])]
    waited = served.driven.worker.direct.ahead.seconds * 1000  # they were all in one turn
    answers += map(served.driven.answer, clients[1:])
    durations = [float(re.findall(rb"predict;dur=([0-9.]+)", answer)[0]) for answer in answers]
    assert 0 < waited <= min(durations) + 0.001
    for client in clients:
        client.close()
    served.let_go()


class Exchange(NamedTuple):
    """A request of a random number of rows, of which the last one may be refused, and its answer."""

    rows: list[list[float]]
    single: bool
    probabilities: bool
    refused: bool
    status: int
    document: Any


def exchanges(url: str, seed: int, most_rows: int) -> list[Exchange]:
    """Send a hundred requests, one after the other, over one connection."""
    random, found = np.random.RandomState(seed), []
    with requests.Session() as session:
        for _ in range(100):
            single = most_rows == 1 or random.uniform() < 0.3
            rows = random.uniform(0, 10, (1 if single else random.randint(1, most_rows), 3)).tolist()
            probabilities, refused = random.uniform(size=2) < (0.5, 0.03)
            if refused:
                rows[-1][1] = BEYOND_FLOAT32
            body = {"features": rows[0]} if single else {"instances": rows}
            body |= {"probabilities": True} if probabilities else {}
            got = session.post(f"{url}/predict", data=json.dumps(body), headers=JSON, timeout=60)
            found.append(Exchange(rows, single, probabilities, refused, got.status_code, got.json()))
    return found


@pytest.mark.slow
@pytest.mark.parametrize("command", [GUNICORN, FUNCTION], ids=["gunicorn", "functions-framework"])
@pytest.mark.parametrize("most_rows", [1, 20])
def test_of_thousands_of_requests_each_gets_its_own_answer(
    forest: Path, command: list[str], most_rows: int, tmp_path: Path
) -> None:
    with (
        running(command, tmp_path / "log", MODEL_DIR=str(forest), THREADS="12") as server,
        ThreadPoolExecutor(16) as threads,
    ):
        found = list(chain(*threads.map(lambda seed: exchanges(server.url, seed, most_rows), range(16))))
        assert "Traceback" not in server.output()
        assert '"severity": "WARNING"' not in server.output()
    assert [each.status for each in found] == [422 if each.refused else 200 for each in found]
    answered = [each for each in found if not each.refused]
    estimator = joblib.load(forest / "model.pkl")
    rows = list(chain(*(each.rows for each in answered)))
    labels, chances = iter(estimator.predict(rows).tolist()), iter(estimator.predict_proba(rows).tolist())
    for each in answered:
        wanted: dict[str, Any] = {"predictions": list(islice(labels, len(each.rows)))}
        by_label = [dict(zip(estimator.classes_, row, strict=True)) for row in islice(chances, len(each.rows))]
        wanted |= {"probabilities": by_label} if each.probabilities else {}
        if each.single:
            wanted = {key.removesuffix("s") if key == "predictions" else key: value[0] for key, value in wanted.items()}
        assert each.document == wanted | {"model_version": "1.0"}
