"""Adopting an estimator that somebody else fitted: described like our own, once it is proven on rows of its table."""

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from predictor import Manifest
from predictor.columns import Column, Number
from tables import Table
from training import TrainingError
from training.adopting.files import check_pickle, load_file
from training.adopting.inputs import Inputs, inputs_of
from training.adopting.parts import estimator_in, name_labels
from training.adopting.pickles import dump_again
from training.adopting.proof import attempt
from training.describe import describe
from training.outputs import check_predictions
from training.problem import Problem


@dataclass(frozen=True)
class Adopted:
    """An adopted estimator, its manifest, its pickle and the rows that it was tried with."""

    estimator: Any
    manifest: Manifest
    pickled: bytes
    rows: Any


def adopt(
    path: Path,
    *,
    features: Sequence[str],
    target: str,
    examples: Path | None,
    name: str,
    version: str,
    yes: bool,
    kinds: Mapping[str, str],
    code: Sequence[Path] = (),
    pick: str | None = None,
    chain: Sequence[str] = (),
) -> Adopted:
    """Return the estimator in the file `path` with manifest and pickle, as train.py would write them.

    Kinds, types, gaps and ranges are those of the `examples`; without them, what the fitted steps know, and `kinds`,
    which are set by hand. Training facts there are none.
    """
    estimator, labels = estimator_in(load_file(path, yes=yes, code=code), pick, chain)
    check_is_estimator(estimator)
    with warnings.catch_warnings():
        # One that was fitted on a DataFrame warns of every matrix, an encoder of categories that it does not know.
        warnings.simplefilter("ignore")
        inputs = inputs_of(estimator, features, examples, kinds)
        if labels is not None:
            name_labels(estimator, labels, inputs.given)
        pickled = dump_again(estimator, path)
        check_pickle(path, pickled)
        task = check_predicts(estimator, inputs.given)
        problem = problem_of(inputs, target, task)
        manifest = describe(estimator, problem, pickled, name=name, version=version, training=None)
    if examples is None:  # such rows say nothing of ranges
        manifest = replace(manifest, features=inputs.columns)
    rows = problem.inputs if inputs.form == "matrix" else inputs.arrays
    return Adopted(estimator, replace(manifest, input=inputs.form), pickled, rows)


def check_is_estimator(estimator: Any) -> None:
    """Refuse what is no estimator that predicts."""
    if not callable(getattr(estimator, "predict", None)):
        raise TrainingError(f"the pickle holds a {type(estimator).__name__}, not an estimator with predict")


def check_predicts(estimator: Any, rows: Any) -> str:
    """Return the task of an estimator whose predictions can be answered; TrainingError for any other object."""
    return check_predictions(estimator, attempt(estimator, rows), len(rows))


def problem_of(inputs: Inputs, target: str, task: str) -> Problem:
    """Return the rows as if they were a table that was trained from."""
    import pandas as pd

    columns = [ranged(column, array) for column, array in zip(inputs.columns, inputs.arrays, strict=True)]
    series = {
        column.name: pd.Series(array, dtype=array.dtype) for column, array in zip(columns, inputs.arrays, strict=True)
    }
    count = len(inputs.arrays[0])
    table = Table(pd.DataFrame(series), columns, np.empty(count), target, "", range(count))
    return Problem(table, task, inputs.given, np.empty(count))


def ranged(column: Column, values: Any) -> Column:
    """Return a column of numbers with the range of these ones; any other as it is."""
    if not isinstance(column, Number) or column.minimum is not None or np.isnan(values).all():
        return column
    return replace(column, minimum=float(np.nanmin(values)), maximum=float(np.nanmax(values)))
