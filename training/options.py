"""The command line of train.py."""

import argparse
import re
import sys
from collections.abc import Sequence
from pathlib import Path

from marshmallow import ValidationError

from predictor.environment import model_dir
from predictor.manifest_form import WORD
from training import TrainingError

DEFAULT_REGRESSOR = "sklearn.linear_model.LinearRegression"
DEFAULT_CLASSIFIER = "sklearn.linear_model.LogisticRegression"
AUTO = "auto"

KINDS = {
    "category": "a column of categories, whatever its values look like",
    "text": "a column of texts, whose words are looked at",
    "number": "a column of numbers",
    "date": "a column of dates",
}


def parse(arguments: Sequence[str] | None, description: str | None) -> argparse.Namespace:
    """Return the options of the command line."""
    parser = argparse.ArgumentParser(prog="train.py", description=description)
    parser.add_argument("data", nargs="?", type=Path, metavar="TABLE", help="a CSV or Parquet file")
    parser.add_argument("--target", metavar="COLUMN", help="the column to predict; several with commas between")
    _add_estimator_options(parser)
    _add_column_options(parser.add_argument_group("how the table is understood"))
    _add_artifact_options(parser)
    _add_adopting_options(parser.add_argument_group("a model that is fitted already"))
    options = parser.parse_args(arguments)
    options.command_line = list(sys.argv[1:] if arguments is None else arguments)
    if options.bigquery and not options.compile:
        parser.error("--bigquery goes with --compile")
    if options.adopt:
        if options.data:
            parser.error("--adopt takes a fitted estimator, so there is no CSV file to train on")
        if options.compile and not options.examples:
            parser.error("--compile compares on rows of the table, so --adopt needs them: give --examples ROWS.csv")
        return options
    if (options.data is None) != (options.target is None):
        parser.error("a CSV file and --target COLUMN go together")
    if options.estimator == AUTO and options.settings:
        parser.error("--set is for one estimator; name it with --estimator instead of auto")
    return options


def _add_estimator_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--estimator",
        metavar="CLASS",
        help=f"default: {DEFAULT_REGRESSOR}, for labels {DEFAULT_CLASSIFIER}; auto compares a linear model, a forest "
        "and gradient boosting",
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
        "--task",
        choices=["regression", "classification"],
        help="predict a number or a label (default: what the target looks like, or what --estimator does)",
    )


def _add_column_options(group: argparse._ArgumentGroup) -> None:
    for kind, what in KINDS.items():
        group.add_argument(f"--{kind}", action="append", default=[], metavar="COLUMN", help=f"{what}; repeatable")
    group.add_argument(
        "--drop", action="append", default=[], metavar="COLUMN", help="a column to leave out; repeatable"
    )
    group.add_argument(
        "--keep",
        action="append",
        default=[],
        metavar="COLUMN",
        help="a column not to leave out, though it looks like an identifier or has one value; repeatable",
    )
    group.add_argument(
        "--no-header", action="store_true", help="the first line is a row; the columns are named column1, column2, …"
    )


def _add_artifact_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--version", default="1.0", help="the model's version (default: %(default)s)")
    parser.add_argument("--name", help="the model's name (default: the file's)")
    parser.add_argument(
        "--test-size", type=float, default=0.2, metavar="FRACTION", help="how much to hold out (default: %(default)s)"
    )
    parser.add_argument("--seed", type=int, default=0, help="for every random choice (default: %(default)s)")
    parser.add_argument(
        "--out", type=Path, default=model_dir(), metavar="DIR", help="where the artifact goes (default: %(default)s)"
    )
    parser.add_argument("--no-report", action="store_true", help="write no report.html")
    parser.add_argument(
        "--compile",
        action="store_true",
        help="also convert it to model.onnx, kept when it is proven to predict the same",
    )
    parser.add_argument(
        "--bigquery",
        action="store_true",
        help="with --compile: also convert it to model.bigquery.onnx, in float32, for BigQuery ML to import",
    )
    parser.add_argument(
        "--tolerance",
        type=float,
        metavar="DIFFERENCE",
        help="the largest relative difference of a conversion (default: 1e-12 in double precision, 1e-5 in float32)",
    )


def _add_adopting_options(group: argparse._ArgumentGroup) -> None:
    group.add_argument("--adopt", type=Path, metavar="FILE", help="a pickle, skops or ONNX file: write its manifest")
    group.add_argument("--features", type=lambda text: text.split(","), default=[], metavar="A,B", help="their names")
    group.add_argument("--examples", type=Path, metavar="ROWS.csv", help="rows of its table: kinds, types, gaps")
    group.add_argument("--pick", metavar="PART", help="of a dict or tuple, the part that is the model")
    group.add_argument(
        "--chain",
        type=lambda text: text.split(","),
        default=[],
        metavar="A,B",
        help="of a dict or tuple, the parts that make a pipeline, as in scaler,model; a LabelEncoder names the classes",
    )
    group.add_argument(
        "--code",
        type=Path,
        action="append",
        default=[],
        metavar="FILE.py",
        help="a module of your own that the pickle needs, copied into custom/; repeatable",
    )
    group.add_argument("--yes", action="store_true", help="load what lies outside scikit-learn and NumPy, too")


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
