"""Train a scikit-learn model, say how good it is, and write the artifact that Tandem serves.

Without arguments it trains the built-in example; with a CSV or Parquet file and --target, a model of your own.

`train.py reproduce` trains a model again from what its manifest records, and compares; `train.py add PACKAGE` puts a
package that a pickle needs into what is deployed.
"""

import argparse
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from rich.console import Console

from predictor import Manifest
from predictor.artifact import printable
from predictor.manifest import BIGQUERY_FILE, PICKLE_FILE
from tables import TableError
from training import TrainingError, add_package, reproduce
from training.adopt import adopt
from training.adopting.bare_onnx import adopt_onnx, is_onnx
from training.adopting.code import taken_in
from training.choose import choose, named_estimator, problem_of
from training.doubts import doubts
from training.evaluate import evaluate
from training.fit import fit
from training.options import KINDS, check_words, parse
from training.report import FILE as REPORT
from training.report import training_report
from training.show import progress_bar, show_result, show_table
from training.warned import collected, sentences
from training.writing import convert, package, write

# A table of such a name is given as ./add.
SUBCOMMANDS = {"add": add_package.main, "reproduce": reproduce.main}


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line; every error is one line on stderr, every fault of a table its own, and exit status 2."""
    arguments = sys.argv[1:] if arguments is None else arguments
    subcommand = SUBCOMMANDS.get(next(iter(arguments), ""))
    if subcommand:
        subcommand(arguments[1:])
        return
    options = parse(arguments, __doc__)
    try:
        command_of(options)(options)
    except (TrainingError, TableError) as error:
        faults = error.faults if isinstance(error, TableError) else [str(error)]
        sys.stderr.write("".join(f"train.py: {printable(fault)}\n" for fault in faults))
        sys.exit(2)


def command_of(options: argparse.Namespace) -> Callable[[argparse.Namespace], None]:
    """Return what the options ask for."""
    if not options.adopt:
        return train
    return adopt_file_of_onnx if is_onnx(options.adopt) else adopt_pickle


def train(options: argparse.Namespace) -> None:
    """Train, evaluate and write the artifact; TrainingError, and nothing written, when it cannot be done.

    A model that cannot be compiled is an error too, but it is written: it is as good as without --compile.
    """
    console = Console(highlight=False, markup=False, emoji=False)  # a path may look like markup
    check_words(options)
    with collected() as caught:
        estimator = named_estimator(options)
        problem = problem_of(options, estimator)
        if console.is_terminal:  # else a table that cannot be learnt from prints nothing but its error
            show_table(console, problem.table)
        with progress_bar(console, "cross-validation") as on_fold:
            choice = choose(problem, estimator, options, on_fold)
        how = {"seed": options.seed, "test_size": options.test_size}
        metrics = evaluate(choice.estimator, problem, by_fold=choice.by_fold, **how)
        fitted = fit(choice.estimator, problem.inputs, problem.target)
        doubtful = doubts(problem, metrics, **how)
    training = {
        "rows": len(problem.target),
        "data_sha256": problem.table.sha256,
        **how,
        "metrics": metrics,
        "compared": choice.compared,
        "warnings": [*problem.table.notices, *doubtful, *sentences(caught)],
    }
    manifest, pickled = package(fitted, problem, training, options)
    page = None
    if not options.no_report:
        with collected(), progress_bar(console, "report"):
            page = training_report(choice.estimator, problem, manifest, options.command_line)
    compiled, manifest, refusals = convert(fitted, problem.rows, manifest, options)
    write(pickled, manifest, options.out, compiled | {REPORT: page})
    if not console.is_terminal:
        show_table(console, problem.table)
    show_result(console, manifest, problem.table, options.out)
    if refusals:
        raise TrainingError("; ".join(refusals))


def adopt_pickle(options: argparse.Namespace) -> None:
    """Write the artifact of an estimator that is fitted already; TrainingError, and nothing written, if that fails."""
    check_words(options)
    with taken_in(options.code):
        adopted = adopt(
            options.adopt,
            **told(options),
            yes=options.yes,
            code=options.code,
            pick=options.pick,
            chain=options.chain,
        )
    compiled, manifest, refusals = convert(adopted.estimator, adopted.rows, adopted.manifest, options)
    write(adopted.pickled, manifest, options.out, compiled | {REPORT: None})
    print_adopted(manifest, options.out)
    if refusals:
        raise TrainingError("; ".join(refusals))


def adopt_file_of_onnx(options: argparse.Namespace) -> None:
    """Write the artifact of an ONNX file, which has no pickle; TrainingError, and nothing written, if that fails."""
    check_words(options)
    for option in ("compile", "code", "pick", "chain"):
        if getattr(options, option):
            raise TrainingError(f"--{option} is for pickles, but {options.adopt} is an ONNX file; leave it out")
    manifest, data = adopt_onnx(options.adopt, **told(options))
    write(data, manifest, options.out, dict.fromkeys([PICKLE_FILE, BIGQUERY_FILE, REPORT]))
    print_adopted(manifest, options.out)


def told(options: argparse.Namespace) -> dict[str, Any]:
    """Return what a person says of an estimator of elsewhere, whatever its file."""
    return {
        "features": options.features,
        "target": options.target or "y",
        "examples": options.examples,
        "name": options.name,
        "version": options.version,
        "kinds": kinds_by_hand(options),
    }


def kinds_by_hand(options: argparse.Namespace) -> dict[str, str]:
    """Return the kinds of columns that were set by hand."""
    return {column: kind for kind in KINDS for column in getattr(options, kind)}


def print_adopted(manifest: Manifest, out: Path) -> None:
    """Print what was adopted, and the setting that pins it."""
    print(f"{manifest.name} {manifest.version}: {manifest.estimator['class']}, adopted into {out}")  # noqa: T201
    print(f"MODEL_SHA256={manifest.sha256} lets no other be served")  # noqa: T201


if __name__ == "__main__":
    main()
