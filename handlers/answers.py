"""Predictions as JSON has them: the rows that every dialect writes, and the schema of one."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from handlers.responses import Problem
from handlers.schemas import Instances
from predictor import Manifest, Predictor
from predictor.outputs import NotGivenError, class_names


@dataclass  # see Instances
class Predictions:
    """What the model says of some rows.

    `outputs` are of shape (rows,), or (rows, targets) of several. When asked for, the probabilities are of shape
    (rows, classes), or a list of such arrays, one a target; scores are (rows,), (rows, classes) or (rows, targets).
    """

    outputs: NDArray[Any]
    probabilities: NDArray[np.float64] | list[NDArray[np.float64]] | None = None
    single: bool = False
    scores: NDArray[np.float64] | None = None


def predict(predictor: Predictor, instances: Instances) -> Predictions:
    """Return the predictions of valid instances; Problem when the model does not give what is asked for."""
    if instances.probabilities and not predictor.gives_probabilities:
        raise none_given("probabilities")
    if instances.scores and not predictor.gives_scores:
        raise none_given("scores")
    if not instances.rows:
        return none_of(predictor.manifest, instances)
    outputs = predictor.predict(instances.inputs)
    probabilities = scores = None
    try:
        if instances.probabilities:
            probabilities = predictor.predict_proba(instances.inputs)
        if instances.scores:
            scores = predictor.decision_function(instances.inputs)
    except NotGivenError:
        raise none_given("probabilities" if instances.probabilities else "scores") from None
    return Predictions(outputs, probabilities, instances.single, scores)


def none_given(what: str) -> Problem:
    """Return the refusal of a request for what the model does not give."""
    return Problem(422, f"this model gives no {what}", [((what,), "leave it out, or false")])


def none_of(manifest: Manifest, instances: Instances) -> Predictions:
    """Return the predictions of no rows."""
    targets = manifest.targets
    chances = [np.empty((0, len(target.classes or ()))) for target in targets]
    return Predictions(
        np.empty((0, len(targets)) if manifest.several else 0),
        (chances if manifest.several else chances[0]) if instances.probabilities else None,
        scores=np.empty(0) if instances.scores else None,
    )


def labels_of(manifest: Manifest, predictions: Predictions) -> list[Any]:
    """Return each row's prediction: a number, a label, or an object target -> one of them."""
    return by_target(manifest, predictions.outputs.tolist())


def by_target(manifest: Manifest, rows: list[Any]) -> list[Any]:
    """Return rows of one value a target as objects where there are several."""
    if not manifest.several:
        return rows
    names = manifest.target_names
    return [dict(zip(names, row, strict=True)) for row in rows]


def chances_of(manifest: Manifest, probabilities: Any) -> list[dict[str, Any]]:
    """Return for each row an object label -> probability, or an object target -> such an object."""
    arrays = probabilities if manifest.several else [probabilities]
    targets = [
        rows_by_class(target.classes, chances.tolist())
        for target, chances in zip(manifest.targets, arrays, strict=True)
    ]
    return by_target(manifest, [*zip(*targets, strict=True)]) if manifest.several else targets[0]


def rows_by_class(classes: Sequence[Any] | None, rows: list[list[float]]) -> list[dict[str, float]]:
    """Return an object label -> number for each row."""
    names = class_names(classes)
    return [dict(zip(names, row, strict=True)) for row in rows]


def scores_of(manifest: Manifest, scores: NDArray[Any]) -> list[Any]:
    """Return each row's score: a number, or an object label -> number, or target -> number."""
    if scores.ndim == 1:
        numbers: list[Any] = scores.tolist()
        return numbers
    if manifest.several:
        return by_target(manifest, scores.tolist())
    return [*rows_by_class(manifest.classes, scores.tolist())]


def details_of(manifest: Manifest, predictions: Predictions) -> dict[str, list[Any]]:
    """Return what was asked for beside the predictions, by its key of the answer: one value a row."""
    details: dict[str, list[Any]] = {}
    if predictions.probabilities is not None:
        details["probabilities"] = chances_of(manifest, predictions.probabilities)
    if predictions.scores is not None:
        details["scores"] = scores_of(manifest, predictions.scores)
    return details


def labelled(manifest: Manifest, predictions: Predictions) -> list[Any]:
    """Return one value a row: the prediction, or, when there is more, an object of all with the prediction as label."""
    labels = labels_of(manifest, predictions)
    for name, values in details_of(manifest, predictions).items():
        return [{"label": label, name: value} for label, value in zip(labels, values, strict=True)]
    return labels


def output_schema(manifest: Manifest) -> dict[str, Any]:
    """Return the schema of one row's prediction."""
    if manifest.several:
        return closed_object({target.name: value_schema(manifest, target.classes) for target in manifest.targets})
    return value_schema(manifest, manifest.classes)


def value_schema(manifest: Manifest, classes: list[Any] | None) -> dict[str, Any]:
    """Return the schema of what is predicted of a target."""
    if manifest.task == "regression":
        return {"type": "number"}
    return {"type": "integer"} if classes is None else {"enum": classes}


def details_schema(predictor: Predictor) -> dict[str, dict[str, Any]]:
    """Return the schemas of what may stand beside one row's prediction, by key of the answer."""
    manifest = predictor.manifest
    if predictor.gives_scores:
        number: dict[str, Any] = {"type": "number"}
        if manifest.several:
            return {"scores": closed_object(dict.fromkeys(manifest.target_names, number))}
        labels = class_names(manifest.classes)
        return {"scores": closed_object(dict.fromkeys(labels, number)) if len(labels) > 2 else number}
    if not predictor.gives_probabilities:
        return {}
    chance = {"type": "number", "minimum": 0, "maximum": 1}
    by_class = {t.name: closed_object(dict.fromkeys(class_names(t.classes), chance)) for t in manifest.targets}
    return {"probabilities": closed_object(by_class) if manifest.several else next(iter(by_class.values()))}


def closed_object(properties: dict[str, Any]) -> dict[str, Any]:
    """Return the schema of an object with exactly these keys."""
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }
