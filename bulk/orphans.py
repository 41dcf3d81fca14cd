"""A process that predicts for a run on this machine ends with the process that runs it, however that one ended.

Beam's own would wait for ever, and keep what was redirected to a pipe open.
"""

import functools
import os
import re
import socket
import threading
import time

SECONDS = 1.0
# Set for the processes that Beam starts on this machine; elsewhere the runner sees to them.
STARTED_HERE = "TANDEM_BULK_STARTED_HERE"
ADDRESS = re.compile(r'url: "([^"]+):([0-9]+)"')


@functools.cache
def end_with_the_run() -> None:
    """Look from now on whether the address at which Beam's local runner gives work is there, and end when it is not."""
    found = ADDRESS.search(os.environ.get("CONTROL_API_SERVICE_DESCRIPTOR", ""))
    if found and STARTED_HERE in os.environ:
        threading.Thread(target=watch, args=(found[1], int(found[2])), daemon=True).start()


def watch(host: str, port: int) -> None:
    """End this process as soon as nobody listens at an address."""
    while True:
        time.sleep(SECONDS)
        try:
            socket.create_connection((host, port), timeout=30).close()
        except ConnectionRefusedError:
            os._exit(1)
        except OSError:  # it is there, and busy
            continue
