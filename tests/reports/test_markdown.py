"""REPORT.md and SUMMARY.md: their order, their tables, and what they say of each claim."""

from __future__ import annotations

from pathlib import Path

import pytest

from cases.lecture import TITLE
from reports.text import escape
from reports.write import write_report
from tests.reports.full import full_run
from tests.reports.markdown import claims, headings, section, tables
from tests.reports.synthetic import Recorder, claim, effect

HELPS = "dropout 0.2 is 0.62 points above no dropout in validation accuracy [0.51, 0.73]"
TRAINED = "What this machine trained to the end"
"""The heading of the one table with more than four columns, which pandas writes with padding."""


@pytest.fixture(scope="module")
def rows(text: str) -> dict[str, dict[str, str]]:
    """The rows of the tables of claims, by anchor."""
    return claims(text)


@pytest.fixture(scope="module")
def summary(folder: Path) -> str:
    return (folder / "SUMMARY.md").read_text("utf-8")


def test_sections_come_in_the_order_a_reader_needs_them(text: str) -> None:
    assert text.startswith(f"# {escape(TITLE)}: claims on TensorFlow, trained to the end, 2026-11-24\n")
    assert headings(text) == [
        TRAINED,
        "What moved",
        "Findings, by cause",
        "In numbers",
        "Example 4. Tips of NN for the Mnist digit classifier",
        "Elsewhere",
        "Accuracy",
        "Time",
        "Environment",
        "How to read this",
    ]


def test_no_table_has_more_than_four_columns_and_each_is_whole(folder: Path) -> None:
    for path in folder.rglob("*.md"):
        found = [row for table in tables(path.read_text("utf-8")) for row in table]
        assert all(len(row) <= 4 or "ratio" in row for row in found), path


def test_the_status_comes_first(text: str, summary: str) -> None:
    status = (
        "**❌ 1 training moved, 1 training missing, 1 training not comparable, 1 verdict weakened, 1 claim not run, "
        "1 erratum broken. 4 claims of the slides refuted. 2 snippets need replacing.**"
    )
    assert text.splitlines()[2] == summary.splitlines()[2] == status


def test_then_what_moved_before_and_now_and_why(text: str, summary: str) -> None:
    [table] = tables(section(summary, "What moved"))
    assert tables(section(text, "What moved")) == [table]
    assert [list(row.values()) for row in table] == [
        ["❌ training moved<br>`deep-dropout/dropout 0.3`", "moved", "made up"],
        ["❌ training missing<br>`raw-data/scaled`", "missing", "made up"],
        ["❌ training not comparable<br>`softmax/stuck`", "not comparable", "made up"],
        ["❌ verdict weakened<br>`tips-dropout-rate`", "✔ SUPPORTED → ✔ SUPPORTED", "dropout 0.3 moved"],
        [
            "⚪ verdict decided<br>`raw-data-diverges`",
            "? INCONCLUSIVE → ✔ SUPPORTED",
            "INCONCLUSIVE since 2026-11-20 (first), SUPPORTED now; no variant it rests on has drifted.",
        ],
        ["❌ claim not run<br>`early-stopping-stops`", "– NOT RUN", "no such file"],
        [
            "❌ erratum broken<br>`long`",
            "ValueError saying 'lr', at construction → Do not \\| pass &lt;this&gt;.",
            "modern form: expected a \\| b",
        ],
    ]


def test_then_the_findings_by_cause(text: str, summary: str) -> None:
    found = section(summary, "Findings, by cause").strip().splitlines()
    assert sorted(line.partition(" · ")[0] for line in found) == sorted(
        [
            "- ✘ REFUTED: Statement of tips-figures-reproduce.",
            "- ✘ REFUTED: Dropout 0.2 improves \\| the five-hidden-layer network (드롭아웃).",
            "- ✘ REFUTED: 적절한 값의 선택이 필요: an appropriate value has to be chosen.",
            "- ✘ REFUTED: Statement of minmax-table.",
            "- ? INCONCLUSIVE: Statement of scale-gap-hurts.",
            "- ✔ SUPPORTED: Statement of raw-data-diverges.",
        ]
    )
    assert [line[2] for line in found] == [*"✘✘✘✘", "?", "✔"]
    figure = "slide 0.8947 → This run: softmax only, one more run: 0.6550 [0.6550, 0.6550]."
    assert f"- ✘ REFUTED: Statement of tips-figures-reproduce. · {figure}" in found
    assert "](" not in summary
    assert "[Statement of minmax-table.](sections/example-4-tips.md#minmax-table)" in section(
        text, "Findings, by cause"
    )


def test_then_the_numbers(text: str, summary: str) -> None:
    lines = section(summary, "In numbers").strip().splitlines()
    assert section(text, "In numbers").strip().splitlines()[: len(lines) - 2] == lines[:-2]
    assert lines[:8] == [
        "- 9 cases: 2 supported (1 shown by a test, 1 computed), 4 refuted, 1 undecided, "
        "1 without a result, 1 not judged, as its test fails.",
        "- Here: 1 confirmed, 1 not confirmed",
        "- This run's own verdicts: ✔ 3 supported · ✘ 3 refuted · ? 1 inconclusive",
        "- After Holm: ✔ 2 supported · ✘ 3 refuted · ? 2 inconclusive",
        "- Expected: ✔ 1 supported · ? 1 inconclusive",
        "- 2 errata: 1 no longer as stated: `long` (broken)",
        "- 95 trials to the end in 212 s on AMD EPYC 7B13",
        "",
    ]


def test_row_of_a_claim(rows: dict[str, dict[str, str]]) -> None:
    assert rows["tips-dropout-helps"] == {
        "verdict": "✘ REFUTED",
        "claim": "[Dropout 0.2 improves \\| the five-hidden-layer network (드롭아웃).]"
        "(sections/example-4-tips.md#tips-dropout-helps)",
        "slide": "+0.42 points",
        "measured": f"This run: {HELPS}, 5 seeds",
    }


@pytest.mark.parametrize(
    ("key", "column", "cell"),
    [
        ("tips-dropout-rate", "verdict", "✔ SUPPORTED<br>⚠ **moved**"),
        (
            "tips-dropout-rate",
            "measured",
            "This run: dropout 0.2 is 0.15 points above dropout 0.1 in validation accuracy [0.05, 0.25]; "
            "dropout 0.2 is 0.30 points above dropout 0.3 in validation accuracy [0.20, 0.40], 5 seeds",
        ),
        ("raw-data-diverges", "measured", "This run: raw: 5 of 5 seeds diverge"),
        (
            "scale-gap-hurts",
            "measured",
            "scaled has 0.38 × the steps of raw [0.31, 0.46]<br>chance",
        ),
        ("tips-figures-reproduce-softmax", "slide", "0.8947"),
        ("zscore-formula", "measured", "A computation confirms it"),
        ("zscore-formula", "slide", "–"),
        ("minmax-table", "verdict", "✘ REFUTED<br>computed"),
        ("minmax-table", "measured", "A computation contradicts it"),
        ("early-stopping-stops", "verdict", "– NOT RUN"),
        ("early-stopping-stops", "measured", "no such file"),
    ],
)
def test_cell(rows: dict[str, dict[str, str]], key: str, column: str, cell: str) -> None:
    assert rows[key][column].startswith(cell)


def test_numbers_are_right_aligned_and_nothing_is_padded(text: str) -> None:
    assert "| verdict | claim | slide | measured |\n| :-- | :-- | --: | :-- |\n" in text
    assert " |\n" in text
    assert "  |" not in text.replace(section(text, TRAINED), "").replace("|  | this run |", "")


def test_nothing_of_a_record_becomes_markup(text: str) -> None:
    assert "<b>" not in text
    assert "$regulariser$" not in text


def test_accuracies_and_failures(text: str) -> None:
    table = {row["variant"]: row for row in tables(section(text, "Accuracy"))[0]}
    assert len(table) == 17
    row = table["dropout 0.2<br>deep-dropout"]
    assert row["slide"] == "0.9840"
    assert row["ours"].endswith(" points to the slide")
    assert row["evidence → here"] == "identical"
    assert table["stuck<br>softmax"]["ours"] == "0.4146 ± 0.0010, 5 seeds, 1 collapsed"
    assert table["stuck<br>softmax"]["evidence → here"] == "⚠ **not comparable**"


def test_times(text: str) -> None:
    table = tables(section(text, "Time"))[0]
    assert [row["experiment"] for row in table] == [
        "deep-dropout<br>4 variants, compiled",
        "raw-data<br>2 variants, compiled, fit",
        "softmax<br>2 variants, compiled",
        "l1-sweep<br>11 variants, compiled",
    ]
    assert list(table[0].values())[1:] == ["62.05<br>7.60 compiling", "0.25", "39,809"]


def test_environment_and_command(text: str) -> None:
    shown = section(text, "Environment")
    assert shown.strip().startswith("TensorFlow 2.20.0, keras 3.12.0, python 3.11, device model AMD EPYC 7B13, ")
    [table] = tables(shown)
    facts = {row[""]: row["this run"] for row in table}
    assert facts["device model"] == "AMD EPYC 7B13"
    assert "```sh\npytest suite/ --full --seeds 5\n```" in shown


@pytest.mark.parametrize(("end", "how"), [(None, "did not reach its end"), (True, "was interrupted")])
def test_partial_run(tmp_path: Path, end: bool | None, how: str) -> None:
    run = Recorder(tmp_path)
    run.append(claim("a", "REFUTED", [effect("a − b", -0.01, -0.02, -0.005)]))
    path = run.close() if end is None else run.end(interrupted=True, exit_status=2)
    text = write_report(path, tmp_path).read_text(encoding="utf-8")
    assert f"**Partial run.** It {how}" in text
    assert "a is 1.00 points below b in validation accuracy [0.50, 2.00]" in text


def test_torn_last_line_is_left_out(tmp_path: Path) -> None:
    path = full_run(tmp_path)
    path.write_text(path.read_text(encoding="utf-8")[:-20], encoding="utf-8")
    assert "**Partial run.**" in write_report(path, tmp_path).read_text(encoding="utf-8")


def test_claims_come_in_catalogue_order(tmp_path: Path) -> None:
    run = Recorder(tmp_path)
    for order, name in ((2, "last"), (0, "first"), (1, "middle")):
        run.append(claim(name, "SUPPORTED", marker="exact", order=order))
    text = write_report(run.end(), tmp_path).read_text(encoding="utf-8")
    assert list(claims(text)) == ["first", "middle", "last"]
