"""Whether a model answers one row so soon that a server's main loop may wait for it."""

import functools
from collections.abc import Iterable, Iterator
from types import FunctionType, ModuleType
from typing import Any

import numpy as np
import orjson

from handlers.own_time import OwnTime
from handlers.predict import predictions
from handlers.schemas import validate
from handlers.service import Service
from predictor.onnx_engine import CompiledModel

# Health checks, deadlines and everybody else's requests wait for so long: for each answer, or, where those that wait
# are predicted together, for all answers of a turn of the loop.
MAX_SECONDS, MAX_SECONDS_TOGETHER = 0.005, 0.025
# Whose code computes, and waits for nobody unless it is asked to.
THEIRS = frozenset({"sklearn", "numpy", "scipy"})
# What has no parts, and there may be a million of them: the words that a vectorizer knows.
PLAIN = frozenset({str, bytes, int, float, bool, type(None)})
# A request may be so many times as long as the longest that was tried.
MARGIN = 4


def most_seconds(service: Service) -> float:
    """Return how long an answer may take."""
    return MAX_SECONDS_TOGETHER if service.predictor.together else MAX_SECONDS


def longest_quick_body(service: Service) -> int:
    """Return the bytes of the longest body that can be answered at once: 0 when the model is not one for that.

    It predicts each golden example. To wait for a CPU says nothing of the model, and does not count.
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
    return MARGIN * max(bodies, default=0)


def asks_one_row(body: bytes) -> bool:
    """Whether a body of POST /predict cannot ask for several rows, however it is written."""
    return b"instances" not in body and b"\\" not in body


def may_be_quick(estimator: Any) -> bool:
    """Whether an estimator is of scikit-learn alone and nothing in it asks for threads or processes of its own."""
    return isinstance(estimator, CompiledModel) or not any(map(may_wait_for_others, everything_in(estimator)))


def may_wait_for_others(part: Any) -> bool:
    """Whether a part of an estimator asks for more threads or processes than its own, or is somebody else's code."""
    jobs = attributes_of(part).get("n_jobs")
    if jobs is not None and (type(jobs) is not int or jobs != 1):
        return True
    if isinstance(part, functools.partial) or not (hasattr(part, "get_params") or callable(part)):
        return False
    return module_of(part) not in (THEIRS | {"builtins", "pandas"} if isinstance(part, type) else THEIRS)


def everything_in(estimator: Any) -> Iterator[Any]:
    """Yield an estimator, its parameters, what it learned, and all that they are made of."""
    seen: dict[int, Any] = {}  # by id; the object keeps the id its own
    waiting = [estimator]
    while waiting:
        part = waiting.pop()
        if id(part) in seen:
            continue
        seen[id(part)] = part
        yield part
        waiting += [inner for inner in parts_of(part) if type(inner) not in PLAIN]


def parts_of(part: Any) -> Iterable[Any]:
    """Return what an object is directly made of."""
    match part:
        case list() | tuple() | set() | frozenset():
            return part
        case np.ndarray():
            return part.ravel().tolist() if part.dtype.hasobject else ()
        case functools.partial():
            return part.func, part.args, part.keywords
        case type() | FunctionType() | ModuleType():
            return ()
        case _:
            return attributes_of(part).values()


def attributes_of(part: Any) -> dict[Any, Any]:
    """Return an object's attributes, or a dictionary itself, which may be the arguments of a function."""
    return part if isinstance(part, dict) else getattr(part, "__dict__", {})


def module_of(part: Any) -> str:
    """Return the top-level package of a function or of an object's class."""
    module: str = getattr(part, "__module__", None) or type(part).__module__
    return module.partition(".")[0]


def seconds_to_answer(service: Service, document: Any) -> float:
    """Return how long this thread takes to validate and predict a document."""
    time = OwnTime()
    predictions(service.predictor, validate(service.request_schema, document))
    return time.seconds()
