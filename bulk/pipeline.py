"""The pipeline: files, their parts, a result for each part. What goes from worker to worker is small; rows never do."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict

import apache_beam as beam
import orjson

from bulk.forms import Part
from bulk.orphans import end_with_the_run
from bulk.parts import Job, Result
from bulk.storage import exists, open_to_read, reading, rename, writing

RESULTS = "results.json"
DONE = "done-"  # begins the name of the file that says that a part is


class FindParts(beam.DoFn):  # type: ignore[misc]  # Beam ships no types
    """From a file to its parts."""

    def __init__(self, job: Job) -> None:
        self.job = job

    def setup(self) -> None:
        """Prepare the process."""
        end_with_the_run()

    def process(self, element: tuple[int, str]) -> Iterator[Part]:
        """Yield the parts of a file, given with its number."""
        file, path = element
        yield from self.job.parts(path, file)


class PredictPart(beam.DoFn):  # type: ignore[misc]
    """From a part to what became of it."""

    def __init__(self, job: Job) -> None:
        self.job = job

    def setup(self) -> None:
        """Load the model, once a process."""
        end_with_the_run()
        self.job.model.load()

    def process(self, element: Part) -> Iterator[Result]:
        """Predict a part into files beside the output, or take what an earlier try has completed."""
        done = f"{self.job.folder}/{DONE}{element.name}.json"
        if exists(done):
            yield read_results(done)[0]
            return
        result = self.job.predict(element)
        write_results([result], done)
        yield result


def build(pipeline: beam.Pipeline, job: Job, paths: Sequence[str]) -> None:
    """Let a pipeline predict files."""
    (
        pipeline
        | "Name files" >> beam.Create(list(enumerate(paths)))
        | "Spread files" >> beam.Reshuffle()
        | "Find parts" >> beam.ParDo(FindParts(job))
        | "Spread parts" >> beam.Reshuffle()
        | "Predict" >> beam.ParDo(PredictPart(job))
        | "Collect results" >> beam.combiners.ToList()
        | "Write results" >> beam.Map(write_results, f"{job.folder}/{RESULTS}")
    )


def write_results(results: list[Result], path: str) -> None:
    """Write what became of parts, at once."""
    with writing(f"{path}.writing") as stream:
        stream.write(orjson.dumps([asdict(result) for result in results]))
    rename(f"{path}.writing", path)


def read_results(path: str) -> list[Result]:
    """Return what became of parts, in the order of their names."""
    with open_to_read(path) as stream, reading(path):
        found = orjson.loads(stream.read())
    results = [Result(**result | {"part": Part(**result["part"])}) for result in found]
    return sorted(results, key=lambda result: result.part.name)
