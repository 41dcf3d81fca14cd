"""From a fitted estimator to `model.onnx`, kept only when it is proven to predict the same."""

import dataclasses
import hashlib
import warnings
from importlib.metadata import version
from typing import Any

import numpy as np
from numpy.typing import NDArray

from predictor import Manifest, Predictor
from predictor.loading import first_line
from predictor.manifest import COMPILED_FILE
from predictor.model import relative_difference, usual_size
from predictor.onnx_engine import CompiledModel
from training.describe import complete_rows
from training.estimators import final_step

RANDOM_ROWS = 10_000
# How far beyond the training data's range the random rows go, as a part of that range.
MARGIN = 0.1
TOLERANCE = {"double": 1e-12, "float32": 1e-5}
# ONNX Runtime takes another way through a single row than through many, so some rows are predicted alone, too.
ALONE = 100


class NotCompiledError(Exception):
    """No conversion is equal to the estimator; the message is one line that says why."""


@dataclasses.dataclass(frozen=True)
class Compiled:
    """The bytes of `model.onnx` and what the manifest says of them."""

    data: bytes
    facts: dict[str, Any]


def compile_model(
    fitted: Any, features: NDArray[np.float64], *, seed: int = 0, tolerance: float | None = None
) -> Compiled:
    """Return the first conversion, in double precision or float32, that predicts what `fitted` does.

    `features` are the training rows. `tolerance` stands in for TOLERANCE's. NotCompiledError when there is none.
    """
    samples = sample_rows(features, seed)
    scale = usual_size(fitted.predict(complete_rows(features))) or 0.0
    reasons: dict[str, str] = {}
    for precision in TOLERANCE:
        try:
            return _attempt(fitted, samples, precision, tolerance, scale)
        except NotCompiledError as reason:
            reasons[precision] = str(reason)
    if len(set(reasons.values())) == 1:
        raise NotCompiledError(reasons["double"])
    raise NotCompiledError("; ".join(f"in {precision}, {reason}" for precision, reason in reasons.items()))


def list_compiled(manifest: Manifest, compiled: Compiled) -> Manifest:
    """Return the manifest with the compiled model in it; NotCompiledError when the server would refuse it."""
    listing = dataclasses.replace(manifest, compiled=compiled.facts)
    model = CompiledModel(compiled.data, manifest.classes, compiled.facts["precision"])
    differing = Predictor(listing, model, compiled.facts["tolerance"]).replay()
    if differing:
        raise NotCompiledError(f"the conversion does not reproduce example {differing[0]} of the manifest")
    return listing


def sample_rows(features: NDArray[np.float64], seed: int) -> NDArray[np.float64]:
    """Return the training rows that a request could hold, then random ones that span their range and a margin."""
    complete = features[~np.isnan(features).any(axis=1)]
    low, high = np.nanmin(features, axis=0), np.nanmax(features, axis=0)
    margin = MARGIN * np.where(high > low, high - low, np.maximum(np.abs(high), 1))
    drawn = np.random.RandomState(seed).uniform(low - margin, high + margin, (RANDOM_ROWS, features.shape[1]))
    return np.vstack([complete, drawn])


def _attempt(fitted: Any, samples: NDArray[np.float64], inputs: str, tolerance: float | None, scale: float) -> Compiled:
    data = _convert(fitted, samples.shape[1], inputs)
    classes = fitted.classes_.tolist() if hasattr(fitted, "classes_") else None
    try:
        # ONNX's classifiers of trees take doubles, but give their probabilities in float32.
        precision = inputs if "tensor(float)" not in _types(data) else "float32"
        allowed = TOLERANCE[precision] if tolerance is None else tolerance
        difference = largest_difference(fitted, CompiledModel(data, classes, precision), samples, scale, allowed)
    except NotCompiledError:
        raise
    except Exception as error:  # ONNX Runtime has a dozen kinds of them
        raise NotCompiledError(f"ONNX Runtime refuses the conversion ({first_line(error)})") from None
    if not difference <= allowed:
        raise NotCompiledError(f"the largest relative difference is {difference:.1e}, more than {allowed:.0e}")
    facts = {
        "file": COMPILED_FILE,
        "sha256": hashlib.sha256(data).hexdigest(),
        "size": len(data),
        "precision": precision,
        "samples": len(samples),
        "largest_difference": difference,
        "tolerance": allowed,
    }
    return Compiled(data, facts)


def _convert(fitted: Any, width: int, inputs: str) -> bytes:
    """Return the bytes of the conversion, whose outputs are the prediction and, if there are any, probabilities."""
    from skl2onnx import to_onnx
    from skl2onnx.common.data_types import DoubleTensorType, FloatTensorType
    from skl2onnx.helpers.onnx_helper import select_model_inputs_outputs

    kind = DoubleTensorType if inputs == "double" else FloatTensorType
    probabilities = hasattr(fitted, "predict_proba")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about the converter's own insides
            model = to_onnx(
                fitted,
                name="model",  # by default a random one
                initial_types=[("features", kind([None, width]))],
                options={"zipmap": False} if probabilities else None,
            )
            names = [output.name for output in model.graph.output]
            model = select_model_inputs_outputs(model, names if probabilities else names[:1])
    except Exception as error:  # converters raise anything
        name = type(final_step(fitted)).__name__
        raise NotCompiledError(
            f"skl2onnx {version('skl2onnx')} cannot convert {name} ({first_line(error):.80})"
        ) from None
    _order_operator_sets(model)
    data: bytes = model.SerializeToString(deterministic=True)
    return data


def _order_operator_sets(model: Any) -> None:
    """Order the imports, which come out of a set, so that the same model has the same bytes."""
    newest: dict[str, int] = {}
    for imported in model.opset_import:
        newest[imported.domain] = max(imported.version, newest.get(imported.domain, 0))
    del model.opset_import[:]
    for domain in sorted(newest):
        model.opset_import.add(domain=domain, version=newest[domain])


def _types(data: bytes) -> set[str]:
    return {output.type for output in CompiledModel(data, None, "double").session.get_outputs()}


def largest_difference(
    fitted: Any, compiled: CompiledModel, samples: NDArray[np.float64], scale: float, tolerance: float
) -> float:
    """Return the largest difference between two models' predictions, relative to them; of probabilities, absolute.

    `scale` is the usual size of predictions; what counts of it depends on the `tolerance`.

    NotCompiledError when a label differs.
    """
    expected = fitted.predict(samples)
    alone = slice(0, len(samples), max(1, len(samples) // ALONE))
    found = [(compiled.predict(samples), expected), (_one_by_one(compiled.predict, samples[alone]), expected[alone])]
    if not hasattr(fitted, "classes_"):
        return float(max(relative_difference(*pair, scale, tolerance).max() for pair in found))
    differing = sum(int((got != wanted).sum()) for got, wanted in found)
    if differing:
        raise NotCompiledError(f"{differing} of {sum(len(got) for got, _ in found)} predicted labels differ")
    if not hasattr(fitted, "predict_proba"):
        return 0.0
    chances = fitted.predict_proba(samples)
    got = [compiled.predict_proba(samples) - chances]
    got.append(_one_by_one(compiled.predict_proba, samples[alone]) - chances[alone])
    return float(max(np.abs(difference).max() for difference in got))


def _one_by_one(method: Any, rows: NDArray[np.float64]) -> NDArray[Any]:
    return np.concatenate([method(row.reshape(1, -1)) for row in rows])
