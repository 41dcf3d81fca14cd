"""The version is in one place, and everything that tells it tells that one."""

import re
import subprocess
import tomllib

import pytest

from predictor.version import __version__
from servers.running import BIN, ROOT
from tests.hosts import Host


def test_version_is_answered_as_bare_text(web_host: Host) -> None:
    got = web_host.send(method="GET", path="/version", headers={})
    assert (got.status, got.headers["content-type"]) == (200, "text/plain; charset=utf-8")
    assert got.body == __version__.encode()
    assert got.headers["cache-control"] == "no-store"


@pytest.mark.parametrize(("method", "status"), [("HEAD", 200), ("OPTIONS", 204), ("POST", 405), ("PUT", 405)])
def test_version_is_only_read(web_host: Host, method: str, status: int) -> None:
    got = web_host.send(method=method, path="/version", headers={})
    assert got.status == status
    assert __version__.encode() not in got.body


def test_the_command_line_tells_the_version() -> None:
    done = subprocess.run([BIN / "flask", "--app", "webapp", "version"], cwd=ROOT, check=True, capture_output=True)
    assert done.stdout == f"{__version__}\n".encode()


def test_pyproject_reads_the_version_where_it_is() -> None:
    document = tomllib.loads((ROOT / "pyproject.toml").read_text())
    assert document["project"]["dynamic"] == ["version"]
    assert document["tool"]["setuptools"]["dynamic"]["version"] == {"attr": "predictor.version.__version__"}
    tracked = subprocess.run(
        ["git", "grep", "-lF", f'"{__version__}"', "--", "*.py", "*.toml", "Dockerfile", "Makefile"],
        cwd=ROOT, check=True, capture_output=True, text=True,
    )  # fmt: skip
    assert tracked.stdout.split() == ["predictor/version.py"]


def test_the_newest_release_of_the_changelog_is_this_version() -> None:
    headings = re.findall("^## (.*)$", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
    assert headings[0] == "Unreleased"
    assert re.fullmatch(rf"{re.escape(__version__)} \(\d{{4}}-\d\d-\d\d\)", headings[1])
