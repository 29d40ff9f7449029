"""The page in a real browser: what a reader clicks, types and reads. No window may complain or ask the network."""

from __future__ import annotations

import itertools
import re
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect

from cases.lecture import AUTHOR, TITLE
from harness.record.run import Run
from reports.cards import cards
from tests.reports.page import runs
from tests.reports.page.conftest import Opener

HELPS = "#tips-dropout-helps"
SLOW = pytest.mark.slow
CLAIMS = 9
"""The number of claims of the full run."""


def visible(page: Page, selector: str = ".card") -> list[str]:
    """The ids of the visible elements."""
    return [one.get_attribute("id") or "" for one in page.locator(selector).all() if one.is_visible()]


def hash_of(page: Page) -> str:
    return str(page.evaluate("location.hash"))


def test_the_first_screen_says_what_and_when(opened: Opener) -> None:
    page = opened()
    expect(page.locator("h1")).to_have_text(TITLE)
    expect(page.locator(".author")).to_have_text(AUTHOR)
    expect(page.locator(".status")).to_contain_text(" moved")
    expect(page.locator(".head .facts")).to_contain_text("tensorflow-cpu")
    expect(page.locator(".head time")).to_have_text("2026-11-24")
    tiles = page.locator(".tile")
    expect(tiles.nth(0)).to_contain_text(re.compile(r"Refuted\s+3\s+of 9 claims of the lecture, 1 undecided"))
    expect(tiles.nth(1)).to_contain_text(re.compile(r"Snippets to replace\s+3\s"))
    expect(tiles.nth(2)).to_contain_text(re.compile(r"Time\s+3 min 32 s\s+1.30 × slower than stored"))
    expect(page.locator("#page-query")).to_be_in_viewport()


@pytest.mark.slow
def test_each_view_has_its_own_overview(opened: Opener) -> None:
    page = opened()
    headings = {
        "Lecturer": "What the slides say and is not supported",
        "Maintainer": "What moved",
        "Student": "What the lecture says, and whether it holds",
    }
    for name, heading in headings.items():
        page.get_by_role("tab", name=name).click()
        expect(page.get_by_role("tab", name=name)).to_have_attribute("aria-selected", "true")
        expect(page.get_by_role("tabpanel", name=name)).to_be_visible()
        for other in headings.values():
            expect(page.get_by_role("heading", name=other, exact=True)).to_be_visible(visible=other == heading)
        assert len(visible(page)) == CLAIMS


@pytest.mark.slow
def test_tabs_by_keyboard(opened: Opener) -> None:
    page = opened()
    page.get_by_role("tab", name="Lecturer").focus()
    page.keyboard.press("ArrowRight")
    expect(page.get_by_role("tab", name="Maintainer")).to_be_focused()
    assert hash_of(page) == "#view=maintainer"
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("ArrowLeft")
    expect(page.get_by_role("tab", name="Student")).to_be_focused()
    expect(page.get_by_role("tab", name="Lecturer")).to_have_attribute("tabindex", "-1")


@pytest.mark.slow
def test_tiles_lead_to_what_they_count(opened: Opener) -> None:
    page = opened("#view=student")
    page.locator(".tile").nth(0).click()
    expect(page.locator("#page-findings")).to_be_focused()
    page.locator(".tile").nth(1).click()
    expect(page.locator("details.erratum summary").first).to_be_focused()
    page.locator(".tile").nth(2).click()
    expect(page.locator("#page-times")).to_be_focused()
    assert hash_of(page) == "#view=maintainer"


def test_the_lecturer_goes_slide_by_slide(opened: Opener) -> None:
    page = opened()
    slide = page.locator("section.slide", has=page.get_by_role("heading", name=runs.SLIDE, exact=True))
    summary = slide.locator(".change summary")
    expect(summary).to_have_text(re.compile(r"To change on this slide:\s+2 pieces of code \(3 snippets\)\."))
    page.locator("#page-slide").select_option(runs.SLIDE)
    lines = slide.get_by_role("region", name="Code to change")
    expect(lines).to_be_visible()  # the list of a chosen slide is open
    expect(lines.locator("tbody tr")).to_have_count(2)
    first = lines.locator("tbody tr").first
    expect(first.locator(".old")).to_have_text("sgd = optimizers.SGD(lr=0.1)")
    expect(first.locator(".new")).to_have_text("sgd = optimizers.SGD(learning_rate=0.1)")
    first.get_by_role("link").last.click()
    expect(page.locator("#snippet-momentum").get_by_label("Printed code")).to_be_visible()
    assert hash_of(page).endswith("claim=snippet-momentum")
    refuted = page.locator(".card.REFUTED").first
    expect(refuted.locator(".instead")).to_contain_text(f"Say instead: {runs.SAY}")


def test_a_claim_that_holds_links_to_the_code_that_does_otherwise(opened: Opener) -> None:
    page = opened()
    page.locator("#zscore-formula").get_by_role("link", name="Sequential has to be imported.").click()
    snippet = page.locator("#snippet-momentum")
    expect(snippet.get_by_label("Printed code")).to_be_visible()
    expect(snippet.locator("summary")).to_be_focused()
    again = opened("#snippet-momentum")
    expect(again.locator("#snippet-momentum").get_by_label("Printed code")).to_be_visible()
    expect(again.locator("#page-nothing")).to_be_hidden()


def test_on_a_phone_a_search_shows_its_first_hit(opened: Opener) -> None:
    page = opened("#q=dropout+help", width=390)
    box = page.locator(f"{HELPS} .sentence").bounding_box()
    assert box is not None
    assert box["y"] + box["height"] < 844


@pytest.mark.slow
def test_the_list_of_slides_chooses_one(opened: Opener) -> None:
    page = opened(width=1440)
    item = page.locator("nav.slides li", has_text=runs.SLIDE)
    expect(item).to_contain_text("⇄ 3")
    item.get_by_role("link").click()
    assert [one.inner_text() for one in page.locator("section.slide > h2").all() if one.is_visible()] == [runs.SLIDE]
    item.get_by_role("link").click()
    assert hash_of(page) == ""


def test_the_maintainer_sees_what_moved_before_and_now(opened: Opener) -> None:
    page = opened("#view=maintainer")
    moved = page.get_by_role("region", name="Before and now")
    expect(moved).to_contain_text("deep-dropout/dropout 0.3")
    expect(moved.get_by_role("row", name="verdict weakened tips-dropout-rate")).to_contain_text(
        "✔ SUPPORTED → ✔ SUPPORTED"
    )
    moved.get_by_role("link", name="tips-dropout-rate").first.click()
    expect(page.locator("#tips-dropout-rate .body")).to_be_visible()
    expect(page.get_by_role("region", name="Times")).to_contain_text("1.30 ×")
    answers = page.locator(".answers div")
    expect(answers.nth(0)).to_contain_text("7 differences fail a test; 1 verdict changed as other seeds explain.")
    expect(answers.nth(1)).to_contain_text("There is no earlier run of this stack to compare with.")
    expect(answers.nth(2)).to_contain_text("in 19 earlier runs")
    expect(page.locator("#page-trend-chart svg")).to_have_attribute("aria-label", re.compile("over 20 runs"))
    expect(page.get_by_role("region", name="Environment")).to_contain_text("AMD EPYC 7B13")
    expect(page.locator(".overview.only-maintainer")).to_contain_text("pytest suite/ --full --seeds 5")
    expect(page.locator("details.erratum").first).to_be_hidden()


def test_the_student_gets_an_answer_and_the_code(opened: Opener) -> None:
    page = opened("#view=student")
    sentence = r"Yes\.\s+Slide: \+0.42 points. This run: dropout 0.2 is 0.62 points above no dropout in "
    expect(page.locator(f"{HELPS} .sentence")).to_have_text(re.compile(sentence))
    page.locator(f"{HELPS} .open").click()
    expect(page.locator(f"{HELPS} .source summary")).to_contain_text("cases/examples/mnist_tips.py:")
    expect(page.locator(f"{HELPS} .source pre")).to_contain_text('"tips-dropout-helps"')
    expect(page.locator(f"{HELPS} .command pre")).to_have_text("pytest suite/ -k tips-dropout-helps")


def test_a_card_shows_how_sure_and_what_deviates(opened: Opener) -> None:
    page = opened(HELPS)
    body = page.locator(f"{HELPS} .body")
    expect(body).to_contain_text(
        re.compile("How sure: 5 seeds, .*; a test shows it; p = 0.03. Trained by this run, on tensorflow-cpu")
    )
    expect(body).to_contain_text("Seeds: five instead of one.")
    row = body.locator("tr", has_text="dropout 0.2")
    expect(row.locator("td").nth(0)).to_have_text("0.9840")
    body.get_by_text("Rule and reason").click()
    expect(body).to_contain_text("Rule: a > b (val_accuracy)")
    expect(body).to_contain_text("the interval lies above 0")


def test_a_search_forgives_a_typo_and_a_word_too_many(opened: Opener) -> None:
    page = opened()
    count = page.get_by_role("status")
    page.get_by_role("searchbox").fill("does dropuot help?")
    expect(count).to_have_text(f"1 of {CLAIMS} claims")
    assert visible(page) == ["tips-dropout-helps"]
    page.get_by_role("searchbox").fill("does dropout help whales")
    expect(count).to_have_text(f"1 of {CLAIMS} claims, none with all the words")
    assert visible(page) == ["tips-dropout-helps"]


def test_a_search_leaves_no_claim_of_before(opened: Opener) -> None:
    page = opened("#tips-dropout-helps")
    expect(page.locator(f"{HELPS} .body")).to_be_visible()
    page.get_by_role("searchbox").fill("quantum zebra")
    assert visible(page) == []


def test_snippets_are_a_filter_of_their_own(opened: Opener) -> None:
    page = opened()
    page.get_by_role("button", name="Replace").click()
    assert visible(page) == []
    snippets = page.locator("details.erratum:visible")
    expect(page.get_by_role("status")).to_have_text(f"0 of {CLAIMS} claims, 3 snippets")
    expect(snippets).to_have_count(3)
    page.get_by_role("button", name="Clear filters").click()
    page.locator(".tile").nth(1).click()
    expect(snippets).to_have_count(3)
    assert hash_of(page) == "#verdict=REPLACE"


def test_search_counts_and_says_when_nothing_matches(opened: Opener) -> None:
    page = opened()
    count = page.get_by_role("status")
    expect(count).to_have_text(f"{CLAIMS} claims")
    page.get_by_role("searchbox").fill("Dropout helps")
    expect(count).to_have_text(f"1 of {CLAIMS} claims")
    assert visible(page) == ["tips-dropout-helps"]
    expect(page.locator("section.slide:visible")).to_have_count(1)
    page.get_by_role("searchbox").fill("Does dropout help?")
    assert visible(page) == ["tips-dropout-helps"]
    page.get_by_role("searchbox").fill("quantum zebra")
    expect(page.locator("#page-nothing")).to_have_text("No match. Use other words, or clear the filters.")
    page.get_by_role("button", name="Clear filters").click()
    expect(page.locator("#page-nothing")).to_be_hidden()
    expect(page.get_by_role("searchbox")).to_be_focused()
    assert len(visible(page)) == CLAIMS


def test_filters_by_verdict_slide_and_state_update_all_counts(opened: Opener) -> None:
    page = opened()
    refuted = page.locator(".chip.REFUTED")
    expect(refuted).to_have_text(re.compile(r"Refuted 3"))
    refuted.click()
    expect(refuted).to_have_attribute("aria-pressed", "true")
    expect(page.get_by_role("status")).to_have_text(f"3 of {CLAIMS} claims")
    page.locator(".chip.INCONCLUSIVE").click()
    assert {"REFUTED", "INCONCLUSIVE"} == {
        one.get_attribute("data-verdict") for one in page.locator(".card:visible").all()
    }
    assert hash_of(page) == "#verdict=REFUTED,INCONCLUSIVE"
    page.get_by_role("button", name="Clear filters").click()
    page.locator("#page-state").select_option("confirmed")
    assert set(visible(page)) == {"tips-dropout-helps", "tips-dropout-rate"}
    expect(refuted).to_have_text(re.compile(r"Refuted 0"))
    page.locator("#page-slide").select_option(runs.SLIDE)
    expect(page.locator("#page-nothing")).to_be_visible()
    options = page.evaluate("[...document.querySelectorAll('#page-state option')].map((one) => one.label)")
    assert options == ["any state", "confirmed (0)", "start confirmed (0)", "not confirmed (0)"]


@pytest.mark.slow
def test_the_address_keeps_the_view_and_the_back_button_works(opened: Opener) -> None:
    page = opened("#view=maintainer&q=dropout&verdict=SUPPORTED,REFUTED")
    expect(page.get_by_role("tab", name="Maintainer")).to_have_attribute("aria-selected", "true")
    expect(page.get_by_role("searchbox")).to_have_value("dropout")
    expect(page.locator(".chip.SUPPORTED")).to_have_attribute("aria-pressed", "true")
    before = visible(page)
    page.locator(f"{HELPS} .open").click()
    assert hash_of(page) == "#view=maintainer&q=dropout&verdict=SUPPORTED,REFUTED&claim=tips-dropout-helps"
    page.get_by_role("tab", name="Student").click()
    page.go_back()
    expect(page.get_by_role("tab", name="Maintainer")).to_have_attribute("aria-selected", "true")
    expect(page.locator(f"{HELPS} .body")).to_be_visible()
    page.go_back()
    expect(page.locator(f"{HELPS} .body")).to_be_hidden()
    assert visible(page) == before
    page.go_forward()
    expect(page.locator(f"{HELPS} .body")).to_be_visible()


@pytest.mark.slow
def test_typing_is_one_step_back(opened: Opener) -> None:
    page = opened("#view=student")
    page.get_by_role("searchbox").press_sequentially("drop")
    assert hash_of(page) == "#view=student&q=drop"
    page.go_back()
    expect(page.get_by_role("searchbox")).to_have_value("")


def test_an_address_opens_its_claim(opened: Opener) -> None:
    page = opened(HELPS)
    expect(page.locator(f"{HELPS} .open")).to_have_attribute("aria-expanded", "true")
    expect(page.locator(f"{HELPS} h3")).to_be_in_viewport()
    page.locator("#activity-l1-value .open").click()
    assert hash_of(page) == "#activity-l1-value"
    page.evaluate("location.hash = '#tips-dropout-rate'")
    expect(page.locator("#tips-dropout-rate .body")).to_be_visible()
    expect(page.locator("#activity-l1-value .body")).to_be_hidden()


@pytest.mark.parametrize(
    "address",
    [
        "#no-such-claim",
        *(pytest.param(one, marks=SLOW) for one in ("#claim=%ff%00", "#%E0%A4%A", "#view=no&verdict=,,&slide=x")),
    ],
)
def test_an_address_that_means_nothing_is_said(opened: Opener, address: str) -> None:
    page = opened(address)
    expect(page.locator("#page-nothing")).to_be_visible()
    expect(page.get_by_role("tab", name="Lecturer")).to_have_attribute("aria-selected", "true")


@pytest.mark.slow
def test_links_between_claims_open_them(opened: Opener) -> None:
    page = opened()
    link = page.locator(".findings .to-claim").first
    name = link.get_attribute("href")
    link.click()
    expect(page.locator(f"{name} .body")).to_be_visible()
    expect(page.locator(f"{name} .open")).to_be_focused()
    assert hash_of(page) == name


def test_a_card_by_keyboard(opened: Opener) -> None:
    page = opened()
    button = page.locator(f"{HELPS} .open")
    button.focus()
    page.keyboard.press("Enter")
    expect(button).to_have_attribute("aria-expanded", "true")
    page.keyboard.press("Space")
    expect(button).to_have_attribute("aria-expanded", "false")
    page.keyboard.press("Space")
    page.locator(f"{HELPS} .copy").last.focus()
    page.keyboard.press("Escape")
    expect(button).to_have_attribute("aria-expanded", "false")
    expect(button).to_be_focused()
    page.keyboard.press("/")
    expect(page.get_by_role("searchbox")).to_be_focused()
    page.keyboard.type("zzz")
    page.keyboard.press("Escape")
    expect(page.get_by_role("searchbox")).to_have_value("")


@pytest.mark.slow
def test_the_tab_key_goes_through_the_page_in_order_with_a_visible_focus(opened: Opener) -> None:
    page = opened()
    reached = []
    for _ in range(10):
        page.keyboard.press("Tab")
        reached.append(page.evaluate("document.activeElement.textContent.trim().split(/\\s+/)[0]"))
        width = page.evaluate("parseFloat(getComputedStyle(document.activeElement).outlineWidth)")
        assert width >= 2 or reached[-1] == "", reached
    assert reached[:7] == ["Skip", "Skip", "Theme:", "Refuted", "Snippets", "Time", "Lecturer"]
    assert reached[7:] == ["", "✔", "✘"]


def test_dots_are_the_seeds_and_a_line_is_the_slide(opened: Opener) -> None:
    page = opened(HELPS)
    svg = page.locator(f"{HELPS} .dots svg")
    expect(svg).to_have_attribute(
        "aria-label", re.compile("Dots: validation accuracy of no dropout, dropout 0.2; 10 dots")
    )
    expect(svg.locator("g.mark-symbol path")).to_have_count(10)
    expect(svg.locator("g.mark-rect path")).to_have_count(2)
    svg.locator("g.mark-rect path").first.hover()
    expect(page.get_by_role("tooltip")).to_contain_text("no dropout, the slide: 0.9798")
    svg.locator("g.mark-symbol path").first.hover()
    expect(page.get_by_role("tooltip")).to_contain_text(re.compile(r"no dropout, seed 0: 0\.\d+"))


@pytest.mark.slow
def test_variants_and_scale_of_learning_curves_can_be_chosen(opened: Opener) -> None:
    page = opened(HELPS)
    curves = page.locator(f"{HELPS} .curves")
    medians = curves.locator("svg g.layer_2_marks path")
    expect(medians).to_have_count(2)
    curves.get_by_role("checkbox", name="dropout 0.3").check()
    expect(medians).to_have_count(3)
    before = medians.first.get_attribute("d")
    curves.get_by_role("button", name="Logarithmic").click()
    expect(curves.get_by_role("button", name="Logarithmic")).to_have_attribute("aria-pressed", "true")
    expect(medians.first).not_to_have_attribute("d", before or "")
    curves.get_by_label("Curve", exact=True).select_option("loss")
    expect(curves.locator("figcaption")).to_contain_text("Learning curves: loss")
    for name in ("no dropout", "dropout 0.2", "dropout 0.3"):
        curves.get_by_role("checkbox", name=name).uncheck()
    expect(curves).to_contain_text("Choose a variant below.")
    curves.get_by_role("checkbox", name="dropout 0.1").check()
    expect(curves.locator("svg")).to_be_visible()


@pytest.mark.slow
def test_hovering_a_curve_names_its_seed(opened: Opener) -> None:
    page = opened(HELPS)
    point = page.locator(f"{HELPS} .curves svg g.mark-symbol").last.locator("path").nth(3)
    point.scroll_into_view_if_needed()
    box = point.bounding_box()
    assert box
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    expect(page.get_by_role("tooltip")).to_contain_text(
        re.compile(r"(no dropout|dropout 0.2), seed \d, epoch \d: 0\.\d+")
    )
    page.mouse.move(2, 2)
    expect(page.get_by_role("tooltip", include_hidden=True)).to_be_hidden()


@pytest.mark.slow
def test_the_slides_curve_is_drawn(opened: Opener) -> None:
    page = opened(HELPS)
    expect(page.locator(f"{HELPS} .curves figcaption")).to_contain_text("hollow dots: the slide")


@pytest.mark.slow
def test_a_chart_that_cannot_be_drawn_is_said(opened: Opener) -> None:
    broken = "Object.defineProperty(window, 'vegaEmbed', {get: () => undefined, set: () => {}})"
    page = opened(HELPS, script=broken)
    said = "This chart could not be drawn (the chart library did not start). Its numbers are in the table."
    expect(page.locator(f"{HELPS} .dots")).to_contain_text(said)
    expect(page.locator(f"{HELPS} .curves")).to_contain_text(said)
    expect(page.get_by_role("region", name="Variants").first).to_be_visible()


@pytest.mark.slow
def test_a_chart_that_fails_while_drawing_is_said(opened: Opener) -> None:
    broken = (
        "Object.defineProperty(window, 'vegaEmbed', {get: () => () => Promise.reject(new Error('no')), set: () => {}})"
    )
    page = opened(HELPS, script=broken)
    expect(page.locator(f"{HELPS} .dots")).to_contain_text("This chart could not be drawn (no).")


@pytest.mark.slow
def test_copy_buttons_copy_their_own_code(opened: Opener) -> None:
    script = (
        "Object.defineProperty(navigator, 'clipboard', {value: {writeText: async (text) => { window.copied = text }}})"
    )
    page = opened(f"#slide={runs.SLIDE.replace(' ', '+')}", script=script)
    snippet = page.locator("details.erratum").first
    snippet.locator("summary").first.click()
    snippet.get_by_role("button", name="Copy").nth(1).click()
    assert page.evaluate("window.copied") == "sgd = optimizers.SGD(learning_rate=0.1)"
    expect(snippet.get_by_role("button", name="Copied")).to_be_visible()
    snippet.get_by_role("button", name="Copy", exact=True).first.click()
    assert page.evaluate("window.copied") == "sgd = optimizers.SGD(lr=0.1)"


@pytest.mark.slow
def test_themes(opened: Opener) -> None:
    page = opened(HELPS)
    background = "getComputedStyle(document.body).backgroundColor"
    assert page.evaluate(background) == "rgb(255, 255, 255)"
    page.emulate_media(color_scheme="dark")
    assert page.evaluate(background) == "rgb(21, 24, 29)"
    text = page.locator(f"{HELPS} .dots svg text").first
    expect(text).to_have_attribute("fill", "rgb(230, 233, 237)")
    button = page.locator("#page-theme")
    button.click()
    expect(button).to_have_text("Theme: light")
    assert page.evaluate(background) == "rgb(255, 255, 255)"
    expect(text).to_have_attribute("fill", "rgb(27, 31, 36)")
    page.reload()
    expect(button).to_have_text("Theme: light")
    button.click()
    expect(button).to_have_text("Theme: dark")
    button.click()
    expect(button).to_have_text("Theme: system")


@pytest.mark.parametrize("width", [390, pytest.param(948, marks=SLOW)])
def test_nothing_sticks_out_of_a_narrow_window(opened: Opener, width: int) -> None:
    page = opened(width=width)
    for address in ("", "#view=maintainer", "#view=student&claim=tips-dropout-helps", "#q=zzz"):
        page.evaluate(f"location.hash = '{address}'")
        page.wait_for_timeout(50)
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        badges = page.evaluate(
            "[...document.querySelectorAll('.card .badge')].map((one) => one.getBoundingClientRect())"
            ".filter((box) => box.width).map((box) => [box.left, box.right])"
        )
        assert all(left >= 0 and right <= width for left, right in badges)


@pytest.mark.parametrize("theme", ["light", pytest.param("dark", marks=SLOW)])
@pytest.mark.parametrize(
    "address",
    ["", *(pytest.param(one, marks=SLOW) for one in ("#view=maintainer", f"#view=student&claim={HELPS[1:]}"))],
)
def test_axe_finds_nothing(opened: Opener, theme: str, address: str) -> None:
    page = opened(address, theme=theme)
    page.wait_for_timeout(200)
    found = Axe().run(page).response["violations"]
    assert [(one["id"], one["nodes"][0]["html"]) for one in found] == []


def test_axe_finds_nothing_in_long_sentences_on_a_phone(opened: Opener, tmp_path: Path) -> None:
    """A text that scrolls within itself can be reached by no keyboard."""
    run = runs.hostile(tmp_path)
    page = opened(path=runs.write(run, tmp_path, say="Say this and that. " * 200), width=390)
    page.wait_for_timeout(200)
    found = Axe().run(page).response["violations"]
    assert [(one["id"], one["nodes"][0]["html"][:200]) for one in found] == []
    for part in (".instead", ".sentence"):
        assert page.evaluate(f"(one => one.scrollHeight - one.clientHeight)(document.querySelector('{part}'))") <= 1


@pytest.mark.slow
def test_a_screen_reader_finds_landmarks_and_headings(opened: Opener) -> None:
    page = opened()
    for role in ("banner", "main", "search", "contentinfo"):
        expect(page.get_by_role(role)).to_have_count(1)
    expect(page.get_by_role("navigation", name="Slides")).to_be_visible()
    levels = page.evaluate(
        "[...document.querySelectorAll('h1, h2, h3')].filter((one) => one.offsetParent).map((one) => +one.tagName[1])"
    )
    assert levels[0] == 1
    assert all(after - before <= 1 for before, after in itertools.pairwise(levels))
    expect(page.locator("#page-count")).to_have_attribute("aria-live", "polite")


def pages(page: Page) -> int:
    return len(re.findall(rb"/Type /Page\b", page.pdf(prefer_css_page_size=True)))


@pytest.mark.slow
def test_it_prints_as_a_handout_of_at_most_two_pages(opened: Opener) -> None:
    page = opened(HELPS)
    assert 1 <= pages(page) <= 2
    page.emulate_media(media="print")
    handout = page.locator(".handout")
    expect(handout).to_contain_text(TITLE)
    expect(handout).to_contain_text("What to say instead")
    expect(handout).to_contain_text(runs.SAY)
    expect(handout.locator("tbody tr")).to_have_count(4 + 2)  # of claims, and of code
    expect(handout).to_contain_text("4. Optim…sgd = optimizers.SGD(lr=0.1)")
    expect(page.locator(".card").first).to_be_hidden()


@pytest.mark.slow
def test_a_long_list_of_contradictions_still_prints_on_two_pages(opened: Opener, tmp_path: Path) -> None:
    run = runs.large(40, 3, variants=2)
    for key, one in list(run.claims.items()):
        run.claims[key] = runs.refuted(one)
    page = opened(path=runs.write(run, tmp_path, say="Say this and that. " * 15))
    assert pages(page) == 2


def test_texts_from_outside_are_inert(opened: Opener, tmp_path: Path) -> None:
    run = runs.hostile(tmp_path)
    page = opened(path=runs.write(run, tmp_path), width=390)
    [name, _] = visible(page)
    for view in ("maintainer", "student", "lecturer"):
        page.evaluate(f"location.hash = 'view={view}'")
        page.wait_for_timeout(30)
        assert page.evaluate("document.documentElement.scrollWidth") <= 390
    page.locator(f"[id='{name}'] .open").click()
    expect(page.locator(f"[id='{name}'] svg").first).to_be_visible()
    expect(page.locator(f"[id='{name}'] .statement")).to_contain_text("<img src=x onerror='window.attacked = 2'>")
    expect(page.locator("details.erratum pre").first).to_contain_text("</script><script>window.attacked = 1</script>")
    assert page.evaluate("window.attacked") is None
    assert page.locator("img").count() == 0
    assert page.locator("script").count() == 4
    assert page.evaluate("document.querySelector('#long h3').offsetHeight") < 300
    assert page.evaluate("getComputedStyle(document.querySelector('.statement')).unicodeBidi") == "isolate"


BAD = [
    (
        runs.empty,
        [
            "This run decided no claim.",
            "There is nothing to list: this run decided no claim",
            "Nothing to compare with",
        ],
    ),
    pytest.param(runs.killed, ["Interrupted, 0 of 0 claims decided.", "This run decided no claim."], marks=SLOW),
    pytest.param(
        runs.without_trainings,
        ["Nothing: every claim of the slides that was judged is supported.", "A computation confirms it."],
        marks=SLOW,
    ),
    (runs.failed, ["No seed has a value: see the table.", "No finite value to draw"]),
    (runs.one_seed, ["of the one seed that is recorded", "1 seed"]),
]


@pytest.mark.parametrize(("make", "said"), BAD, ids=lambda one: getattr(one, "__name__", ""))
def test_bad_input_makes_a_page_that_says_so(opened: Opener, tmp_path: Path, make, said: list[str]) -> None:
    run: Run = make(tmp_path)
    name = next((card.anchor for card in cards(run).values()), "")
    page = opened(f"#{name}" if name else "", path=runs.write(run, tmp_path))
    for words in said:
        expect(page.locator("body")).to_contain_text(words)
    page.get_by_role("tab", name="Maintainer").click()
    expect(page.get_by_role("heading", name="What moved")).to_be_visible()
    assert 1 <= pages(page) <= 2


@pytest.mark.slow
def test_a_claim_that_no_longer_exists_is_said(opened: Opener, tmp_path: Path) -> None:
    page = opened("#single-seed", path=runs.write(runs.one_seed(tmp_path), tmp_path))
    said = "The catalogue of this checkout has no claim single-seed, so its code is not shown."
    expect(page.locator("#single-seed .body")).to_contain_text(said)


@pytest.mark.slow
def test_without_javascript_everything_is_open(browser: Browser, full: Path) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(full.as_uri())
    expect(page.locator(f"{HELPS} .body")).to_be_visible()
    expect(page.get_by_text("need JavaScript")).to_be_visible()
    context.close()
