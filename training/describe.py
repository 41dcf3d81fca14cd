"""From a fitted estimator and its table to the manifest."""

import hashlib
import math
import sys
from collections.abc import Sequence
from importlib.metadata import packages_distributions
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator

from predictor.artifact import PACKAGES, installed_packages, public_class
from predictor.manifest import PICKLE_FILE, Manifest
from predictor.manifest_form import FORMAT
from predictor.model import usual_size
from predictor.outputs import Output, as_whole_labels, shaped
from predictor.unpickler import globals_of_trusted
from training.outputs import classes_of, targets_of
from training.problem import Problem, take

EXAMPLES = 5


def describe(
    fitted: Any, problem: Problem, pickled: bytes, *, name: str, version: str, training: dict[str, Any] | None
) -> Manifest:
    """Return the manifest of `pickled`, the dumped `fitted`."""
    named = globals_of_trusted(pickled)
    table = problem.table
    predictions = np.asarray(fitted.predict(problem.inputs))
    outputs = targets_of(fitted, problem.task, table.target_name, predictions, table.target_names)
    return Manifest(
        format=FORMAT,
        name=name,
        version=version,
        artifact={"file": PICKLE_FILE, "sha256": hashlib.sha256(pickled).hexdigest(), "size": len(pickled)},
        estimator=describe_estimator(fitted),
        task=problem.task,
        classes=classes_of(fitted, problem.task, len(outputs or [0])),
        features=list(table.columns),
        input="matrix" if table.is_matrix else "frame",
        target=", ".join(output.name for output in outputs) if outputs else table.target_name,
        outputs=outputs,
        packages=installed_packages([*PACKAGES, *packages_of(named)]),
        globals=named,
        training=training,
        examples=golden_examples(fitted, problem, outputs or []),
        scale=usual_size(predictions) if problem.task == "regression" and len(outputs or [0]) == 1 else None,
    )


def packages_of(named: Sequence[str]) -> list[str]:
    """Return the packages that the globals of a pickle come from, beyond those that every pickle needs."""
    tops = {name.partition(":")[0].partition(".")[0] for name in named} - sys.stdlib_module_names
    distributions = packages_distributions() if tops - {"sklearn", "numpy", "joblib"} else {}
    packages = {package for top in tops for package in distributions.get(top, [])[:1]}
    return sorted(packages - set(PACKAGES))


def describe_estimator(estimator: BaseEstimator) -> dict[str, Any]:
    """Return the class and the parameters of an estimator, of the steps of a pipeline too."""
    parameters = {name: _json_value(value) for name, value in estimator.get_params(deep=False).items()}
    return {"class": public_class(estimator), "parameters": parameters}


def _json_value(value: Any) -> Any:
    if isinstance(value, BaseEstimator):
        return describe_estimator(value)
    if isinstance(value, list | tuple):
        return [_json_value(item) for item in value]
    if isinstance(value, int) and not -(2**63) <= value < 2**63:  # no answer can hold it
        return str(value) if value.bit_length() < 1000 else f"a whole number of {value.bit_length()} bits"
    if value is None or isinstance(value, bool | int | str) or (isinstance(value, float) and math.isfinite(value)):
        return value
    return repr(value)


def golden_examples(fitted: Any, problem: Problem, outputs: Sequence[Output]) -> list[dict[str, Any]]:
    """Return rows spread over the table, as JSON has them, with what the estimator predicts for them now."""
    table = problem.table
    chosen = spread(len(problem.target))
    predictions = golden_predictions(np.asarray(fitted.predict(take(problem.inputs, chosen))), outputs)
    cells = [[column.cell(value) for value in table.values(column)[chosen]] for column in table.columns]
    return [
        {"features": list(row), "prediction": prediction}
        for row, prediction in zip(zip(*cells, strict=True), predictions, strict=True)
    ]


def spread(rows: int) -> NDArray[np.intp]:
    """Return the indices of some rows, spread over all."""
    return np.unique(np.linspace(0, rows - 1, EXAMPLES).astype(np.intp))


def golden_predictions(predicted: NDArray[Any], outputs: Sequence[Output]) -> list[Any]:
    """Return predictions as JSON has them: of several targets, objects by their names."""
    rows = shaped(predicted, len(predicted), max(1, len(outputs)))
    if len(outputs) < 2:
        values: list[Any] = rows.tolist()
        return values
    names = [output.name for output in outputs]
    return [dict(zip(names, row, strict=True)) for row in as_whole_labels(rows, outputs).tolist()]
