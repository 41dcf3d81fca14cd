"""How gunicorn's threads and main loop meet clients: deadlines, and a quick lane for requests of one row.

Stock gthread gives each request a thread, and lets a client keep it for ever by sending or taking its bytes slowly.
`deadline` frees such threads; `lane` answers a request that is there as a whole, and whose model is quick, in the main
loop, by gunicorn's own code for a request, and what several of them ask a slow model for is predicted in one call
before. Both override methods of gunicorn's ThreadWorker, which change between releases, so they serve with the tested
ones only:

| of gunicorn | for | why |
| --- | --- | --- |
| ThreadWorker.accept, set_accept_enabled, worker_connections | deadline | several a turn; idle ones give way |
| ThreadWorker.notify | deadline | some times a second instead of once a turn |
| ThreadWorker.enqueue_req, pending_conns | deadline | a thread only when the first byte is there |
| ThreadWorker.handle, handle_error | deadline | sys.exit() in a model ends one request, not the worker |
| ThreadWorker.handle_request, finish_request | deadline | whose body is being read, and until when |
| ThreadWorker.wait_for_and_dispatch_events, murder_pending, _cap_keepalive | deadline | deadlines in the main loop |
| Request.body.reader, its length or parser, Request.must_close | deadline | whether a body was read to its end |
| TConn.sock, client, close, initialized, data_ready, timeout | deadline | deadlines; closing never waits |
| ThreadWorker.run, wsgi | lane | the handler is called without Flask around it |
| Config.settings, is_ssl | lane | their values become plain attributes |
| Config.limit_request_line, limit_request_fields, limit_request_field_size | lane | for the parser that looks ahead |
| ThreadWorker.on_client_socket_readable, on_pending_socket_readable | lane | where a request is first seen |
| ThreadWorker.handle, TConn.init, set_timeout, parser.unreader.unread | lane | gunicorn's own way to an answer |
| TConn.initialized | lane | a kept connection, whose parser can take back what was read |
| ThreadWorker.tpool, method_queue | lane | what a client does not take at once goes to the pool |
| ThreadWorker.alive, poller, sockets, nr, nr_conns, keepalived_conns, log, cfg | both | its state |
"""

import logging

import gunicorn

TESTED = "27."


def worker_class(version: str = gunicorn.__version__) -> str:
    """Return the value of gunicorn's setting: this package's worker where it was tested, else gunicorn's own."""
    if version.startswith(TESTED):
        return "worker.lane.QuickWorker"
    logging.getLogger("tandem").warning(
        "gunicorn %s is not %sx, so its own gthread serves, without deadlines for slow clients", version, TESTED
    )
    return "gthread"
