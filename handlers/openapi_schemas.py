"""The schemas that the API description is made of and that marshmallow does not validate: rows, answers, problems."""

import sys
from typing import Any

from handlers.answers import details_schema, output_schema
from handlers.responses import MAX_ERRORS, TITLES
from handlers.service import Service
from predictor import Manifest

NUMBER = {"$ref": "#/components/schemas/Number"}
TEXT = {"type": "string"}
# What float64 holds, and so what a request may say.
NUMBER_SCHEMA = {"type": "number", "minimum": -sys.float_info.max, "maximum": sys.float_info.max}


def row_schema(manifest: Manifest) -> dict[str, Any]:
    """Return the schema of a row: a list or an object of exactly the model's features."""
    names = manifest.feature_names
    cells = cell_references(manifest)
    by_name = {
        column.name: cell | ({"description": seen} if (seen := column.seen()) else {})
        for column, cell in zip(manifest.features, cells, strict=True)
    }
    # The columns that training left out may be sent; they are ignored.
    by_name |= {name: {"description": f"Ignored: {why}"} for name, why in manifest.left_out.items()}
    alike = all(cell == NUMBER for cell in cells)
    return {
        "oneOf": [
            {
                "title": "by position",
                "description": (", ".join(names[:20]) + (", …" if len(names) > 20 else "")),
                "type": "array",
                **({"items": NUMBER} if alike else {"prefixItems": cells}),
                "minItems": len(names),
                "maxItems": len(names),
            },
            {
                "title": "by name",
                "type": "object",
                "properties": by_name,
                "required": [column.name for column in manifest.features if not column.missing],
                "additionalProperties": False,
            },
        ]
    }


def cell_references(manifest: Manifest) -> list[dict[str, Any]]:
    """Return what refers to the schema of each column's cells: all plain numbers have one."""
    return [
        NUMBER if cell == NUMBER_SCHEMA else {"$ref": f"#/components/schemas/Feature{position}"}
        for position, cell in enumerate(column.schema() for column in manifest.features)
    ]


def cell_schemas(manifest: Manifest) -> dict[str, dict[str, Any]]:
    """Return the schemas of cells by the names of their components."""
    cells = {f"Feature{position}": column.schema() for position, column in enumerate(manifest.features)}
    return {"Number": NUMBER_SCHEMA} | {name: cell for name, cell in cells.items() if cell != NUMBER_SCHEMA}


def prediction_schema(service: Service) -> dict[str, Any]:
    """Return the schema of a 200 answer: of one row or of several."""
    manifest = service.predictor.manifest
    output = output_schema(manifest)
    one: dict[str, Any] = {"prediction": output}
    several: dict[str, Any] = {"predictions": {"type": "array", "items": output, "minItems": 1}}
    for name, detail in details_schema(service.predictor).items():
        one[name] = detail
        several[name] = {"type": "array", "items": detail, "minItems": 1}
    version = {"model_version": {"const": manifest.version}}
    return {
        "oneOf": [
            closed(one | version, ["prediction", "model_version"]),
            closed(several | version, ["predictions", "model_version"]),
        ]
    }


def closed(properties: dict[str, Any], required: list[str]) -> dict[str, Any]:
    """Return the schema of an object with these keys and no others."""
    return {"type": "object", "properties": properties, "required": required, "additionalProperties": False}


def constant(values: dict[str, str]) -> dict[str, Any]:
    """Return the schema of an object that never changes."""
    return closed({name: {"const": value} for name, value in values.items()}, list(values))


def model_schema(manifest: Manifest) -> dict[str, Any]:
    """Return the schema of GET /model, Manifest.public()."""
    types = {
        "name": "string",
        "version": "string",
        "sha256": "string",
        "estimator": "object",
        "task": "string",
        "classes": ["array", "null"],
        "features": "array",
        "target": "string",
        **({"outputs": "array"} if manifest.outputs else {}),
        "metrics": ["object", "null"],
        "packages": "object",
        "example": "object",
    }
    return closed({name: {"type": kind} for name, kind in types.items()}, list(types))


PROBLEM: dict[str, Any] = closed(
    {
        "type": {"const": "about:blank"},
        "title": {"enum": list(TITLES.values())},
        "status": {"enum": list(TITLES)},
        "detail": TEXT,
        "errors": {
            "type": "array",
            "maxItems": MAX_ERRORS,
            "items": closed({"pointer": TEXT, "detail": TEXT}, ["pointer", "detail"]),
            "description": "Each culprit: a JSON pointer into the request (RFC 6901), and what is wrong there.",
        },
        "more_errors": {"type": "integer", "minimum": 1, "description": "How many errors are not listed."},
    },
    ["type", "title", "status", "detail"],
) | {"description": "An RFC 9457 problem."}
