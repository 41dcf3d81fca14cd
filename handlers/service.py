"""What one process serves: the verified model and everything made from it once, at start."""

import contextlib
import functools
import logging
import os
import sys
import threading
import time
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import AbstractContextManager
from typing import Any, TypeVar

from flask import Request, Response

from handlers import logs
from handlers.http import check_containers
from handlers.responses import Problem
from handlers.schemas import predict_request
from predictor import ArtifactError, Predictor, load
from predictor.columns import Inputs
from predictor.environment import (
    batching,
    engine,
    model_dir,
    origins,
    route,
    switch,
    trusted_modules,
    whole_number,
    word,
)

MAX_BODY_BYTES = 8 * 1024 * 1024
MAX_ROWS = 100_000

# Bytes of a body that is worth a look at what it takes in memory.
LARGE_BODY = 256 * 1024
# Lists and objects that a request may have beside its rows.
ROOM_FOR_CONTAINERS = 1000
ANY_NUMBER: AbstractContextManager[Any] = contextlib.nullcontext()

# What this process serves, once it does.
of_process: list["Service"] = []

# Called with each request of an entry point; what it returns is called with the response.
Observer = Callable[[Request], Callable[[Response], None]]

Made = TypeVar("Made")

log = logging.getLogger("tandem")


class Service:
    """A model, the schema of its requests and the limits of both; handlers are made for one service.

    `observers` see each request of each of its entry points.
    """

    def __init__(
        self,
        predictor: Predictor,
        *,
        max_body_bytes: int = MAX_BODY_BYTES,
        max_rows: int = MAX_ROWS,
        predict_route: str = "",
        health_route: str = "",
        origins: Collection[str] = (),
    ) -> None:
        manifest = predictor.manifest
        self.predictor = predictor
        self.max_body_bytes = max_body_bytes
        self.max_rows = max_rows
        # Vertex AI's two addresses, which it names itself.
        self.predict_route = predict_route
        self.health_route = health_route
        self.origins = origins  # whose pages may read predictions
        self.request_schema = predict_request(manifest, max_rows)
        self.headers = {"Model-Version": manifest.version}
        self.log_fields = {"model_version": manifest.version, "model_sha256": manifest.artifact["sha256"]}
        self.observers: list[Observer] = []
        self.watchers: list[Callable[[Inputs], None]] = []  # each is called with the inputs of each valid request
        self.made: dict[str, Any] = {}
        self._one_large_body = threading.Lock()

    def room_for(self, body: bytes, text: Callable[[], bytes] | None = None) -> AbstractContextManager[Any]:
        """Return what to hold while a body is JSON values, which can take 44 times its bytes. Problem 413.

        `text` returns the part of it that is JSON, by default the whole.
        """
        return ANY_NUMBER if len(body) <= LARGE_BODY else self._alone(text() if text else body)

    @contextlib.contextmanager
    def _alone(self, body: bytes) -> Iterator[None]:
        with self._one_large_body:
            self.check_room(body)
            yield

    def check_room(self, text: bytes) -> None:
        """Refuse JSON with more lists and objects than any request needs; Problem 413."""
        check_containers(text, ROOM_FOR_CONTAINERS + 2 * self.max_rows)

    def check_ready(self) -> None:
        """Raise Problem 503 unless the model of this very process predicts its golden examples as it was trained to."""
        if self.predictor.replay():
            raise Problem(503, "the model no longer predicts what it was trained to")


def once(make: Callable[[Service], Made]) -> Callable[[Service], Made]:
    """Let a function make one thing for each service, which lives as long as the service does."""

    @functools.wraps(make)
    def made(service: Service) -> Made:
        name = make.__qualname__
        if name not in service.made:
            service.made[name] = make(service)
        found: Made = service.made[name]
        return found

    return made


def load_service(environ: Mapping[str, str] = os.environ) -> Service:
    """Return a new service of the model and with the limits that the environment variables name.

    A model that cannot be trusted ends the process with one line: both hosts report SystemExit that way.
    """
    try:
        return new_service(environ)
    except ArtifactError as error:
        sys.exit(f"tandem: {error}")


def new_service(environ: Mapping[str, str] = os.environ) -> Service:
    """Return the same; ArtifactError when the model cannot be trusted."""
    shared = origins(environ)
    max_rows = whole_number("MAX_ROWS", MAX_ROWS, environ=environ)
    max_body_bytes = whole_number("MAX_BODY_BYTES", MAX_BODY_BYTES, environ=environ)
    together = batching(environ)
    predictor = load(
        model_dir(environ),
        engine(environ),
        sha256=word("MODEL_SHA256", environ),
        any_version=switch("ALLOW_VERSION_MISMATCH", environ),
        trusted_modules=trusted_modules(environ),
    )
    if together:
        predictor.predict_together()
    return Service(
        predictor,
        max_body_bytes=max_body_bytes,
        max_rows=max_rows,
        predict_route=route("AIP_PREDICT_ROUTE", environ),
        health_route=route("AIP_HEALTH_ROUTE", environ),
        origins=shared,
    )


def process_service() -> Service:
    """Return this process's own service; the first call, which both hosts make before they listen, makes it."""
    if not of_process:
        begun = time.perf_counter()
        serve(load_service())
        manifest = of_process[0].predictor.manifest
        milliseconds = (time.perf_counter() - begun) * 1000
        log.info("loaded and verified %s (%s) in %.0f ms", manifest.name, manifest.estimator["class"], milliseconds)
    return of_process[0]


def serve(service: Service) -> None:
    """Make a service this process's own, in the place of the one before."""
    of_process[:] = [service]
    logs.process.update(service.log_fields)
