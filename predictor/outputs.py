"""What a model answers: one value a row, or one for each of several targets, and what stands beside it."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from marshmallow import Schema, ValidationError, fields, post_load, validate
from numpy.typing import NDArray

# What detectors of anomalies predict: an anomaly, and what is usual.
ANOMALY_LABELS = [-1, 1]
TASKS = ("regression", "classification", "anomaly", "clustering")
LONGEST_NAME = 200
LABELS = (str, bool, int, float)


class WrongShapeError(Exception):
    """The estimator predicts other outputs than the manifest lists."""


class NotGivenError(Exception):
    """The estimator has no such answer, though it has a method for it."""


@dataclass(frozen=True)
class Output:
    """One target: a number, or one of `classes`; `quantile` says which part of the truth lies below the number."""

    name: str
    classes: list[Any] | None = None
    scale: float | None = None
    quantile: float | None = None

    def describe(self) -> dict[str, Any]:
        """Return what the manifest says of the target."""
        return {key: value for key, value in asdict(self).items() if value is not None}


class OutputSchema(Schema):
    """The form of an element of `outputs` in `model.json`."""

    name = fields.String(required=True, validate=validate.Length(min=1, max=LONGEST_NAME))
    classes = fields.List(fields.Raw(), validate=validate.Length(min=1))
    scale = fields.Float(validate=validate.Range(min=0))
    quantile = fields.Float(validate=validate.Range(min=0, max=1))

    @post_load
    def _make(self, data: dict[str, Any], **_: Any) -> Output:
        return Output(**data)


class OutputField(fields.Field[Output]):
    """An element of `outputs`."""

    def _serialize(self, value: Output | None, attr: str | None, obj: Any, **_: Any) -> Any:
        return value.describe() if value else None

    def _deserialize(self, value: Any, attr: str | None, data: Any, **_: Any) -> Output:
        output: Output = OutputSchema().load(value)
        return output


def class_names(classes: Sequence[Any] | None) -> list[str]:
    """Return labels as JSON's keys, which are strings."""
    return [label if isinstance(label, str) else str(label).lower() for label in classes or ()]


def check_outputs(data: dict[str, Any]) -> None:
    """Refuse a manifest whose outputs are not those of its task; ValidationError."""
    outputs: list[Output] = data["outputs"] or []
    for classes in [data["classes"], *(output.classes for output in outputs)]:
        _check_labels(classes)
    predictions = [example["prediction"] for example in data["examples"]]
    if data["task"] == "anomaly" and data["classes"] != ANOMALY_LABELS:
        raise ValidationError("the classes of anomalies are -1 and 1", "classes")
    if data["task"] in {"anomaly", "clustering"} and any(type(label) is not int for label in predictions):
        raise ValidationError("an anomaly or a cluster is predicted by a whole number", "examples")
    if not outputs:
        return
    if len(outputs) == 1 and outputs[0].quantile is None:
        raise ValidationError("one target needs no list, unless it is a quantile", "outputs")
    _check_targets(outputs, data)
    names = [output.name for output in outputs]
    if len(names) > 1 and any(type(row) is not dict or list(row) != names for row in predictions):
        raise ValidationError("a prediction is not an object of the targets, in their order", "examples")


def _check_targets(outputs: list[Output], data: dict[str, Any]) -> None:
    names = Counter(output.name for output in outputs)
    if twice := [name for name, count in names.items() if count > 1]:
        raise ValidationError(f"two targets have the name {twice[0]!r:.64}", "outputs")
    if data["classes"] is not None or data["task"] not in {"regression", "classification"}:
        raise ValidationError("several targets are numbers, or each has classes of its own", "outputs")
    if {output.classes is not None for output in outputs} != {data["task"] == "classification"}:
        raise ValidationError(f"the targets' classes do not fit the task {data['task']}", "outputs")


def _check_labels(classes: list[Any] | None) -> None:
    """Refuse labels that are none, and two that were one key of an answer's probabilities."""
    if any(type(label) not in LABELS for label in classes or ()):
        raise ValidationError("a class must be a string, a number, true or false", "classes")
    names = class_names(classes)
    if twice := [name for name, count in Counter(names).items() if count > 1]:
        raise ValidationError(f"two classes are the same key in JSON: {twice[0]!r:.64}", "classes")


def all_finite(values: NDArray[Any]) -> bool:
    """Whether no number is NaN or infinite; to count is the quickest way to know of few."""
    return values.dtype.kind != "f" or np.count_nonzero(np.isfinite(values)) == values.size


def shaped(predictions: NDArray[Any], rows: int, targets: int) -> NDArray[Any]:
    """Return predictions of shape (rows,), or (rows, targets) where there are several; WrongShapeError for others."""
    if predictions.shape == (rows, 1) and targets == 1:
        return predictions.reshape(rows)
    if predictions.shape != ((rows,) if targets == 1 else (rows, targets)):
        wanted = "one value a row" if targets == 1 else f"{targets} values a row"
        raise WrongShapeError(f"it predicts an array of shape {predictions.shape} for {rows} rows, not {wanted}")
    return predictions


def as_whole_labels(predictions: NDArray[Any], outputs: Sequence[Output]) -> NDArray[Any]:
    """Return whole numbers where all labels are: ClassifierChain predicts 0.0 and 1.0 for the classes 0 and 1."""
    whole = all(type(label) is int for output in outputs for label in output.classes or [None])
    return predictions.astype(np.int64) if whole and predictions.dtype.kind == "f" else predictions


def classes_by_target(estimator: Any, targets: int) -> list[list[Any]]:
    """Return the labels of each target of a classifier of several.

    Where all targets are yes or no, some estimators have the targets' positions as their `classes_`.
    """
    own = estimator.classes_
    if isinstance(own, list):
        return [np.asarray(classes).tolist() for classes in own]
    return [[0, 1] for _ in range(targets)]


def chances_by_target(probabilities: Any, outputs: Sequence[Output]) -> list[NDArray[Any]]:
    """Return the probabilities of each target's classes, each of shape (rows, classes).

    Some estimators give a list of such arrays, others the chance of yes for each target.
    """
    counts = [len(output.classes or ()) for output in outputs]
    if isinstance(probabilities, list):
        arrays = [np.asarray(chances) for chances in probabilities]
    else:
        matrix = np.asarray(probabilities)
        if matrix.ndim != 2:
            raise NotGivenError
        arrays = [np.column_stack([1 - chances, chances]) for chances in matrix.T]
    if [chances.shape[1:] for chances in arrays] != [(count,) for count in counts]:
        raise NotGivenError
    return arrays
