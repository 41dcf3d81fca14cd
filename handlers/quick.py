"""Whether a model answers one row so soon that a server's main loop may wait for it."""

import time
from typing import Any

import orjson

from handlers.predict import predictions
from handlers.schemas import validate
from handlers.service import Service
from predictor.onnx_engine import CompiledModel

# Health checks, deadlines and everybody else's requests wait for so long: for each answer, or, where those that wait
# are predicted together, for all answers of a turn of the loop.
MAX_SECONDS, MAX_SECONDS_TOGETHER = 0.005, 0.025
# A request may be so many times as long as the longest that was tried.
MARGIN = 4


def most_seconds(service: Service) -> float:
    """Return how long an answer may take."""
    return MAX_SECONDS_TOGETHER if service.predictor.together else MAX_SECONDS


def longest_quick_body(service: Service) -> int:
    """Return the bytes of the longest body that can be answered at once: 0 when the model is not one for that.

    It predicts each golden example, and counts what this thread computes: to wait for a CPU says nothing of the model.
    """
    predictor = service.predictor
    if not may_be_quick(predictor.estimator):
        return 0
    names = predictor.manifest.feature_names
    bodies = []
    for example in predictor.manifest.examples:
        document = {"features": dict(zip(names, example["features"], strict=True))}
        # Of two, since the first one may find code or memory that was never used yet.
        if not any(seconds_to_answer(service, document) <= most_seconds(service) for _ in range(2)):
            return 0
        bodies.append(len(orjson.dumps(document)))
    return MARGIN * max(bodies)


def asks_one_row(body: bytes) -> bool:
    """Whether a body of POST /predict cannot ask for several rows, however it is written."""
    return b"instances" not in body and b"\\" not in body


def may_be_quick(estimator: Any) -> bool:
    """Whether an estimator is of scikit-learn alone and nothing in it asks for threads or processes of its own."""
    if isinstance(estimator, CompiledModel):
        return True
    settings = estimator.get_params(deep=True)
    if any(name.rpartition("__")[2] == "n_jobs" and value not in {None, 1} for name, value in settings.items()):
        return False
    parts = [part for part in (estimator, *settings.values()) if hasattr(part, "get_params") or callable(part)]
    return all(module_of(part) in {"sklearn", "numpy", "scipy"} for part in parts)


def module_of(part: Any) -> str:
    """Return the top-level package of a function or of an object's class."""
    module: str = getattr(part, "__module__", None) or type(part).__module__
    return module.partition(".")[0]


def seconds_to_answer(service: Service, document: Any) -> float:
    """Return how long this thread computes to validate and predict a document."""
    began = time.thread_time()
    predictions(service.predictor, validate(service.request_schema, document))
    return time.thread_time() - began
