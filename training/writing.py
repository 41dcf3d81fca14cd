"""From a fitted estimator to the files of its artifact."""

import argparse
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from predictor import Manifest, Predictor, save
from predictor.artifact import dump
from predictor.columns import Inputs
from predictor.manifest import BIGQUERY_FILE, COMPILED_FILE
from training import NotCompiledError, TrainingError
from training.batches import is_batch_invariant
from training.bigquery import compile_for_bigquery
from training.compile import compile_model, list_compiled
from training.describe import describe
from training.problem import Problem


def package(
    fitted: Any, problem: Problem, training: dict[str, Any], options: argparse.Namespace
) -> tuple[Manifest, bytes]:
    """Return the manifest and the pickle of a fitted estimator; what says nothing of its training is left out."""
    pickled = dump(fitted)
    table = problem.table
    training |= {"left_out": table.left_out, "rows_left_out": table.rows_left_out, "reading": table.reading}
    training = {key: value for key, value in training.items() if value or key in {"seed", "metrics"}}
    return describe(fitted, problem, pickled, name=options.name, version=options.version, training=training), pickled


def convert(
    fitted: Any, rows: Inputs, manifest: Manifest, options: argparse.Namespace
) -> tuple[dict[str, bytes | None], Manifest, list[str]]:
    """Return the compiled files that are asked for, the manifest that lists them, and why others cannot be."""
    files: dict[str, bytes | None] = dict.fromkeys([COMPILED_FILE, BIGQUERY_FILE])
    refusals = []
    columns, texts, seed = manifest.features, manifest.input == "texts", options.seed
    call = Predictor(manifest, fitted).call_estimator
    manifest = replace(manifest, batch_invariant=is_batch_invariant(fitted, call, columns, rows, seed))
    if options.compile:
        try:
            compiled = compile_model(fitted, rows, columns, texts=texts, seed=seed, tolerance=options.tolerance)
            manifest, files[COMPILED_FILE] = list_compiled(manifest, compiled), compiled.data
        except NotCompiledError as reason:
            refusals.append(f"not compiled, scikit-learn will serve the pickle: {reason}")
    if options.bigquery:
        try:
            imported = compile_for_bigquery(fitted, rows, columns, seed=seed)
            manifest, files[BIGQUERY_FILE] = replace(manifest, bigquery=imported.facts), imported.data
        except NotCompiledError as reason:
            refusals.append(f"no {BIGQUERY_FILE}: {reason}")
    return files, manifest, refusals


def write(pickled: bytes, manifest: Manifest, out: Path, others: Mapping[str, bytes | None]) -> None:
    """Write the artifact, its compiled forms and its report; TrainingError when the folder cannot be written."""
    try:
        save(pickled, manifest, out, others)
    except OSError as error:
        raise TrainingError(f"cannot write to {out}: {error.strerror}; choose another folder with --out") from None
