"""A verified estimator and its predictions."""

import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from predictor.columns import Inputs
from predictor.frames import frame_maker
from predictor.manifest import Manifest
from predictor.onnx_engine import CompiledModel
from predictor.outputs import NotGivenError, all_finite, as_whole_labels, chances_by_target, shaped
from predictor.refusals import NotPredictable, blames_the_input, refusal
from predictor.together import Function, Together, count_rows

# Another CPU or BLAS may round the last bits otherwise; a wrong model differs by more.
REPLAY_TOLERANCE = 1e-9
# Where terms cancel, a prediction is rounded as its terms are: below this part of the usual prediction's size, a
# difference is nothing.
ROUNDING = 1e-9
# But no prediction counts for less than this part of the usual size, whatever the tolerance.
NEAR_ZERO = 1e-3


def usual_size(predictions: Any) -> float | None:
    """Return the median size of predictions that are floats; None of labels, and of other numbers."""
    values = np.asarray(predictions)
    return float(np.median(np.abs(values))) if values.dtype.kind == "f" and values.size else None


def relative_difference(got: Any, expected: Any, scale: Any, tolerance: float) -> Any:
    """Return how far numbers are from those expected, relative to them, or to what counts of `scale`.

    At the tolerance of replaying, 1e-9, that is their usual size: a difference of ROUNDING of it is within.
    """
    least = scale * (min(1.0, max(NEAR_ZERO, ROUNDING / tolerance)) if tolerance else 1.0)
    sizes = np.maximum(np.maximum(np.abs(got), np.abs(expected)), least)
    # Where both are zero, so is the difference.
    return np.abs(np.subtract(got, expected)) / np.where(sizes > 0, sizes, 1)


@dataclass(eq=False)
class Predictor:
    """An estimator with the manifest that it was checked against."""

    manifest: Manifest
    estimator: Any  # scikit-learn's, or a CompiledModel
    tolerance: float = REPLAY_TOLERANCE
    sha256: str = ""  # of the manifest's file, which holds the digests of all others

    def __post_init__(self) -> None:
        """Make, before the first prediction, what that takes: pandas is imported here, if at all."""
        self.convert = converter(self.manifest, self.estimator)
        self.call: Function = self.call_estimator
        self.together: Together | None = None

    def predict_together(self) -> None:
        """From now on, predict in one call what several threads ask for meanwhile, if the model is one for that."""
        if self.batch_invariant:
            self.call = self.together = Together(self.call_estimator)

    @property
    def batch_invariant(self) -> bool:
        """Whether a row is predicted the same, bit for bit, alone and together with others."""
        if isinstance(self.estimator, CompiledModel):
            return bool((self.manifest.compiled or {}).get("batch_invariant"))
        return self.manifest.batch_invariant

    @property
    def gives_probabilities(self) -> bool:
        """Whether predict_proba tells the chance of each class, or cluster."""
        manifest = self.manifest
        labelled = manifest.task in {"classification", "clustering"} and manifest.targets[0].classes is not None
        return labelled and hasattr(self.estimator, "predict_proba")

    @property
    def gives_scores(self) -> bool:
        """Whether decision_function tells, where there are no probabilities, how far a row is on which side."""
        if self.manifest.task not in {"classification", "anomaly"} or self.gives_probabilities:
            return False
        return hasattr(self.estimator, "decision_function")

    def predict(self, inputs: Inputs) -> NDArray[Any]:
        """Return `estimator.predict(inputs)`, bit for bit: numbers or class labels, of shape (n,) or (n, targets).

        A compiled model's numbers are as near as its manifest says.

        `inputs` are those of valid rows, as `Manifest.inputs` makes them. NotPredictable when a prediction is not
        finite or when the estimator refuses a value.
        """
        targets = self.manifest.targets
        outputs = shaped(np.asarray(self._call("predict", inputs)), count_rows(inputs), len(targets))
        return as_whole_labels(outputs, targets) if self.manifest.several else outputs

    def predict_proba(self, inputs: Inputs) -> NDArray[Any] | list[NDArray[Any]]:
        """Return the probability of each class, of shape (n, number of classes), columns in the manifest's order.

        Of several targets, a list of such arrays. NotGivenError when the estimator has none after all.
        """
        found = self._beside("predict_proba", inputs)
        if not self.manifest.several:
            return np.asarray(found)
        return chances_by_target(found, self.manifest.targets)

    def decision_function(self, inputs: Inputs) -> NDArray[Any]:
        """Return scores of shape (n,), or (n, classes), or (n, targets); NotGivenError when there are others."""
        scores = np.asarray(self._beside("decision_function", inputs))
        targets = self.manifest.targets
        shapes = [(len(targets),)] if len(targets) > 1 else [(), (len(targets[0].classes or ()),)]
        if scores.shape[1:] not in shapes:
            raise NotGivenError  # a number for each pair of classes, as SVC's may be
        return scores

    def _beside(self, method: str, inputs: Inputs) -> Any:
        """Return what stands beside predictions; NotGivenError when the estimator cannot even tell it of an example."""
        try:
            return self._call(method, inputs)
        except NotPredictable:
            if not self.manifest.several:
                raise
            example = self.manifest.inputs([self.manifest.examples[0]["features"]])
            try:
                self.call_estimator(method, example)
            except ValueError:
                raise NotGivenError from None
            raise

    def call_estimator(self, method: str, inputs: Inputs) -> Any:
        """Return what a method of the estimator makes of inputs."""
        # An overflow shows in the result, which is looked at; numpy's warning about it would go to the log.
        with np.errstate(all="ignore"):
            return getattr(self.estimator, method)(self.convert(inputs))

    def _call(self, method: str, inputs: Inputs) -> Any:
        try:
            outputs = self.call(method, inputs)
        except ValueError as error:
            if not blames_the_input(error):  # a fault of code in the model, not of the input
                raise
            raise refusal(functools.partial(self.call_estimator, method), self.manifest, inputs) from error
        parts = [np.asarray(part) for part in (outputs if isinstance(outputs, list) else [outputs])]
        if not all(map(all_finite, parts)):
            raise NotPredictable(np.flatnonzero(np.any([not_finite(part) for part in parts], axis=0)).tolist())
        return outputs

    def replay(self) -> list[int]:
        """Predict the manifest's golden examples again and return the indices of those that came out differently."""
        manifest = self.manifest
        inputs = manifest.inputs([example["features"] for example in manifest.examples])
        expected = [example["prediction"] for example in manifest.examples]
        try:
            predicted = self.predict(inputs)
        except NotPredictable as error:
            return error.rows or list(range(len(expected)))
        if not manifest.several:
            return self._differing(expected, predicted.tolist(), manifest.scale)
        found: set[int] = set()
        for target, values in zip(manifest.targets, predicted.T.tolist(), strict=True):
            found.update(self._differing([row[target.name] for row in expected], values, target.scale))
        return sorted(found)

    def _differing(self, expected: list[Any], got: list[Any], scale: float | None) -> list[int]:
        scale = scale or usual_size(expected) or 0.0
        pairs = enumerate(zip(expected, got, strict=True))
        return [index for index, pair in pairs if not _same(*pair, scale, self.tolerance)]


def not_finite(values: NDArray[Any]) -> NDArray[np.bool_]:
    """Return which rows have a number that is not finite."""
    if values.dtype.kind != "f":
        return np.zeros(len(values) if values.ndim else 0, dtype=bool)
    finite: NDArray[np.bool_] = np.isfinite(values).reshape(len(values), -1).all(axis=1)
    return ~finite


def converter(manifest: Manifest, estimator: Any) -> Callable[[Inputs], Any]:
    """Return the function from inputs to what the estimator's predict takes."""
    if manifest.input == "matrix" or isinstance(estimator, CompiledModel):
        return lambda inputs: inputs
    if manifest.input == "texts":
        return lambda inputs: inputs[0].tolist()
    return frame_maker(manifest.features)


def _same(expected: Any, got: Any, scale: float, tolerance: float) -> bool:
    if isinstance(expected, float) and isinstance(got, float):
        return bool(relative_difference(got, expected, scale, tolerance) <= tolerance)
    return type(expected) is type(got) and bool(expected == got)
