"""People's tables, CSV and Parquet: read, understood, and read again in the same way. Never deployed."""

from tables.errors import TableError
from tables.read import read
from tables.table import Table, example_table

__all__ = ["Table", "TableError", "example_table", "read"]
