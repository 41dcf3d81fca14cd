"""A verified estimator and its predictions."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from predictor.columns import Inputs
from predictor.frames import frame_maker
from predictor.manifest import Manifest
from predictor.onnx_engine import CompiledModel
from predictor.refusals import NotPredictable, blames_the_input, refusal

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


def relative_difference(got: Any, expected: Any, scale: float, tolerance: float) -> Any:
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

    @property
    def gives_probabilities(self) -> bool:
        """Whether the estimator is a classifier with predict_proba."""
        return self.manifest.task == "classification" and hasattr(self.estimator, "predict_proba")

    def predict(self, inputs: Inputs) -> NDArray[Any]:
        """Return `estimator.predict(inputs)`, bit for bit: numbers or class labels, of shape (n,).

        A compiled model's numbers are as near as its manifest says.

        `inputs` are those of valid rows, as `Manifest.inputs` makes them. NotPredictable when a prediction is not
        finite or when the estimator refuses a value.
        """
        return self._call(self.estimator.predict, inputs)

    def predict_proba(self, inputs: Inputs) -> NDArray[Any]:
        """Return the probability of each class, of shape (n, number of classes), columns in the manifest's order."""
        return self._call(self.estimator.predict_proba, inputs)

    def _call(self, method: Any, inputs: Inputs) -> NDArray[Any]:
        # An overflow shows in the result, which is looked at; numpy's warning about it would go to the log.
        with np.errstate(all="ignore"):
            try:
                outputs = np.asarray(method(self.convert(inputs)))
            except ValueError as error:
                if not blames_the_input(error):  # a fault of code in the model, not of the input
                    raise
                raise refusal(lambda some: method(self.convert(some)), self.manifest, inputs) from error
        if outputs.dtype.kind == "f" and not np.isfinite(outputs).all():
            bad = ~np.isfinite(outputs).reshape(len(outputs), -1).all(axis=1)
            raise NotPredictable(np.flatnonzero(bad).tolist())
        return outputs

    def replay(self) -> list[int]:
        """Predict the manifest's golden examples again and return the indices of those that came out differently."""
        examples = self.manifest.examples
        inputs = self.manifest.inputs([example["features"] for example in examples])
        expected = [example["prediction"] for example in examples]
        scale = self.manifest.scale or usual_size(expected) or 0.0
        try:
            got = self.predict(inputs).tolist()
        except NotPredictable as error:
            return error.rows or list(range(len(examples)))
        pairs = enumerate(zip(expected, got, strict=True))
        return [index for index, pair in pairs if not _same(*pair, scale, self.tolerance)]


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
