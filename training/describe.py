"""From a fitted estimator and its table to the manifest."""

import hashlib
import math
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator

from predictor.artifact import installed_packages, public_class
from predictor.manifest import FORMAT, Manifest
from predictor.unpickler import globals_of_trusted
from training.problem import Problem, take

EXAMPLES = 5


def describe(
    fitted: Any, problem: Problem, pickled: bytes, *, name: str, version: str, training: dict[str, Any] | None
) -> Manifest:
    """Return the manifest of `pickled`, the dumped `fitted`."""
    table = problem.table
    return Manifest(
        format=FORMAT,
        name=name,
        version=version,
        artifact={"file": "model.pkl", "sha256": hashlib.sha256(pickled).hexdigest(), "size": len(pickled)},
        estimator=describe_estimator(fitted),
        task=problem.task,
        classes=fitted.classes_.tolist() if problem.classifies else None,
        features=list(table.columns),
        input="matrix" if table.is_matrix else "frame",
        target=table.target_name,
        packages=installed_packages(),
        globals=globals_of_trusted(pickled),
        training=training,
        examples=golden_examples(fitted, problem),
    )


def describe_estimator(estimator: BaseEstimator) -> dict[str, Any]:
    """Return the class and the parameters of an estimator, of the steps of a pipeline too."""
    parameters = {name: _json_value(value) for name, value in estimator.get_params(deep=False).items()}
    return {"class": public_class(estimator), "parameters": parameters}


def _json_value(value: Any) -> Any:
    if isinstance(value, BaseEstimator):
        return describe_estimator(value)
    if isinstance(value, list | tuple):
        return [_json_value(item) for item in value]
    if value is None or isinstance(value, bool | int | str) or (isinstance(value, float) and math.isfinite(value)):
        return value
    return repr(value)


def golden_examples(fitted: Any, problem: Problem) -> list[dict[str, Any]]:
    """Return rows spread over the table, as JSON has them, with what the estimator predicts for them now."""
    table = problem.table
    chosen = np.unique(np.linspace(0, len(problem.target) - 1, EXAMPLES).astype(int))
    predictions = fitted.predict(take(problem.inputs, chosen)).tolist()
    cells = [[column.cell(value) for value in table.values(column)[chosen]] for column in table.columns]
    return [
        {"features": list(row), "prediction": prediction}
        for row, prediction in zip(zip(*cells, strict=True), predictions, strict=True)
    ]
