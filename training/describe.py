"""From a fitted estimator and its table to the manifest."""

import hashlib
import math
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator

from predictor.artifact import installed_packages, public_class
from predictor.columns import Number
from predictor.manifest import FORMAT, Manifest
from predictor.unpickler import globals_of_trusted
from training.table import Table

EXAMPLES = 5


def describe(
    fitted: Any, table: Table, pickled: bytes, *, name: str, version: str, task: str, training: dict[str, Any] | None
) -> Manifest:
    """Return the manifest of `pickled`, the dumped `fitted`."""
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
        packages=installed_packages(),
        globals=globals_of_trusted(pickled),
        training=training,
        examples=golden_examples(fitted, table.features),
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


def golden_examples(fitted: Any, features: NDArray[np.float64]) -> list[dict[str, Any]]:
    """Return rows spread over the table with what the estimator predicts for them now.

    Requests hold finite numbers only, so rows with missing values cannot be examples; if there are no others, the
    columns' medians make one.
    """
    complete = features[~np.isnan(features).any(axis=1)]
    if not len(complete):
        complete = np.nanmedian(features, axis=0, keepdims=True)
    chosen = complete[np.unique(np.linspace(0, len(complete) - 1, EXAMPLES).astype(int))]
    predictions = fitted.predict(chosen).tolist()
    return [
        {"features": row, "prediction": prediction}
        for row, prediction in zip(chosen.tolist(), predictions, strict=True)
    ]
