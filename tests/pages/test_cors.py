"""A page of another origin asks the model for a prediction, in a real browser."""

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser

from servers.running import FUNCTION, GUNICORN, running

pytestmark = pytest.mark.slow

ASK = """async ([url, body]) => {
  try {
    const headers = { "Content-Type": "application/json", "X-Request-Id": "from-a-page", "X-Other": "1" };
    const response = await fetch(url, { method: "POST", headers, body });
    return [response.status, await response.json(), response.headers.get("X-Request-Id")];
  } catch (error) {
    return String(error);
  }
}"""


class EmptyPage(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.end_headers()

    def log_message(self, format: str, *args: Any) -> None:
        pass


@pytest.fixture
def origin() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), EmptyPage)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


@pytest.mark.parametrize("command", [GUNICORN, FUNCTION], ids=["web", "function"])
def test_a_page_of_a_listed_origin_reads_the_answer_and_no_other_page_does(
    browser: Browser, origin: str, tmp_path: Path, command: list[str]
) -> None:
    context = browser.new_context()
    page = context.new_page()
    page.goto(origin)
    with running(command, tmp_path / "log", CORS_ORIGINS=f"https://app.example.com,{origin}") as server:
        url = f"{server.url}/predict"
        assert page.evaluate(ASK, [url, '{"features":[1,2,3]}']) == [
            200, {"prediction": 10.0, "model_version": "1.0"}, "from-a-page",
        ]  # fmt: skip
        status, problem, _ = page.evaluate(ASK, [url, '{"features":[1,2]}'])
        assert (status, problem["status"]) == (422, 422)
    with running(command, tmp_path / "other", CORS_ORIGINS="https://app.example.com") as server:
        refused = page.evaluate(ASK, [f"{server.url}/predict", '{"features":[1,2,3]}'])
        assert refused == "TypeError: Failed to fetch"
    context.close()
