"""The page shows what training saw of a number, and how the prediction moves with the value that has the focus."""

from collections.abc import Callable

import pytest
from playwright.sync_api import expect

from servers.running import Server
from tests.pages.conftest import Visit

pytestmark = pytest.mark.slow
OpenPage = Callable[..., Visit]


def test_the_focus_shows_how_the_prediction_moves(visit: OpenPage, regression: Server) -> None:
    seen = visit(regression)
    seen.page.get_by_label("x1").focus()
    caption = seen.page.locator("#curve figcaption")
    # y = 3 x1 + x2 + x3 + 2, and the example is (1, 2, 3)
    expect(caption).to_have_text("y: 7 to 22 as x1 runs from 0 to 5")
    seen.page.get_by_label("x2").fill("0")
    seen.page.get_by_label("x3").focus()
    expect(caption).to_have_text("y: 5 to 10 as x3 runs from 0 to 5")
    assert seen.page.locator(".spread").count() == 3
    assert seen.page.locator(".spread").first.locator("rect").count() == 6
    seen.page.get_by_label("x2").fill("no number")
    seen.page.get_by_label("x1").focus()
    expect(seen.page.locator("#curve")).to_be_hidden()


def test_of_classes_it_shows_the_probabilities(visit: OpenPage, nasty: Server) -> None:
    seen = visit(nasty)
    seen.page.locator("#f1").focus()
    expect(seen.page.locator("#curve polyline")).to_have_count(2)
    expect(seen.page.locator("#curve figcaption")).to_contain_text("<i>yes</i>")


def test_a_column_of_any_kind_may_have_the_focus(visit: OpenPage, mixed: Server) -> None:
    seen = visit(mixed)
    for kind, drawn in (("category", 2), ("boolean", 2), ("number", 2)):
        seen.page.locator(f'[data-kind="{kind}"]').first.focus()
        expect(seen.page.locator("#curve polyline")).to_have_count(drawn)
    for kind in ("text", "date"):
        seen.page.locator(f'[data-kind="{kind}"]').first.focus()
        expect(seen.page.locator("#curve")).to_be_hidden()
