"""Parquet files, read by DuckDB as rows of text, so that all else is as with CSV."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count, islice
from pathlib import Path
from typing import TYPE_CHECKING

from tables.errors import TableError
from tables.header import check_names, keys
from tables.raw import ROWS_AT_ONCE, RawTable, collect
from tables.reading import Reading, Rows, Take, batches

if TYPE_CHECKING:
    import duckdb

MAGIC = b"PAR1"
STRINGS = ("VARCHAR", "ENUM", "UUID")
# What a cell can be; the rest (lists, structures, bytes) is left out.
TEXTS = {"FLOAT": "CAST(CAST({0} AS DOUBLE) AS VARCHAR)"}  # so that a float keeps its value, not its digits
PLAIN_TYPES = (
    *STRINGS, "BOOLEAN", "TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT", "UTINYINT", "USMALLINT", "UINTEGER",
    "UBIGINT", "FLOAT", "DOUBLE", "DECIMAL", "DATE", "TIMESTAMP", "TIME",
)  # fmt: skip


@dataclass(frozen=True)
class Parquet:
    """The columns of a Parquet file, those that hold strings, those that hold what no cell can be, and its rows."""

    names: list[str]
    strings: frozenset[str]
    others: dict[str, str]
    take: Take


def read_parquet(path: Path) -> RawTable:
    """Return the table in a Parquet file, as text."""
    with opened(path) as file:
        columns, lines = collect(batches(file.take, ROWS_AT_ONCE), len(file.names))
    if not len(lines):
        raise TableError("it has no rows")
    by_name = dict(zip(keys(file.names), columns, strict=True))
    notices = [f"column {name!r} is left out: it holds values of type {kind}" for name, kind in file.others.items()]
    return RawTable(
        by_name, lines, Reading(format="parquet"), notices, frozenset(by_name) - frozenset(file.names), file.strings
    )


@contextmanager
def opened(path: Path) -> Iterator[Parquet]:
    """Open a Parquet file; TableError when it is none, or DuckDB is not installed."""
    try:
        import duckdb
    except ImportError:
        raise TableError("to read Parquet files, install DuckDB: pip install duckdb") from None
    # By a name of our own: DuckDB would take * or ? in the file's name for other files, too.
    with tempfile.TemporaryDirectory() as folder:
        link = Path(folder) / "table.parquet"
        link.symlink_to(path.absolute())
        with closed_database(str(link)) as database:
            try:
                yield parquet(database, str(link))
            except duckdb.Error as error:
                raise TableError(f"it cannot be read as Parquet: {str(error).splitlines()[0][:200]}") from None


def parquet(database: "duckdb.DuckDBPyConnection", path: str) -> Parquet:
    """Return what a Parquet file holds."""
    described = database.execute("DESCRIBE SELECT * FROM read_parquet(?)", [path]).fetchall()
    types = {str(name): str(kind) for name, kind, *_ in described}
    others = {name: kind for name, kind in types.items() if kind.endswith("]") or not kind.startswith(PLAIN_TYPES)}
    names = [name for name in types if name not in others]
    check_names(names)
    quoted = ((types[name], '"' + name.replace('"', '""') + '"') for name in names)
    cells = ", ".join(f"coalesce({TEXTS.get(kind, 'CAST({0} AS VARCHAR)').format(name)}, '')" for kind, name in quoted)
    rows = database.execute(f"SELECT {cells} FROM read_parquet(?)", [path])  # noqa: S608
    strings = frozenset(name for name in names if types[name].startswith(STRINGS))
    return Parquet(names, strings, others, taker(rows))


def taker(rows: "duckdb.DuckDBPyConnection") -> Take:
    """Return the function that takes the next rows, which are counted from 1."""
    numbers = count(1)

    def take(size: int) -> Rows:
        cells = [list(row) for row in rows.fetchmany(size)]
        return Rows(list(islice(numbers, len(cells))), cells)

    return take


def closed_database(path: str) -> "duckdb.DuckDBPyConnection":
    """Return a database in memory that can open one file and no other, and loads no extensions."""
    import duckdb

    database = duckdb.connect(config={"autoinstall_known_extensions": False, "autoload_known_extensions": False})
    quoted = path.replace("'", "''")
    for setting in (f"allowed_paths = ['{quoted}']", "enable_external_access = false", "lock_configuration = true"):
        database.execute(f"SET {setting}")
    return database
