"""Predict every row of a table, as `flask --app webapp model predict --csv` does it."""

import csv
import re
import sys
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from predictor import Manifest

if TYPE_CHECKING:
    from tables.again import Again, Batch

ROWS_AT_ONCE = 1000

# What a spreadsheet takes for a formula, and the numbers that are none.
FORMULA = re.compile(r"\s*[=+@-].|[\t\r\n]")
NUMBER = re.compile(r"\s*[+-]?[$€£¥₹]?(?:[0-9][0-9.,' ]*|[.,][0-9]+)(?:[eE][+-]?[0-9]+)?\s*[%$€£¥₹]?\Z")

# From a batch of rows to their predictions; ClickException when one of them cannot be predicted.
Ask = Callable[["Batch"], Sequence[Any]]


def predict_table(path: Path, manifest: Manifest, ask: Ask) -> None:
    """Write a table with its predictions to stdout; every error is one line."""
    try:
        from tables.again import again
        from tables.errors import TableError
    except ImportError:  # only a whole checkout has it
        raise click.ClickException("the folder tables/ is not here: predict tables in a checkout of Tandem") from None
    try:
        with again(sys.stdin.buffer if str(path) == "-" else path, manifest, ROWS_AT_ONCE) as table:
            write(table, manifest, ask)
    except BrokenPipeError:
        raise  # the reader of our output has gone: click ends quietly
    except OSError as error:
        raise click.ClickException(f"cannot read {path}: {error.strerror or error}") from None
    except TableError as error:
        raise click.ClickException("; ".join(error.faults)) from None


def write(table: "Again", manifest: Manifest, ask: Ask) -> None:
    """Write the rows of a table with their predictions in UTF-8, and on a terminal progress to stderr."""
    if hasattr(sys.stdout, "reconfigure"):
        sys.stdout.reconfigure(encoding="utf-8")
    writer = csv.writer(sys.stdout, delimiter=table.delimiter, lineterminator="\n")
    if table.header is not None:
        writer.writerow(map(harmless, [*table.header, *columns_of(manifest)]))
    hidden = not sys.stderr.isatty()
    with click.progressbar(length=0, label="rows", file=sys.stderr, show_pos=True, hidden=hidden) as progress:
        for batch in table.batches:
            predictions = ask(batch)
            writer.writerows(rows_with(batch.rows, predictions))
            progress.length = (progress.length or 0) + len(predictions)
            progress.update(len(predictions))


def columns_of(manifest: Manifest) -> list[str]:
    """Return the names of the columns with the predictions: one, or one a target."""
    return [f"prediction {name}" for name in manifest.target_names] if manifest.several else ["prediction"]


def rows_with(rows: Iterable[Sequence[str]], predictions: Iterable[Any]) -> Iterable[list[Any]]:
    """Yield each row with its prediction, or with that of each target."""
    for row, prediction in zip(rows, predictions, strict=True):
        cells = prediction.values() if isinstance(prediction, dict) else [prediction]
        yield [*map(harmless, row), *(harmless(value) if isinstance(value, str) else value for value in cells)]


def harmless(cell: str) -> str:
    """Return a cell that no spreadsheet runs as a formula: with an apostrophe before it, if it might be one.

    https://owasp.org/www-community/attacks/CSV_Injection
    """
    return f"'{cell}" if FORMULA.match(cell) and not NUMBER.match(cell) else cell
