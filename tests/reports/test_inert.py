"""Strings from outside show themselves in Markdown, and do nothing else."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from harness.erratum import Differs, ErratumState, Warns
from harness.record.outcomes import ClaimState, VerdictState
from harness.verdict import Difference
from reports.words import LONGEST, code, cut, escape, escape_html, fenced, table
from reports.write import write_report
from tests.reports.markdown import parsed
from tests.reports.synthetic import (
    Recorder,
    claim,
    decision,
    effect,
    erratum,
    experiment,
    here,
    published,
    red,
    trial,
)

NASTY = [
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "a | b \\| c",
    "`` ` ``` code `x`",
    "two\nlines\n\n# heading\n\n- item",
    "[text](javascript:alert(1)) ![i](http://e.example/x.png)",
    "[x]: http://e.example 'title'",
    "<details><summary>x</summary>",
    "</details></td></table>",
    "http://e.example www.e.example a@e.example",
    "$x$ $$y$$ @someone #12 &lt;b&gt; &#60;b&#62;",
    "*a* **b** _c_ __d__ ~~e~~ ***",
    "---\n===\n1. one\n+ two",
    "\u202egnirts\u202c \u2066x\u2069 \u200f",
    "| --- |",
    "<!-- comment -->",
    "\\",
    "[a][b] [^1] [ ] x",
    "\x00\x07\x1b[31m",
    "=1+1",
]
MORE = [*NASTY[6:], "한" * 5_000, "a " * 5_000]
TEXT = st.text(st.characters(codec="utf-8"), max_size=60) | st.text("`|\\[]()<>*_~#-+=!&$@:./ \n1a", max_size=40)


def nasty(check: Any) -> Any:
    for text in NASTY:
        check = example(text)(check)
    return settings(max_examples=200, deadline=None)(given(TEXT)(check))


OURS = {
    "p",
    "span",
    "table",
    "thead",
    "tbody",
    "tr",
    "th",
    "td",
    "code",
    "a",
    "li",
    "ul",
    "h2",
    "summary",
    "details",
    "wbr",
}


@nasty
def test_an_escaped_text_shows_itself(text: str) -> None:
    shown = cut(text)
    for form in ("say {} so", "- Reason: {}", "{}", "## {}"):
        found = parsed(form.format(escape(text)))
        assert found.text == " ".join(form.lstrip("#- ").format(shown).split())
        assert set(found.tags) <= {"p", "span", "ul", "li", "h2", "wbr"}
        assert found.links == []


@nasty
def test_an_escaped_text_stays_within_its_cell_and_its_link(text: str) -> None:
    found = parsed(table(["a", "b"], [[escape(text), code(text)], [f"[{escape(text) or 'x'}](there.md)", "y"]]))
    assert found.widths == [2, 2, 2]
    assert set(found.tags) <= OURS
    assert found.links == ["there.md"]
    assert found.text.count(cut(text)) >= 2 or not cut(text)


@nasty
def test_a_text_in_html_is_no_tag(text: str) -> None:
    found = parsed(f"<details><summary>{escape_html(text)}</summary>\n\nx\n\n</details>")
    assert set(found.tags) <= {"details", "summary", "span", "p"}
    assert found.text.replace(" ", "") == (cut(text) + "x").replace(" ", "")


@nasty
def test_no_code_leaves_its_fence(text: str) -> None:
    found = parsed(f"{fenced(text)}\n\nafter")
    assert found.tags == ["pre", "code", "p"]
    assert not any(mark in found.text for mark in "\u202e\u2066\u200f")


def test_a_long_text_is_cut() -> None:
    assert cut("x" * 10_000) == "x" * (LONGEST - 1) + "…"
    assert cut("a b  c\n\nd", 5) == "a b…"
    assert cut("It reaches 0.8943 and 0.440.", 25) == "It reaches 0.8943 and…"
    assert len(cut("<" * 10_000, 50)) == 50


@pytest.mark.parametrize(
    "text", [*NASTY[:6], "x" * 2_500, *(pytest.param(one, marks=pytest.mark.slow) for one in MORE)]
)
def test_no_string_of_a_record_becomes_markup(text: str, tmp_path: Path) -> None:
    """In every field that holds one, in every file."""
    run = Recorder(tmp_path, command=text, commit=text[:50], fingerprint={"device_model": text, text[:50]: text})
    names = (f"v {text}", "b")
    record = experiment(f"e {text[:80]}", names)
    for name in names:
        run.train(record, [trial(name, seed, 0.9) for seed in range(3)], "val_accuracy")
    found = effect(f"v {text} − b", 0.01, 0.005, 0.015, notes=(text,))
    parts = [decision("REFUTED", [found], text, differences=[Difference(text, text, text, text, text)])]
    run.append(
        claim(
            "claim",
            decision("REFUTED", [found], text, parts=parts, differences=parts[0].differences),
            case=text,
            slide=text,
            statement=text,
            rule=text,
            experiment=record.id,
            variants={name: run.means[name] for name in names},
            published=(published("b", "0.9"),),
            rules=(text,),
            alongside=(parts[0],),
            comparison=red(VerdictState.FLIPPED, "REFUTED", text),
            here=here(ClaimState.NOT_CONFIRMED, text=text),
            deviations=(text,),
            notes=(text,),
            error=text,
        ),
        erratum(
            "e", slide=text, statement=text, outcome=Warns(text), error=text, reason=text, state=ErratumState.CHANGED
        ),
        erratum(
            "d", printed=text, modern=text, given=text, check=text, outcome=Differs(text, ""), today=text, error=""
        ),
    )
    write_report(run.end(), tmp_path)
    for path in tmp_path.rglob("*.md"):
        page = parsed(path.read_text("utf-8"))
        known = OURS | {"h1", "h3", "strong", "em", "br", "img", "pre", "blockquote"}
        assert set(page.tags) <= known, path
        assert page.attributes <= {"href", "id", "src", "alt", "align", "lang", "start", "class"}, path
        assert all(link.split("#")[0].endswith((".md", ".svg")) or link[:1] == "#" for link in page.links), path
        assert set(page.widths) <= {2, 3, 4, 8}, path
        assert not any(mark in path.read_text("utf-8") for mark in "\u202e\u2066\u200f"), path
    assert (tmp_path / "SUMMARY.md").stat().st_size < 10_000
    assert (tmp_path / "REPORT.md").stat().st_size < 60_000
