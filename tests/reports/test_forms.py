"""What every form of a report says of each verdict, and that a red claim accuses the lecture in none of them."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path

import pytest

from cases.examples.mnist_tips import TIPS
from harness.check.claims import compare_verdict
from harness.claim import Claim, Source
from harness.course import course
from harness.record.evidence import Expected
from harness.record.run import ClaimDecided, Run, read_run
from harness.rules import Exact, Exceeds
from harness.verdict import Basis, Effect, Verdict
from reports import cards as module
from reports.page.page import PAGE
from reports.write import write_report
from suite.session import messages
from tests.reports.markdown import claims, section
from tests.reports.synthetic import Recorder, claim, decision, effect

QUOTE = "드롭아웃이 도움이 된다"
BETTER = Exceeds("2 relu", "2 linear")
SAY = {
    Verdict.REFUTED: "Say that it costs {0:size}.",
    Verdict.OUTDATED: "Say that it was so until Keras 2.3.",
    Verdict.NEGLIGIBLE: "Say that it is a tie, {0:short}.",
    Verdict.INCONCLUSIVE: "Say that nobody knows, {0:short}.",
}
Written = Callable[..., dict[str, str]]


def declared(name: str, exact: bool, source: Source) -> Claim:
    how = {"rule": Exact(), "check": tuple} if exact else {"rule": BETTER, "experiment": TIPS}
    reading = "so, and not otherwise" if source == "read" else ""
    texts = {"slide": "4. Optimizers", "statement": f"Statement of {name}.", "quote": QUOTE, "reading": reading}
    shown = "" if exact else "with less without: {0}"
    return Claim(id=name, source=source, shown=shown, say=SAY, **texts, **how)


@pytest.fixture
def written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Written:
    """Writes the report of a run of these claims, and gives its text in each form."""

    def forms(*made: ClaimDecided, source: Source = "slide", full: bool = True) -> dict[str, str]:
        known = tuple(declared(of.id, of.experiment is None, source) for of in made)
        changed = dataclasses.replace(course(), claims=known, timed=())
        monkeypatch.setattr(module, "course", lambda: changed)
        recorder = Recorder(tmp_path, full=full, planned=(*(of.key for of in made), *"abcd"))
        recorder.append(*made)
        path = recorder.end()
        write_report(path, tmp_path)
        texts = {name: (tmp_path / name).read_text("utf-8") for name in ("SUMMARY.md", "REPORT.md")}
        page = (tmp_path / PAGE).read_text("utf-8")
        texts["page"] = text_of(page, {"card", "tiles", "slides", "change"})
        texts["findings"] = text_of(page, {"overview only-lecturer"}, without="reading")
        texts["handout"] = text_of(page, {"handout"})
        texts["terminal"] = "\n".join(line.text for line in terminal(read_run(path)))
        return texts

    return forms


class Elements(HTMLParser):
    """The text of the elements that have one of some classes, or all of "two classes", or are within such of."""

    def __init__(self, wanted: set[str], without: str) -> None:
        super().__init__()
        self.wanted, self.without = [set(names.split()) for names in wanted], without
        self.words: list[str] = []
        self.within: list[tuple[str, bool]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in ("meta", "link", "input", "br"):
            return
        classes = set((dict(attrs).get("class") or "").split())
        inside = bool(self.within and self.within[-1][1]) or any(names <= classes for names in self.wanted)
        self.within.append((tag, inside and self.without not in classes))

    def handle_endtag(self, tag: str) -> None:
        while self.within and self.within.pop()[0] != tag:
            pass

    def handle_data(self, data: str) -> None:
        if self.within and self.within[-1][1]:
            self.words.append(data)


def text_of(page: str, wanted: set[str], without: str = "-") -> str:
    parser = Elements(wanted, without)
    parser.feed(page)
    return " ".join(" ".join(parser.words).split())


def terminal(run: Run) -> list[messages.Line]:
    how = {"storing": False, "interrupted": False, "failed": True}
    lines = [messages.status_line(run, **how), *messages.moved_lines(run), *messages.finding_lines(run)]
    return [*lines, *messages.count_lines(run), *messages.more_lines(run, False)]


def computed(name: str, verdict: str, expected: str | None = None) -> ClaimDecided:
    """A claim that a computation decides, against its stored verdict."""
    before = Expected(verdict=expected, date="2026-11-20", reason="first") if expected else None
    rule = Exact().describe()
    found = decision(verdict, reason="α differs by 1 %", basis=Basis.COMPUTED)
    compared = compare_verdict(Verdict(verdict), before)
    return claim(name, found, exact=True, slide="4. Optimizers", rule=rule, comparison=compared)


def trained(name: str, verdict: str, measured: Effect, **changes: object) -> ClaimDecided:
    return claim(name, verdict, [measured], slide="4. Optimizers", rule=BETTER.describe(), **changes)


ACCUSATIONS = (
    "REFUTED",
    "Refuted claim",
    "contradicts",
    "Say instead",
    "Say that",
    "No.",
    "✘ Statement",
    "1.00 points",
)
AGAINST, TIE = effect("2 relu − 2 linear", -0.01, -0.02, -0.005), effect("2 relu − 2 linear", 0.0001, -0.0003, 0.0004)
OPEN = effect("2 relu − 2 linear", 0.001, -0.002, 0.004, chances={100: 0.31})


def of_trials(name: str, verdict: str, expected: str) -> ClaimDecided:
    before = Expected(verdict=expected, date="2026-11-20", reason="first")
    return trained(name, verdict, AGAINST, comparison=compare_verdict(Verdict(verdict), before))


@pytest.mark.parametrize("decided", [computed, of_trials])
def test_a_red_claim_accuses_nobody_in_any_form(decided: Callable[..., ClaimDecided], written: Written) -> None:
    """As with an optimizer whose rate is 1 % off: its update rule computes otherwise here, and did not before."""
    texts = written(decided("sgd-rule", "REFUTED", "SUPPORTED"), computed("adam-rule", "SUPPORTED", "SUPPORTED"))
    moved = section(texts["SUMMARY.md"], "What moved")
    assert "❌ verdict flipped<br>`sgd-rule`" in moved
    legend = section(texts["REPORT.md"], "How to read this")
    for name, text in texts.items():
        kept = text.replace(moved, "").replace(legend, "").replace("SUPPORTED → ✘ REFUTED. ", "")
        kept = kept.replace("SUPPORTED since 2026-11-20 (first), REFUTED now", "")
        assert [word for word in ACCUSATIONS if word in kept] == [], name
    assert claims(texts["REPORT.md"])["sgd-rule"]["verdict"] == "✔ SUPPORTED<br>⚠ **moved**"
    assert "The slide holds; this machine computes otherwise: see what moved" in texts["page"]
    assert "Refuted 0 of 2 claims of the lecture" in texts["page"]
    assert "Nothing: every claim of the slides that was judged is supported." in texts["findings"]
    assert "What to say instead Nothing: " in texts["handout"]


@pytest.mark.parametrize(
    ("verdict", "mark", "say"),
    [
        ("REFUTED", "✘ REFUTED", "Say that it costs 1.00 points."),
        ("OUTDATED", "↻ OUTDATED", "Say that it was so until Keras 2.3."),
        ("NEGLIGIBLE", "= NEGLIGIBLE", "Say that it is a tie, +0.01 points."),
        ("INCONCLUSIVE", "? INCONCLUSIVE", "Say that nobody knows, +0.10 points."),
    ],
)
def test_each_verdict_and_what_to_say_instead_in_every_form(
    verdict: str, mark: str, say: str, written: Written
) -> None:
    """So the test above can fail."""
    effects = {"REFUTED": AGAINST, "NEGLIGIBLE": TIE, "INCONCLUSIVE": OPEN}
    made = computed("a", verdict, verdict) if verdict == "OUTDATED" else trained("a", verdict, effects[verdict])
    texts = written(made, source="read")
    for name in ("SUMMARY.md", "REPORT.md", "page", "findings"):
        assert mark in texts[name].replace("\u00a0", " "), name
    for name in ("SUMMARY.md", "REPORT.md", "page", "findings", "handout"):
        assert say in texts[name], name
    assert f"{mark[0]} Statement of a." in texts["handout"]
    assert "As we read it: so, and not otherwise." in texts["page"]
    assert f"Refuted {int(verdict == 'REFUTED')} of 1 claim of the lecture" in texts["page"]


def test_what_is_not_the_lectures_is_nowhere_a_finding(written: Written) -> None:
    texts = written(computed("ours", "REFUTED", "REFUTED"), source="ours")
    assert "Findings, by cause" not in texts["SUMMARY.md"]
    assert "Refuted 0 of 0 claims of the lecture" in texts["page"]
    assert "Ours: the lecture does not say it." in texts["page"]
    assert "Say that" not in "".join(texts.values())


def test_what_is_only_not_contradicted_is_not_called_supported(written: Written) -> None:
    figure = effect("2 relu, one more run", 0.98, 0.978, 0.982, details={"published": 0.9806})
    within = decision("SUPPORTED", [figure], "0.9806 is within", basis=Basis.NOT_CONTRADICTED)
    page = written(claim("figure", within, slide="4. Optimizers", rule="2 relu reproduces 0.9806"))["page"]
    assert "≈ NOT CONTRADICTED" in page
    assert "✔ SUPPORTED" not in page
