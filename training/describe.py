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
from predictor.columns import Number
from predictor.manifest import FORMAT, Manifest
from predictor.model import usual_size
from predictor.unpickler import globals_of_trusted
from training.table import Table

EXAMPLES = 5


def describe(
    fitted: Any, table: Table, pickled: bytes, *, name: str, version: str, task: str, training: dict[str, Any] | None
) -> Manifest:
    """Return the manifest of `pickled`, the dumped `fitted`."""
    named = globals_of_trusted(pickled)
    return Manifest(
        format=FORMAT,
        name=name,
        version=version,
        artifact={"file": "model.pkl", "sha256": hashlib.sha256(pickled).hexdigest(), "size": len(pickled)},
        estimator=describe_estimator(fitted),
        task=task,
        classes=fitted.classes_.tolist() if task == "classification" else None,
        features=[
            Number(column, minimum=float(np.nanmin(values)), maximum=float(np.nanmax(values)))
            for column, values in zip(table.feature_names, table.features.T, strict=True)
        ],
        target=table.target_name,
        packages=installed_packages([*PACKAGES, *packages_of(named)]),
        globals=named,
        training=training,
        examples=golden_examples(fitted, table.features),
        scale=usual_size(fitted.predict(complete_rows(table.features))) if task == "regression" else None,
    )


def packages_of(named: Sequence[str]) -> list[str]:
    """Return the packages that the globals of a pickle come from, beyond those that every pickle needs."""
    tops = {name.partition(":")[0].partition(".")[0] for name in named} - sys.stdlib_module_names
    distributions = packages_distributions() if tops - {"sklearn", "numpy", "joblib"} else {}
    found = {package for top in tops for package in distributions.get(top, [])[:1]}
    return sorted(found - set(PACKAGES))


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


def golden_examples(fitted: Any, features: NDArray[np.float64]) -> list[dict[str, Any]]:
    """Return rows spread over the table with what the estimator predicts for them now."""
    complete = complete_rows(features)
    chosen = complete[np.unique(np.linspace(0, len(complete) - 1, EXAMPLES).astype(int))]
    predictions = fitted.predict(chosen).tolist()
    return [
        {"features": row, "prediction": prediction}
        for row, prediction in zip(chosen.tolist(), predictions, strict=True)
    ]


def complete_rows(features: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the rows that a request could hold, without missing values, or the columns' medians if there are none."""
    complete = features[~np.isnan(features).any(axis=1)]
    return complete if len(complete) else np.nanmedian(features, axis=0, keepdims=True)
