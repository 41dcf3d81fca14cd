"""What the lane makes of a head that gunicorn's parser has read is what gunicorn makes of it."""

import time
from typing import Any

import pytest
from gunicorn.config import Config
from gunicorn.http.message import Request
from gunicorn.http.unreader import IterUnreader
from gunicorn_h1c import parse_request_fast

from worker import date
from worker.parsed import OneRequest, Parsed, Whole, limits_of

PEER = ("127.0.0.1", 40000)
BODY = b'{"features":[1,2,3]}'
HEADS = {
    "plain": [b"Host: x", b"Content-Type: application/json"],
    "in capitals and with spaces": [b"HOST:x", b"content-type:   application/json \t"],
    "an underscore": [b"Host: x", b"X_Trace: 1"],
    "a forwarder's own": [b"Host: x", b"SCRIPT_NAME: /below"],
    "behind TLS": [b"Host: x", b"X-Forwarded-Proto: https"],
    "twice behind TLS": [b"Host: x", b"X-Forwarded-Proto: https", b"X-Forwarded-Ssl: on"],
    "behind TLS and not": [b"Host: x", b"X-Forwarded-Proto: https", b"X-Forwarded-Ssl: off"],
    "repeated": [b"Host: x", b"X-Forwarded-For: 1.2.3.4", b"X-Forwarded-For: 5.6.7.8"],
    "expects": [b"Host: x", b"Expect: 100-Continue"],
    "expects the unexpected": [b"Host: x", b"Expect: cake"],
    "closes": [b"Host: x", b"Connection: Close"],
    "keeps": [b"Host: x", b"Connection: keep-alive"],
    "other bytes": [b"Host: x", b"X-Name: M\xfcller"],
    "no host": [],
}
SETTINGS: dict[str, dict[str, Any]] = {
    "by default": {},
    "nobody is trusted": {"forwarded_allow_ips": "10.0.0.0/8"},
    "everybody is trusted": {"forwarded_allow_ips": "*"},
    "underscores refused": {"header_map": "refuse"},
    "underscores mapped": {"header_map": "dangerous"},
    "any header of a forwarder": {"forwarder_headers": "*"},
}


class Connection:
    """The part of gunicorn's TConn that the lane looks at."""

    def __init__(self, cfg: Config) -> None:
        self.cfg = cfg
        self.client = PEER
        self.trusted: bool | None = None


def configured(**settings: Any) -> Config:
    cfg = Config()
    for name, value in settings.items():
        cfg.set(name, value)
    return cfg


def seen(make: Any) -> Any:
    """Return what a request says of itself, or how it is refused."""
    try:
        request = make()
    except Exception as error:
        return type(error), str(error)
    said = ("method", "uri", "path", "query", "fragment", "version", "headers", "trailers", "scheme", "peer_addr")
    flags = request._expected_100_continue, request.should_close(), request.proxy_protocol_info
    return [getattr(request, name) for name in said], flags, request.body.read(), request.body.read()


@pytest.mark.parametrize("settings", SETTINGS.values(), ids=SETTINGS)
@pytest.mark.parametrize("head", HEADS.values(), ids=HEADS)
def test_gunicorn_makes_the_same_of_it(head: list[bytes], settings: dict[str, Any]) -> None:
    cfg = configured(**settings)
    lines = [b"POST /predict HTTP/1.1", *head, b"Content-Length: %d" % len(BODY), b"", BODY]
    data = b"\r\n".join(lines)
    parsed = parse_request_fast(data)
    one = OneRequest(Whole(data, parsed, data[parsed.consumed :]), Connection(cfg))
    assert seen(one.__next__) == seen(lambda: Request(cfg, IterUnreader([data]), PEER))


def test_a_peer_is_looked_up_once_a_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    looked = []
    monkeypatch.setattr(Request, "_peer_is_trusted_proxy", lambda self: looked.append(self.peer_addr) or True)
    data = b"POST /predict HTTP/1.1\r\nX-Forwarded-Proto: https\r\nContent-Length: 0\r\n\r\n"
    whole = Whole(data, parse_request_fast(data), b"")
    first, second = Connection(configured()), Connection(configured())
    assert [Parsed(whole, conn).scheme for conn in (first, first, second, first)] == ["https"] * 4
    assert looked == [PEER, PEER]


@pytest.mark.parametrize(
    ("settings", "limits"),
    [
        ({}, (4094, 100, 8190)),
        ({"limit_request_line": 0, "limit_request_fields": 0, "limit_request_field_size": 0}, (2**20, 32768, 8190)),
        ({"limit_request_line": 100, "limit_request_fields": 5, "limit_request_field_size": 50}, (100, 5, 50)),
        ({"limit_request_line": 9000, "limit_request_fields": 99999}, (8190, 32768, 8190)),
        ({"http_parser": "python"}, None),
    ],
)
def test_the_limits_are_those_of_gunicorn(settings: dict[str, Any], limits: tuple[int, ...] | None) -> None:
    found = limits_of(configured(**settings))
    assert (found and tuple(found.values())) == limits


def test_the_date_is_gunicorns_and_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    gunicorns = date.composed.__wrapped__
    for timestamp in (0, 951782399.999, 951782400, 1764115200.5, 4102444799):
        assert date.http_date(timestamp) == gunicorns(timestamp)
    told = []
    for now in (1764115199.2, 1764115199.9, 1764115200.0, 1764115199.9):
        monkeypatch.setattr(time, "time", lambda now=now: now)
        told.append(date.http_date())
    assert told == [gunicorns(second) for second in (1764115199, 1764115199, 1764115200, 1764115199)]
