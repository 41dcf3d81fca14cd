"""SIGHUP: new workers serve the model that now lies in MODEL_DIR, or the old one goes on; in gunicorn's master."""

import gc
import logging
from typing import Any

from handlers.service import Service, new_service, process_service, serve
from predictor import ArtifactError
from predictor.environment import switch
from predictor.proof import SECONDS, in_child

log = logging.getLogger("tandem")

# Beside what the proof of the examples may take.
LOADING_SECONDS = 60


def renew(server: Any) -> None:
    """Let the workers that gunicorn forks next serve the model of MODEL_DIR, unless it is refused: that is one line."""
    old = process_service()
    try:
        try_in_child()
        new = new_service()
        replace(server.app, old, new)
    except (Exception, SystemExit) as error:  # a broken model must not cost the one that serves
        manifest = old.predictor.manifest
        log.error(
            "the new model is refused, so %s %s goes on serving: %s", manifest.name, manifest.version, said(error)
        )
        return
    del old
    gc.unfreeze()  # what was shared with the workers before, the old model in it
    gc.collect()


def try_in_child() -> None:
    """ArtifactError unless a process that ends can load and prove the model: it may crash, hang or fill the memory."""
    outcome = in_child(attempt, SECONDS + LOADING_SECONDS)
    if "error" in outcome:
        raise ArtifactError(outcome["error"])


def attempt() -> dict[str, str]:
    """Do what the child does; what it would log, the master will."""
    logging.disable()
    try:
        new_service()
    except BaseException as error:  # an artifact that is not what it seems can raise anything
        return {"error": said(error)}
    return {}


def said(error: BaseException) -> str:
    """Return what an exception says, in one line."""
    known = isinstance(error, ArtifactError | SystemExit)
    text = str(error).removeprefix("tandem: ") if known else f"{type(error).__name__}: {error}"
    return " ".join(text.split())[:1000]


def replace(app: Any, old: Service, new: Service) -> None:
    """Make gunicorn's app anew, of the new service; ArtifactError when the app is one that stays as it was."""
    before = app.callable
    serve(new)
    try:
        app.callable = None
        if service_of(app.wsgi()) is not new:
            raise ArtifactError("the app is made by other code than webapp:create_app(); start the server anew")
    except BaseException:
        app.callable = before
        serve(old)
        raise
    if switch("METRICS"):
        from webapp.metrics import name_model

        name_model(old.predictor.manifest, served=False)
        name_model(new.predictor.manifest)
    manifest = new.predictor.manifest
    log.info("new workers serve %s %s (%s)", manifest.name, manifest.version, manifest.estimator["class"])


def service_of(app: Any) -> Service | None:
    """Return the service that a WSGI app serves, None when it is none of webapp."""
    service: Service | None = getattr(app, "extensions", {}).get("tandem")
    return service
