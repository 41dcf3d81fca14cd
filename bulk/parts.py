"""What a worker does, whichever runner starts it: look at a file, and predict a part of it."""

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from uuid import uuid4

import orjson

from bulk.faults import BulkError
from bulk.forms import Batch, Form, Head, Part
from bulk.lines import LinesForm
from bulk.model import Model
from bulk.outputs import Asked, Predicted, predict
from bulk.parquet import ParquetForm
from bulk.separated import CsvForm
from bulk.storage import open_to_read, reading, writing
from predictor import Manifest
from tables.parquet import MAGIC

BYTE_ORDER_MARK = b"\xef\xbb\xbf"


def form_of(path: str) -> Form:
    """Return the form of a file, by how it begins."""
    with open_to_read(path) as stream, reading(path):
        start = stream.read(4096)
    if start.startswith(MAGIC):
        return ParquetForm()
    first = start.removeprefix(BYTE_ORDER_MARK).lstrip()[:1]
    return LinesForm() if first in {b"{", b"["} else CsvForm()


@dataclass(frozen=True)
class Result:
    """What became of a part: its files in the folder, and how many rows it had, of which so many were predicted."""

    part: Part
    files: list[str]
    rows: int
    predicted: int


@dataclass(frozen=True)
class Job:
    """A run: what every worker has to know."""

    model: Model
    asked: Asked
    folder: str  # where the output is written before it is complete
    head: Head

    def parts(self, path: str, file: int) -> list[Part]:
        """Return the parts of a file; BulkError when it is of another form or has other columns than the first."""
        check_same(self.head, head_of(path, self.model.load().manifest, self.asked), path)
        return form_of(path).parts(path, file)

    def predict(self, part: Part) -> Result:
        """Predict a part into files of its own; each try has other ones, and only those of one are taken."""
        predictor = self.model.load()
        form, added = form_of(part.path), self.asked.added(predictor.manifest)
        attempt = uuid4().hex[:8]
        predictions = f"predictions-{part.name}-{attempt}.{form.suffix}"
        rejected = Rejected(self.folder, f"rejected-{part.name}-{attempt}.jsonl", part.path)
        rows = predicted = 0
        with (
            rejected,
            form.open(part, predictor.manifest, added) as table,
            writing(f"{self.folder}/{predictions}") as stream,
            table.writer(stream) as writer,
        ):
            for batch in table.batches():
                found = predict(predictor, self.asked, batch.check())
                writer.write(batch, found.rows, found.added)
                rejected.write(batch, found)
                rows += len(batch.places)
                predicted += len(found.rows)
        if part.rows not in {None, rows} or rows != predicted + rejected.rows:
            raise BulkError(
                f"{part.path} changed while it was read: of {rows} rows {predicted} were predicted and {rejected.rows} "
                "rejected; run it again"
            )
        return Result(part, [predictions, *rejected.files], rows, predicted)


class Rejected:
    """The file of a part's rejected rows; without any, there is none."""

    def __init__(self, folder: str, name: str, path: str) -> None:
        self.folder, self.name, self.path = folder, name, path
        self.rows = 0
        self.open_file = ExitStack()

    def __enter__(self) -> "Rejected":
        return self

    def __exit__(self, *exception: object) -> None:
        self.open_file.close()

    @property
    def files(self) -> list[str]:
        """The name of the file, if it is there."""
        return [self.name] if self.rows else []

    def write(self, batch: Batch, found: Predicted) -> None:
        """Write a line for each rejected row: its file, its number or line, the column and the reason."""
        if not found.faults:
            return
        if not self.rows:
            self.stream = self.open_file.enter_context(writing(f"{self.folder}/{self.name}"))
        self.rows += len(found.faults)
        for row, (column, reason) in sorted(found.faults.items()):
            line = {"file": self.path, "row": batch.places[row], "column": column or None, "reason": reason}
            self.stream.write(orjson.dumps(line, option=orjson.OPT_APPEND_NEWLINE))


def head_of(path: str, manifest: Manifest, asked: Asked) -> Head:
    """Return what a file must have alike with all others; BulkError when it cannot be predicted."""
    head = form_of(path).head(path, manifest)
    taken = [name for name, _ in head.columns if name in asked.added(manifest)]
    if taken:
        raise BulkError(f"{path} has a column {taken[0]!r} already, which is the name of one that is added; rename it")
    return head


def check_same(first: Head, head: Head, path: str) -> None:
    """Refuse a file that differs from the first."""
    if head == first:
        return
    raise BulkError(f"{path} {next(differences(first, head))}; give files of one form and with the same columns")


def differences(first: Head, head: Head) -> Iterator[str]:
    """Yield in what a file differs from the first."""
    if head.form != first.form:
        yield f"is {head.form}, the first file {first.form}"
        return
    ours, theirs = dict(head.columns), dict(first.columns)
    for name, kind in theirs.items():
        if name not in ours:
            yield f"has no column {name!r}, which the first file has"
        elif ours[name] != kind:
            yield f"has the column {name!r} of type {ours[name]}, the first file of {kind}"
    for name in ours.keys() - theirs.keys():
        yield f"has the column {name!r}, which the first file has not"
    if ours == theirs:
        yield "has the columns in another order than the first file"
