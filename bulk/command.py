"""`python -m bulk IN… --out OUT [-- options of the runner]`: the command line."""

import argparse
import os
import sys
from collections.abc import Sequence

from bulk import runners
from bulk.bigquery import PREFIX, is_of_bigquery
from bulk.faults import BulkError, line_of
from bulk.outputs import Asked
from bulk.run import Options, predict_files, predict_table
from bulk.storage import is_local


def parse(arguments: Sequence[str]) -> Options:
    """Return the options of a command line; those behind -- are the runner's."""
    end = [*arguments, "--"].index("--")
    parser = argparse.ArgumentParser("bulk", description="Predict each row of CSV, Parquet or JSON lines files.")
    parser.add_argument(
        "inputs",
        nargs="+",
        metavar="IN",
        help="a file, a glob, or a folder, gs:// too; or bigquery:PROJECT.DATASET.TABLE",
    )
    parser.add_argument("--out", required=True, help="the folder or table to write, which must be new or empty")
    parser.add_argument("--probabilities", action="store_true", help="add the probability of each class")
    parser.add_argument("--model-version", action="store_true", help="add the version of the model")
    parser.add_argument(
        "--workers", type=positive, help="processes on this machine; by default as many as are worth it"
    )
    found = parser.parse_args(arguments[:end])
    out = os.path.abspath(found.out) if is_local(found.out) and not found.out.startswith(PREFIX) else found.out
    asked = Asked(found.probabilities, found.model_version)
    return Options(
        found.inputs, out.rstrip("/") or "/", asked, found.workers, runners.runner_of(), [*arguments[end + 1 :]]
    )


def positive(text: str) -> int:
    """Return a whole number of at least 1."""
    if not text.isdecimal() or not 0 < int(text) < 1000:
        raise argparse.ArgumentTypeError(f"{text!r} must be a whole number from 1 to 999")
    return int(text)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line; every fault is one line on stderr, exit status 1, and nothing under the output."""
    try:
        options = parse(sys.argv[1:] if arguments is None else arguments)
        tables = is_of_bigquery(options.inputs, options.out)
        summary = (predict_table if tables else predict_files)(options)
    except KeyboardInterrupt:
        sys.exit(130)
    except Exception as error:  # Beam's, too, of which there are many kinds
        if not isinstance(error, BulkError) and runners.is_verbose():
            raise
        sys.exit(f"bulk: {line_of(error)}")
    sys.stdout.write(summary.table())
