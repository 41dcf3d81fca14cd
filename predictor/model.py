"""A verified estimator and its predictions."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from predictor.manifest import Manifest
from predictor.refusals import is_refusal

Matrix = NDArray[np.float64]

# Another CPU or BLAS may round the last bits otherwise; a wrong model differs by more.
REPLAY_TOLERANCE = 1e-9


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
            if not is_refusal(error):
                raise
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
        try:
            got = self.predict(matrix).tolist()
        except NotPredictable as error:
            return error.rows or list(range(len(examples)))
        return [index for index, pair in enumerate(zip(expected, got, strict=True)) if not _same(*pair, self.tolerance)]


def _same(expected: Any, got: Any, tolerance: float) -> bool:
    if isinstance(expected, float) and isinstance(got, float):
        return abs(expected - got) <= tolerance * max(abs(expected), abs(got))
    return type(expected) is type(got) and bool(expected == got)
