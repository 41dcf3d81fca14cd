"""The page of models with other outputs, in a real browser."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest
from playwright.sync_api import Locator, expect

from servers.running import GUNICORN, Server, running
from tests.outputs.conftest import MODELS, adopt
from tests.pages.conftest import Visit
from tests.pages.test_pages import serious

pytestmark = pytest.mark.slow

Open = Callable[..., Visit]


@pytest.fixture(scope="module")
def serving(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str, str], Server]]:
    """Return a function from a model and its target to a server of it, made once."""
    made: dict[str, Server] = {}
    with ExitStack() as servers:

        def serve(name: str, target: str) -> Server:
            if name not in made:
                folder = tmp_path_factory.mktemp("page")
                model = adopt(MODELS[name](), folder, target)
                made[name] = servers.enter_context(running(GUNICORN, folder / "log", MODEL_DIR=str(model)))
            return made[name]

        yield serve


def answer_of(visit: Open, server: Server) -> Locator:
    page = visit(server).page
    page.get_by_role("button", name="Predict").click()
    expect(page.locator(".prediction").first).to_be_visible()
    assert serious(page) == []
    return page.get_by_role("status")


def test_each_target_has_its_line_and_its_bars(visit: Open, serving: Callable[[str, str], Server]) -> None:
    status = answer_of(visit, serving("labels", "<b>level</b>,answer"))
    expect(status.locator(".prediction")).to_have_count(2)
    expect(status.locator(".prediction").first).to_contain_text("<b>level</b> ")
    expect(status.locator(".bars")).to_have_count(2)
    expect(status.locator(".bars").last).to_contain_text("yes")


def test_an_anomaly_has_its_score(visit: Open, serving: Callable[[str, str], Server]) -> None:
    status = answer_of(visit, serving("forest", "odd"))
    expect(status.locator(".prediction")).to_have_text("odd -1")
    expect(status.locator(".score")).to_contain_text("score: -0.")


def test_scores_of_classes_are_named(visit: Open, serving: Callable[[str, str], Server]) -> None:
    expect(answer_of(visit, serving("four", "part")).locator(".score")).to_contain_text("0 ")
