"""Every gunicorn setting of the web app, with its reason; https://docs.gunicorn.org/en/stable/settings.html."""

import atexit
import gc
import os
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any

from handlers.logs import configure, drop_warning_filters
from handlers.service import process_service  # before numpy, since it limits numpy's threads
from predictor.environment import switch, whole_number
from webapp.addresses import refuse_what_is_taken
from worker import worker_class as tested_worker_class
from worker.startup import FAILED_TO_LOAD, watch

# Loading the model makes some hundred thousand objects that stay, most of them modules; looking through them for
# garbage again and again meanwhile is a thirtieth of a cold start. pre_fork switches it on.
gc.disable()

wsgi_app = "webapp:create_app()"

# Cloud Run sends requests to $PORT on every interface. Vertex AI names another variable; the image sets PORT itself.
port = whole_number("AIP_HTTP_PORT", whole_number("PORT", 8080))
bind = f"0.0.0.0:{port}"

# One process per CPU is right for CPU-bound work, and Cloud Run's default is one CPU.
workers = whole_number("WEB_CONCURRENCY", 1)
# gthread with deadlines for reading a request and writing its answer (READ_TIMEOUT), which answers single rows without
# a thread. With another gunicorn than the tested ones, stock gthread; -k gthread asks for that, too.
worker_class = tested_worker_class()
# For what is large, slow or cut into pieces. More do not make it faster, since predictions want the same CPU.
threads = whole_number("THREADS", 4)

# gunicorn's parser in C, gunicorn_h1c. functions-framework's gunicorn takes it by itself where it is installed.
http_parser = "fast"

# `make soak` shows memory flat after 50,000 requests, so workers are not recycled; with one worker each recycling
# would be a pause.
max_requests = 0

# Longer than the 60 s after which load balancers usually close an idle connection: if the server closed first, a
# request could already be on its way. An idle connection holds no thread.
keepalive = 65

# gthread's main loop beats every second; a worker that is silent for so long is stuck, and is replaced.
timeout = 60

# The model is loaded once, before the workers fork: they share its memory, and a model that is refused ends the
# start with one line instead of workers that respawn for ever. A reload (HUP) does both again: webapp.renewal.
preload_app = True

# Below the 10 s between Cloud Run's SIGTERM and its SIGKILL.
graceful_timeout = 8

# One JSON object a line on stdout; no access log, which Cloud Run writes itself.
loglevel = configure()

# The heartbeat file in memory: a disk that stalls must not look like a stuck worker. Where there is no such folder, on
# every Mac for one, it lies where temporary files do, as do the counts below.
MEMORY = "/dev/shm"  # noqa: S108  # gunicorn makes a private file in it
worker_tmp_dir = MEMORY if os.access(MEMORY, os.W_OK | os.X_OK) else tempfile.gettempdir()

# gunicorn's control socket wants a writable HOME, which a container need not have.
control_socket_disable = True

# The workers add up what they count in files of this folder, beside the heartbeat, one set for each process. A reload
# (HUP) reads this file again in the same process and goes on counting; an upgrade (USR2) begins anew.
METRICS_DIR = "PROMETHEUS_MULTIPROC_DIR"
master = os.getpid()


def remove_counts(folder: str) -> None:
    """Remove the folder at the end of the master, not of a worker, which inherits this wish."""
    if os.getpid() == master:
        shutil.rmtree(folder, ignore_errors=True)


if switch("METRICS") and not os.environ.get(METRICS_DIR, "").endswith(f"-{master}"):
    os.environ[METRICS_DIR] = tempfile.mkdtemp(f"-{master}", "tandem-metrics-", worker_tmp_dir)
    atexit.register(remove_counts, os.environ[METRICS_DIR])


def child_exit(server: Any, _: Any) -> None:
    """Keep what a worker that ended has counted, without its files and the requests that it had in flight."""
    if METRICS_DIR in os.environ:
        from webapp.metrics import keep_counts_of_the_dead

        keep_counts_of_the_dead(Path(os.environ[METRICS_DIR]), {os.getpid(), *server.WORKERS})


def pre_fork(_server: Any, _worker: Any) -> None:
    """Keep what is loaded in memory that the workers share: the collector would write to every object's header."""
    gc.freeze()
    gc.enable()


def post_fork(_server: Any, worker: Any) -> None:
    """Give the worker a minute to become ready."""
    worker.watchdog = watch(worker)


def post_worker_init(worker: Any) -> None:
    """Prove and warm the model in the worker, after the fork, before it takes requests."""
    drop_warning_filters()
    try:
        failure = "other numbers" if process_service().predictor.replay() else ""
    except Exception as error:  # a model can raise anything
        failure = f"{type(error).__name__}: {error}"
    if failure:
        worker.log.critical("tandem: the model does not reproduce its examples in the worker (%s)", failure)
        sys.exit(FAILED_TO_LOAD)
    if watchdog := getattr(worker, "watchdog", None):  # somebody's own post_fork starts none
        watchdog.cancel()


def on_reload(server: Any) -> None:
    """Serve the model that now lies in MODEL_DIR, unless it is refused."""
    from webapp.renewal import renew

    renew(server)


def on_starting(server: Any) -> None:
    """End with one line when what gunicorn is going to listen on is taken."""
    refuse_what_is_taken(server.cfg, port)
