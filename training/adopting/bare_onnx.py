"""Adopting an ONNX file for which there is no estimator: it is served as it is, once it has predicted rows."""

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from marshmallow import ValidationError
from numpy.typing import NDArray

from predictor import Manifest
from predictor.artifact import installed_packages
from predictor.loading import first_line
from predictor.manifest import COMPILED_FILE, ManifestSchema
from predictor.manifest_form import FORMAT
from predictor.model import not_finite, usual_size
from predictor.onnx_engine import CompiledModel
from predictor.outputs import Output, all_finite
from predictor.proof import in_child
from predictor.together import count_rows
from training import TrainingError
from training.adopting.graphs import Value, answers_of, inputs_of_graph, labels_in, maker_of, read_graph
from training.adopting.inputs import Inputs
from training.adopting.onnx_inputs import inputs_of_file
from training.describe import golden_predictions, spread
from training.outputs import MOST_TARGETS, names_of

SECONDS = 60
# What takes more memory to predict some rows would take it of every worker.
MOST_BYTES = 4 * 2**30
# How far from 1 the probabilities of a row may sum up, in float32.
NEAR = 1e-3


def is_onnx(path: Path) -> bool:
    """Whether a file is one of ONNX, by its name."""
    return path.suffix.lower() == ".onnx"


@dataclass(frozen=True)
class Answers:
    """What a file predicts of its rows, the classes of labels, and the names of the outputs that are served."""

    predictions: NDArray[Any]
    classes: list[Any] | None
    outputs: list[str]


def adopt_onnx(
    path: Path,
    *,
    features: Sequence[str],
    target: str,
    examples: Path | None,
    name: str,
    version: str,
    kinds: Mapping[str, str],
) -> tuple[Manifest, bytes]:
    """Return the manifest of an ONNX file, and its bytes; TrainingError when it cannot be served."""
    data, graph = read_graph(path)
    found = inputs_of_file(
        path, inputs_of_graph(graph), features=features, target=target, examples=examples, kinds=kinds
    )
    model, answers = tried(path, data, graph, found)
    sha256 = hashlib.sha256(data).hexdigest()
    manifest = Manifest(
        format=FORMAT,
        name=name,
        version=version,
        artifact={"file": COMPILED_FILE, "sha256": sha256, "size": len(data), "outputs": answers.outputs},
        estimator=maker_of(graph),
        features=found.columns,
        input=found.form,
        packages=installed_packages(["onnxruntime", "numpy"]),
        globals=[],
        training=None,
        examples=[],
        **described_by(answers, target),
    )
    manifest = replace(manifest, examples=golden_examples(model, found, manifest))
    try:
        ManifestSchema().load(json.loads(manifest.to_json()))
    except ValidationError as error:
        raise TrainingError(f"{path} cannot be described: {json.dumps(error.messages)[:300]}") from None
    return manifest, data


def tried(path: Path, data: bytes, graph: Any, found: Inputs) -> tuple[CompiledModel, Answers]:
    """Return the loaded file and what it answers; TrainingError when that is nothing to serve."""
    answer, others = answers_of(path, graph)
    labels = labels_in(graph)
    columns = () if found.form == "matrix" else found.columns

    def made() -> CompiledModel:
        return CompiledModel(data, labels, "", columns, [answer.name])

    rows = twice(found.given)  # so that no file passes that answers always as many
    try_in_child(path, made, [answer, *others], rows)
    model = made()
    predictions = checked(path, model.predict(rows), count_rows(rows), answer)
    chances = {other.name: model.run(other.name, rows) for other in others}
    beside = [name for name, values in chances.items() if are_probabilities(values)][:1]
    classes = None
    if answer.is_labels:
        classes = classes_of(path, labels, predictions, chances[beside[0]] if beside else None)
    return model, Answers(predictions, classes, [answer.name, *beside])


def described_by(answers: Answers, target: str) -> dict[str, Any]:
    """Return what the manifest says of the predictions."""
    predictions, classes = answers.predictions, answers.classes
    outputs = outputs_of(target, predictions) if predictions.ndim == 2 else None
    return {
        "task": "regression" if classes is None else "classification",
        "classes": classes,
        "target": ", ".join(output.name for output in outputs) if outputs else target,
        "outputs": outputs,
        "scale": usual_size(predictions) if classes is None and not outputs else None,
    }


def twice(rows: Any) -> Any:
    """Return rows, a matrix or one array a column, and the same once more."""
    return [np.concatenate([values, values]) for values in rows] if isinstance(rows, list) else np.tile(rows, (2, 1))


def try_in_child(path: Path, made: Callable[[], CompiledModel], outputs: Sequence[Value], rows: Any) -> None:
    """Let a process that ends again load the file and predict the rows; TrainingError when it cannot."""

    def report() -> dict[str, Any]:
        import resource  # Windows has none

        _, most = resource.getrlimit(resource.RLIMIT_AS)
        resource.setrlimit(resource.RLIMIT_AS, (MOST_BYTES if most < 0 else min(most, MOST_BYTES), most))
        try:
            model = made()
            for output in outputs:
                model.run(output.name, rows)
        except Exception as error:  # ONNX Runtime has a dozen kinds of them
            return {"error": first_line(error)}
        return {}

    told = in_child(report, SECONDS)
    if "error" in told:
        raise TrainingError(f"ONNX Runtime cannot serve {path}: {told['error']:.300}")


def checked(path: Path, predictions: NDArray[Any], rows: int, answer: Value) -> NDArray[Any]:
    """Return predictions of some rows; TrainingError when they are not one value, or some numbers, for each row."""
    shape = predictions.shape
    if answer.is_labels and shape != (rows,):
        raise TrainingError(f"{path} gives labels of shape {shape} for {rows} rows; it must be one a row")
    if shape[:1] != (rows,) or len(shape) > 2 or 0 in shape[1:] or not rows:
        raise TrainingError(f"{path} gives numbers of shape {shape} for {rows} rows; it must be one a row, or several")
    if len(shape) == 2 and shape[1] > MOST_TARGETS:
        raise TrainingError(f"{path} gives {shape[1]} numbers a row; the most that are served are {MOST_TARGETS}")
    if (bad := not_finite(predictions)).any():
        row = int(np.argmax(bad)) + 1
        raise TrainingError(f"{path} gives no finite number for row {row} of the examples; leave that row out")
    return predictions


def are_probabilities(values: NDArray[Any]) -> bool:
    """Whether numbers are the probabilities of classes: files give scores under that name, too."""
    usual = values.ndim == 2 and values.shape[1] > 1 and values.dtype.kind == "f"
    if not usual or not all_finite(values):
        return False
    return bool((values >= 0).all() and (np.abs(values.sum(axis=1) - 1) < NEAR).all())


def classes_of(path: Path, named: list[Any], labels: NDArray[Any], chances: NDArray[Any] | None) -> list[Any]:
    """Return the labels in the order of their probabilities: as the file names them, or as its predictions do."""
    seen = set(labels.tolist())
    width = len(named) if chances is None else chances.shape[1]
    if named and len(named) == width and seen <= set(named):
        return named
    if chances is None:
        return sorted(seen)
    likeliest = chances.argmax(axis=1)
    found = [set(labels[likeliest == place].tolist()) for place in range(width)]
    if any(len(names) != 1 for names in found):
        raise TrainingError(
            f"{path} does not say what its {width} classes are called; give --examples of which it predicts every class"
        )
    return [names.pop() for names in found]


def outputs_of(target: str, predictions: NDArray[Any]) -> list[Output]:
    """Return several targets, numbers all of them."""
    names = names_of(target, predictions.shape[1])
    return [Output(name, scale=usual_size(column)) for name, column in zip(names, predictions.T, strict=True)]


def golden_examples(model: CompiledModel, found: Inputs, manifest: Manifest) -> list[dict[str, Any]]:
    """Return rows spread over the examples, with what the model predicts for them alone."""
    chosen = spread(len(found.arrays[0]))
    cells = [
        [column.cell(value) for value in array[chosen]]
        for column, array in zip(found.columns, found.arrays, strict=True)
    ]
    rows = list(zip(*cells, strict=True))
    predictions = golden_predictions(model.predict(manifest.inputs(rows)), manifest.outputs or [])
    return [
        {"features": list(row), "prediction": prediction} for row, prediction in zip(rows, predictions, strict=True)
    ]
