"""Where a pipeline runs: in this process, in several on this machine, or wherever a runner of Beam's takes it."""

import logging
import os
import sys
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import apache_beam as beam
from apache_beam.options.pipeline_options import PipelineOptions, StandardOptions
from apache_beam.runners.runner import PipelineState

from bulk.faults import BulkError, line_of
from bulk.model import Model
from bulk.orphans import STARTED_HERE
from bulk.storage import is_local

ROOT = Path(__file__).resolve().parent.parent
# Beam's names of its runners. Its "direct" one would first look for a program to download.
RUNNERS = {"direct": "FnApiRunner", "dataflow": "DataflowRunner", "flink": "FlinkRunner", "spark": "SparkRunner"}
TAKE_NO_OTHERS = {"FnApiRunner", "DataflowRunner"}  # options than Beam's; job servers may have their own
DISCARDED = "Discarding unparseable args: "  # says Beam's log
IMAGES = {"DataflowRunner", "FlinkRunner", "SparkRunner"}  # whose workers are containers
DIED = "Worker subprocess exited"  # says the thread of Beam that waits for it
BYTES_A_WORKER = 64 * 1024 * 1024  # a process more takes seconds to start


def runner_of(environ: Mapping[str, str] = os.environ) -> str:
    """Return the runner that RUNNER names, by default that of this machine."""
    name = environ.get("RUNNER", "").strip() or "direct"
    runner = RUNNERS.get(name.lower(), name)
    if runner not in StandardOptions.KNOWN_RUNNER_NAMES:
        raise BulkError(f"RUNNER={name:.64} is no runner of Beam's; it must be one of {', '.join(RUNNERS)}")
    return runner


def is_here(runner: str) -> bool:
    """Whether a runner needs nothing but this machine."""
    return runner == RUNNERS["direct"]


def usual_workers(size: int) -> int:
    """Return how many processes are worth starting for so many bytes."""
    return min(cpus(), 1 + size // BYTES_A_WORKER)


def cpus() -> int:
    """Return how many CPUs this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def options_of(runner: str, workers: int, further: Sequence[str]) -> PipelineOptions:
    """Return the options of a pipeline; `further` are the runner's own."""
    here = []
    if is_here(runner):
        mode = "multi_processing" if workers > 1 else "in_memory"
        here = [f"--direct_num_workers={workers}", f"--direct_running_mode={mode}"]
    options = PipelineOptions([f"--runner={runner}", "--no_save_main_session", *here, *further])
    if runner in TAKE_NO_OTHERS and (unknown := unknown_to_beam(options)):
        raise BulkError(f"behind -- stand options that Beam does not know: {unknown[0]}")
    return options


def unknown_to_beam(options: PipelineOptions) -> list[str]:
    """Return the options that Beam does not know, which it would only log."""
    log, said = logging.getLogger(PipelineOptions.__module__), list[str]()
    handler, propagates = logging.Handler(), log.propagate
    handler.emit = lambda record: said.append(record.getMessage())  # type: ignore[method-assign]
    log.addHandler(handler)
    log.propagate = False
    try:
        options.get_all_options()
    finally:
        log.removeHandler(handler)
        log.propagate = propagates
    return [line.removeprefix(DISCARDED) for line in said if line.startswith(DISCARDED)]


def check_reach(runner: str, paths: Sequence[str]) -> None:
    """Refuse paths of this machine for workers on others."""
    if runner == RUNNERS["dataflow"] and (local := [path for path in paths if is_local(path)]):
        raise BulkError(f"RUNNER=dataflow: its workers cannot reach {local[0]}; give paths that begin with gs://")


def model_there(runner: str, model: Model) -> Model:
    """Return the model as workers find it: on other machines, in the place where their image has it."""
    return replace(model, directory="") if runner in IMAGES else model


def prepare(workers: int) -> None:
    """Set what the processes that Beam starts take over from this one."""
    os.environ[STARTED_HERE] = "1"
    os.environ.setdefault("GRPC_ENABLE_FORK_SUPPORT", "0")  # a model is tried in a fork, which calls no gRPC
    os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))
    if workers > 1:
        os.environ.setdefault("OMP_NUM_THREADS", str(max(1, cpus() // workers)))


def is_verbose(environ: Mapping[str, str] = os.environ) -> bool:
    """Whether to leave on the terminal what Beam and its workers say."""
    return environ.get("LOG_LEVEL", "").strip().upper() == "DEBUG"


def run(pipeline: beam.Pipeline, runner: str, on_death: Callable[[], None]) -> Any:
    """Run a pipeline to its end and return Beam's result; BulkError when it fails.

    `on_death` is called when a process that predicts for it on this machine is killed: Beam would wait for it for ever.
    """
    if runner == RUNNERS["dataflow"]:
        logging.basicConfig(level=logging.INFO)  # tells where the job can be watched, and how far it is
    with ExitStack() as quiet:
        if is_here(runner) and not is_verbose():
            logging.disable(logging.CRITICAL)  # what is logged on the way to an exception; its line says what is wrong
            quiet.callback(logging.disable, logging.NOTSET)
            quiet.enter_context(without_stderr_of_others())

        def hook(found: threading.ExceptHookArgs) -> None:
            if DIED in str(found.exc_value):
                quiet.close()
                on_death()

        threading.excepthook, before = hook, threading.excepthook
        try:
            result = pipeline.run()
            result.wait_until_finish()
        except Exception as error:  # Beam's are of many kinds
            raise BulkError(line_of(error)) from error
        finally:
            threading.excepthook = before
    if result.state != PipelineState.DONE:
        raise BulkError(f"the runner ended it as {result.state}; its log says why")
    return result


@contextmanager
def without_stderr_of_others() -> Iterator[None]:
    """Let what is started meanwhile write its standard error to nowhere: shells say there what was killed."""
    ours = sys.stderr
    if ours is not sys.__stderr__:
        yield
        return
    kept = os.dup(2)
    with open(os.devnull, "wb") as nowhere:
        os.dup2(nowhere.fileno(), 2)
    try:
        with open(kept, "w", buffering=1, closefd=False) as sys.stderr:
            yield
    finally:
        sys.stderr = ours
        os.dup2(kept, 2)
        os.close(kept)
