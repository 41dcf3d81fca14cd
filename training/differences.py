"""How a converted model's predictions differ from the estimator's."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from predictor.columns import Column, Inputs
from predictor.frames import frame_maker
from predictor.model import relative_difference, usual_size
from training import NotCompiledError

# ONNX Runtime takes another way through a single row than through many, so some rows are predicted alone, too.
ALONE = 100


def usual_sizes(predictions: Any) -> Any:
    """Return the usual size of predictions, of several targets one for each."""
    values = np.asarray(predictions)
    return (
        np.array([usual_size(column) or 0.0 for column in values.T]) if values.ndim == 2 else usual_size(values) or 0.0
    )


def given_to(columns: Sequence[Column], samples: Inputs, texts: bool = False) -> Any:
    """Return samples as the estimator takes them."""
    if isinstance(samples, np.ndarray):
        return samples
    return samples[0].tolist() if texts else frame_maker(columns)(samples)


def largest_difference(
    fitted: Any, compiled: Any, samples: Inputs, given: Any, *, scale: Any, tolerance: float
) -> float:
    """Return the largest difference between two models' predictions, relative to them; of probabilities, absolute.

    `given` are the samples as the estimator takes them. `scale` is the usual size of predictions; what counts of it
    depends on the `tolerance`. NotCompiledError when a label differs.
    """
    expected = fitted.predict(given)
    alone = slice(0, len(expected), max(1, len(expected) // ALONE))
    pairs = [(compiled.predict(samples), expected), (_one_by_one(compiled.predict, samples, alone), expected[alone])]
    if not hasattr(fitted, "classes_"):
        pairs = [(got, np.reshape(wanted, got.shape)) for got, wanted in pairs]
        return float(max(relative_difference(*pair, scale, tolerance).max() for pair in pairs))
    differing = sum(int((got != wanted).sum()) for got, wanted in pairs)
    if differing:
        raise NotCompiledError(f"{differing} of {sum(len(got) for got, _ in pairs)} predicted labels differ")
    if not hasattr(fitted, "predict_proba"):
        return 0.0
    chances = fitted.predict_proba(given)
    got = [compiled.predict_proba(samples) - chances]
    got.append(_one_by_one(compiled.predict_proba, samples, alone) - chances[alone])
    return float(max(np.abs(difference).max() for difference in got))


def _one_by_one(method: Any, samples: Inputs, alone: slice) -> NDArray[Any]:
    if isinstance(samples, np.ndarray):
        return np.concatenate([method(row.reshape(1, -1)) for row in samples[alone]])
    rows = range(*alone.indices(len(samples[0])))
    return np.concatenate([method([values[row : row + 1] for values in samples]) for row in rows])
