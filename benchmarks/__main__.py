"""Measure Tandem beside FastAPI on this machine, and write what the documentation shows of it.

Each round starts every contender in turn on one core and sends it requests from another.
"""

import argparse
import os
import sys
import tempfile
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.progress import Progress

from benchmarks import BenchmarkError
from benchmarks.contenders import CONTENDERS
from benchmarks.documents import write_documents
from benchmarks.load import find_wrk
from benchmarks.measure import SCENARIOS, Bench
from benchmarks.models import MODELS, trained
from benchmarks.report import Samples, result_of, table_of
from servers.running import ROOT

QUICK = {"row", "mixed"}
WIDTH = 180  # of the table


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line; an error is one line on stderr and exit status 2."""
    options = parse(arguments)
    console = Console()
    console.width = max(console.width, WIDTH)
    try:
        result = result_of(measure(options, console), options.rounds, options.seconds)
    except BenchmarkError as error:
        sys.stderr.write(f"benchmarks: {error}\n")
        sys.exit(2)
    console.print(table_of(result))
    if set(options.only) == set(SCENARIOS):
        console.print("wrote", ", ".join(write_documents(result, ROOT)))


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    """Return the options of the command line."""
    parser = argparse.ArgumentParser(prog="benchmarks", description=__doc__)
    parser.add_argument("--rounds", type=int, default=5, help="how often everyone is measured (default: %(default)s)")
    parser.add_argument("--seconds", type=int, default=1, help="how long each load lasts (default: %(default)s)")
    parser.add_argument(
        "--only", nargs="+", default=SCENARIOS, choices=SCENARIOS, metavar="SCENARIO",
        help="print these and write no file: " + ", ".join(SCENARIOS),
    )  # fmt: skip
    parser.add_argument("--quick", action="store_true", help=f"one round of {' and '.join(sorted(QUICK))}")
    options = parser.parse_args(arguments)
    if options.quick:
        options.rounds, options.only = 1, sorted(QUICK)
    if options.rounds < 1 or options.seconds < 1:
        parser.error("--rounds and --seconds are at least 1")
    return options


def measure(options: argparse.Namespace, console: Console) -> Samples:
    """Return every measure of every contender, one value a round."""
    find_wrk()
    cores = sorted(os.sched_getaffinity(0))
    if len(cores) < 2:
        raise BenchmarkError("the servers and the load need a core each, and there is only one")
    samples: dict[str, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    with tempfile.TemporaryDirectory() as folder, Progress(console=console, transient=True) as progress:
        bench = Bench(set(options.only), options.seconds, Path(folder), cores[-1], cores[0], {})
        rounds = [bench.steps(number) for number in range(options.rounds)]
        task = progress.add_task("training the models", total=sum(map(len, rounds)))
        for model in MODELS:
            trained(model)
        os.sched_setaffinity(0, {bench.load_core})
        for number, steps in enumerate(rounds):
            for contender, model in steps:
                progress.update(task, description=f"round {number + 1}: {contender.title}, {model}")
                for measure, value in bench.measure(contender, model).items():
                    samples[contender.key][measure].append(value)
                progress.advance(task)
    return {contender.key: samples[contender.key] for contender in CONTENDERS if contender.key in samples}


if __name__ == "__main__":
    main()
