"""A run from its first look at the input to its output, which appears whole or not at all."""

import os
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from uuid import uuid4

import apache_beam as beam

from bulk import bigquery, runners
from bulk.faults import BulkError
from bulk.model import Model
from bulk.outputs import Asked
from bulk.parts import Job, Result, head_of
from bulk.pipeline import RESULTS, build, read_results
from bulk.progress import shown
from bulk.storage import check_new, find, move, remove, writing
from bulk.summary import Summary

# Where a killed worker has the run start again, this tells the new one where its parts are, and which try it is.
RESUMED = "TANDEM_BULK_RESUMED"
MOST_TRIES = 3


@dataclass(frozen=True)
class Options:
    """What was asked for."""

    inputs: list[str]
    out: str
    asked: Asked
    workers: int | None
    runner: str
    further: list[str]


def predict_files(options: Options) -> Summary:
    """Predict all rows of files into a folder, or write nothing."""
    begun = time.monotonic()
    model = Model.from_environment().pinned()
    predictor = model.load()
    options.asked.check(predictor)
    check_new(options.out)
    files = find(options.inputs)
    runners.check_reach(options.runner, [*files, options.out])
    workers = options.workers or runners.usual_workers(sum(files.values()))
    folder, tries = resumed() or (f"{options.out}.partial-{uuid4().hex[:8]}", 1)
    head = head_of(next(iter(files)), predictor.manifest, options.asked)
    job = Job(runners.model_there(options.runner, model), options.asked, folder, head)
    try:
        runners.prepare(workers)
        pipeline = beam.Pipeline(options=runners.options_of(options.runner, workers, options.further))
        build(pipeline, job, list(files))
        with shown(folder):
            runners.run(pipeline, options.runner, lambda: start_again(folder, tries))
        results = read_results(f"{folder}/{RESULTS}")
        check_whole(results, list(files))
        counts = {"files": len(files), "rows": sum(found.rows for found in results)}
        counts["predicted"] = sum(found.predicted for found in results)
        summary = Summary.of(predictor, **counts, seconds=time.monotonic() - begun, workers=workers)
        with writing(f"{folder}/summary.json") as stream:
            stream.write(summary.json())
        move(folder, options.out, final_names(results))
    except BaseException:
        remove(folder)
        raise
    return summary


def predict_table(options: Options) -> Summary:
    """Predict all rows of a table of BigQuery into another one."""
    begun = time.monotonic()
    model = Model.from_environment().pinned()
    predictor = model.load()
    options.asked.check(predictor)
    workers = options.workers or 1
    runners.prepare(workers)
    pipeline = beam.Pipeline(options=runners.options_of(options.runner, workers, options.further))
    job = bigquery.RowsJob(runners.model_there(options.runner, model), options.asked)
    bigquery.build(pipeline, job, options.inputs[0], options.out)
    counts = bigquery.counts_of(runners.run(pipeline, options.runner, died))
    return Summary.of(predictor, **counts, files=0, seconds=time.monotonic() - begun, workers=workers)


def died() -> None:
    """End the run, since a process that predicts for it was killed."""
    sys.stderr.write("bulk: a worker was killed; run it again\n")
    sys.stderr.flush()
    os._exit(1)


def resumed() -> tuple[str, int] | None:
    """Return the folder of a run that is started again, and which try this is."""
    tries, _, folder = os.environ.get(RESUMED, "").partition(":")
    return (folder, int(tries)) if folder else None


def start_again(folder: str, tries: int) -> None:
    """Start this very command again, which takes over the parts that are complete; end it where that was in vain."""
    if tries == MOST_TRIES:
        remove(folder)
        sys.stderr.write(
            f"bulk: a worker was killed in each of {tries} tries; where the system ends processes for want of memory, "
            "give --workers 1\n"
        )
        sys.stderr.flush()
        os._exit(1)
    sys.stderr.write("bulk: a worker was killed; its parts are predicted again\n")
    sys.stderr.flush()
    os.environ[RESUMED] = f"{tries + 1}:{folder}"
    os.execv(sys.executable, [sys.executable, "-m", "bulk", *sys.argv[1:]])  # noqa: S606


def check_whole(results: Sequence[Result], paths: Sequence[str]) -> None:
    """Refuse results that are not exactly those of all parts of all files."""
    parts = [(result.part.file, result.part.number) for result in results]
    expected = {result.part.file: result.part.parts for result in results}
    wanted = [(file, number) for file in range(len(paths)) for number in range(expected.get(file, 1))]
    if parts != wanted:
        missing = next(iter(set(wanted) - set(parts)), (0, 0))
        raise BulkError(f"the runner has lost or doubled parts, one of {paths[missing[0]]}; run it again")


def final_names(results: Sequence[Result]) -> dict[str, str]:
    """Return the names of files under the output, without what tells tries apart; the summary is the last."""
    names = {
        name: name.rpartition("-")[0] + "." + name.rpartition(".")[2] for result in results for name in result.files
    }
    return names | {"summary.json": "summary.json"}
