"""`flask --app webapp model`: look at the model, prove it, and predict with it, without a server."""

import csv
import sys
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import click
import orjson
from flask import current_app
from flask.cli import AppGroup

from handlers.predict import predictions
from handlers.responses import Problem
from handlers.schemas import validate
from handlers.service import Service
from predictor.environment import engine
from predictor.onnx_engine import choose_engine
from predictor.version import __version__

ROWS_AT_ONCE = 1000

group = AppGroup("model", help="Look at the model, prove it, and predict with it.")


def service_of_app() -> Service:
    """Return the service of the app that the command runs for."""
    service: Service = current_app.extensions["tandem"]
    return service


@click.command()
def version() -> None:
    """Print the version of Tandem; `flask --version` is Flask's."""
    click.echo(__version__)


@group.command()
def show() -> None:
    """Print the manifest, and on stderr which engine serves it and why."""
    manifest = service_of_app().predictor.manifest
    click.echo(orjson.dumps(manifest.public(), option=orjson.OPT_INDENT_2))
    click.echo("engine: {}, because {}".format(*choose_engine(manifest, engine())), err=True)


@group.command()
def verify() -> None:
    """Prove the model as a server does at its start; the exit status is 0 when it is what its manifest says."""
    manifest = service_of_app().predictor.manifest  # a model that fails has ended the process with its one line
    click.echo(
        f"{manifest.name} {manifest.version} is what its manifest says: sha256 {manifest.artifact['sha256']}, "
        f"{len(manifest.globals)} globals, {manifest.estimator['class']}, {len(manifest.features)} features, "
        f"package versions, and {len(manifest.examples)} of {len(manifest.examples)} examples predicted again"
    )


@group.command(context_settings={"ignore_unknown_options": True})  # -1 is a number, not an option
@click.argument("values", nargs=-1)
@click.option("--csv", "table", type=click.Path(path_type=Path), help="predict each row of a CSV file, '-' for stdin")
def predict(values: tuple[str, ...], table: Path | None) -> None:
    """Predict one row of VALUES, or each row of a CSV file, as a table with a column more."""
    if (table is None) == (not values):
        raise click.UsageError("give either values, in the order of the features, or --csv FILE")
    if table is None:
        click.echo(orjson.dumps(ask({"features": [number(value) for value in values]}, 0)))
        return
    try:
        with sys.stdin if str(table) == "-" else table.open(newline="", encoding="utf-8-sig") as file:
            predict_table(csv.DictReader(file))
    except (OSError, ValueError, csv.Error) as error:
        raise click.ClickException(f"cannot read {table}: {error}") from None


def predict_table(reader: "csv.DictReader[str]") -> None:
    """Write the table with its predictions to stdout, and on a terminal progress to stderr."""
    names = service_of_app().predictor.manifest.feature_names
    missing = [name for name in names if name not in (reader.fieldnames or ())]
    if missing:
        raise click.ClickException(f"the table has no column {', '.join(missing)}; the features are {', '.join(names)}")
    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow([*(reader.fieldnames or ()), "prediction"])
    hidden = not sys.stderr.isatty()
    with click.progressbar(length=0, label="rows", file=sys.stderr, show_pos=True, hidden=hidden) as progress:
        for first, rows in batches(reader):
            instances = [{name: number(row[name] or "") for name in names} for row in rows]
            found = ask({"instances": instances}, first)["predictions"]
            for row, prediction in zip(rows, found, strict=True):
                writer.writerow([*(row[name] for name in reader.fieldnames or ()), prediction])
            progress.length = (progress.length or 0) + len(rows)
            progress.update(len(rows))


def batches(reader: "csv.DictReader[str]") -> Iterator[tuple[int, list[dict[str, Any]]]]:
    """Yield the rows of a table a thousand at a time, with the number of the first of them."""
    first = 0
    while rows := list(islice(reader, ROWS_AT_ONCE)):
        yield first, rows
        first += len(rows)


def number(text: str) -> Any:
    """Return a cell as the number that it is, or as it stands, which the schema then refuses by its place."""
    try:
        return float(text)
    except ValueError:
        return text


def ask(document: dict[str, Any], first: int) -> dict[str, Any]:
    """Return the answer that POST /predict gives to a document; one line and exit status 1 when that is a problem."""
    here = service_of_app()
    try:
        return predictions(here.predictor, validate(here.request_schema, document))
    except Problem as problem:
        found = [f"{in_words(pointer, first)} {detail}" for pointer, detail in problem.errors] or [problem.detail]
        raise click.ClickException("; ".join(found)) from None


def in_words(pointer: str, first: int) -> str:
    """Return a JSON pointer as a person says it, with rows counted from 1 and from the start of the table."""
    key, *rest = pointer.removeprefix("#/").split("/")
    if key == "instances" and rest:
        rest[0] = f"row {first + int(rest[0]) + 1}"
    elif rest:
        rest[0] = f"value {int(rest[0]) + 1}"
    return ", ".join(rest) or key
