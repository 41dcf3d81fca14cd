"""Of a dict or tuple that holds a model beside its scaler and the names of its labels: the estimator that is meant."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import LabelEncoder

from training import TrainingError

MOST_SHOWN = 12


def estimator_in(found: Any, pick: str | None, chain: Sequence[str]) -> tuple[Any, LabelEncoder | None]:
    """Return the estimator in what a file holds, and the encoder that knows what its labels are called."""
    parts = parts_of(found)
    if not parts:
        if pick or chain:
            raise TrainingError(f"the pickle holds a {type(found).__name__} alone; leave --pick and --chain out")
        return found, None
    if pick:
        return part(parts, pick), None
    if not chain:
        raise TrainingError(f"the pickle holds {in_words(found, parts)}; {advice(parts)}")
    chosen = {name: part(parts, name) for name in chain}
    steps = {name: step for name, step in chosen.items() if not isinstance(step, LabelEncoder)}
    encoders = [step for step in chosen.values() if isinstance(step, LabelEncoder)]
    check_chain(steps, encoders)
    [*_, last] = steps.values()
    named = [(name.replace("__", "_"), step) for name, step in steps.items()]
    return (Pipeline(named) if len(named) > 1 else last), (encoders[0] if encoders else None)


def parts_of(found: Any) -> dict[str, Any]:
    """Return the parts of a dict, a list or a tuple by name or number; none of anything else."""
    if isinstance(found, Mapping):
        return {str(name): value for name, value in found.items()}
    if isinstance(found, list | tuple):
        return {str(place): value for place, value in enumerate(found)}
    return {}


def part(parts: Mapping[str, Any], name: str) -> Any:
    """Return one of the parts; TrainingError when there is none of that name."""
    if name not in parts:
        raise TrainingError(f"the pickle holds no {name!r}; it holds {', '.join(list(parts)[:MOST_SHOWN])}")
    return parts[name]


def in_words(found: Any, parts: Mapping[str, Any]) -> str:
    """Return what stands in a dict or tuple, for a person."""
    shown = [f"{name:.40} ({type(value).__name__})" for name, value in list(parts.items())[:MOST_SHOWN]]
    more = f" and {len(parts) - MOST_SHOWN} more" if len(parts) > MOST_SHOWN else ""
    return f"a {type(found).__name__} of {', '.join(shown)}{more}"


def advice(parts: Mapping[str, Any]) -> str:
    """Return which options make an estimator of the parts."""
    models = [name for name, value in parts.items() if callable(getattr(value, "predict", None))]
    if not models:
        return "none of them predicts"
    labels = [name for name, value in parts.items() if isinstance(value, LabelEncoder)]
    before = [name for name, value in parts.items() if hasattr(value, "transform") and name not in {*models, *labels}]
    whole = ",".join([*before, models[0], *labels[:1]])
    chained = f", or with --chain {whole} what belongs together" if whole != models[0] else ""
    return f"choose one with --pick {models[0]}{chained}"


def check_chain(steps: Mapping[str, Any], encoders: Sequence[LabelEncoder]) -> None:
    """Refuse parts that make no pipeline."""
    if len(encoders) > 1:
        raise TrainingError("--chain names two encoders of labels; name the one of the target")
    names = list(steps)
    for name, step in steps.items():
        needed = "predict" if name == names[-1] else "transform"
        if not callable(getattr(step, needed, None)):
            raise TrainingError(f"--chain: {name} is a {type(step).__name__}, which cannot {needed}; the model is last")
    if not steps:
        raise TrainingError("--chain names no model")


def name_labels(estimator: Any, encoder: LabelEncoder, rows: Any) -> None:
    """Let a classifier answer what an encoder calls its labels; TrainingError when it does not do so on the rows."""
    last = estimator.steps[-1][1] if isinstance(estimator, Pipeline) else estimator
    kind, names = type(last).__name__, encoder.classes_
    numbers = np.asarray(getattr(last, "classes_", []))
    if numbers.dtype.kind not in "iu" or not set(numbers.tolist()) <= set(range(len(names))):
        raise TrainingError(f"the labels of the {kind} are not those of the encoder; leave it out of --chain")
    wanted = names[np.asarray(estimator.predict(rows), dtype=np.intp)]
    refusal = TrainingError(f"a {kind} cannot take the names of its labels; leave the encoder out of --chain")
    try:
        last.classes_ = names[numbers]
        got = np.asarray(estimator.predict(rows))
    except Exception:  # a property that cannot be set, or numbers that are looked for elsewhere
        raise refusal from None
    if got.tolist() != wanted.tolist():
        raise refusal
