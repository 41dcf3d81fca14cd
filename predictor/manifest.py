"""The manifest, `model.json`: everything about an artifact that is not the estimator itself.

`Manifest` is what the program uses, `ManifestSchema` what a file must look like. docs/artifact.md documents each key.
"""

import functools
import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from marshmallow import Schema, ValidationError, fields, post_dump, post_load, validate, validates_schema

from predictor.columns import Boolean, Cells, Column, ColumnField, Inputs, Number, to_arrays
from predictor.outputs import TASKS, Output, OutputField, check_outputs

FORMAT = 2
OLDER_FORMATS = (1,)  # numbers only, none of them missing
FILE = "model.json"
PICKLE_FILE = "model.pkl"
COMPILED_FILE = "model.onnx"
BIGQUERY_FILE = "model.bigquery.onnx"

# A version travels in the Model-Version header and a name in file names and metric labels.
WORD = validate.Regexp(r"[A-Za-z0-9][A-Za-z0-9._+-]{0,63}\Z", error="must be 1 to 64 of A-Z a-z 0-9 . _ + -")
DIGEST = validate.Regexp(r"[0-9a-f]{64}\Z", error="must be 64 hexadecimal digits")


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

    @property
    def input_names(self) -> list[str]:
        """The names of the estimator's columns, in their order: a date may become several."""
        return [name for feature in self.features for name in feature.input_names]

    @property
    def left_out(self) -> dict[str, str]:
        """The columns that training left out, each with the reason; requests may have them."""
        found: dict[str, str] = (self.training or {}).get("left_out", {})
        return found

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


class _File(Schema):
    file = fields.String(required=True, validate=validate.Regexp(r"[\w.-]+\Z", error="must be a bare file name"))
    sha256 = fields.String(required=True, validate=DIGEST)
    size = fields.Integer(required=True, strict=True, validate=validate.Range(min=1))


class _Artifact(_File):
    outputs = fields.List(fields.String(), validate=validate.Length(min=1, max=2))


_Estimator = Schema.from_dict(
    {"class": fields.String(required=True), "parameters": fields.Dict(keys=fields.String(), required=True)},
    name="_Estimator",
)


class _Example(Schema):
    features = fields.List(fields.Raw(allow_none=True), required=True)
    prediction = fields.Raw(required=True)


class _Training(Schema):
    rows = fields.Integer(required=True, strict=True)
    data_sha256 = fields.String(required=True, validate=DIGEST)
    seed = fields.Integer(required=True, strict=True)
    test_size = fields.Float(required=True)
    metrics = fields.Dict(keys=fields.String(), required=True)
    left_out = fields.Dict(keys=fields.String(), values=fields.String())
    rows_left_out = fields.Dict(keys=fields.String())
    reading = fields.Dict(keys=fields.String())
    compared = fields.List(fields.Dict(keys=fields.String()))
    warnings = fields.List(fields.String())


class _Compiled(_File):
    precision = fields.String(required=True, validate=validate.OneOf(["double", "float32"]))
    samples = fields.Integer(required=True, strict=True)
    largest_difference = fields.Float(required=True)
    tolerance = fields.Float(required=True)
    batch_invariant = fields.Boolean(truthy={True}, falsy={False})


class ManifestSchema(Schema):
    """The form of `model.json`; an unknown or missing key is an error, so a typing slip is never ignored."""

    format = fields.Integer(required=True, strict=True, validate=validate.OneOf([*OLDER_FORMATS, FORMAT]))
    name = fields.String(required=True, validate=WORD)
    version = fields.String(required=True, validate=WORD)
    artifact = fields.Nested(_Artifact, required=True)
    estimator = fields.Nested(_Estimator, required=True)
    task = fields.String(required=True, validate=validate.OneOf(TASKS))
    classes = fields.List(fields.Raw(), required=True, allow_none=True)
    features = fields.List(ColumnField(), required=True, validate=validate.Length(min=1))
    input = fields.String(load_default="matrix", validate=validate.OneOf(["matrix", "frame", "texts"]))
    target = fields.String(required=True)
    outputs = fields.List(OutputField(), load_default=None, validate=validate.Length(min=1))
    packages = fields.Dict(keys=fields.String(), values=fields.String(), required=True)
    globals = fields.List(fields.String(), required=True)
    training = fields.Nested(_Training, required=True, allow_none=True)
    examples = fields.List(fields.Nested(_Example), required=True, validate=validate.Length(min=1))
    scale = fields.Float(load_default=None, allow_none=True, validate=validate.Range(min=0))
    batch_invariant = fields.Boolean(load_default=False, truthy={True}, falsy={False})
    compiled = fields.Nested(_Compiled, load_default=None, allow_none=True)
    bigquery = fields.Nested(_Compiled, load_default=None)

    @validates_schema
    def _check_columns(self, data: dict[str, Any], **_: Any) -> None:
        columns: list[Column] = data["features"]
        names = [name for column in columns for name in column.input_names]
        if len(set(names)) < len(names):
            raise ValidationError("two features have one name", "features")
        if data["input"] == "matrix" and any(type(column) not in {Number, Boolean} for column in columns):
            raise ValidationError("a matrix has numbers and booleans only", "input")
        if data["input"] == "texts" and (len(columns) > 1 or columns[0].own_dtype != "str" or columns[0].missing):
            raise ValidationError("a list of texts has one column of strings, none of them missing", "input")

    @validates_schema
    def _check_examples(self, data: dict[str, Any], **_: Any) -> None:
        columns: list[Column] = data["features"]
        for cells in [example["features"] for example in data["examples"]]:
            if len(cells) != len(columns):
                raise ValidationError("an example has another number of values than there are features", "examples")
            faults = [column.fault(cell) for column, cell in zip(columns, cells, strict=True)]
            if any(faults):
                raise ValidationError(f"a value of an example {next(filter(None, faults))}", "examples")

    @validates_schema
    def _check_outputs(self, data: dict[str, Any], **_: Any) -> None:
        check_outputs(data)

    @post_dump
    def _leave_out(self, data: dict[str, Any], **_: Any) -> dict[str, Any]:
        """Leave out what most models do not have."""
        left_out = {"outputs": None, "bigquery": None, "batch_invariant": False}
        return {key: value for key, value in data.items() if key not in left_out or value is not left_out[key]}

    @post_load
    def _make(self, data: dict[str, Any], **_: Any) -> Manifest:
        return Manifest(**data | {"format": FORMAT})
