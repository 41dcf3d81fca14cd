"""The pages as a person meets them: in a real browser, by light and by dark, at a desk and on a phone."""

import json
import subprocess
import sys
from collections.abc import Callable

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from tests.pages.conftest import NASTY, Visit
from tests.servers import Server

pytestmark = pytest.mark.slow

Open = Callable[..., Visit]


def serious(page: Page) -> list[tuple[str, str]]:
    """Return what axe-core finds of serious or critical impact, with where."""
    found = Axe().run(page).response["violations"]
    return [(each["id"], each["nodes"][0]["html"]) for each in found if each["impact"] in {"serious", "critical"}]


def test_the_form_predicts(visit: Open, regression: Server) -> None:
    page = visit(regression).page
    expect(page.get_by_label("x1")).to_have_value("1")
    page.get_by_label("x1").fill("2")
    page.keyboard.press("Enter")
    expect(page.get_by_role("status")).to_have_text("y 13")
    assert serious(page) == []


def test_a_classifier_shows_its_probabilities_as_bars(visit: Open, nasty: Server) -> None:
    page = visit(nasty).page
    page.get_by_role("button", name="Predict").click()
    bars = page.get_by_role("status").get_by_role("listitem")
    expect(bars).to_have_count(2)
    expect(bars.first).to_contain_text("%")
    chances = [float(text.removesuffix(" %")) for text in page.locator(".chance").all_inner_texts()]
    assert chances == sorted(chances, reverse=True)
    assert sum(chances) == pytest.approx(100, abs=0.2)
    assert serious(page) == []


@pytest.mark.parametrize(
    ("typed", "told"),
    [
        ("abc", "must be a number, not a string"),
        ("", "give a number"),
        ("-1e999", "is too large for a number"),
        ("NaN", "must be a number"),
    ],
)
def test_an_error_stands_beside_its_field(visit: Open, regression: Server, typed: str, told: str) -> None:
    page = visit(regression).page
    field = page.get_by_label("x2")
    field.fill(typed)
    page.get_by_role("button", name="Predict").click()
    expect(page.locator("#result .error")).to_be_visible()
    expect(page.locator(".field", has=field).locator(".message.error")).to_contain_text(told)
    expect(field).to_have_attribute("aria-invalid", "true")
    expect(field).to_be_focused()
    expect(page.locator(".message.error:not(:empty)")).to_have_count(1)
    assert serious(page) == []
    field.fill("2")
    expect(page.locator(".message.error:not(:empty)")).to_have_count(0)


def test_a_value_outside_the_range_of_the_training_warns(visit: Open, regression: Server) -> None:
    page = visit(regression).page
    warning = page.locator(".message.warning:not(:empty)")
    page.get_by_label("x3").fill("5.1")
    expect(warning).to_have_text("outside the range seen in training")
    page.get_by_label("x3").fill("5")
    expect(warning).to_have_count(0)


def test_the_commands_shown_do_what_the_form_does(visit: Open, any_server: Server) -> None:
    page = visit(any_server).page
    fields = page.locator("input[data-name]")
    fields.first.fill("3")
    page.get_by_role("button", name="Predict").click()
    expect(page.locator("#result .prediction")).to_be_visible()
    shown = page.locator("#result .prediction").inner_text().split(" ", 1)[1]
    for command in (
        ["bash", "-euc", page.locator("#curl").inner_text().replace("curl ", "curl -sS ", 1)],
        [
            sys.executable,
            "-c",
            page.locator("#python").inner_text().replace("print(answer.json())", "print(answer.text)"),
        ],
    ):
        answer = json.loads(subprocess.run(command, check=True, capture_output=True, timeout=60).stdout)
        assert (f"{answer['prediction']:.6g}" if isinstance(answer["prediction"], float) else answer["prediction"]) == (
            f"{float(shown):.6g}" if isinstance(answer["prediction"], float) else shown
        )


def test_a_pasted_row_fills_the_fields(visit: Open, regression: Server) -> None:
    page = visit(regression).page
    page.get_by_label("x1").focus()
    page.evaluate(
        """() => {
            const clipboardData = new DataTransfer();
            clipboardData.setData("text", "4\\t5\\t0.5\\n");
            const paste = new ClipboardEvent("paste", {clipboardData, bubbles: true, cancelable: true});
            document.activeElement.dispatchEvent(paste);
        }"""
    )
    assert [field.input_value() for field in page.locator("input[data-name]").all()] == ["4", "5", "0.5"]
    page.get_by_role("button", name="Reset").click()
    expect(page.get_by_label("x1")).to_have_value("1")
    expect(page.locator("#curl")).to_contain_text('{"x1": 1, "x2": 2, "x3": 3}')


def test_names_are_shown_as_they_are(visit: Open, nasty: Server) -> None:
    page = visit(nasty).page
    assert page.locator(".field label").all_inner_texts() == NASTY
    assert page.locator("main b, main i").count() == 0


def test_many_features_stay_usable(visit: Open, wide: Server) -> None:
    page = visit(wide).page
    expect(page.get_by_role("button", name="Predict")).to_be_in_viewport()
    page.get_by_label("Find a feature").fill("f499")
    expect(page.locator(".field:visible")).to_have_count(1)
    page.get_by_label("f499", exact=True).fill("7")
    page.get_by_role("button", name="Predict").click()
    expect(page.locator("#result .prediction")).to_be_in_viewport()
    assert serious(page) == []


def test_no_page_is_wider_than_the_screen(visit: Open, any_server: Server) -> None:
    for path in ("/", "/docs"):
        page = visit(any_server, path).page
        page.wait_for_load_state("networkidle")
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), path


def test_the_api_page_executes_a_request(visit: Open, regression: Server) -> None:
    page = visit(regression, "/docs").page
    page.locator(".opblock-post .opblock-summary-control").click()
    page.get_by_role("button", name="Execute").click()
    answer = page.locator(".live-responses-table tbody .response-col_description").first
    expect(answer).to_contain_text('"prediction": 10')
    assert serious(page) == []
