"""The hosts that the suite runs against, and their options."""

import os
import sys
from collections.abc import Generator, Iterator
from pathlib import Path

import functions_framework
import pytest

from predictor import refusals
from servers.running import FUNCTION, GUNICORN, ROOT, running
from tests.hosts import Host, InProcess, Live
from tests.turns import Turns, wants_to_be_alone
from webapp import create_app

if "mutmut" in sys.modules:  # what `make mutants` puts between a function and its caller is no model's own code
    refusals.STOCK |= {"mutmut"}

# What the make that runs the tests was told, as -C, is not for those that they run: they would say where they are.
os.environ.pop("MAKEFLAGS", None)

WEB_HOSTS = ["web", "web-live"]
FUNCTION_HOSTS = ["function", "function-live"]
TURNS = pytest.StashKey[Turns]()


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--base-url", help="run the contract suite against this deployed service or function")
    parser.addoption("--identity-token", help="the bearer token for --base-url")


def pytest_configure(config: pytest.Config) -> None:
    if hasattr(config, "workerinput"):  # one of several processes of pytest-xdist
        config.stash[TURNS] = Turns(config.workerinput["testrunuid"])


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item, nextitem: pytest.Item | None) -> Generator[None, object, object]:
    """Let tests marked `alone` be alone, fixtures included; those that follow each other wait for it only once."""
    turns = item.config.stash.get(TURNS, None)
    if turns is None:
        return (yield)
    turns.enter(alone=wants_to_be_alone(item))
    try:
        return (yield)
    finally:
        if not (turns.alone and wants_to_be_alone(nextitem)):
            turns.leave()


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """`host` is every host, `web_host` those with routes of their own; with --base-url, the one at that URL."""
    for name, hosts in {"host": WEB_HOSTS + FUNCTION_HOSTS, "web_host": WEB_HOSTS}.items():
        if name in metafunc.fixturenames:
            remote = metafunc.config.getoption("--base-url")
            metafunc.parametrize(name, ["remote"] if remote else hosts, indirect=True, scope="session")


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Put tests that run alone first, one after the other.

    With --base-url, leave out what does not go there: tests of hosts that they start themselves.
    """
    items.sort(key=lambda item: not wants_to_be_alone(item))
    if config.getoption("--base-url"):
        elsewhere = [item for item in items if not {"host", "web_host"} & set(getattr(item, "fixturenames", ()))]
        config.hook.pytest_deselected(items=elsewhere)
        items[:] = [item for item in items if item not in elsewhere]


@pytest.fixture(scope="session")
def host(request: pytest.FixtureRequest) -> Host:
    found: Host = request.getfixturevalue(request.param.replace("-", "_"))
    return found


@pytest.fixture(scope="session")
def web_host(request: pytest.FixtureRequest) -> Host:
    found: Host = request.getfixturevalue(request.param.replace("-", "_"))
    if request.param == "remote" and found.send(method="GET", path="/health").status == 405:
        pytest.skip("a function has no routes but the prediction")
    return found


@pytest.fixture(scope="session")
def remote(pytestconfig: pytest.Config) -> Host:
    token = pytestconfig.getoption("--identity-token")
    return Live("remote", pytestconfig.getoption("--base-url"), {"Authorization": f"Bearer {token}"} if token else None)


@pytest.fixture(scope="session")
def web() -> Host:
    return InProcess("web", create_app())


@pytest.fixture(scope="session")
def function() -> Host:
    return InProcess("function", functions_framework.create_app("predict", str(ROOT / "main.py")))


@pytest.fixture(scope="session")
def web_live(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Host]:
    with running(GUNICORN, tmp_path_factory.mktemp("web") / "log") as server:
        yield Live("web-live", server.url)


@pytest.fixture(scope="session")
def function_live(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Host]:
    with running(FUNCTION, tmp_path_factory.mktemp("function") / "log") as server:
        yield Live("function-live", server.url)


@pytest.fixture(scope="session")
def root() -> Path:
    return ROOT
