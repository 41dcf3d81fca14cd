"""Train a model again from what its manifest records, and compare it with the artifact, bit for bit."""

import argparse
import dataclasses
import hashlib
import sys
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

import joblib
import numpy as np
from rich.console import Console
from rich.table import Table as Shown
from sklearn.base import clone
from sklearn.multioutput import MultiOutputClassifier, MultiOutputRegressor

from predictor import ArtifactError, Manifest, load
from predictor.artifact import dump, installed_packages
from predictor.environment import model_dir, trusted_modules
from predictor.model import REPLAY_TOLERANCE, relative_difference, usual_size
from tables import Table, TableError, example_table, read
from training import TrainingError
from training.estimators import final_step
from training.evaluate import cross_validate, evaluate
from training.fit import fit
from training.options import KINDS
from training.pipelines import pipeline_for
from training.problem import Problem

SCALER = "sklearn.preprocessing._data:StandardScaler"


def main(arguments: Sequence[str]) -> None:
    """Run the command line; exit status 1 when the model is another one, 2 when it cannot be trained again."""
    parser = argparse.ArgumentParser(prog="train.py reproduce", description=__doc__)
    parser.add_argument("data", nargs="?", type=Path, metavar="DATA.csv", help="the table it was trained from")
    parser.add_argument("--model", type=Path, default=model_dir(), metavar="DIR", help="default: %(default)s")
    options = parser.parse_args(arguments)
    try:
        same = reproduce(options.model, options.data, Console(highlight=False))
    except (TrainingError, TableError, ArtifactError) as error:
        sys.stderr.write(f"train.py reproduce: {error}\n")
        sys.exit(2)
    sys.exit(0 if same else 1)


def reproduce(directory: Path, data: Path | None, console: Console) -> bool:
    """Print how a model trained again compares with the artifact; return whether they predict alike."""
    manifest = load(directory, trusted_modules=trusted_modules()).manifest
    if manifest.training is None:
        raise TrainingError(f"{directory} records nothing of its training; train it with train.py")
    problem = Problem.of(recorded_table(manifest, data), manifest.task)
    artifact = joblib.load(directory / manifest.artifact["file"])  # load() has just verified it
    seed, test_size = manifest.training["seed"], manifest.training["test_size"]
    untrained = pipeline_for(as_made(learner_in(artifact)), problem, scale=SCALER in manifest.globals, seed=seed)
    again = fit(untrained, problem.inputs, problem.target)
    by_fold = cross_validate(untrained, problem, test_size=test_size, seed=seed, on_fold=lambda *_: None)
    metrics = evaluate(untrained, problem, test_size=test_size, seed=seed, by_fold=by_fold)
    packages = {name: version(name) for name in manifest.packages if name != "python"} | installed_packages()
    digest = hashlib.sha256(dump(again)).hexdigest()
    before, after = artifact.predict(problem.inputs), again.predict(problem.inputs)

    shown = Shown("", "recorded", "now")
    shown.add_row("data", manifest.training["data_sha256"][:12], problem.table.sha256[:12])
    for name, recorded in manifest.packages.items():
        shown.add_row(name, recorded, packages[name])
    shown.add_row("model.pkl", manifest.artifact["sha256"][:12], digest[:12])
    shown.add_row("metrics", "", "the same" if metrics == manifest.training["metrics"] else "others")
    shown.add_row(f"predictions of {len(before)} rows", "", difference(before, after))
    console.print(shown)
    same = alike(before, after, manifest.scale or usual_size(before) or 0.0)
    console.print(verdict(same, digest == manifest.artifact["sha256"], packages == manifest.packages), soft_wrap=True)
    return same


def learner_in(artifact: Any) -> Any:
    """Return the estimator that --estimator named: it learns last, or in the hands of one that makes one a target."""
    last = final_step(artifact)
    return last.estimator if isinstance(last, MultiOutputClassifier | MultiOutputRegressor) else last


def as_made(estimator: Any) -> Any:
    """Return an unfitted copy, made as train.py makes it.

    A clone would do but for the bytes: pickle writes a default's very object, met again, otherwise than an equal one.
    """
    try:
        estimator_with_defaults = type(estimator)()
    except TypeError:  # it has no defaults to share
        return clone(estimator)
    defaults = estimator_with_defaults.get_params(deep=False)
    given = {
        name: value for name, value in estimator.get_params(deep=False).items() if repr(value) != repr(defaults[name])
    }
    return estimator_with_defaults.set_params(**given)


def recorded_table(manifest: Manifest, data: Path | None) -> Table:
    """Return the table that the manifest records; TrainingError when the one given is another."""
    table = example_table() if data is None else read_again(manifest, data)
    recorded = (manifest.training or {})["data_sha256"]
    if table.sha256 != recorded:
        given = "the built-in example" if data is None else str(data)
        raise TrainingError(
            f"{manifest.name} was not trained from {given} (sha256 {table.sha256[:12]}…, not {recorded[:12]}…); "
            "give the CSV file that it was trained from"
        )
    return table


def read_again(manifest: Manifest, data: Path) -> Table:
    """Return the table in a file with the columns that the manifest has, of its kinds."""
    reading = (manifest.training or {}).get("reading", {})
    table = read(
        data,
        manifest.target_names if manifest.several else manifest.target,
        header=reading.get("header"),
        drop=list(manifest.left_out),
        keep=manifest.feature_names,
        task=manifest.task,
        **{kind: [column.name for column in manifest.features if column.kind == kind] for kind in KINDS},
    )
    columns = [column for column in table.columns if column.name in manifest.feature_names]
    return dataclasses.replace(table, columns=columns, frame=table.frame[[column.name for column in columns]])


def alike(before: Any, after: Any, scale: float) -> bool:
    """Whether two lists of predictions are the same but for what another CPU may round otherwise."""
    if before.dtype.kind != "f" or after.dtype.kind != "f":
        return np.array_equal(before, after)
    return bool((relative_difference(after, before, scale, REPLAY_TOLERANCE) <= REPLAY_TOLERANCE).all())


def difference(before: Any, after: Any) -> str:
    """Return in words how two lists of predictions differ."""
    if before.dtype == after.dtype and before.tobytes() == after.tobytes():
        return "the same, bit for bit"
    if before.dtype.kind == "f":
        return f"differ by {np.abs(before - after).max():.2g} at most"
    return f"{int((before != after).sum())} differ"


def verdict(same: bool, same_bytes: bool, same_packages: bool) -> str:
    """Return what the comparison means."""
    if same_bytes:
        return "reproduced bit for bit: training again wrote the same model.pkl"
    if same and not same_packages:
        return "reproduced in its predictions; other package versions write another model.pkl"
    if same:
        return "reproduced in its predictions, not bit for bit: another CPU or BLAS rounds otherwise"
    return "NOT reproduced: the model trained again predicts otherwise"
