"""The pages as a person meets them: in a real browser, by light and by dark, at a desk and on a phone."""

import json
import subprocess
import sys
from collections.abc import Callable

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from servers.running import Server
from tests.pages.conftest import NASTY, Visit

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
    page.locator("input[data-name]").first.fill("3")
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


def test_every_kind_of_column_has_an_input_of_its_own(visit: Open, mixed: Server) -> None:
    page = visit(mixed).page
    curl, python, status = page.locator("#curl"), page.locator("#python"), page.get_by_role("status")
    page.get_by_label("unknown: area").check()
    expect(page.get_by_label("area", exact=True)).to_be_disabled()
    page.get_by_label("furnished").uncheck()
    page.get_by_label("city", exact=True).fill("Rom")
    page.get_by_label("story").fill('it\'s "quiet"\nand, well, small\\')
    page.get_by_label("since").fill("2031-05-04T10:30")
    warnings = page.locator(".message.warning:not(:empty)")
    expect(warnings).to_have_text(["not seen in training", "outside the range seen in training"])
    expect(curl).to_contain_text('{"area": null, "furnished": false, "city": "Rom", "story": "it')
    expect(python).to_contain_text('{"area": None, "furnished": False, "city": "Rom", "story": "it')
    page.get_by_role("button", name="Predict").click()
    expect(status.locator(".prediction")).to_be_visible()
    shown = status.locator(".prediction").inner_text().split(" ", 1)[1]
    command = curl.inner_text().replace("curl ", "curl -sS ", 1)
    answer = json.loads(subprocess.run(["bash", "-euc", command], check=True, capture_output=True, timeout=60).stdout)
    assert answer["prediction"] == shown
    program = [sys.executable, "-c", python.inner_text()]
    assert shown in subprocess.run(program, check=True, capture_output=True, text=True, timeout=60).stdout
    assert serious(page) == []
    page.get_by_role("button", name="Reset").click()
    expect(page.get_by_label("area", exact=True)).to_be_enabled()
    expect(curl).to_contain_text('{"area": 52.5, "furnished": true, "city": "Bremen", "story": "quiet flat')
    expect(warnings).to_have_count(0)


def test_the_known_values_of_a_category_are_listed(visit: Open, mixed: Server) -> None:
    page = visit(mixed).page
    options = page.get_by_label("city", exact=True).evaluate("input => [...input.list.options].map((o) => o.value)")
    assert options == ["Bremen", "Köln", "Ulm"]


@pytest.mark.parametrize(
    ("label", "typed", "told"),
    [
        ("area", "", "give a number, or tick unknown"),
        ("area", "many", "must be a number or null, not a string"),
        ("since", "", "give a date"),
        ("story", "x" * 291, "must have at most 290 characters, has 291"),
    ],
)
def test_an_error_of_each_kind_stands_beside_its_field(
    visit: Open, mixed: Server, label: str, typed: str, told: str
) -> None:
    page = visit(mixed).page
    field = page.get_by_label(label, exact=True)
    field.fill(typed)
    page.get_by_role("button", name="Predict").click()
    expect(page.locator(".field", has=field).locator(".message.error")).to_have_text(told)
    expect(field).to_be_focused()
    assert serious(page) == []


def test_a_pasted_row_of_every_kind_fills_the_fields(visit: Open, mixed: Server) -> None:
    page = visit(mixed).page
    page.get_by_label("area", exact=True).focus()
    paste(page, "\tfalse\tUlm\tsmall, but quiet\t2025-12-24T18:30:00\n")
    expect(page.locator("#curl")).to_contain_text(
        '{"area": null, "furnished": false, "city": "Ulm", "story": "small, but quiet", "since": "2025-12-24T18:30'
    )


def test_words_pasted_into_a_text_stay_together(visit: Open, mixed: Server) -> None:
    page = visit(mixed).page
    page.get_by_label("story").fill("")
    page.get_by_label("story").focus()
    assert paste(page, "small, but quiet; with a garden")  # the browser's own paste is left to happen


def paste(page: Page, text: str) -> bool:
    """Paste a text where the focus is; return whether the browser is left to do it."""
    untouched: bool = page.evaluate(
        """(text) => {
            const clipboardData = new DataTransfer();
            clipboardData.setData("text", text);
            const paste = new ClipboardEvent("paste", {clipboardData, bubbles: true, cancelable: true});
            return document.activeElement.dispatchEvent(paste);
        }""",
        text,
    )
    return untouched


def test_a_pasted_row_fills_the_fields(visit: Open, regression: Server) -> None:
    page = visit(regression).page
    page.get_by_label("x1").focus()
    paste(page, "4\t5\t0.5\n")
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
    page.get_by_role("button", name="POST /predict Predict one row").click()
    page.get_by_role("button", name="Execute").click()
    answer = page.locator(".live-responses-table tbody .response-col_description").first
    expect(answer).to_contain_text('"prediction": 10')
    assert serious(page) == []
