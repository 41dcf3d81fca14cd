"""Measure in rounds: in each, every contender in turn is started on a core of its own and loaded from another."""

import argparse
import os
import sys
import tempfile
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path

from rich.console import Console
from rich.progress import Progress

from benchmarks.contenders import CONTENDERS, ROOT, Contender, train_models
from benchmarks.load import LOADS, body, find_wrk, run
from benchmarks.plots import draw
from benchmarks.processes import BenchmarkError, serving
from benchmarks.report import document, table, write

WARM_UP_SECONDS = 1


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line; an error is one line on stderr and exit status 2."""
    options = parse(arguments)
    console = Console()
    try:
        samples = measure(options, console)
    except BenchmarkError as error:
        sys.stderr.write(f"benchmarks: {error}\n")
        sys.exit(2)
    console.print(table(samples))
    results = document(samples, options.rounds, options.seconds)
    if not options.quick:
        write(ROOT / ".bench/samples.json", samples)
        write(ROOT / "benchmarks/results.json", results)
        draw(results, ROOT / "docs")
        console.print("wrote benchmarks/results.json, the plots in docs/, and every sample to .bench/samples.json")


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    """Return the options of the command line."""
    parser = argparse.ArgumentParser(prog="benchmarks", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="one round of short loads, and no files written")
    parser.add_argument("--rounds", type=int, default=5, help="how often everyone is measured (default: %(default)s)")
    parser.add_argument("--seconds", type=float, default=2, help="how long each load lasts (default: %(default)s)")
    parser.add_argument("--only", nargs="+", default=None, metavar="NAME", help="these contenders beside the peer")
    options = parser.parse_args(arguments)
    if options.quick:
        options.rounds, options.seconds = 1, 1
    return options


def measure(options: argparse.Namespace, console: Console) -> dict[str, dict[str, list[float]]]:
    """Return every measure of every contender, one value a round."""
    find_wrk()
    cores = sorted(os.sched_getaffinity(0))
    if len(cores) < 2:
        raise BenchmarkError("the servers and the load need a core each, and there is only one")
    contenders = [one for one in CONTENDERS if options.only is None or one.key in {"peer", *options.only}]
    samples: dict[str, dict[str, list[float]]] = {one.key: defaultdict(list) for one in contenders}
    with tempfile.TemporaryDirectory() as folder, Progress(console=console, transient=True) as progress:
        task = progress.add_task("training the models", total=options.rounds * len(contenders))
        models = train_models(Path(folder))
        for rows in {load.rows for load in LOADS}:
            (Path(folder) / f"{rows}.json").write_bytes(body(rows))
        for number in range(options.rounds):
            # Each round begins with another contender, so that none always follows the same one.
            turn = number % len(contenders)
            for contender in contenders[turn:] + contenders[:turn]:
                progress.update(task, description=f"round {number + 1}: {contender.title}")
                found = measure_one(contender, models, Path(folder), options.seconds, cores)
                for name, value in found.items():
                    samples[contender.key][name].append(value)
                progress.advance(task)
    return samples


def measure_one(
    contender: Contender, models: Mapping[str, Path], folder: Path, seconds: float, cores: Sequence[int]
) -> dict[str, float]:
    """Return every measure of a contender, once."""
    found: dict[str, float] = {}
    load_core, *_, server_core = cores
    for name, model in models.items():
        environ = {**contender.environ, "MODEL_DIR": str(model)}
        loads = [load for load in LOADS if load.model == name]
        where = serving(
            contender.title, contender.command, contender.folder, environ, core=server_core, request=body(1)
        )
        with where as server:
            run(loads[0], server, WARM_UP_SECONDS, load_core, folder / "1.json")
            if name == "linear":
                found["start_seconds"], found["memory_mb"] = server.start_seconds, server.memory_mb()
            for load in loads:
                figures = run(load, server, seconds, load_core, folder / f"{load.rows}.json")
                found |= {f"{load.name}.{what}": value for what, value in figures.items()}
    return found


if __name__ == "__main__":
    main()
