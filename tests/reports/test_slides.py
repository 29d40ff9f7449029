"""SLIDES.md and slides.csv: slide by slide, claims and errata, and what to say instead."""

from __future__ import annotations

import csv
import io
import re
from pathlib import Path

import pytest

from cases.lecture import SLIDES
from reports.cards import ELSEWHERE
from reports.sections.links import section_file
from reports.sections.slides import COLUMNS
from reports.write import write_report
from tests.reports.markdown import headings, section
from tests.reports.synthetic import Recorder, claim, effect, erratum


@pytest.fixture
def out(tmp_path: Path) -> Path:
    run = Recorder(tmp_path)
    below = effect("a − b", -0.0026, -0.0043, -0.0011, n=30)
    run.append(
        claim("wrong", "REFUTED", [below], slide="4. Optimizers (cont.), Adam; Example 1"),
        claim("right", "SUPPORTED", [effect("a − b", 0.01, 0.005, 0.015)], slide="4. Optimizers", order=1),
        claim("stray", "SUPPORTED", marker="exact", slide="nowhere", order=2),
        erratum("lr", slide="4. Optimizers, Usage; Example 2"),
        erratum("rate", slide="4. Optimizers", outcome="differs", error="", order=1, within="lr"),
    )
    write_report(run.end(), tmp_path)
    return tmp_path


def test_every_slide_has_an_entry_in_order(out: Path) -> None:
    text = (out / "SLIDES.md").read_text("utf-8")
    assert headings(text) == [*SLIDES, ELSEWHERE]
    assert section(text, "5. Batch Normalization").strip() == "Nothing of it is in this run."
    assert "1 claim not supported, 2 snippets to replace" in text


def test_an_entry_has_its_claims_and_its_errata(out: Path) -> None:
    text = section((out / "SLIDES.md").read_text("utf-8"), "4. Optimizers")
    assert text.strip().splitlines() == [
        "- ✘ REFUTED: [Statement of wrong.](sections/4-optimizers.md#wrong) · "
        "a is 0.26 points below b in validation accuracy [0.11, 0.43].",
        "- ✔ SUPPORTED: [Statement of right.](sections/4-optimizers.md#right) · "
        "a is 1.00 points above b in validation accuracy [0.50, 1.50].",
        "- ✎ REPLACE: [lr](ERRATA.md#erratum-lr): lr is called learning_rate.",
        "  - with it: [rate](ERRATA.md#erratum-rate): lr is called learning_rate.",
    ]


def test_what_several_slides_say_is_in_each_entry(out: Path) -> None:
    text = (out / "SLIDES.md").read_text("utf-8")
    assert "Statement of wrong." in section(text, "Example 1. Learning rate")
    assert "[lr](" in section(text, "Example 2. Dataset normalization")


def test_every_link_leads_somewhere(folder: Path) -> None:
    for name in ("SLIDES.md", "REPORT.md", "ERRATA.md"):
        for target, anchor in re.findall(r"\]\(([^)#]+)(?:#([^)]+))?\)", (folder / name).read_text("utf-8")):
            assert (folder / target).is_file(), (name, target)
            assert not anchor or f'<a id="{anchor}"></a>' in (folder / target).read_text("utf-8"), (name, anchor)


def test_the_table_has_a_row_for_each(out: Path) -> None:
    content = (out / "slides.csv").read_bytes().decode("utf-8-sig")
    rows = list(csv.DictReader(io.StringIO(content, newline="")))
    assert list(rows[0]) == list(COLUMNS)
    assert [(row["kind"], row["key"], row["verdict"]) for row in rows] == [
        ("claim", "wrong", "REFUTED"),
        ("claim", "right", "SUPPORTED"),
        ("claim", "stray", "SUPPORTED"),
        ("snippet", "lr", "holds"),
        ("snippet", "rate", "holds"),
    ]
    wrong, _, stray, lr, rate = rows
    assert wrong["slide"] == "4. Optimizers; Example 1. Learning rate"
    assert wrong["measured"] == "a is 0.26 points below b in validation accuracy [0.11, 0.43]."
    assert (stray["slide"], stray["measured"]) == ("nowhere", "A computation confirms it.")
    assert {row["say instead"] for row in rows[:3]} == {""}  # the catalogue has no sentence for them
    assert (lr["printed"], lr["replacement"]) == (
        "sgd = optimizers.SGD(lr=0.1)",
        "sgd = optimizers.SGD(learning_rate=0.1)",
    )
    assert (lr["say instead"], rate["say instead"]) == ("", "lr is called learning_rate.")


def test_each_section_has_a_file_of_its_own() -> None:
    assert len({section_file(title) for title in (*SLIDES, ELSEWHERE)}) == len(SLIDES) + 1
