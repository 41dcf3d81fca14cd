"""A verified estimator and its predictions."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from predictor.manifest import Manifest

Matrix = NDArray[np.float64]

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


class NotPredictable(ValueError):
    """The estimator has no finite prediction for some rows of a valid matrix; `rows` are their indices, if known."""

    def __init__(self, rows: list[int]) -> None:
        super().__init__("the prediction is not a finite number for this input")
        self.rows = rows


@dataclass(frozen=True)
class Predictor:
    """An estimator with the manifest that it was checked against."""

    manifest: Manifest
    estimator: Any  # scikit-learn's, or a CompiledModel
    tolerance: float = REPLAY_TOLERANCE
    sha256: str = ""  # of the manifest's file, which holds the digests of all others

    @property
    def gives_probabilities(self) -> bool:
        """Whether the estimator is a classifier with predict_proba."""
        return self.manifest.task == "classification" and hasattr(self.estimator, "predict_proba")

    def predict(self, matrix: Matrix) -> NDArray[Any]:
        """Return `estimator.predict(matrix)`, bit for bit: numbers or class labels, of shape (n,).

        A compiled model's numbers are as near as its manifest says.

        `matrix` is finite and of shape (n, number of features). NotPredictable when a prediction is not finite
        or when the estimator refuses a value.
        """
        return self._call(self.estimator.predict, matrix)

    def predict_proba(self, matrix: Matrix) -> NDArray[Any]:
        """Return the probability of each class, of shape (n, number of classes), columns in the manifest's order."""
        return self._call(self.estimator.predict_proba, matrix)

    @staticmethod
    def _call(method: Any, matrix: Matrix) -> NDArray[Any]:
        try:
            # An overflow shows in the result, which is looked at; numpy's warning about it would go to the log.
            with np.errstate(all="ignore"):
                outputs = np.asarray(method(matrix))
        except ValueError as error:
            # scikit-learn's trees work in float32 and refuse what that type cannot hold.
            beyond = (np.abs(matrix) > np.finfo(np.float32).max).any(axis=1)
            raise NotPredictable(np.flatnonzero(beyond).tolist()) from error
        if outputs.dtype.kind == "f" and not np.isfinite(outputs).all():
            bad = ~np.isfinite(outputs).reshape(len(outputs), -1).all(axis=1)
            raise NotPredictable(np.flatnonzero(bad).tolist())
        return outputs

    def replay(self) -> list[int]:
        """Predict the manifest's golden examples again and return the indices of those that came out differently."""
        examples = self.manifest.examples
        matrix = np.array([example["features"] for example in examples], dtype=np.float64)
        expected = [example["prediction"] for example in examples]
        scale = self.manifest.scale or usual_size(expected) or 0.0
        try:
            got = self.predict(matrix).tolist()
        except NotPredictable as error:
            return error.rows or list(range(len(examples)))
        pairs = enumerate(zip(expected, got, strict=True))
        return [index for index, pair in pairs if not _same(*pair, scale, self.tolerance)]


def _same(expected: Any, got: Any, scale: float, tolerance: float) -> bool:
    if isinstance(expected, float) and isinstance(got, float):
        return bool(relative_difference(got, expected, scale, tolerance) <= tolerance)
    return type(expected) is type(got) and bool(expected == got)
