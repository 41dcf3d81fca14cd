"""What is added to each row: its prediction or those of each target, and what was asked for beside it."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bulk.checks import Checked, Fault
from bulk.faults import BulkError
from predictor import Manifest, NotPredictable, Predictor
from predictor.columns import Inputs
from predictor.outputs import NotGivenError, Output, class_names

ARROW = {str: "string", bool: "bool", int: "int64", float: "float64"}


@dataclass(frozen=True)
class Asked:
    """What the output is to have beside predictions."""

    probabilities: bool = False
    model_version: bool = False

    def added(self, manifest: Manifest) -> dict[str, str]:
        """Return the names of the columns that are added, and their Arrow types."""
        several = manifest.several
        found = {f"prediction {t.name}" if several else "prediction": arrow_type(manifest, t) for t in manifest.targets}
        if self.probabilities:
            for target in manifest.targets:
                before = f"probability {target.name} " if several else "probability "
                found |= {before + label: "float64" for label in class_names(target.classes)}
        return found | ({"model_version": "string"} if self.model_version else {})

    def check(self, predictor: Predictor) -> None:
        """Refuse to ask for what the model does not give."""
        if self.probabilities and not predictor.gives_probabilities:
            raise BulkError("this model gives no probabilities; leave --probabilities out")

    def of(self, predictor: Predictor, inputs: Inputs) -> list[NDArray[Any]]:
        """Return what is added to valid rows, one array a column; NotPredictable."""
        outputs = predictor.predict(inputs)
        found = list(outputs.T) if predictor.manifest.several else [outputs]
        if self.probabilities:
            try:
                chances = predictor.predict_proba(inputs)
            except NotGivenError:
                raise BulkError("this model gives no probabilities; leave --probabilities out") from None
            for matrix in chances if isinstance(chances, list) else [chances]:
                found += list(matrix.T)
        if self.model_version:
            found.append(np.full(len(outputs), predictor.manifest.version, dtype=object))
        return found


def arrow_type(manifest: Manifest, target: Output) -> str:
    """Return the Arrow type of a target's predictions."""
    if target.classes:
        return ARROW[type(target.classes[0])]
    return "float64" if manifest.task == "regression" else "int64"


@dataclass
class Predicted:
    """The rows of a batch that have predictions, ascending, what is added to them, and the faults of all others."""

    rows: NDArray[np.intp]
    added: list[NDArray[Any]]
    faults: dict[int, Fault]


def predict(predictor: Predictor, asked: Asked, checked: Checked) -> Predicted:
    """Return the predictions of the rows that the model can predict."""
    faults = dict(checked.faults)
    inputs = checked.inputs(predictor.manifest)
    found = list(predictable(predictor, asked, inputs, checked.rows, faults))
    if len(found) == 1:
        return Predicted(*found[0], faults)
    if not found:
        none = [np.empty(0, dtype=object) for _ in asked.added(predictor.manifest)]
        return Predicted(np.empty(0, dtype=np.intp), none, faults)
    rows, added = zip(*found, strict=True)
    return Predicted(np.concatenate(rows), [np.concatenate(parts) for parts in zip(*added, strict=True)], faults)


def predictable(
    predictor: Predictor, asked: Asked, inputs: Inputs, rows: NDArray[np.intp], faults: dict[int, Fault]
) -> Iterator[tuple[NDArray[np.intp], list[NDArray[Any]]]]:
    """Yield rows with their predictions, and take down the faults of those without: halves, until all are known."""
    if not len(rows):
        return
    try:
        found = asked.of(predictor, inputs)
    except NotPredictable as error:
        refused = faults_of(error, predictor.manifest) or ({0: ("", str(error))} if len(rows) == 1 else {})
        faults |= {int(rows[row]): fault for row, fault in refused.items()}
        kept = np.delete(np.arange(len(rows)), list(refused))
        for half in (kept[: len(kept) // 2], kept[len(kept) // 2 :]):
            yield from predictable(predictor, asked, taken(inputs, half), rows[half], faults)
    else:
        yield rows, found


def taken(inputs: Inputs, rows: NDArray[np.intp]) -> Inputs:
    """Return some rows of inputs."""
    return [array[rows] for array in inputs] if isinstance(inputs, list) else inputs[rows]


def faults_of(error: NotPredictable, manifest: Manifest) -> dict[int, Fault]:
    """Return the rows that the model refuses, each with the reason."""
    faults: dict[int, Fault] = {row: ("", str(error)) for row in error.rows}
    for row, position in error.cells:
        column = manifest.features[position]
        faults.setdefault(row, (column.name, f"must be {column.expected_strictly()}"))
    return faults
