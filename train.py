"""Train a scikit-learn model, say how good it is, and write the artifact that Tandem serves.

Without arguments it trains the built-in example; with a CSV file and --target, a model of your own.
"""

import argparse
import dataclasses
import re
import sys
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from marshmallow import ValidationError
from rich.console import Console

from predictor import Manifest, save
from predictor.artifact import dump
from predictor.environment import model_dir
from predictor.manifest import FILE, WORD
from training import TrainingError
from training.adopt import adopt
from training.compile import Compiled, NotCompiledError, compile_model, list_compiled
from training.describe import describe
from training.estimators import make_estimator
from training.evaluate import beats_baseline, evaluate
from training.fit import check_missing_values, fit, labels_or_numbers, task_of
from training.show import cross_validation_progress, metrics_table
from training.table import Table, example_table, read_table

DEFAULT_REGRESSOR = "sklearn.linear_model.LinearRegression"
DEFAULT_CLASSIFIER = "sklearn.linear_model.LogisticRegression"


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line; every error is one line on stderr and exit status 2."""
    options = parse(arguments)
    try:
        (adopt_pickle if options.adopt else train)(options)
    except TrainingError as error:
        sys.stderr.write(f"train.py: {' '.join(str(error).splitlines())}\n")
        sys.exit(2)


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    """Return the options of the command line."""
    parser = argparse.ArgumentParser(prog="train.py", description=__doc__)
    parser.add_argument("data", nargs="?", type=Path, metavar="DATA.csv", help="a table with a header line, in UTF-8")
    parser.add_argument("--target", metavar="COLUMN", help="the column to predict")
    parser.add_argument(
        "--estimator", metavar="CLASS", help=f"default: {DEFAULT_REGRESSOR}, for text labels {DEFAULT_CLASSIFIER}"
    )
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="PARAMETER=VALUE",
        dest="settings",
        help="a parameter of the estimator; repeatable",
    )
    parser.add_argument("--scale", action="store_true", help="put a StandardScaler before the estimator")
    parser.add_argument(
        "--drop", action="append", default=[], metavar="COLUMN", help="a column to leave out; repeatable"
    )
    parser.add_argument("--version", default="1.0", help="the model's version (default: %(default)s)")
    parser.add_argument("--name", help="the model's name (default: the file's)")
    parser.add_argument(
        "--test-size", type=float, default=0.2, metavar="FRACTION", help="how much to hold out (default: %(default)s)"
    )
    parser.add_argument("--seed", type=int, default=0, help="for every random choice (default: %(default)s)")
    parser.add_argument(
        "--out", type=Path, default=model_dir(), metavar="DIR", help="where the artifact goes (default: %(default)s)"
    )
    parser.add_argument(
        "--compile",
        action="store_true",
        help="also convert it to model.onnx, kept when it is proven to predict the same",
    )
    parser.add_argument(
        "--tolerance",
        type=float,
        metavar="DIFFERENCE",
        help="the largest relative difference of a conversion (default: 1e-12 in double precision, 1e-5 in float32)",
    )
    adopting = parser.add_argument_group("a model that is fitted already")
    adopting.add_argument("--adopt", type=Path, metavar="PICKLE", help="write the manifest for this estimator")
    adopting.add_argument(
        "--features", type=lambda text: text.split(","), default=[], metavar="A,B", help="their names"
    )
    adopting.add_argument(
        "--examples", type=Path, metavar="ROWS.csv", help="rows to try at every start, and their ranges"
    )
    adopting.add_argument("--yes", action="store_true", help="load what lies outside scikit-learn and NumPy, too")
    options = parser.parse_args(arguments)
    if options.adopt:
        if options.data:
            parser.error("--adopt takes a fitted estimator, so there is no CSV file to train on")
        if options.compile:
            parser.error("--compile compares on the training rows, which --adopt does not have")
        return options
    if (options.data is None) != (options.target is None):
        parser.error("a CSV file and --target COLUMN go together")
    return options


def train(options: argparse.Namespace) -> None:
    """Train, evaluate and write the artifact; TrainingError, and nothing written, when it cannot be done.

    A model that cannot be compiled is an error too, but it is written: it is as good as without --compile.
    """
    console = Console(highlight=False, markup=False, emoji=False)  # a path may look like markup
    check_words(options)
    with one_line_warnings(console):
        table = example_table() if options.data is None else read_table(options.data, options.target, options.drop)
        dotted = options.estimator or (DEFAULT_CLASSIFIER if table.classifies else DEFAULT_REGRESSOR)
        estimator = make_estimator(dotted, options.settings, scale=options.scale, seed=options.seed)
        task = task_of(estimator, table)
        table = dataclasses.replace(table, target=labels_or_numbers(table, task))
        check_missing_values(estimator, table)
        with cross_validation_progress(console) as on_fold:
            metrics = evaluate(estimator, table, task, test_size=options.test_size, seed=options.seed, on_fold=on_fold)
            fitted = fit(estimator, table.features, table.target)
        manifest, pickled = package(fitted, table, task, metrics, options)
    compiled, refusal = None, ""
    if options.compile:
        try:
            compiled, manifest = convert(fitted, table, manifest, options)
        except NotCompiledError as reason:
            refusal = f"not compiled, scikit-learn will serve the pickle: {reason}"
    write(pickled, manifest, options.out, compiled.data if compiled else None)
    report(console, manifest, len(table.target), metrics, options.out)
    if refusal:
        raise TrainingError(refusal)


def convert(fitted: Any, table: Table, manifest: Manifest, options: argparse.Namespace) -> tuple[Compiled, Manifest]:
    """Return the compiled model and the manifest that lists it; NotCompiledError when no conversion is equal."""
    compiled = compile_model(fitted, table.features, seed=options.seed, tolerance=options.tolerance)
    return compiled, list_compiled(manifest, compiled)


def adopt_pickle(options: argparse.Namespace) -> None:
    """Write the artifact of an estimator that is fitted already; TrainingError, and nothing written, if that fails."""
    check_words(options)
    manifest, pickled = adopt(
        options.adopt,
        features=options.features,
        target=options.target or "y",
        examples=options.examples,
        name=options.name,
        version=options.version,
        yes=options.yes,
    )
    write(pickled, manifest, options.out)
    print(f"{manifest.name} {manifest.version}: {manifest.estimator['class']}, adopted into {options.out}")  # noqa: T201


def write(pickled: bytes, manifest: Manifest, out: Path, compiled: bytes | None = None) -> None:
    """Write the artifact; TrainingError when the folder cannot be written."""
    try:
        save(pickled, manifest, out, compiled)
    except OSError as error:
        raise TrainingError(f"cannot write to {out}: {error.strerror}; choose another folder with --out") from None


def check_words(options: argparse.Namespace) -> None:
    """Refuse options that no model could be trained with."""
    if not 0 < options.test_size < 1:
        raise TrainingError(f"--test-size {options.test_size}: give a fraction between 0 and 1")
    if not 0 <= options.seed < 2**32:
        raise TrainingError(f"--seed {options.seed}: give a whole number from 0 to {2**32 - 1}")
    if options.name is None:
        source = options.adopt or options.data
        stem = re.sub(r"[^A-Za-z0-9._+-]+", "-", source.stem).strip("._+-")[:64] if source else "example"
        options.name = stem or "model"
    for option in ("name", "version"):
        try:
            WORD(getattr(options, option))
        except ValidationError as error:
            raise TrainingError(f"--{option} {getattr(options, option)!r}: {error.messages[0]}") from None


def package(
    fitted: Any, table: Table, task: str, metrics: dict[str, Any], options: argparse.Namespace
) -> tuple[Manifest, bytes]:
    """Return the manifest and the pickle of a fitted estimator."""
    pickled = dump(fitted)
    training = {
        "rows": len(table.target),
        "data_sha256": table.sha256,
        "seed": options.seed,
        "test_size": options.test_size,
        "metrics": metrics,
    }
    return describe(
        fitted, table, pickled, name=options.name, version=options.version, task=task, training=training
    ), pickled


def report(console: Console, manifest: Manifest, rows: int, metrics: dict[str, Any], out: Path) -> None:
    """Print how good the model is and where it went."""
    console.print(metrics_table(metrics))
    if not beats_baseline(metrics, manifest.task):
        console.print(
            "The model does NOT beat the baseline, which looks at no feature: do not deploy it.",
            style="bold red",
            soft_wrap=True,
        )
    size = manifest.artifact["size"]
    console.print(f"{manifest.name} {manifest.version}: {manifest.estimator['class']}, {rows} rows", soft_wrap=True)
    console.print(f"wrote {out / manifest.artifact['file']} ({size:,} bytes) and {out / FILE}", soft_wrap=True)
    if manifest.compiled:
        console.print(
            f"compiled to {out / manifest.compiled['file']} ({manifest.compiled['size']:,} bytes, "
            f"{manifest.compiled['precision']}): the largest difference on {manifest.compiled['samples']:,} rows is "
            f"{manifest.compiled['largest_difference']:.1e}",
            soft_wrap=True,
        )


@contextmanager
def one_line_warnings(console: Console) -> Iterator[None]:
    """Print each warning once, as one line, instead of once a fold with its source."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        yield
    for line in dict.fromkeys(str(warning.message).strip().splitlines()[0] for warning in caught):
        console.print(f"warning: {line}", style="yellow", soft_wrap=True)


if __name__ == "__main__":
    main()
