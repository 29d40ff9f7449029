"""ERRATA.md: the printed code and its replacement apart, what happens now, and what to say instead."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from harness.domain.erratum import ErratumState
from reports.text import fenced
from reports.write import write_report
from tests.reports.synthetic import LONG, Recorder, erratum


@pytest.fixture(scope="module")
def errata(folder: Path) -> str:
    return (folder / "ERRATA.md").read_text("utf-8")


def test_printed_code_and_replacement_can_be_copied_apart(errata: str) -> None:
    text = errata.split('<a id="erratum-lr"></a>')[1].split("<details>")[0]
    assert text.strip().splitlines() == [
        "### lr",
        "",
        "lr is called learning_rate.",
        "",
        "Printed (4\\. Optimizers \\| usage):",
        "",
        "```python",
        "sgd = optimizers.SGD(lr=0.1)",
        "```",
        "",
        "Now: fails at construction: ValueError: Argument(s) not recognized: {'lr': 0.1}.",
        "",
        "Replacement:",
        "",
        "```python",
        "sgd = optimizers.SGD(learning_rate=0.1)",
        "```",
    ]


def test_long_code_is_whole(errata: str) -> None:
    assert f"```python\n{LONG.printed}\n```" in errata
    assert f"```python\n{LONG.modern}\n```" in errata


def test_both_values_what_is_red_and_what_to_say(errata: str) -> None:
    text = errata.split('<a id="erratum-long"></a>')[1]
    assert "**Say instead:** lr is called learning_rate." in text
    assert (
        "Now: runs, and gives `None`; the slide says <code>\\[1, 'a\\|b'\\]</code>, with a warning: Do not \\| pass"
        in text
    )
    assert "⚠ **broken**: modern form: expected a \\| b" in text


def test_the_heads_count_them(errata: str, text: str) -> None:
    assert errata.startswith("# 2 pieces of code to replace on the slides\n\nOn TensorFlow 1 of them are no longer")
    assert "- 2 errata: 1 no longer as stated: `long` (broken)\n" in text


def test_they_come_by_slide_in_catalogue_order(tmp_path: Path) -> None:
    run = Recorder(tmp_path)
    run.append(
        erratum("third", order=2, slide="Example 1"),
        erratum("second", order=1),
        erratum("first", slide="1. Learning rate"),
    )
    report = write_report(run.end(), tmp_path).read_text("utf-8")
    found = (tmp_path / "ERRATA.md").read_text("utf-8")
    assert re.findall(r"^### (.*)$", found, re.MULTILINE) == ["first", "second", "third"]
    assert "- 3 errata: all hold" in report
    assert "claims" not in report.split("## Environment")[0].split("\n", 1)[1]


def test_without_errata_there_is_no_file(tmp_path: Path) -> None:
    report = write_report(Recorder(tmp_path).end(), tmp_path).read_text("utf-8")
    assert "errat" not in report.lower()
    assert not (tmp_path / "ERRATA.md").exists()


@pytest.mark.parametrize(
    ("outcome", "warning", "said"),
    [
        ("warns", "old", "Now: runs, with a warning: old."),
        ("fails", "", "Now: runs."),
        ("differs", "", "Now: runs, and gives `1`; the slide says `2`."),
    ],
)
def test_what_runs(outcome: str, warning: str, said: str, tmp_path: Path) -> None:
    values = {"slide_value": 2, "today": 1, "replacement": 2}
    run = Recorder(tmp_path)
    run.append(erratum("one", outcome=outcome, warning=warning, error="", when="", **values))
    write_report(run.end(), tmp_path)
    assert f"\n{said}\n" in (tmp_path / "ERRATA.md").read_text("utf-8")


def test_what_was_not_run_is_neither_green_nor_red(tmp_path: Path) -> None:
    run = Recorder(tmp_path, evidence=True)
    run.append(erratum("one", state=ErratumState.DECLARED, error="", when=""))
    write_report(run.end(), tmp_path)
    found = (tmp_path / "ERRATA.md").read_text("utf-8")
    assert "On TensorFlow nothing was run for this report; every `pytest suite/` runs both forms of each." in found
    assert "Expected now: ValueError saying 'lr', at construction." in found
    assert "⚠" not in found
    assert "After the replacement" not in found


def test_no_code_closes_its_fence() -> None:
    assert fenced("a = '```'") == "````python\na = '```'\n````"
