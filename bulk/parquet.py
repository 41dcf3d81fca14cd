"""Parquet: parts are row groups, batches are Arrow's."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from itertools import count
from typing import Any, BinaryIO

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pyarrow.types as kinds
from numpy.typing import NDArray

from bulk.arrow import Read, check_batch
from bulk.checks import Checked
from bulk.faults import BulkError
from bulk.forms import Head, Part
from bulk.storage import open_to_read, reading
from predictor import Manifest
from tables.again import cell_of, check_features
from tables.errors import TableError
from tables.reading import Reading

# Uncompressed; a part of one row group may have more.
BYTES_A_PART = 64 * 1024 * 1024
# What is read at once is written as one row group.
MOST_ROWS, CELLS_AT_ONCE = 100_000, 4_000_000


def failing(path: str) -> AbstractContextManager[None]:
    """Return what turns the errors of reading Parquet into a BulkError."""
    return reading(path, pa.ArrowException, form=" as Parquet")


@contextmanager
def opened(path: str) -> Iterator[pq.ParquetFile]:
    """Open a Parquet file; BulkError when it is none."""
    with open_to_read(path) as stream:
        with failing(path):
            file = pq.ParquetFile(stream)
        with file:
            yield file


@dataclass(frozen=True)
class ParquetBatch:
    """Some rows of a Parquet file."""

    table: pa.RecordBatch
    first: int
    manifest: Manifest
    reads: list[Read]

    @property
    def places(self) -> Sequence[int]:
        """The number of each row, from 1."""
        return range(self.first, self.first + self.table.num_rows)

    def check(self) -> Checked:
        """Return which rows a request would take."""
        return check_batch(self.manifest.features, self.reads, self.table)


@dataclass(frozen=True)
class ParquetWriter:
    """An open Parquet file."""

    file: pq.ParquetWriter

    def write(self, batch: ParquetBatch, rows: NDArray[np.intp], added: Sequence[NDArray[Any]]) -> None:
        """Write some rows of a batch, and what is added to them."""
        kept = batch.table if len(rows) == batch.table.num_rows else batch.table.take(pa.array(rows))
        fields = list(self.file.schema)[len(batch.table.schema) :]
        new = [pa.array(values, type=field.type) for values, field in zip(added, fields, strict=True)]
        self.file.write_batch(pa.RecordBatch.from_arrays([*kept.columns, *new], schema=self.file.schema))


class ParquetForm:
    """How Parquet is read and written."""

    suffix = "parquet"

    def head(self, path: str, manifest: Manifest) -> Head:
        """Return the columns and their types."""
        with opened(path) as file:
            schema = file.schema_arrow
        try:
            check_features(schema.names, manifest)
        except TableError as error:
            raise BulkError(f"{path}: {'; '.join(error.faults)}") from None
        for name in manifest.feature_names:
            if name in schema.names and (kinds.is_nested(kind := schema.field(name).type) or kinds.is_binary(kind)):
                raise BulkError(f"{path}: column {name!r} holds values of type {kind}, which no cell can be")
        return Head("Parquet", tuple((field.name, str(field.type)) for field in schema))

    def parts(self, path: str, file: int) -> list[Part]:
        """Return row groups, small ones together."""
        with opened(path) as source:
            groups = [source.metadata.row_group(index) for index in range(source.metadata.num_row_groups)]
        starts, size = [0], 0
        for index, group in enumerate(groups):
            if size and size + group.total_byte_size > BYTES_A_PART:
                starts.append(index)
                size = 0
            size += group.total_byte_size
        rows = [sum(group.num_rows for group in groups[a:b]) for a, b in zip(starts, [*starts[1:], None], strict=True)]
        ends = [*starts[1:], len(groups)]
        return [
            Part(path, file, number, len(starts), start, end, 1 + sum(rows[:number]), rows[number])
            for number, start, end in zip(count(), starts, ends, strict=False)
        ]

    @contextmanager
    def open(self, part: Part, manifest: Manifest, added: Mapping[str, str]) -> Iterator["ParquetTable"]:
        """Open some row groups."""
        with opened(part.path) as file:
            yield ParquetTable(file, part, manifest, added)


@dataclass(frozen=True)
class ParquetTable:
    """Some row groups of an open file."""

    file: pq.ParquetFile
    part: Part
    manifest: Manifest
    added: Mapping[str, str]

    def batches(self) -> Iterator[ParquetBatch]:
        """Yield the rows."""
        schema, form = self.file.schema_arrow, Reading.from_training(self.manifest.training)
        reads = [cell_of(column, form, typed=not is_text(schema, column.name)) for column in self.manifest.features]
        first = self.part.first
        size = min(MOST_ROWS, max(1, CELLS_AT_ONCE // len(schema)))
        with failing(self.part.path):
            for table in self.file.iter_batches(size, row_groups=[*range(self.part.start, self.part.end)]):
                yield ParquetBatch(table, first, self.manifest, reads)
                first += table.num_rows

    @contextmanager
    def writer(self, stream: BinaryIO) -> Iterator[ParquetWriter]:
        """Write the same columns, and those that are added."""
        # What pandas noted of the columns would not be true of the new ones.
        schema = self.file.schema_arrow.remove_metadata()
        for name, kind in self.added.items():
            schema = schema.append(pa.field(name, pa.type_for_alias(kind)))
        with pq.ParquetWriter(stream, schema) as file:
            yield ParquetWriter(file)


def is_text(schema: pa.Schema, name: str) -> bool:
    """Whether a column holds strings."""
    place = schema.get_field_index(name)
    kind = schema.field(place).type if place >= 0 else pa.null()
    kind = kind.value_type if kinds.is_dictionary(kind) else kind
    return bool(kinds.is_string(kind) or kinds.is_large_string(kind) or kinds.is_string_view(kind))
