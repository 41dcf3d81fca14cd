"""What one process serves: the verified model and everything made from it once, at start."""

import functools
import logging
import sys
import time
from dataclasses import dataclass

from marshmallow import Schema

from handlers import logs
from handlers.schemas import predict_request
from predictor import ArtifactError, Predictor, load
from predictor.environment import engine, model_dir, switch, trusted_modules, whole_number, word

log = logging.getLogger("tandem")


@dataclass(frozen=True)
class Service:
    """The model of this process, the schema of its requests and the limits of both."""

    predictor: Predictor
    request_schema: Schema
    max_body_bytes: int


@functools.cache
def service() -> Service:
    """Return the process's one service; the first call, which both hosts make before they listen, makes it.

    A model that cannot be trusted ends the process with one line: both hosts report SystemExit that way.
    """
    max_rows = whole_number("MAX_ROWS", 100_000)
    max_body_bytes = whole_number("MAX_BODY_BYTES", 8 * 1024 * 1024)
    begun = time.perf_counter()
    try:
        predictor = load(
            model_dir(),
            engine(),
            sha256=word("MODEL_SHA256"),
            any_version=switch("ALLOW_VERSION_MISMATCH"),
            trusted_modules=trusted_modules(),
        )
    except ArtifactError as error:
        sys.exit(f"tandem: {error}")
    made = Service(
        predictor=predictor,
        request_schema=predict_request(predictor.manifest.feature_names, max_rows),
        max_body_bytes=max_body_bytes,
    )
    manifest = predictor.manifest
    logs.model.update(model_version=manifest.version, model_sha256=manifest.artifact["sha256"])
    milliseconds = (time.perf_counter() - begun) * 1000
    log.info("loaded and verified %s (%s) in %.0f ms", manifest.name, manifest.estimator["class"], milliseconds)
    return made


@functools.cache
def model_headers() -> dict[str, str]:
    """Return the headers that name the loaded model."""
    return {"Model-Version": service().predictor.manifest.version}
