"""What `model.json` must look like; docs/artifact.md documents each key."""

from typing import Any

from marshmallow import Schema, ValidationError, fields, post_dump, validate, validates_schema

from predictor.columns import Boolean, Column, ColumnField, Number
from predictor.outputs import TASKS, OutputField, check_outputs
from predictor.trusted import NAME

FORMAT = 2
OLDER_FORMATS = (1,)  # numbers only, none of them missing

# A version travels in the Model-Version header and a name in file names and metric labels.
WORD = validate.Regexp(r"[A-Za-z0-9][A-Za-z0-9._+-]{0,63}\Z", error="must be 1 to 64 of A-Z a-z 0-9 . _ + -")
DIGEST = validate.Regexp(r"[0-9a-f]{64}\Z", error="must be 64 hexadecimal digits")


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


class ManifestForm(Schema):
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
    globals = fields.List(fields.String(validate=validate.Regexp(NAME, error="must be module:name")), required=True)
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
