"""What stands around every handler, so that both hosts answer alike, whatever is sent and whatever is raised."""

import functools
import io
import logging
from collections.abc import Callable, Collection, Mapping

from flask import Request, Response

from handlers import cors, logs
from handlers.responses import CLOSE, Problem, request_id_of
from handlers.service import Service
from handlers.timing import laps_of

log = logging.getLogger("tandem")

View = Callable[[Request], Response]


Refuse = Callable[[Problem], Response]


def entry_point(
    service: Service, *, allow: str, refuse: Refuse = Problem.response, origins: Collection[str] = ()
) -> Callable[[View], View]:
    """Make a view of a service answer alike under both hosts.

    `allow` is the value of the Allow header and lists the methods that the view takes; `refuse` gives a problem its
    form; pages of the `origins` may read the answers. The result is a plain function, as functions-framework wants
    its target.
    """
    methods = allow.split(", ")

    def decorate(view: View) -> View:
        def allowed(request: Request) -> Response:
            if request.method == "OPTIONS":
                return Response(status=204, headers={"Allow": allow}, content_type="application/json")
            if request.method not in methods:
                raise Problem(405, f"this address takes {allow}", headers={"Allow": allow} | CLOSE)
            return view(request)

        @functools.wraps(view)
        def answer(request: Request) -> Response:
            response = respond(service, allowed, request, refuse)
            if origins:
                cors.share(response, request, origins)
            return response

        return answer

    return decorate


def respond(service: Service, view: View, request: Request, refuse: Refuse = Problem.response) -> Response:
    """Return what a view answers, or the refusal of what it raises, with the headers that every response carries."""
    request_id = request_id_of(request)
    laps = laps_of(request)
    observed = [observer(request) for observer in service.observers]
    token = logs.current.set((request, service.log_fields))
    try:
        # functions-framework reads the body once more after its function. One that failed or was refused
        # would fail or block again there, so only read_body, by way of the environ, can read it.
        request.stream = io.BytesIO()
        try:
            response = view(request)
        except Problem as problem:
            response = refuse(problem)
    except Exception:  # of the refusal, too
        log.exception("request %s failed", request_id)
        response = refuse(Problem(500, f"internal error; the request id is {request_id}"))
    finally:
        logs.current.reset(token)
    if laps.parts:
        response.headers.add("Server-Timing", laps.server_timing())
    finish(response, request_id, service.headers)
    for end in observed:
        end(response)
    return response


def finish(response: Response, request_id: str, headers: Mapping[str, str]) -> None:
    """Set the headers that every response carries."""
    add = response.headers.add  # of headers that are not there yet; setting them would look for each
    for name, value in headers.items():
        add(name, value)
    add("Cache-Control", "no-store")
    add("X-Content-Type-Options", "nosniff")
    add("X-Request-Id", request_id)
