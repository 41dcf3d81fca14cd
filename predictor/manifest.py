"""The manifest, `model.json`: everything about an artifact that is not the estimator itself.

`Manifest` is what the program uses, `ManifestSchema` how a file becomes one. docs/artifact.md documents each key.
"""

import functools
import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from marshmallow import post_load

from predictor.columns import Cells, Column, Inputs, Number, to_arrays
from predictor.manifest_form import FORMAT, ManifestForm
from predictor.outputs import Output

FILE = "model.json"
PICKLE_FILE = "model.pkl"
COMPILED_FILE = "model.onnx"
BIGQUERY_FILE = "model.bigquery.onnx"


@dataclass(frozen=True)
class Manifest:
    """One artifact, described; the field names are the keys of `model.json`, in its order."""

    format: int
    name: str
    version: str
    artifact: dict[str, Any]
    estimator: dict[str, Any]
    task: str
    classes: list[Any] | None
    features: list[Column]
    target: str
    packages: dict[str, str]
    globals: list[str]
    training: dict[str, Any] | None
    examples: list[dict[str, Any]]
    scale: float | None = None
    compiled: dict[str, Any] | None = None
    input: str = "matrix"
    outputs: list[Output] | None = None
    batch_invariant: bool = False  # tried: a row alone and among others is predicted the same, bit for bit
    bigquery: dict[str, Any] | None = None  # a file for BigQuery ML, which nothing here loads

    @functools.cached_property
    def targets(self) -> list[Output]:
        """What is predicted: most models have one target."""
        return self.outputs or [Output(self.target, self.classes, self.scale)]

    @property
    def target_names(self) -> list[str]:
        """The names of the targets, in the order of predictions."""
        return [target.name for target in self.targets]

    @functools.cached_property
    def several(self) -> bool:
        """Whether a prediction is an object of several targets."""
        return len(self.targets) > 1

    @property
    def is_onnx(self) -> bool:
        """Whether the artifact itself is an ONNX file, and there is no pickle."""
        return bool(self.artifact["file"] == COMPILED_FILE)

    @property
    def onnx(self) -> dict[str, Any] | None:
        """The file for ONNX Runtime, if there is one: the artifact itself or its compiled form."""
        return self.artifact if self.is_onnx else self.compiled

    @property
    def feature_names(self) -> list[str]:
        """The names of the features, in the order of the cells of a row."""
        return [feature.name for feature in self.features]

    @functools.cached_property
    def needed_names(self) -> frozenset[str]:
        """The names that a row by name has at least."""
        return frozenset(feature.name for feature in self.features if not feature.missing)

    @functools.cached_property
    def known_names(self) -> frozenset[str]:
        """The names that a row by name may have: the features', and those of columns that training left out."""
        return frozenset(self.feature_names).union(self.left_out)

    @functools.cached_property
    def only_numbers(self) -> bool:
        """Whether every feature may be any number of float64."""
        return all(type(feature) is Number and not feature.dtype for feature in self.features)

    @property
    def input_names(self) -> list[str]:
        """The names of the estimator's columns, in their order: a date may become several."""
        return [name for feature in self.features for name in feature.input_names]

    @property
    def left_out(self) -> dict[str, str]:
        """The columns that training left out, each with the reason; requests may have them."""
        reasons: dict[str, str] = (self.training or {}).get("left_out", {})
        return reasons

    def inputs(self, rows: Sequence[Cells]) -> Inputs:
        """Return valid rows of JSON cells as what Predictor.predict takes."""
        return np.array(rows, dtype=np.float64) if self.input == "matrix" else to_arrays(self.features, rows)

    @property
    def sha256(self) -> str:
        """The digest of `model.json` as it is written, which holds the digests of all other files."""
        return hashlib.sha256(self.to_json().encode()).hexdigest()

    def public(self) -> dict[str, Any]:
        """Return what callers of `GET /model` may know."""
        return {
            "name": self.name,
            "version": self.version,
            "sha256": self.artifact["sha256"],
            "estimator": self.estimator,
            "task": self.task,
            "classes": self.classes,
            "features": [feature.describe() for feature in self.features],
            "target": self.target,
            **({"outputs": [output.describe() for output in self.outputs]} if self.outputs else {}),
            "metrics": self.training and self.training["metrics"],
            "packages": self.packages,
            "example": self.examples[0],
        }

    def to_json(self) -> str:
        """Return the text of `model.json`: stable key order, one value a line, ready for a diff."""
        document = ManifestSchema().dump(self)
        return json.dumps(document, indent=2, ensure_ascii=False, allow_nan=False) + "\n"


class ManifestSchema(ManifestForm):
    """The way from a file to a `Manifest` and back."""

    @post_load
    def _make(self, data: dict[str, Any], **_: Any) -> Manifest:
        return Manifest(**data | {"format": FORMAT})
