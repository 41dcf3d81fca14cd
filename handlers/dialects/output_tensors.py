"""The outputs of the Open Inference Protocol: a tensor for each method of the estimator, and for each target."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import orjson
from numpy.typing import NDArray

from handlers.answers import Predictions
from predictor import Manifest, Predictor

DATATYPES = {bool: "BOOL", int: "INT64", str: "BYTES"}


@dataclass(frozen=True)
class OutputTensor:
    """An output: what a method of the estimator says, of all targets or of the one at `position`."""

    method: str
    datatype: str
    shape: list[int]
    target: str = ""
    position: int | None = None
    parameters: dict[str, str] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """The method, and the target after a point where there are several."""
        return self.method if self.position is None else f"{self.method}.{self.target}"

    def describe(self) -> dict[str, Any]:
        """Return what the model's metadata says of the tensor."""
        about: dict[str, Any] = {"name": self.name, "datatype": self.datatype, "shape": self.shape}
        return about | ({"parameters": self.parameters} if self.parameters else {})

    def values(self, predictions: Predictions) -> NDArray[Any]:
        """Return the elements."""
        if self.method == "predict_proba":
            chances = predictions.probabilities
            return np.asarray(chances if self.position is None else chances[self.position])  # type: ignore[index]
        values = np.asarray(predictions.outputs if self.method == "predict" else predictions.scores)
        if self.position is not None:
            values = values[:, self.position]
        # A regressor may predict whole numbers.
        return values.astype(np.float64) if self.datatype == "FP64" else values


def output_tensors(predictor: Predictor) -> Iterator[OutputTensor]:
    """Yield the outputs of a model, its predictions first."""
    manifest = predictor.manifest
    targets = [
        (target.name, position if manifest.several else None, target.classes)
        for position, target in enumerate(manifest.targets)
    ]
    for name, position, classes in targets:
        yield OutputTensor("predict", label_type(manifest, classes), [-1], name, position)
    if predictor.gives_probabilities:
        for name, position, classes in targets:
            # A parameter's value cannot be a list.
            order = {"classes": orjson.dumps(classes).decode()}
            yield OutputTensor("predict_proba", "FP64", [-1, len(classes or ())], name, position, order)
    if predictor.gives_scores:
        for name, position, classes in targets:
            wide = len(classes or ()) > 2 and position is None
            order = {"classes": orjson.dumps(classes).decode()} if wide else {}
            shape = [-1, len(classes or ())] if wide else [-1]
            yield OutputTensor("decision_function", "FP64", shape, name, position, order)


def label_type(manifest: Manifest, classes: list[Any] | None) -> str:
    """Return the datatype of a target's predictions."""
    if classes is None:
        return "FP64" if manifest.task == "regression" else "INT64"
    return DATATYPES.get(type(classes[0]), "FP64")
