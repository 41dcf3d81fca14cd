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
from predictor.refusals import NotPredictable, is_stock, refusal

# Another CPU or BLAS may round the last bits otherwise; a wrong model differs by more.
REPLAY_TOLERANCE = 1e-9


@dataclass(eq=False)
class Predictor:
    """An estimator with the manifest that it was checked against."""

    manifest: Manifest
    estimator: Any  # scikit-learn's, or a CompiledModel
    tolerance: float = REPLAY_TOLERANCE

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
                if not is_stock(error):  # a fault of code in the model, not of the input
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
        try:
            got = self.predict(inputs).tolist()
        except NotPredictable as error:
            return error.rows or list(range(len(examples)))
        return [index for index, pair in enumerate(zip(expected, got, strict=True)) if not _same(*pair, self.tolerance)]


def converter(manifest: Manifest, estimator: Any) -> Callable[[Inputs], Any]:
    """Return the function from inputs to what the estimator's predict takes."""
    if manifest.input == "matrix" or isinstance(estimator, CompiledModel):
        return lambda inputs: inputs
    if manifest.input == "texts":
        return lambda inputs: inputs[0].tolist()
    return frame_maker(manifest.features)


def _same(expected: Any, got: Any, tolerance: float) -> bool:
    if isinstance(expected, float) and isinstance(got, float):
        return abs(expected - got) <= tolerance * max(abs(expected), abs(got))
    return type(expected) is type(got) and bool(expected == got)
