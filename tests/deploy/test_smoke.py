"""The contract suite as `make smoke` runs it: against a URL, over HTTPS."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
import requests
import trustme

from servers.running import FUNCTION, GUNICORN, ROOT, environment, running

pytestmark = pytest.mark.slow

SUITE = [sys.executable, "-m", "pytest", "-q", "--no-cov", "-p", "no:cacheprovider", "tests/contract"]


def run_the_suite(url: str, **environ: str) -> tuple[int, str]:
    """Return the suite's exit status and its last line."""
    done = subprocess.run(
        [*SUITE, "--base-url", url, "--identity-token", "a-token"],
        cwd=ROOT, env=environment(**environ), capture_output=True, text=True, check=False,
    )  # fmt: skip
    return done.returncode, (done.stdout.strip().splitlines() or [done.stderr])[-1]


def test_the_contract_holds_over_https(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    authority, bundle, identity = trustme.CA(), tmp_path / "ca.pem", tmp_path / "server.pem"
    authority.cert_pem.write_to_path(str(bundle))
    # Signed by an intermediate authority, which the server sends along.
    certificate = authority.create_child_ca().issue_cert("localhost")
    certificate.private_key_and_cert_chain_pem.write_to_path(str(identity))
    command = [*GUNICORN, "--certfile", str(identity), "--keyfile", str(identity)]
    with running(command, tmp_path / "log", wait=False) as server:
        server.url = f"https://localhost:{server.port}"
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(bundle))
        server.wait_until_it_answers()
        status, summary = run_the_suite(server.url)
        monkeypatch.delenv("REQUESTS_CA_BUNDLE")
        with pytest.raises(requests.exceptions.SSLError):
            requests.get(f"{server.url}/health", timeout=10)
    assert status == 0, summary
    counts = {kind: int(number) for number, kind in re.findall(r"(\d+) (\w+)", summary)}
    assert counts["passed"] >= 50
    assert counts["deselected"] >= 10
    assert "skipped" not in counts


def test_the_contract_holds_for_a_function_behind_a_url(tmp_path: Path) -> None:
    with running(FUNCTION, tmp_path / "log") as server:
        status, summary = run_the_suite(server.url)
    assert status == 0, summary
    counts = {kind: int(number) for number, kind in re.findall(r"(\d+) (\w+)", summary)}
    # What it skips are the routes that only the web app has.
    assert counts["passed"] >= 30
    assert counts["skipped"] >= 10
