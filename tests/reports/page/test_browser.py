"""The page in a real browser: what a reader clicks, types and reads. No window may complain or ask the network."""

from __future__ import annotations

import itertools
import re
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect

from cases.lecture import AUTHOR, TITLE
from reports.cards import cards
from tests.reports.page import runs
from tests.reports.page.conftest import Opener

HELPS = "#tips-dropout-helps"
CLAIMS = 9
"""The number of claims of the full run."""
VIEWS = {
    "lecturer": "What the slides say that is not supported",
    "maintainer": "What moved",
    "student": "What the lecture says, and whether it holds",
}
"""The first heading of each view."""


def visible(page: Page, selector: str = ".card") -> list[str]:
    """The ids of the visible elements."""
    return [element.get_attribute("id") or "" for element in page.locator(selector).all() if element.is_visible()]


def hash_of(page: Page) -> str:
    return str(page.evaluate("location.hash"))


def go(page: Page, address: str) -> None:
    page.evaluate("(hash) => { location.hash = hash }", address)
    page.wait_for_timeout(30)


def choose(page: Page, value: str) -> None:
    """Clicks a view, or a verdict to filter by."""
    page.locator(f"label:has(> input[value={value}])").click()


def violations(page: Page) -> list[tuple[str, str]]:
    """What axe finds."""
    page.wait_for_timeout(200)
    return [(fault["id"], fault["nodes"][0]["html"][:200]) for fault in Axe().run(page).response["violations"]]


def scrolls_sideways(page: Page) -> bool:
    return bool(page.evaluate("document.documentElement.scrollWidth > innerWidth"))


STANDS = {
    "": [
        ("h1", TITLE),
        (".author", AUTHOR),
        (".status", " moved"),
        (".tile >> nth=0", r"Refuted\s+3\s+of 9 claims of the lecture, 1 undecided"),
        (".tile >> nth=2", r"Time\s+3 min 32 s\s+1.30 × slower than stored"),
        (".card.REFUTED .instead >> nth=0", f"Say instead: {runs.SAY}"),
        ("nav.slides li:has-text('4. Optimizers')", "⇄ 3"),
    ],
    "#view=maintainer": [
        ("tr:has-text('flipped')", "tips-dropout-rate.*✔ SUPPORTED → ✘ REFUTED"),
        ("[aria-label=Times]", "1.30 ×"),
        (".answers div >> nth=0", "7 differences fail a test; 1 verdict changed as other seeds explain."),
        (".answers div >> nth=2", "in 19 earlier runs"),
        ("[aria-label=Environment]", "AMD EPYC 7B13"),
        ("#page-trend-chart svg[aria-label*='over 20 runs']", "2026"),
    ],
    f"#view=student&claim={HELPS[1:]}": [
        (
            f"{HELPS} .sentence",
            r"Yes\.\s+Slide: \+0.42 points. This run: dropout 0.2 is 0.62 points above no dropout in ",
        ),
        (f"{HELPS} .source summary", r"cases/examples/mnist_tips\.py:"),
        (f"{HELPS} .source pre", '"tips-dropout-helps"'),
    ],
    HELPS: [
        (f"{HELPS} .body", "How sure: 5 seeds, .*; a test shows it; p = 0.03. Trained by this run, on tensorflow-cpu"),
        (f"{HELPS} .body tr:has-text('dropout 0.2') td >> nth=0", "^0.9840$"),
        (f"{HELPS} .curves figcaption", "hollow dots: the slide"),
    ],
    f"#slide={runs.SLIDE.replace(' ', '+')}": [
        ("section.slide:visible .change summary", r"To change on this slide:\s+2 replacements \(3 errata\)\."),
        ("section.slide:visible .new >> nth=0", r"sgd = optimizers\.SGD\(learning_rate=0\.1\)"),
    ],
    "#snippet-momentum": [("#snippet-momentum [aria-label='Printed code']", "optimizers.SGD")],
}
"""By address, what is visible there: selectors and patterns."""


def test_what_a_reader_reads(opened: Opener) -> None:
    page = opened()
    for address, expected in STANDS.items():
        go(page, address)
        for selector, pattern in expected:
            expect(page.locator(selector).first).to_contain_text(re.compile(pattern))
            expect(page.locator(selector).first).to_be_visible()
        expect(page.locator("#page-nothing")).to_be_hidden()
    for address in ("#no-such-claim", "#claim=%ff%00", "#%E0%A4%A", "#view=no&verdict=,,&slide=x"):
        go(page, address)
        expect(page.locator("#page-nothing")).to_be_visible()
        expect(page.get_by_role("radio", name="Lecturer")).to_be_checked()


WIDTHS = (390, 900, 1440)


def clock(page: Page, actions: int, *read: str) -> float:
    """Seconds to an answer: 3 for each action, and a quarter for each word that is read on the way to it."""
    parts = [part for selector in read for part in page.locator(selector).all() if part.is_visible()]
    assert len(parts) >= len(read)
    hidden = "(part) => [...part.querySelectorAll('option:not(:checked)')].map((option) => option.text).join(' ')"
    words = [len(part.inner_text().split()) - len(part.evaluate(hidden).split()) for part in parts]
    return 3 * actions + sum(words) / 4


def test_six_questions_take_thirty_seconds_at_most(opened: Opener, evidence: Path) -> None:
    """Published evidence answers four, a run two: a tab or a search is one action, and so is a choice in a list."""
    published, run = opened(path=evidence), opened()
    for width in WIDTHS:
        for page in (published, run):
            page.set_viewport_size({"width": width, "height": 900})
        seconds = answered(published, run)
        assert {question: taken for question, taken in seconds.items() if taken > 30} == {}, (width, seconds)


def answered(published: Page, run: Page) -> dict[str, float]:
    """The seconds that each question takes."""
    page, seconds = published, {}
    choose(page, "lecturer")
    first = ".findings tbody:first-of-type :is([scope=rowgroup], a)"
    seconds["false"] = clock(page, 0, "#page-findings", ".findings thead", first)
    page.get_by_role("searchbox").fill("does dropout help?")
    hit = ".card:not([hidden]) >> nth=0"
    seconds["dropout"] = clock(page, 1, "#page-count", f"{hit} >> h3", f"{hit} >> .sentence")
    page.locator("#page-clear").click()
    page.locator("[name=slide]").select_option("4. Optimizers")
    page.locator("section.slide:visible .copy:has-text('Copy all')").click()
    seconds["replace"] = clock(page, 2, "section.slide:visible > h2", ".change:visible > summary", ".change:visible p")
    page.locator("#page-clear").click()
    choose(page, "maintainer")
    seen = ("#page-moved", ".answers dt", "#page-moves")
    seconds["pytorch"] = clock(page, 1, *seen, "details.move > summary >> nth=0", "details.move > summary >> nth=1")
    keras = (".move b", ".controls:has(#page-from) label", "#page-move", "#page-changes tr")
    seconds["nightly"] = clock(page, 1, *seen, *keras)
    run.locator(".tile").nth(2).click()
    seconds["slower"] = clock(run, 1, ".tile >> nth=2", "#page-times", "#page-times + p")
    table = "[aria-label='Before and now'] :is(th, td:nth-child(2))"
    seconds["moved"] = clock(run, 1, "#page-moved", "#page-moved + p", table)
    return seconds


def test_the_published_page_has_tables_in_place_of_charts(opened: Opener, evidence: Path) -> None:
    page = opened(HELPS, path=evidence)
    expect(page.locator(f"{HELPS} [aria-label=Variants] td >> nth=0")).to_be_visible()
    assert page.locator(".charts").count() == 0
    expect(page.locator(".foot")).to_contain_text("Without --no-charts it has charts.")
    assert violations(page) == []


def test_versions_of_keras_are_chosen_in_either_direction(opened: Opener, evidence: Path) -> None:
    page = opened("#view=maintainer", path=evidence)
    first, last, said = page.locator("#page-from"), page.locator("#page-to"), page.locator("#page-move")
    every = first.locator("option").all_inner_texts()
    rows = page.locator("#page-changes [data-at]:not([hidden])")
    for pair in (("3.13.2", "3.14.1"), ("3.14.1", "3.13.2")):
        for select, version in zip((first, last), pair, strict=True):
            select.select_option(version)
        expect(said).to_have_text("3 changes, 2 of them seen in a result of this course.")
        assert {text.partition(".")[2][:2] for text in rows.locator("th").all_inner_texts()} == {"14", ""}
    last.select_option(first.input_value())
    expect(said).to_have_text("That is one version.")
    first.select_option(every[0])
    last.select_option(every[-1])
    expect(page.locator("#page-changes [data-at][hidden]")).to_have_count(0)


SEARCHES = [
    ("Dropout helps", f"1 of {CLAIMS} claims", ["tips-dropout-helps"]),
    ("Does dropout help?", f"1 of {CLAIMS} claims", ["tips-dropout-helps"]),
    ("does dropuot help?", f"1 of {CLAIMS} claims", ["tips-dropout-helps"]),
    ("does dropout help whales", f"1 of {CLAIMS} claims, none with all the words", ["tips-dropout-helps"]),
    ("quantum zebra", f"0 of {CLAIMS} claims", []),
]


def test_a_search_and_filters(opened: Opener) -> None:
    """A search forgives a typo and a word too many, closes the claim of before, and typing is one step back."""
    page = opened("#tips-dropout-rate")
    query, clear, status = page.get_by_role("searchbox"), page.locator("#page-clear"), page.get_by_role("status")
    for typed, count, shown in SEARCHES:
        query.fill(typed)
        expect(status).to_have_text(count)
        assert visible(page) == shown
    expect(page.locator("#page-nothing p >> nth=0")).to_have_text("No match. Use other words, or clear the filters.")
    page.locator("#page-nothing .jump").click()
    expect(page.locator("#page-moves")).to_be_in_viewport()
    query.fill("quantum zebra")
    clear.click()
    expect(page.locator("#page-nothing")).to_be_hidden()
    expect(query).to_be_focused()
    assert len(visible(page)) == CLAIMS
    choose(page, "student")
    query.press_sequentially("drop")
    assert hash_of(page) == "#view=student&q=drop"
    page.go_back()
    expect(query).to_have_value("")
    choose(page, "lecturer")

    choose(page, "REFUTED")
    expect(page.get_by_role("checkbox", name="Refuted")).to_be_checked()
    expect(status).to_have_text(f"3 of {CLAIMS} claims")
    choose(page, "INCONCLUSIVE")
    verdicts = {card.get_attribute("data-verdict") for card in page.locator(".card:visible").all()}
    assert verdicts == {"REFUTED", "INCONCLUSIVE"}
    assert hash_of(page) == "#verdict=REFUTED,INCONCLUSIVE"
    clear.click()
    choose(page, "REPLACE")
    expect(status).to_have_text(f"0 of {CLAIMS} claims, 3 errata")
    expect(page.locator("details.erratum:visible")).to_have_count(3)
    clear.click()
    page.get_by_label("On this machine").select_option("confirmed")
    assert set(visible(page)) == {"tips-dropout-helps", "tips-dropout-rate"}
    expect(page.locator(".chip.REFUTED")).to_have_text(re.compile(r"Refuted 0"))
    page.locator("[name=slide]").select_option(runs.SLIDE)
    expect(page.locator("#page-nothing")).to_be_visible()
    options = page.evaluate("[...document.querySelectorAll('[name=state] option')].map((option) => option.label)")
    assert options == ["any state", "confirmed (0)", "start confirmed (0)", "not confirmed (0)"]


LEADS = [
    ("#view=student", ".tile >> nth=0", "#page-findings", ""),
    ("#view=student", ".tile >> nth=1", "details.erratum summary >> nth=0", "#verdict=REPLACE"),
    ("", ".tile >> nth=2", "#page-times", "#view=maintainer"),
    ("", ".findings .to-claim[href='#activity-l1-value']", "#activity-l1-value .open", "#activity-l1-value"),
    ("", "#zscore-formula .to-claim", "#snippet-momentum summary", "#snippet-momentum"),
    ("#view=maintainer", "[aria-label='Before and now'] a:text-is('tips-dropout-rate') >> nth=0",
     "#tips-dropout-rate .open", "#view=maintainer&claim=tips-dropout-rate"),
]  # fmt: skip
"""Address, what is clicked, what has the focus then, and the address then."""


def test_where_links_and_the_back_button_lead(opened: Opener) -> None:
    page = opened()
    for address, clicked, focused, after in LEADS:
        go(page, address)
        if clicked.startswith("#zscore"):
            page.locator("#zscore-formula .open").click()
        page.locator(clicked).first.click()
        expect(page.locator(focused).first).to_be_focused()
        assert hash_of(page) == after
    go(page, "#view=maintainer&q=dropout&verdict=SUPPORTED,REFUTED")
    maintainer, body = page.get_by_role("radio", name="Maintainer"), page.locator(f"{HELPS} .body")
    expect(maintainer).to_be_checked()
    expect(page.get_by_role("searchbox")).to_have_value("dropout")
    expect(page.get_by_role("checkbox", name="Supported")).to_be_checked()
    before = visible(page)
    page.locator(f"{HELPS} .open").click()
    assert hash_of(page) == "#view=maintainer&q=dropout&verdict=SUPPORTED,REFUTED&claim=tips-dropout-helps"
    choose(page, "student")
    page.go_back()
    expect(maintainer).to_be_checked()
    expect(body).to_be_visible()
    page.go_back()
    expect(body).to_be_hidden()
    assert visible(page) == before
    page.go_forward()
    expect(body).to_be_visible()
    go(page, "#tips-dropout-rate")
    expect(page.locator("#tips-dropout-rate .body")).to_be_visible()
    expect(body).to_be_hidden()


def test_by_keyboard_and_screen_reader(opened: Opener) -> None:
    page = opened()
    for role in ("banner", "main", "search", "contentinfo"):
        expect(page.get_by_role(role)).to_have_count(1)
    expect(page.get_by_role("navigation", name="Slides")).to_be_visible()
    expect(page.locator("#page-count")).to_have_attribute("aria-live", "polite")
    headings = "[...document.querySelectorAll('h1, h2, h3')].filter((head) => head.offsetParent)"
    levels = page.evaluate(f"{headings}.map((head) => +head.tagName[1])")
    assert levels[0] == 1
    assert all(after - before <= 1 for before, after in itertools.pairwise(levels))
    reached = []
    for _ in range(10):
        page.keyboard.press("Tab")
        at = "(document.activeElement.closest('label') ?? document.activeElement)"
        reached.append(page.evaluate(f"{at}.textContent.trim().split(/\\s+/)[0]"))
        outlines = page.evaluate(
            f"[{at}, document.activeElement].map((of) => parseFloat(getComputedStyle(of).outlineWidth))"
        )
        assert max(outlines) >= 2, reached
    assert reached == ["Skip", "Skip", "Theme:", "Refuted", "Errata", "Time", "Lecturer", "Search", "✔", "✘"]
    button = page.locator(f"{HELPS} .open")
    button.focus()
    for key, expanded in (("Enter", "true"), ("Space", "false"), ("Space", "true")):
        page.keyboard.press(key)
        expect(button).to_have_attribute("aria-expanded", expanded)
    page.locator(f"{HELPS} .copy").last.focus()
    page.keyboard.press("Escape")
    expect(button).to_have_attribute("aria-expanded", "false")
    expect(button).to_be_focused()
    page.keyboard.press("/")
    expect(page.get_by_role("searchbox")).to_be_focused()
    for key in ("Enter", "ArrowDown"):
        page.get_by_role("searchbox").fill("does dropout help")
        page.keyboard.press(key)
        expect(page.locator(".open:visible, details.erratum > summary:visible").first).to_be_focused()
    page.keyboard.press("/")
    page.keyboard.type("zzz")
    page.keyboard.press("Escape")
    expect(page.get_by_role("searchbox")).to_have_value("")
    page.get_by_role("radio", name="Lecturer").focus()
    for key, name in (("Right", "maintainer"), ("Right", "student"), ("Right", "lecturer"), ("Left", "student")):
        page.keyboard.press(f"Arrow{key}")
        expect(page.get_by_role("radio", name=name)).to_be_focused()
        expect(page.locator(".overview:visible h2").first).to_have_text(VIEWS[name])
        assert len(visible(page)) == CLAIMS


def test_charts(opened: Opener) -> None:
    """Dots are the seeds, a line the slide; a pointer names a seed; variants and scale of curves can be chosen."""
    page = opened(HELPS)
    tip, svg = page.locator("#vg-tooltip-element"), page.locator(f"{HELPS} .dots svg")
    said = re.compile("Dots: validation accuracy of no dropout, dropout 0.2; 10 dots")
    expect(svg).to_have_attribute("aria-label", said)
    expect(svg.locator("g.mark-symbol path")).to_have_count(10)
    expect(svg.locator("g.mark-rect path")).to_have_count(2)
    svg.locator("g.mark-rect path").first.hover()
    expect(tip).to_contain_text("no dropout, the slide: 0.9798")
    svg.locator("g.mark-symbol path").first.hover()
    expect(tip).to_contain_text(re.compile(r"no dropout, seed \d: 0\.\d+"))

    curves = page.locator(f"{HELPS} .curves")
    box = curves.locator("svg g.mark-symbol").last.locator("path").nth(3).bounding_box()
    assert box
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    expect(tip).to_contain_text(re.compile(r"(no dropout|dropout 0.2), seed \d, epoch \d: 0\.\d+"))
    page.mouse.move(2, 2)
    expect(tip).to_be_hidden()
    means = curves.locator("svg g.layer_2_marks path")
    expect(means).to_have_count(2)
    curves.get_by_role("checkbox", name="dropout 0.3").check()
    expect(means).to_have_count(3)
    before = means.first.get_attribute("d")
    curves.get_by_role("checkbox", name="Logarithmic").check()
    expect(means.first).not_to_have_attribute("d", before or "")
    curves.get_by_label("Curve", exact=True).select_option("loss")
    expect(curves.locator("figcaption")).to_contain_text("Learning curves: loss")
    for name in ("no dropout", "dropout 0.2", "dropout 0.3"):
        curves.get_by_role("checkbox", name=name).uncheck()
    expect(curves).to_contain_text("Choose a variant below.")
    curves.get_by_role("checkbox", name="dropout 0.1").check()
    expect(curves.locator("svg")).to_be_visible()


def test_a_chart_that_cannot_be_drawn_is_said(opened: Opener) -> None:
    reasons = {"undefined": "the chart library did not start", "() => Promise.reject(new Error('no'))": "no"}
    for library, why in reasons.items():
        broken = f"Object.defineProperty(window, 'vegaEmbed', {{get: () => {library}, set: () => {{}}}})"
        page = opened(HELPS, script=broken)
        for part in (".dots", ".curves"):
            said = f"This chart could not be drawn ({why}). Its numbers are in the table."
            expect(page.locator(f"{HELPS} {part}")).to_contain_text(said)
        expect(page.get_by_role("region", name="Variants").first).to_be_visible()


def test_copy_buttons_and_themes(opened: Opener) -> None:
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
    change = page.locator("details.change[open]").first
    change.get_by_role("button", name="Copy all").click()
    assert "# printed: sgd = optimizers.SGD(lr=0.1)\nsgd = optimizers.SGD(learning_rate=0.1)\n" in page.evaluate(
        "window.copied"
    )

    go(page, HELPS)
    text, button = page.locator(f"{HELPS} .dots svg text").first, page.locator("#page-theme")
    light, dark = ("rgb(255, 255, 255)", "rgb(27, 31, 36)"), ("rgb(21, 24, 29)", "rgb(230, 233, 237)")

    def looks(background: str, ink: str) -> None:
        assert page.evaluate("getComputedStyle(document.body).backgroundColor") == background
        expect(text).to_have_attribute("fill", ink)

    looks(*light)
    page.emulate_media(color_scheme="dark")
    looks(*dark)
    button.click()
    expect(button).to_have_text("Theme: light")
    looks(*light)
    page.reload()
    for name in ("light", "dark", "system"):
        expect(button).to_have_text(f"Theme: {name}")
        button.click()


@pytest.mark.parametrize("width", [390, 948])
def test_nothing_sticks_out_of_a_narrow_window(opened: Opener, width: int) -> None:
    page = opened("#q=dropout+help", width=width)
    box = page.locator(f"{HELPS} .sentence").bounding_box()
    assert box is not None
    assert box["y"] + box["height"] < 844  # the first hit is seen
    for address in ("", "#view=maintainer", "#view=student&claim=tips-dropout-helps", "#q=zzz"):
        go(page, address)
        assert not scrolls_sideways(page)
        badges = page.evaluate(
            "[...document.querySelectorAll('.card .badge')].map((badge) => badge.getBoundingClientRect())"
            ".filter((box) => box.width).map((box) => [box.left, box.right])"
        )
        assert all(left >= 0 and right <= width for left, right in badges)


@pytest.mark.parametrize("theme", ["light", pytest.param("dark", marks=pytest.mark.slow)])
def test_axe_finds_nothing(opened: Opener, theme: str) -> None:
    page = opened(theme=theme)
    for address in ("", "#view=maintainer", f"#view=student&claim={HELPS[1:]}"):
        go(page, address)
        assert violations(page) == []


def pages(page: Page) -> int:
    return len(re.findall(rb"/Type /Page\b", page.pdf(prefer_css_page_size=True)))


@pytest.mark.slow
def test_it_prints_as_a_handout_of_at_most_two_pages(opened: Opener, tmp_path: Path) -> None:
    page = opened(HELPS)
    assert 1 <= pages(page) <= 2
    page.emulate_media(media="print")
    handout = page.locator(".handout")
    for said in (TITLE, "What to say instead", runs.SAY, "4. Optim…sgd = optimizers.SGD(lr=0.1)"):
        expect(handout).to_contain_text(said)
    expect(handout.locator("tbody tr")).to_have_count(4 + 2)  # of claims, and of code
    expect(page.locator(".card").first).to_be_hidden()
    run = runs.large(40, 3, variants=2, verdict="REFUTED")
    assert pages(opened(path=runs.write(run, tmp_path, say="Say this and that. " * 15))) == 2


def test_texts_from_outside_are_inert(opened: Opener, tmp_path: Path) -> None:
    """And long ones scroll neither the page nor within themselves, where no keyboard would reach them."""
    run = runs.hostile()
    page = opened(path=runs.write(run, tmp_path, say="Say this and that. " * 200), width=390)
    assert violations(page) == []
    for part in (".instead", ".sentence"):
        over = "(part) => { const of = document.querySelector(part); return of.scrollHeight - of.clientHeight }"
        assert page.evaluate(over, part) <= 1
    [name, _] = visible(page)
    for view in reversed(VIEWS):
        go(page, f"view={view}")
        assert not scrolls_sideways(page)
    page.locator(f"[id='{name}'] .open").click()
    expect(page.locator(f"[id='{name}'] svg").first).to_be_visible()
    expect(page.locator(f"[id='{name}'] .statement")).to_contain_text("<img src=x onerror='window.attacked = 2'>")
    expect(page.locator("details.erratum pre").first).to_contain_text("</script><script>window.attacked = 1</script>")
    assert page.evaluate("window.attacked") is None
    assert (page.locator("img").count(), page.locator("script").count()) == (0, 4)
    assert page.evaluate("document.querySelector('#long h3').offsetHeight") < 300
    assert page.evaluate("getComputedStyle(document.querySelector('.statement')).unicodeBidi") == "isolate"


BAD = {
    runs.finished: ["This run decided no claim.", "There is nothing to list: this run decided no claim",
                 "Nothing to compare with"],
    runs.killed: ["Interrupted, 0 of 0 claims decided.", "This run decided no claim."],
    runs.without_trainings: ["Nothing: every claim of the slides that was judged is supported.",
                             "A computation confirms it."],
    runs.failed: ["No seed has a value: see the table.", "No finite value to draw"],
    runs.one_seed: ["of the one seed that is recorded", "1 seed",
                    "The catalogue of this checkout has no claim single-seed, so its code is not shown."],
}  # fmt: skip


def test_bad_input_makes_a_page_that_says_so(opened: Opener, tmp_path: Path) -> None:
    for make, said in BAD.items():
        run = make()
        name = next((card.anchor for card in cards(run).values()), "")
        page = opened(f"#{name}" if name else "", path=runs.write(run, tmp_path))
        for words in said:
            expect(page.locator("body")).to_contain_text(words)
        choose(page, "maintainer")
        expect(page.get_by_role("heading", name=VIEWS["maintainer"])).to_be_visible()
        assert 1 <= pages(page) <= 2


@pytest.mark.slow
def test_without_javascript_everything_is_open(browser: Browser, full: Path) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(full.as_uri())
    expect(page.locator(f"{HELPS} .body")).to_be_visible()
    expect(page.get_by_text("need JavaScript")).to_be_visible()
    for control in ("#page-form", "#page-theme", ".copy"):
        expect(page.locator(control).first).to_be_hidden()
    context.close()
