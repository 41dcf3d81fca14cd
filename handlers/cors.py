"""Answers that pages of other origins may read: the CORS protocol (https://fetch.spec.whatwg.org/#http-cors-protocol).

Cookies play no part: no answer allows credentials, so `*` gives a page nothing that its visitor alone may have.
"""

from collections.abc import Collection

from flask import Request, Response

ANY = "*"

# What a page may read beside the body; the headers that are safe anywhere need not stand here.
EXPOSED = "Model-Version, Server-Timing, X-Request-Id"

# Old browsers take no * here, and the * of new ones does not stand for Authorization.
PREFLIGHT = {
    "Access-Control-Allow-Methods": "POST",
    "Access-Control-Allow-Headers": "Authorization, Content-Type, X-Request-Id, *",
    "Access-Control-Max-Age": "7200",  # Chromium keeps none for longer
}


def share(response: Response, request: Request, origins: Collection[str]) -> None:
    """Let pages of the `origins`, or of ANY, read a response, and ask before they send what forms cannot."""
    headers = response.headers
    asking = request.environ.get("HTTP_ORIGIN", "")
    if ANY in origins:
        headers.add("Access-Control-Allow-Origin", ANY)
    else:
        headers.add("Vary", "Origin")  # of every answer, or a cache could keep one without it
        if asking not in origins:
            return
        headers.add("Access-Control-Allow-Origin", asking)
    if request.method == "OPTIONS" and "HTTP_ACCESS_CONTROL_REQUEST_METHOD" in request.environ:
        headers.extend(PREFLIGHT)
    else:
        headers.add("Access-Control-Expose-Headers", EXPOSED)
