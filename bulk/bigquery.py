"""Tables of BigQuery, by Beam's own connector: rows come and go as Python's objects, in batches."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, time
from decimal import Decimal
from typing import Any

import apache_beam as beam
from apache_beam.metrics import Metrics

from bulk.checks import check_cells
from bulk.faults import BulkError
from bulk.model import Model
from bulk.outputs import Asked, predict

PREFIX = "bigquery:"
TABLE = re.compile(r"bigquery:([a-z0-9.:-]+)\.([A-Za-z0-9_]+)\.([A-Za-z0-9_-]+)")
REJECTED = "rejected"
ROWS_AT_ONCE = 10_000


def table_of(name: str) -> str:
    """Return a table as Beam names it."""
    found = TABLE.fullmatch(name)
    if not found:
        raise BulkError(f"{name} names no table; it must look like bigquery:PROJECT.DATASET.TABLE")
    return "{}:{}.{}".format(*found.groups())


def is_of_bigquery(sources: list[str], out: str) -> bool:
    """Whether a run goes from table to table; BulkError for one that does so on one side only."""
    names = [*sources, out]
    if not any(name.startswith(PREFIX) for name in names):
        return False
    if len(sources) > 1 or not all(name.startswith(PREFIX) for name in names):
        raise BulkError(
            "bigquery: goes from one table to another; between tables and files, bq extract "
            "--destination_format=PARQUET and bq load --source_format=PARQUET cost nothing"
        )
    return True


@dataclass(frozen=True)
class RowsJob:
    """A run on rows instead of files."""

    model: Model
    asked: Asked

    @property
    def names(self) -> dict[str, str]:
        """The names of what is added, and what BigQuery takes for them as names of columns."""
        added = self.asked.added(self.model.load().manifest)
        return {name: re.sub(r"\W", "_", name) for name in added}


class PredictRows(beam.DoFn):  # type: ignore[misc]  # Beam ships no types
    """From a batch of rows to each of them with its prediction, or, tagged, with the reason why there is none."""

    def __init__(self, job: RowsJob) -> None:
        self.job = job
        self.counts = {name: Metrics.counter("tandem", name) for name in ("rows", "predicted", "rejected")}

    def setup(self) -> None:
        """Load the model, once a process."""
        self.predictor = self.job.model.load()
        self.names = list(self.job.names.values())

    def process(self, element: list[dict[str, Any]]) -> Iterator[Any]:
        """Yield what becomes of each row."""
        if taken := [name for name in self.names if name in element[0]]:
            raise BulkError(f"the table has a column {taken[0]!r} already, which is the name of one that is added")
        features = self.predictor.manifest.features
        cells = [[json_cell(row.get(column.name)) for row in element] for column in features]
        found = predict(self.predictor, self.job.asked, check_cells(features, cells, len(element)))
        values = zip(*(column.tolist() for column in found.added), strict=True)
        for row, added in zip(found.rows.tolist(), values, strict=True):
            yield element[row] | dict(zip(self.names, added, strict=True))
        for row, (column, reason) in sorted(found.faults.items()):
            text = json.dumps(element[row], default=str, ensure_ascii=False)
            yield beam.pvalue.TaggedOutput(REJECTED, {"row": text, "column": column or None, "reason": reason})
        for name, count in zip(self.counts, (len(element), len(found.rows), len(found.faults)), strict=True):
            self.counts[name].inc(count)


def json_cell(value: Any) -> Any:
    """Return a value of BigQuery's as JSON has it."""
    if isinstance(value, date | datetime | time):
        return value.isoformat()
    if isinstance(value, Decimal):
        return float(value)
    return None if isinstance(value, float) and value != value else value  # noqa: PLR0124  # NaN is missing


def predicted(rows: Any, job: RowsJob) -> Any:
    """Return the collections of rows with predictions and, under the name REJECTED, of those without."""
    return (
        rows
        | "Batch" >> beam.BatchElements(min_batch_size=100, max_batch_size=ROWS_AT_ONCE)
        | "Predict" >> beam.ParDo(PredictRows(job)).with_outputs(REJECTED, main="predicted")
    )


def build(pipeline: beam.Pipeline, job: RowsJob, source: str, out: str) -> None:
    """Let a pipeline predict a table into another one, which must be empty or new, as must be that of rejected rows."""
    rows = pipeline | "Read" >> beam.io.ReadFromBigQuery(table=table_of(source), method="DIRECT_READ")
    found = predicted(rows, job)
    for name, table in (("predicted", out), (REJECTED, f"{out}_rejected")):
        _ = found[name] | f"Write {name}" >> beam.io.WriteToBigQuery(
            table_of(table),
            schema="SCHEMA_AUTODETECT" if name == "predicted" else "row:STRING,column:STRING,reason:STRING",
            method="FILE_LOADS",
            create_disposition="CREATE_IF_NEEDED",
            write_disposition="WRITE_EMPTY",
        )


def counts_of(result: Any) -> dict[str, int]:
    """Return how many rows came, were predicted and were rejected; BulkError when that does not add up."""
    found = result.metrics().query(beam.metrics.MetricsFilter().with_namespace("tandem"))["counters"]
    counts = dict.fromkeys(("rows", "predicted", "rejected"), 0)
    counts |= {counter.key.metric.name: counter.committed for counter in found}
    if counts["rows"] != counts["predicted"] + counts.pop("rejected"):
        raise BulkError("{rows} rows came, but {predicted} were predicted and the others not rejected".format(**counts))
    return counts
