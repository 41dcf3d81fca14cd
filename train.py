"""Train a scikit-learn model, say how good it is, and write the artifact that Tandem serves.

Without arguments it trains the built-in example; with a CSV file and --target, a model of your own.
"""

import argparse
import dataclasses
import sys
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from rich.console import Console

from predictor import Manifest, save
from predictor.artifact import dump
from predictor.manifest import COMPILED_FILE, FILE
from training import TrainingError
from training.adopt import adopt
from training.compile import Compiled, NotCompiledError, compile_model, list_compiled
from training.describe import describe
from training.estimators import make_estimator
from training.evaluate import beats_baseline, evaluate
from training.fit import check_missing_values, fit, labels_or_numbers, task_of
from training.options import DEFAULT_CLASSIFIER, DEFAULT_REGRESSOR, check_words, parse
from training.report import FILE as REPORT
from training.report import training_report
from training.show import metrics_table, progress_bar
from training.table import Table, example_table, read_table


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line; every error is one line on stderr and exit status 2."""
    options = parse(arguments, __doc__)
    try:
        (adopt_pickle if options.adopt else train)(options)
    except TrainingError as error:
        sys.stderr.write(f"train.py: {' '.join(str(error).splitlines())}\n")
        sys.exit(2)


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
        with progress_bar(console, "cross-validation") as on_fold:
            metrics = evaluate(estimator, table, task, test_size=options.test_size, seed=options.seed, on_fold=on_fold)
            fitted = fit(estimator, table.features, table.target)
        manifest, pickled = package(fitted, table, task, metrics, options)
        page = None
        if not options.no_report:
            with progress_bar(console, "report") as on_feature:
                page = training_report(estimator, table, manifest, options.command_line, on_feature)
    compiled, refusal = None, ""
    if options.compile:
        try:
            compiled, manifest = convert(fitted, table, manifest, options)
        except NotCompiledError as reason:
            refusal = f"not compiled, scikit-learn will serve the pickle: {reason}"
    write(pickled, manifest, options.out, compiled.data if compiled else None, page)
    report(console, manifest, len(table.target), metrics, options.out)
    if refusal:
        raise TrainingError(refusal)


def convert(fitted: Any, table: Table, manifest: Manifest, options: argparse.Namespace) -> tuple[Compiled, Manifest]:
    """Return the compiled model and the manifest that lists it; NotCompiledError when no conversion is equal."""
    compiled = compile_model(fitted, table.features, manifest.features, seed=options.seed, tolerance=options.tolerance)
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
    print(f"MODEL_SHA256={manifest.sha256} lets no other be served")  # noqa: T201


def write(
    pickled: bytes, manifest: Manifest, out: Path, compiled: bytes | None = None, page: bytes | None = None
) -> None:
    """Write the artifact, its compiled form and its report; TrainingError when the folder cannot be written."""
    try:
        save(pickled, manifest, out, {COMPILED_FILE: compiled, REPORT: page})
    except OSError as error:
        raise TrainingError(f"cannot write to {out}: {error.strerror}; choose another folder with --out") from None


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
    console.print(metrics_table(metrics, lines=console.is_terminal))
    if not beats_baseline(metrics, manifest.task):
        console.print(
            "The model does NOT beat the baseline, which looks at no feature: do not deploy it.",
            style="bold red",
            soft_wrap=True,
        )
    size = manifest.artifact["size"]
    console.print(f"{manifest.name} {manifest.version}: {manifest.estimator['class']}, {rows} rows", soft_wrap=True)
    console.print(f"wrote {out / manifest.artifact['file']} ({size:,} bytes) and {out / FILE}", soft_wrap=True)
    console.print(f"MODEL_SHA256={manifest.sha256} lets no other be served", soft_wrap=True)
    if manifest.compiled:
        console.print(
            f"compiled to {out / manifest.compiled['file']} ({manifest.compiled['size']:,} bytes, "
            f"{manifest.compiled['precision']}): the largest difference on {manifest.compiled['samples']:,} rows is "
            f"{manifest.compiled['largest_difference']:.1e}",
            soft_wrap=True,
        )
    if (out / REPORT).exists():
        console.print(f"wrote {out / REPORT}: how good the model is, to look at in a browser", soft_wrap=True)


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
