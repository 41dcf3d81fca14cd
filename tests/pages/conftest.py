"""Headless Chromium, Debian's, and the live servers whose pages it opens."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, Request, sync_playwright

from servers.running import GUNICORN, ROOT, Server, running
from tests.models import mixed_classifier, mixed_regressor

# Chromium, started by root in a container, without the requests of its own to its maker.
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
# A name of every kind that HTML, JSON, the shell or Python could take for something of theirs.
NASTY = ["<b>bold</b>", 'it\'s "quoted"', "naïve ☃ $HOME `x`", "a&amp;b\\n"]


@dataclass
class Visit:
    """A page in the browser, what it asked for and what it complained about."""

    page: Page
    url: str
    asked: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)

    def note(self, request: Request) -> None:
        self.asked.append(request.url)


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    chromium = shutil.which("chromium")
    if chromium is None:
        if os.environ.get("CI") == "true":
            pytest.fail("chromium is missing; .ci/run installs it")
        pytest.skip("chromium is missing: apt-get install chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with models: a classifier of nasty names, one of many features, two with columns of all kinds."""
    folder = tmp_path_factory.mktemp("models")
    header = ",".join('"' + name.replace('"', '""') + '"' for name in NASTY)
    rows = [f"{i % 7},{i % 3},{i % 5},{i % 11},{'<i>yes</i>' if i % 7 > 3 else 'no'}" for i in range(60)]
    (folder / "nasty.csv").write_text("\n".join([f"{header},label", *rows]))
    wide = [",".join(str((i * j) % 11) for j in range(1, 502)) for i in range(40)]
    (folder / "wide.csv").write_text("\n".join([",".join(f"f{j}" for j in range(501)), *wide]))
    for name, target, estimator in [("nasty", "label", "LogisticRegression"), ("wide", "f500", "Ridge")]:
        command = [sys.executable, "train.py", str(folder / f"{name}.csv"), "--target", target, "--no-report"]
        command += ["--estimator", f"sklearn.linear_model.{estimator}", "--out", str(folder / name)]
        subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    mixed_classifier(folder / "mixed-classifier")
    mixed_regressor(folder / "mixed-regressor")
    return folder


@pytest.fixture(scope="session")
def regression(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with running(GUNICORN, tmp_path_factory.mktemp("regression") / "log") as server:
        yield server


@pytest.fixture(scope="session")
def nasty(models: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with running(GUNICORN, tmp_path_factory.mktemp("nasty") / "log", MODEL_DIR=str(models / "nasty")) as server:
        yield server


@pytest.fixture(scope="session")
def wide(models: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with running(GUNICORN, tmp_path_factory.mktemp("wide") / "log", MODEL_DIR=str(models / "wide")) as server:
        yield server


@pytest.fixture(scope="session")
def mixed(models: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = models / "mixed-classifier"
    with running(GUNICORN, tmp_path_factory.mktemp("mixed") / "log", MODEL_DIR=str(folder)) as server:
        yield server


@pytest.fixture(params=["regression", "nasty", "wide", "mixed"])
def any_server(request: pytest.FixtureRequest) -> Server:
    server: Server = request.getfixturevalue(request.param)
    return server


@pytest.fixture(params=["light-desktop", "dark-phone"])
def context_options(request: pytest.FixtureRequest) -> dict[str, object]:
    scheme, device = request.param.split("-")
    size = {"width": 1280, "height": 900} if device == "desktop" else {"width": 390, "height": 844}
    return {"color_scheme": scheme, "viewport": size}


@pytest.fixture
def visit(browser: Browser, context_options: dict[str, object]) -> Iterator[object]:
    """Open pages; at the end no page may have asked another host, or complained."""
    context = browser.new_context(**context_options)
    context.set_default_timeout(15_000)
    visits: list[Visit] = []

    def open_page(server: Server, path: str = "/") -> Visit:
        visit = Visit(context.new_page(), server.url)
        visit.page.on("request", visit.note)
        visit.page.on("console", lambda message: visit.complaints.append(f"{message.type}: {message.text}"))
        visit.page.on("pageerror", lambda error: visit.complaints.append(str(error)))
        visit.page.goto(server.url + path)
        visits.append(visit)
        return visit

    yield open_page
    context.close()
    for seen in visits:
        # The browser itself logs each answer with an error status; the form shows those of the model.
        assert [url for url in seen.asked if not url.startswith((f"{seen.url}/", "data:"))] == []
        assert [text for text in seen.complaints if "422 (UNPROCESSABLE" not in text.upper()] == []
