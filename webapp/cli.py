"""`flask --app webapp model`: look at the model, prove it, and predict with it, without a server."""

from collections.abc import Sequence
from itertools import chain, count, islice, repeat
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import orjson
from flask import current_app
from flask.cli import AppGroup

from handlers import paths
from handlers.predict import predictions
from handlers.responses import Problem
from handlers.schemas import validate
from handlers.service import Service
from predictor.columns import Boolean, Category, Column, Number
from predictor.environment import engine
from predictor.onnx_engine import choose_engine
from predictor.version import __version__
from webapp.table_predictions import predict_table

if TYPE_CHECKING:
    from tables.again import Batch

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
    predictor = service_of_app().predictor
    manifest = predictor.manifest
    click.echo(orjson.dumps(manifest.public(), option=orjson.OPT_INDENT_2))
    click.echo("engine: {}, because {}".format(*choose_engine(manifest, engine())), err=True)
    click.echo(f"manifest sha256: {predictor.sha256}, for MODEL_SHA256", err=True)


@group.command()
def verify() -> None:
    """Prove the model as a server does at its start; the exit status is 0 when it is what its manifest says."""
    manifest = service_of_app().predictor.manifest  # a model that fails has ended the process with its one line
    click.echo(
        f"{manifest.name} {manifest.version} is what its manifest says: sha256 {manifest.artifact['sha256']}, "
        f"{len(manifest.globals)} globals, {manifest.estimator['class']}, {len(manifest.features)} features, "
        f"package versions, and {len(manifest.examples)} of {len(manifest.examples)} examples predicted again"
    )


@group.command()
@click.argument("url", default="http://127.0.0.1:8080")
def openapi(url: str) -> None:
    """Print the OpenAPI description of the Cloud Function at URL, which cannot serve its own."""
    from handlers.openapi import function  # apispec is not the start's to pay for

    click.echo(orjson.dumps(function(service_of_app(), url), option=orjson.OPT_INDENT_2))


@group.command(context_settings={"ignore_unknown_options": True})  # -1 is a number, not an option
@click.argument("values", nargs=-1)
@click.option("--csv", "table", type=click.Path(path_type=Path), help="predict each row of a table, '-' for stdin")
def predict(values: tuple[str, ...], table: Path | None) -> None:
    """Predict one row of VALUES, or each row of a CSV or Parquet file, as CSV with a column more."""
    if (table is None) == (not values):
        raise click.UsageError("give either values, in the order of the features, or --csv FILE")
    manifest = service_of_app().predictor.manifest
    if table is None:
        columns = chain(manifest.features, repeat(None))
        features = [cell(value, column) for value, column in zip(values, columns, strict=False)]
        click.echo(orjson.dumps(ask({"features": features}, [])))
        return
    # On a pipe, rows are counted: it has no lines to go to.
    piped = str(table) == "-"
    rows = count(1)

    def predicted(batch: "Batch") -> Any:
        places = [f"row {number}" for number in islice(rows, len(batch.rows))]
        if not piped:
            places = [f"line {line}" for line in batch.lines]
        return ask({"instances": batch.instances}, places)["predictions"]

    predict_table(table, manifest, predicted)


def cell(text: str, column: Column | None) -> Any:
    """Return a value of the command line as the JSON that its column takes, or as it stands, to be refused."""
    if column is None or (column.missing and text in {"", "null"}):
        return text if column is None else None
    try:
        match column:
            case Boolean():
                return {"true": True, "false": False}[text.lower()]
            case Number():
                return text if "_" in text else float(text)  # 1_0 is a number to Python only
            case Category() if column.whole_numbers:
                return text if "_" in text else int(text)
    except (KeyError, ValueError):
        pass
    return text


def ask(document: dict[str, Any], places: Sequence[str]) -> dict[str, Any]:
    """Return the answer that POST /predict gives to a document; one line and exit status 1 when that is a problem."""
    service = service_of_app()
    try:
        return predictions(service.predictor, validate(service.request_schema, document))
    except Problem as problem:
        faults = [f"{in_words(path, places)} {detail}" for path, detail in problem.errors] or [problem.detail]
        raise click.ClickException("; ".join(faults)) from None


def in_words(path: paths.Path, places: Sequence[str]) -> str:
    """Return where a fault is as a person says it: with the places of a table's rows, or values counted from 1."""
    key, *rest = path
    words = [f"value {part + 1}" if isinstance(part, int) else part for part in rest]
    if key == "instances" and rest:
        words[0] = places[int(rest[0])]
    return ", ".join(words) or str(key)
