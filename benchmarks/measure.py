"""One round: every contender in turn is started on a core of its own and loaded from another."""

import functools
import json
import subprocess
from collections.abc import Set
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import BenchmarkError
from benchmarks.contenders import CALL, CONTENDERS, Contender
from benchmarks.load import LOADS, Load, run
from benchmarks.models import MODELS, trained
from benchmarks.processes import Server, on_core, serving
from servers.running import ROOT

WARM_UP_SECONDS, WARM_UP_CONNECTIONS = 1, 16
FURTHER_WORKERS = 2
# The scenarios for which a model is started even without a load of it.
STARTS = {"linear": {"start", "workers"}, "mixed": {"mixed-start"}}
SCENARIOS = sorted({load.scenario for load in LOADS}.union(*STARTS.values()))


@dataclass(frozen=True)
class Bench:
    """What is measured, and how: the scenarios, the seconds of a load, and which core serves and which one sends.

    `folder` is for requests and logs; `answers` has what was predicted for each request, which all must agree on.
    """

    scenarios: Set[str]
    seconds: int
    folder: Path
    server_core: int
    load_core: int
    answers: dict[str, Any]

    def steps(self, number: int) -> list[tuple[Contender, str]]:
        """Return who is started with which model in a round; each round begins with another contender."""
        turn = number % len(CONTENDERS)
        return [
            (contender, model)
            for contender in CONTENDERS[turn:] + CONTENDERS[:turn]
            for model in MODELS
            if self.loads(contender, model) or self.chosen(contender) & STARTS.get(model, set())
        ]

    def chosen(self, contender: Contender) -> Set[str]:
        """Return the scenarios that a contender takes part in."""
        return self.scenarios & set(contender.scenarios)

    def loads(self, contender: Contender, model: str) -> list[Load]:
        """Return the loads of a contender's server of a model."""
        return [load for load in LOADS if load.model == model and load.scenario in self.chosen(contender)]

    def measure(self, contender: Contender, model: str) -> dict[str, float]:
        """Return each measure of a contender with a model."""
        if contender.key == CALL:
            return {
                f"{load.name}.cpu_us": self.own_call(contender.command, load) for load in self.loads(contender, model)
            }
        start = functools.partial(
            serving, contender, trained(model), self.request(Load("", model)).read_bytes(),
            core=self.server_core, log=self.folder / "log",
        )  # fmt: skip
        with start() as server:
            self.warm_up(server, model)
            memory = server.memory_mb()
            found = {f"{model}.start_seconds": server.start_seconds, f"{model}.memory_mb": memory}
            for load in self.loads(contender, model):
                self.compare(server, load)
                figures = run(server, self.request(load), load.connections, self.seconds, self.load_core)
                found |= {f"{load.name}.{what}": value for what, value in figures.items()}
        if model == "linear" and "workers" in self.chosen(contender):
            with start(workers=1 + FURTHER_WORKERS) as server:
                server.wait_until_quiet()
                self.warm_up(server, model)
                found["linear.further_worker_mb"] = (server.memory_mb() - memory) / FURTHER_WORKERS
        return found

    def own_call(self, command: str, load: Load) -> float:
        """Return the microseconds of CPU time that the estimator's `predict` takes for a load's rows."""
        arguments = [str(trained(load.model) / "model.pkl"), str(self.request(load)), str(self.seconds)]
        done = subprocess.run(
            [*on_core(self.server_core), "sh", "-c", f'exec {command} "$@"', "sh", *arguments],
            cwd=ROOT, capture_output=True, text=True, check=True,
        )  # fmt: skip
        return float(json.loads(done.stdout)["cpu_us"])

    def warm_up(self, server: Server, model: str) -> None:
        """Send single rows until everything is loaded that a server loads late."""
        run(server, self.request(Load("", model)), WARM_UP_CONNECTIONS, WARM_UP_SECONDS, self.load_core)

    def request(self, load: Load) -> Path:
        """Return the file of a load's request."""
        file = self.folder / f"{load.model}-{load.rows}.json"
        if not file.exists():
            file.write_bytes(load.body())
        return file

    def compare(self, server: Server, load: Load) -> None:
        """Refuse to measure a server that predicts otherwise than the one before it."""
        answer = server.ask(self.request(load).read_bytes())
        predictions = answer["predictions"] if "predictions" in answer else [answer["prediction"]]
        expected = self.answers.setdefault(self.request(load).name, predictions)
        if not (len(predictions) == len(expected) and np.allclose(predictions, expected, rtol=1e-9, atol=0)):
            raise BenchmarkError(f"{server.name} predicts {predictions[0]} where another one predicts {expected[0]}")
