"""The slides to update: a table that no snippet can break, and the folded code."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.record.run import ErratumChecked, read_run
from reports.sections.errata import errata_line
from reports.text import code_lines, fenced
from reports.write import write_report
from tests.reports.markdown import section, tables
from tests.reports.synthetic import LONG, Recorder, erratum


@pytest.fixture(scope="module")
def rows(text: str) -> dict[str, dict[str, str]]:
    """The table, by erratum."""
    [table] = tables(section(text, "Slides to update"))
    return {row["what"].partition("`]")[0].removeprefix("[`"): row for row in table}


def test_a_row_says_what_happens_and_what_to_write(rows: dict[str, dict[str, str]]) -> None:
    assert list(rows) == ["lr", "long"]
    assert rows["lr"] == {
        "slide": "4. Optimizers \\| usage",
        "what": "[`lr`](#erratum-lr)<br>lr is called learning\\_rate.",
        "printed": "`sgd = optimizers.SGD(lr=0.1)`",
        "what happens now": "`ValueError` at construction: Argument(s) not recognized: {'lr': 0.1}",
        "replacement": "`sgd = optimizers.SGD(learning_rate=0.1)`",
    }


def test_long_code_is_cut_in_the_table_and_whole_below(rows: dict[str, dict[str, str]], text: str) -> None:
    printed = rows["long"]["printed"].split("<br>")
    assert printed[:2] == ["`for a in x \\| y:`", "`\u00a0\u00a0\u00a0\u00a0f(a, 0)`"]
    assert len(printed) == 7
    assert printed[-1] == "…"
    assert rows["long"]["replacement"].endswith("…`")
    assert f"# printed\n{LONG.printed}\n# replacement\n{LONG.modern}\n# check\n" in text


def test_both_values_and_what_is_red(rows: dict[str, dict[str, str]]) -> None:
    assert rows["long"]["what happens now"].split("<br>") == [
        "Differs, with a warning: `None`; the slide says `[1, 'a\\|b']`",
        "Do not \\| pass &lt;this&gt;.",
        "⚠ **broken**: modern form: expected a \\| b",
    ]


def test_every_row_leads_to_its_code(rows: dict[str, dict[str, str]], text: str) -> None:
    for name in rows:
        assert text.count(f'<a id="erratum-{name}"></a>') == 1


def test_the_head_counts_them(text: str) -> None:
    assert "**2 errata: 1 hold, 1 do not.** [`long`](#erratum-long) (broken)." in text


def recorded(folder: Path, *errata: ErratumChecked) -> Path:
    run = Recorder(folder)
    run.append(*errata)
    return run.end()


def test_a_run_of_errata_alone(tmp_path: Path) -> None:
    path = recorded(tmp_path, erratum("second", order=2), erratum("first", order=1))
    written = write_report(path, tmp_path).read_text("utf-8")
    assert "**2 errata: all hold.**" in written
    assert "No claim was decided" not in written
    assert "0 claims" not in written
    assert [row["what"][:9] for row in tables(section(written, "Slides to update"))[0]] == ["[`first`]", "[`second`"]


def test_without_errata_nothing_is_said(tmp_path: Path) -> None:
    path = recorded(tmp_path)
    assert errata_line(read_run(path)) == ""
    assert "Slides to update" not in write_report(path, tmp_path).read_text("utf-8")


@pytest.mark.parametrize(
    ("outcome", "warning", "said"),
    [("warns", "old", "Runs, with a warning<br>old"), ("fails", "", "Runs"), ("differs", "", "Differs silently: `1`")],
)
def test_what_runs(outcome: str, warning: str, said: str, tmp_path: Path) -> None:
    values = {"slide_value": 2, "today": 1, "replacement": 2}
    one = erratum("one", outcome=outcome, warning=warning, error="", when="", **values)
    written = write_report(recorded(tmp_path, one), tmp_path).read_text("utf-8")
    [[row]] = tables(section(written, "Slides to update"))
    assert row["what happens now"].startswith(said)


@pytest.mark.parametrize(
    ("text", "cell"),
    [("a\n  b | c", "`a`<br>`\u00a0\u00a0b \\| c`"), ("a\n\nb", "`a`<br>`b`"), ("x = `y`", "`x = 'y'`"), ("", "")],
)
def test_code_in_a_cell(text: str, cell: str) -> None:
    assert code_lines(text) == cell


def test_no_code_closes_its_fence() -> None:
    assert fenced("a = '```'") == "````python\na = '```'\n````"
