"""Every gunicorn setting of the web app, with its reason; https://docs.gunicorn.org/en/stable/settings.html."""

import os
import socket
import sys
from typing import Any

from predictor.environment import whole_number

wsgi_app = "webapp:create_app()"

# Cloud Run sends requests to $PORT on every interface.
port = whole_number("PORT", 8080)
bind = f"0.0.0.0:{port}"

# One process per CPU is right for CPU-bound work, and Cloud Run's default is one CPU.
workers = whole_number("WEB_CONCURRENCY", 1)
# gthread with a deadline for reading a request (READ_TIMEOUT).
worker_class = "webapp.worker.DeadlineWorker"
threads = whole_number("THREADS", 4)

# The model is loaded once, before the workers fork: they share its memory, and a model that is refused ends the
# start with one line instead of workers that respawn for ever.
preload_app = True

# Below the 10 s between Cloud Run's SIGTERM and its SIGKILL.
graceful_timeout = 8

# The heartbeat file in memory: a disk that stalls must not look like a stuck worker.
worker_tmp_dir = "/dev/shm"  # noqa: S108  # gunicorn makes a private file in it

# gunicorn's control socket wants a writable HOME, which a container need not have.
control_socket_disable = True


def on_starting(_: Any) -> None:
    """End with one line when the port is taken; gunicorn by itself tries for five seconds and prints ten."""
    if "GUNICORN_FD" in os.environ:  # a master that replaces another one (USR2) inherits the port
        return
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("0.0.0.0", port))  # noqa: S104  # as above
        except OSError as error:
            sys.exit(
                f"tandem: cannot listen on port {port} ({error.strerror}); choose another, as in PORT=9000 make serve"
            )
