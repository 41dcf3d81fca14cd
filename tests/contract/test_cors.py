"""CORS_ORIGINS: which pages may read predictions, on both hosts alike, and what is no origin."""

import functools
from collections.abc import Callable, Mapping

import pytest

from handlers.service import load_service
from predictor.environment import origins
from tests.hosts import JSON, Answer, Host, InProcess, function_of
from webapp import create_app

GOOD = b'{"features":[1,2,3]}'
PAGE = "https://app.example.com"
LISTED = f"{PAGE}, http://localhost:5173,"
EXPOSED = "Model-Version, Server-Timing, X-Request-Id"
PREFLIGHT = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "content-type"}
SHARED = {"access-control-allow-origin", "access-control-expose-headers"}
ASKED = {
    "access-control-allow-origin", "access-control-allow-methods", "access-control-allow-headers",
    "access-control-max-age",
}  # fmt: skip


@pytest.fixture(scope="module", params=["web", "function"])
def at(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Host]:
    """Return what makes a host with the CORS_ORIGINS that a test wants."""

    @functools.cache
    def host(wanted: str) -> Host:
        environ = {"CORS_ORIGINS": wanted}
        if request.param == "function":
            return function_of(environ, tmp_path_factory.mktemp("function"))
        return InProcess("web", create_app(load_service(environ)))

    return host


def of_cors(answer: Answer) -> dict[str, str]:
    return {
        name: value for name, value in answer.headers.items() if name.startswith("access-control") or name == "vary"
    }


@pytest.mark.parametrize(
    ("wanted", "origin", "allowed"),
    [
        (LISTED, PAGE, PAGE),
        (LISTED, "http://localhost:5173", "http://localhost:5173"),
        ("HTTPS://APP.example.COM", PAGE, PAGE),
        ("*", PAGE, "*"),
        ("*", "null", "*"),
        ("*", "", "*"),
        (LISTED, "", None),
        (LISTED, "null", None),
        (LISTED, "http://app.example.com", None),
        (LISTED, f"{PAGE}:8443", None),
        (LISTED, f"{PAGE}/", None),
        (LISTED, f"{PAGE}.evil.example", None),
        (LISTED, "https://evil.example?https://app.example.com", None),
        (LISTED, "https://appxexample.com", None),
        (LISTED, f"{PAGE}, {PAGE}", None),
        (LISTED, "*", None),
        (LISTED, "x" * 5000, None),
    ],
)
@pytest.mark.parametrize(("body", "status"), [(GOOD, 200), (b"[", 400), (b"{}", 422)])
def test_a_page_reads_answers_and_refusals_if_its_origin_is_listed(
    at: Callable[[str], Host], *, wanted: str, origin: str, allowed: str | None, body: bytes, status: int
) -> None:
    got = at(wanted).send(body, headers=JSON | ({"Origin": origin} if origin else {}))
    expected = {} if wanted == "*" else {"vary": "Origin"}
    if allowed:
        expected |= {"access-control-allow-origin": allowed, "access-control-expose-headers": EXPOSED}
    assert (got.status, of_cors(got)) == (status, expected)


@pytest.mark.parametrize(
    ("wanted", "headers", "names"),
    [
        (LISTED, {"Origin": PAGE} | PREFLIGHT, ASKED | {"vary"}),
        ("*", {"Origin": PAGE} | PREFLIGHT, ASKED),
        (LISTED, {"Origin": "https://evil.example"} | PREFLIGHT, {"vary"}),
        (LISTED, {"Origin": PAGE}, SHARED | {"vary"}),  # no preflight without its header
        (LISTED, PREFLIGHT, {"vary"}),
        ("", {"Origin": PAGE} | PREFLIGHT, set()),
    ],
)
def test_a_preflight_says_what_may_be_sent(
    at: Callable[[str], Host], wanted: str, headers: Mapping[str, str], names: set[str]
) -> None:
    got = at(wanted).send(method="OPTIONS", headers=headers)
    assert (got.status, got.body, got.headers["allow"]) == (204, b"", "POST, OPTIONS")
    assert set(of_cors(got)) == names
    if "access-control-max-age" in names:
        assert got.headers["access-control-allow-methods"] == "POST"
        assert got.headers["access-control-allow-headers"] == "Authorization, Content-Type, X-Request-Id, *"
        assert got.headers["access-control-max-age"] == "7200"


def test_a_fault_and_another_method_can_be_read_too(at: Callable[[str], Host], monkeypatch: pytest.MonkeyPatch) -> None:
    host = at(LISTED)
    assert host.send(method="PUT", headers={"Origin": PAGE}).headers["access-control-allow-origin"] == PAGE
    monkeypatch.setattr("predictor.model.Predictor.predict", lambda *_: 1 / 0)
    got = host.send(GOOD, headers=JSON | {"Origin": PAGE})
    assert (got.status, got.headers["access-control-allow-origin"]) == (500, PAGE)


@pytest.mark.parametrize("path", ["/model", "/health", "/openapi.json", "/nothing", "/"])
def test_other_addresses_stay_closed(path: str) -> None:
    host = InProcess("web", create_app(load_service({"CORS_ORIGINS": "*"})))
    got = host.send(method="GET", path=path, headers={"Origin": PAGE})
    assert not set(of_cors(got)) - {"vary"}


def test_off_is_the_default(host: Host) -> None:
    got = host.send(GOOD, headers=JSON | {"Origin": PAGE})
    assert (got.status, of_cors(got)) == (200, {})


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("", set()),
        (" , ", set()),
        ("*", {"*"}),
        (" https://a.example ,http://[::1]:8080", {"https://a.example", "http://[::1]:8080"}),
        ("chrome-extension://abcdefgh", {"chrome-extension://abcdefgh"}),
        ("http://10.0.0.1:65535", {"http://10.0.0.1:65535"}),
        ("https://xn--mller-kva.example", {"https://xn--mller-kva.example"}),
    ],
)
def test_origins_are_read_as_browsers_send_them(text: str, found: set[str]) -> None:
    assert origins({"CORS_ORIGINS": text}) == found


@pytest.mark.parametrize(
    ("text", "culprit"),
    [
        ("app.example.com", "'app.example.com', which is no origin"),
        ("https://app.example.com/", "'https://app.example.com/', which is no origin"),
        ("https://a.example,https://b.example/page", "'https://b.example/page', which is no origin"),
        ("https://*.example.com", "'https://*.example.com', which is no origin"),
        ("https://user@a.example", "which is no origin"),
        ("https://a.example https://b.example", "which is no origin"),
        ("https://müller.example", "which is no origin"),
        ("https://", "which is no origin"),
        ("https://a..b", "which is no origin"),
        ("null", "'null', which is no origin"),
        ("https://a.example:65536", "whose port is none"),
        ("https://a.example:080", "which is no origin"),
        ("https://a.example:443", "but browsers leave out :443"),
        ("http://a.example:80", "but browsers leave out :80"),
        ("*,https://a.example", "* beside others"),
        ("https://a.example\nSet-Cookie:x", "which is no origin"),
    ],
)
def test_what_is_no_origin_ends_the_start_with_one_line(text: str, culprit: str) -> None:
    with pytest.raises(SystemExit) as ending:
        load_service({"CORS_ORIGINS": text})
    assert culprit in str(ending.value)
    assert str(ending.value).startswith("tandem: CORS_ORIGINS")
    assert "\n" not in str(ending.value)
