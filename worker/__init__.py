"""How gunicorn's threads and main loop meet clients: deadlines, and a quick lane for requests of one row.

Stock gthread gives each request a thread, and lets a client keep it for ever by sending or taking its bytes slowly.
`room` lets new connections in, `deadline` frees such threads, and `lane` answers a request that is there as a whole,
and whose model is quick, in the main loop, by gunicorn's own code for a request, and what several of them ask a slow
model for is predicted in one call before. They override methods of gunicorn's ThreadWorker, which change between
releases, so they serve with the tested ones only:

| of gunicorn | for | why |
| --- | --- | --- |
| ThreadWorker.accept, set_accept_enabled, worker_connections | room | several a turn; idle ones give way |
| TConn.close, ThreadWorker.keepalived_conns | room | closing never waits; who is idle longest |
| ThreadWorker.notify | deadline | some times a second instead of once a turn |
| ThreadWorker.enqueue_req, pending_conns | deadline | a thread only when the first byte is there |
| ThreadWorker.handle, handle_error | deadline | sys.exit() in a model ends one request, not the worker |
| ThreadWorker.handle_request, finish_request | deadline | whose body is being read, and until when |
| ThreadWorker.wait_for_and_dispatch_events, murder_pending | room and deadline | both in the main loop |
| ThreadWorker._cap_keepalive | deadline | who never sent a byte goes as soon as who is idle |
| Request.body.reader, its length or parser, Request.must_close | deadline | whether a body was read to its end |
| TConn.sock, client, initialized, data_ready, timeout | deadline | a socket with deadlines |
| ThreadWorker.run, wsgi | lane | the handler is called without Flask around it |
| Config.settings, is_ssl | lane | their values become plain attributes |
| ThreadWorker.on_client_socket_readable, on_pending_socket_readable | lane | where a request is first seen |
| ThreadWorker.handle, TConn.init, set_timeout | lane | gunicorn's own way from a request to an answer |
| TConn.initialized, parser.unreader.unread | lane | a kept one, whose parser can take back what was read |
| TConn.parser | lane | gives gunicorn the request that is there |
| Request.parse, method, uri, path, query, fragment, version, headers | parsed | what was read is not read again |
| Request._apply_header_policy, _peer_trusted_for_forwarded | parsed | what gunicorn makes of headers |
| Request._peer_is_trusted_proxy | parsed | found out once a connection |
| Request._use_fast, _fast_limit_request_line | parsed | whether the fast parser reads, and its limits |
| Request.limit_request_fields, limit_request_field_size | parsed | the others of its limits |
| Parser.finish_body | parsed | nothing of the body is left on the connection |
| util.http_date | date | composed once a second |
| ThreadWorker.tpool, method_queue | lane | what a client does not take at once goes to the pool |
| ThreadWorker.alive, poller, sockets, nr, nr_conns, log, cfg | all three | its state |
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
