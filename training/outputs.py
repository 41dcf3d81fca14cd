"""What a fitted estimator predicts: its task, its targets, and whether they are what can be answered."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import is_classifier, is_clusterer, is_outlier_detector, is_regressor
from sklearn.pipeline import Pipeline

from predictor.model import usual_size
from predictor.outputs import ANOMALY_LABELS, LONGEST_NAME, Output, all_finite, classes_by_target
from tables.header import named
from training import TrainingError

MOST_TARGETS = 1000


def task_of(estimator: Any) -> str:
    """Return the task of an estimator with predict."""
    if is_classifier(estimator):
        return "classification"
    if is_outlier_detector(estimator):
        return "anomaly"
    # A mixture of distributions is no clusterer to scikit-learn, though its predict tells the likeliest part.
    if is_clusterer(estimator) or (hasattr(last_step(estimator), "n_components") and not is_regressor(estimator)):
        return "clustering"
    return "regression"


def last_step(estimator: Any) -> Any:
    """Return what predicts at the end of pipelines and searches."""
    while True:
        if isinstance(estimator, Pipeline):
            estimator = estimator.steps[-1][1]
        elif hasattr(estimator, "best_estimator_"):
            estimator = estimator.best_estimator_
        else:
            return estimator


def check_predictions(estimator: Any, predictions: NDArray[Any], rows: int) -> str:
    """Return the task of an estimator, whose predictions of some rows can be answered; TrainingError if they cannot."""
    name = type(estimator).__name__
    shape = predictions.shape
    if shape[:1] != (rows,) or len(shape) > 2 or 0 in shape[1:] or not rows:
        raise TrainingError(
            f"{name} predicts an array of shape {shape} for {rows} rows; it must be one value a row, or one a target"
        )
    if len(shape) == 2 and shape[1] > MOST_TARGETS:
        raise TrainingError(f"{name} predicts {shape[1]} values a row; the most that are served are {MOST_TARGETS}")
    task = task_of(estimator)
    several = len(shape) == 2 and shape[1] > 1
    if several and task in {"anomaly", "clustering"}:
        raise TrainingError(f"{name} predicts {shape[1]} values a row; {task} has one")
    kinds = {"regression": "fiu", "classification": "fiubUO"}.get(task, "iu")
    if predictions.dtype.kind not in kinds:
        what = "numbers" if task == "regression" else "labels that are words, numbers, true or false"
        raise TrainingError(f"{name} predicts values of type {predictions.dtype}; {task} needs {what}")
    if not all_finite(predictions):
        raise TrainingError(f"{name} predicts no finite number for the examples; give --examples")
    if task == "anomaly" and not np.isin(predictions, ANOMALY_LABELS).all():
        raise TrainingError(f"{name} predicts other labels of anomalies than -1 and 1")
    if several and task == "classification":
        check_labels(estimator, predictions)
    return task


def check_labels(estimator: Any, predictions: NDArray[Any]) -> None:
    """Refuse a classifier of several targets that predicts what is none of their classes; TrainingError."""
    name, targets = type(estimator).__name__, predictions.shape[1]
    known = classes_by_target(estimator, targets)
    if len(known) != targets:
        raise TrainingError(f"{name} has classes for {len(known)} targets, and predicts {targets}")
    for number, (classes, column) in enumerate(zip(known, predictions.T.tolist(), strict=True), start=1):
        if strange := [label for label in column if label not in classes]:
            raise TrainingError(
                f"{name} predicts {strange[0]!r:.64} for target {number}, which is none of its classes; fit it on "
                "labels of one type"
            )


def classes_of(estimator: Any, task: str, targets: int = 1) -> list[Any] | None:
    """Return what the one target's labels may be; None of numbers, of several targets, and where nobody knows."""
    if task == "anomaly":
        return ANOMALY_LABELS
    if task == "clustering":
        return clusters_of(last_step(estimator))
    if task == "regression" or targets > 1:
        return None
    classes: list[Any] = estimator.classes_.tolist()
    return classes


def clusters_of(estimator: Any) -> list[int] | None:
    """Return the numbers of the clusters; -1 is none of them."""
    if hasattr(estimator, "means_"):
        return list(range(len(estimator.means_)))
    labels = getattr(estimator, "subcluster_labels_", None)  # of Birch, whose centres are of smaller clusters
    if labels is not None:
        return sorted({*np.asarray(labels).tolist()})
    centres = getattr(estimator, "cluster_centers_", None)
    return None if centres is None or not len(centres) else list(range(len(centres)))


def targets_of(
    estimator: Any, task: str, target: str, predictions: NDArray[Any], names: Sequence[str] = ()
) -> list[Output] | None:
    """Return the targets as the manifest lists them; None where there is one, of which `target` says all.

    `names` are theirs, where `target` is not to be taken apart.
    """
    count = predictions.shape[1] if predictions.ndim == 2 else 1
    quantiles = quantiles_of(last_step(estimator))
    if task == "regression" and len(quantiles) == count and (count > 1 or quantiles) and len(names) < 2:
        names = [target] if count == 1 else [f"{target} {quantile:g}" for quantile in quantiles]
        if count == 1:
            return [Output(target, quantile=quantiles[0])]
    else:
        names, quantiles = names if len(names) > 1 else names_of(target, count), [None] * count
    if count == 1:
        return None
    if len(set(names)) < count or max(map(len, names)) > LONGEST_NAME:
        raise TrainingError(
            f"--target {target:.100} must give each target a name of its own, of at most {LONGEST_NAME} characters"
        )
    classes = classes_by_target(estimator, count) if task == "classification" else [None] * count
    scales = [usual_size(column) if task == "regression" else None for column in predictions.T]
    return [Output(*each) for each in zip(names, classes, scales, quantiles, strict=True)]


def names_of(target: str, count: int) -> list[str]:
    """Return a name for each target: as they were given, or numbered."""
    if count == 1:
        return [target]
    names = named(target, ())
    if len(names) == 1:
        return [f"{target}{number}" for number in range(1, count + 1)]
    if len(names) != count or not all(names):
        raise TrainingError(f"the estimator predicts {count} targets, --target names {len(names)}")
    return names


def quantiles_of(estimator: Any) -> list[Any]:
    """Return the quantiles that a regressor predicts, in the order of its outputs; none of other regressors."""
    by_loss = "quantile" in {getattr(estimator, name, None) for name in ("loss", "objective")}
    names = ["quantile_alpha", "default_quantiles"]
    if by_loss or "Quantile" in type(estimator).__name__:
        names += ["quantile", "quantiles"]
    if by_loss:  # of every other estimator, alpha is how much it is regularised
        names.append("alpha")
    for value in (getattr(estimator, name, None) for name in names):
        quantiles = np.atleast_1d(value).tolist() if value is not None else []
        if quantiles and all(isinstance(quantile, float) and 0 <= quantile <= 1 for quantile in quantiles):
            return quantiles
    return []
