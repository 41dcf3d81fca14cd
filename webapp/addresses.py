"""What gunicorn is going to listen on, looked at before: by itself it tries for five seconds and prints ten lines."""

import os
import socket
import stat
import sys
from typing import Any

from gunicorn import systemd, util


def refuse_what_is_taken(settings: Any, port: int) -> None:
    """End with one line when gunicorn cannot listen where its settings say; `port` is that of PORT."""
    if inherits_sockets(settings):
        return
    for address in settings.address:
        try:
            try_unix(address) if isinstance(address, str) else try_tcp(address, reuse_port=settings.reuse_port)
        except (OSError, OverflowError) as error:
            reason = getattr(error, "strerror", None) or error
            if address == ("0.0.0.0", port):  # noqa: S104  # where PORT puts it
                sys.exit(f"tandem: cannot listen on port {port} ({reason}); choose another, as in PORT=9000 make serve")
            sys.exit(f"tandem: cannot listen on {shown(address)} ({reason}); --bind says where")


def inherits_sockets(settings: Any) -> bool:
    """Whether gunicorn gets open sockets: from systemd, from the master that it replaces (USR2), or by fd://."""
    replaces = {"GUNICORN_PID", "GUNICORN_FD"} <= os.environ.keys()
    return replaces or systemd.listen_fds(False) > 0 or any(isinstance(one, int) for one in settings.address)


def try_tcp(address: tuple[str, int], *, reuse_port: bool) -> None:
    """Bind the address as gunicorn will; OSError or OverflowError where that fails."""
    with socket.socket(socket.AF_INET6 if util.is_ipv6(address[0]) else socket.AF_INET) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if reuse_port and hasattr(socket, "SO_REUSEPORT"):
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        probe.bind(address)


def try_unix(path: str) -> None:
    """OSError where gunicorn cannot make a socket, or would take it away from a process that listens on it."""
    if path.startswith("\0"):  # a name of Linux without a file
        with socket.socket(socket.AF_UNIX) as probe:
            probe.bind(path)
        return
    if os.path.exists(path) and not stat.S_ISSOCK(os.stat(path).st_mode):
        raise OSError("there is a file of that name, which is no socket")
    if has_listener(path):
        raise OSError("another process listens there")
    folder = os.path.dirname(path) or "."
    if not os.access(folder, os.W_OK | os.X_OK):
        raise OSError(f"{folder} is no folder that this user can write to")


def has_listener(path: str) -> bool:
    """Whether a process listens on a UNIX socket; OSError where no socket can have such a name."""
    with socket.socket(socket.AF_UNIX) as probe:
        return probe.connect_ex(path) == 0


def shown(address: str | tuple[str, int]) -> str:
    """Return an address as --bind takes it."""
    if isinstance(address, str):
        return f"unix:{address}"
    host, port = address
    return f"[{host}]:{port}" if util.is_ipv6(host) else f"{host}:{port}"
