"""REPORT.md: its order, its tables, and what they report about each claim."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from reports.write import write_report
from tests.reports.full import full_run
from tests.reports.markdown import section, tables
from tests.reports.synthetic import Recorder, claim, effect


@pytest.fixture(scope="module")
def rows(text: str) -> dict[str, dict[str, str]]:
    """The table of all claims, by claim."""
    [table] = tables(section(text, "All claims, in lecture order"))
    return {re.findall(r"`(.*)`", row["claim"])[0]: row for row in table}


def test_sections_come_in_the_order_a_reader_needs_them(text: str) -> None:
    assert text.startswith("# The lecture's claims on TensorFlow, trained to the end, 2026-11-24\n")
    assert re.findall(r"^## (.*)$", text, flags=re.MULTILINE) == [
        "Where the measurement contradicts the lecture",
        "All claims, in lecture order",
        "Slides to update",
        "Times",
        "Learning curves",
        "Details",
        "Environment",
        "Deviations from the slides",
        "How to read this",
    ]


def test_every_table_is_whole(text: str) -> None:
    assert len(tables(text)) > 10


def test_summary_counts(text: str) -> None:
    assert (
        "**9 claims: 4 supported, 3 refuted, 1 inconclusive, 1 not run; here: 1 confirmed, 0 start confirmed, "
        "0 compatible, 1 not confirmed.** 95 trials to the end in 212 s on AMD EPYC 7B13." in text
    )
    ran, adjusted, stored, expected = tables(text)[0]
    assert list(ran.values()) == ["this run", "4", "3", "1", "1"]
    assert list(adjusted.values())[1:] == ["3", "3", "2", "1"]
    assert list(stored.values()) == ["the evidence (2 of 9)", "0", "1", "1", "0"]
    assert list(expected.values()) == ["expected (3 of 9)", "2", "0", "1", "0"]
    assert (
        "**Changed verdicts: 1.** [`raw-data-diverges`](#claim-raw-data-diverges) (INCONCLUSIVE → SUPPORTED)." in text
    )


def test_what_moved_comes_first_with_its_reason(text: str) -> None:
    assert text.splitlines()[2:9] == [
        "**⚠ 1 training moved, 1 training missing, 1 training not comparable, 1 verdict weakened, 1 verdict not run:**",
        "",
        "- `deep-dropout/dropout 0.3` (moved): made up",
        "- `raw-data/scaled` (missing): made up",
        "- `softmax/stuck` (not comparable): made up",
        "- [`tips-dropout-rate`](#claim-tips-dropout-rate) (weakened): dropout 0.3 moved",
        "- [`early-stopping-stops`](#claim-early-stopping-stops) (not run): No result could be obtained.",
    ]


def test_refuted_claims_come_first_with_effect_and_n(text: str) -> None:
    [rows] = tables(section(text, "Where the measurement contradicts the lecture"))
    assert [row["verdict"] for row in rows] == ["✘ REFUTED"] * 3
    best = rows[1]
    assert best["effect [interval]"] == "l1 = 1e-5 − l1 = 1e-9: −0.0600 [−0.0680, −0.0520]"
    assert best["n"] == "5"
    assert "적절한 값의 선택이 필요" in best["the lecture says"]


def test_cases_of_a_refuted_claim_share_a_row(tmp_path: Path) -> None:
    run = Recorder(tmp_path)
    for case, p in (("a", 0.2), ("b", 0.001)):
        figure = effect(f"{case}, one more run", 0.95, 0.94, 0.96, details={"published": 0.98}, p=p)
        run.append(claim("figures", "REFUTED", [figure], case=case))
    text = write_report(run.end(), tmp_path).read_text(encoding="utf-8")
    [[row]] = tables(section(text, "Where the measurement contradicts the lecture"))
    assert row["claim"] == "`figures`, 2 cases"
    assert row["effect [interval]"] == (
        "[a](#claim-figures-a): 0.9500 [0.9400, 0.9600]; slide 0.9800<br>"
        "[b](#claim-figures-b): 0.9500 [0.9400, 0.9600]; slide 0.9800"
    )
    assert row["verdict"] == "1 × ✘ REFUTED, after Holm: ? INCONCLUSIVE<br>1 × ✘ REFUTED"


def test_nothing_refuted(tmp_path: Path) -> None:
    run = Recorder(tmp_path)
    run.append(claim("a", "SUPPORTED"))
    text = write_report(run.end(), tmp_path).read_text(encoding="utf-8")
    assert section(text, "Where the measurement contradicts the lecture").strip() == "No claim was refuted."


def test_row_of_a_claim_with_everything(rows: dict[str, dict[str, str]]) -> None:
    row = rows["tips-dropout-helps"]
    assert row["slide"] == r"Example 4, 5 hidden layers \| dropout"
    assert row["statement"] == r"Dropout 0.2 improves \| the five-hidden-layer network (드롭아웃)."
    assert row["slide's figure"] == "no dropout: 0.9798<br>dropout 0.2: 0.9840"
    assert re.fullmatch(r"no dropout: 0\.\d{4} ± 0\.\d{4}<br>dropout 0.2: 0\.\d{4} ± 0\.\d{4}<br>n = 5", row["ours"])
    assert row["effect [interval]"] == "+0.0062 [+0.0051, +0.0073]"
    assert row["verdict"] == (
        "✔ SUPPORTED<br>after Holm: ? INCONCLUSIVE<br>evidence: ✘ REFUTED, 30 seeds, tensorflow-cpu"
    )
    assert (row["here"], row["state"]) == ("confirmed", "as expected")


@pytest.mark.parametrize(
    ("key", "column", "cell"),
    [
        ("tips-dropout-rate", "effect [interval]", "dropout 0.2 − dropout 0.1: +0.0015 [+0.0005, +0.0025]<br>… 1 more"),
        ("tips-dropout-rate", "state", "⚠ **weakened**"),
        ("raw-data-diverges", "ours", "raw: no value in 5 of 5 seeds<br>loss, n = 5"),
        ("raw-data-diverges", "effect [interval]", "5 of 5 seeds [0.549, 1]"),
        ("raw-data-diverges", "verdict", "✔ SUPPORTED<br>⚠ expected: ? INCONCLUSIVE"),
        ("scale-gap-hurts", "effect [interval]", "×0.38 [×0.31, ×0.46]"),
        ("tips-figures-reproduce/softmax", "effect [interval]", "0.6550 (no variance); slide 0.8947"),
        ("tips-figures-reproduce/softmax", "state", "new"),
        ("scale-gap-hurts", "here", "⚠ **not confirmed**"),
        ("zscore-formula", "here", "–"),
        ("zscore-formula", "effect [interval]", "mean: 1.2e−7 (tolerance 1e−6)<br>… 1 more"),
        ("minmax-table", "effect [interval]", "shape (8, 5) against (8, 4)"),
        ("zscore-formula", "verdict", "✔ SUPPORTED"),
        ("early-stopping-stops", "verdict", "– NOT RUN"),
    ],
)
def test_cell(rows: dict[str, dict[str, str]], key: str, column: str, cell: str) -> None:
    assert rows[key][column] == cell


def test_long_lists_are_cut_in_the_cell_and_whole_in_the_details(rows: dict[str, dict[str, str]], text: str) -> None:
    row = rows["activity-l1-value"]
    assert row["ours"].count("<br>") == 4
    assert "… 8 more" in row["ours"]
    folded = text.split('<a id="claim-activity-l1-value"></a>')[1].split("</details>")[0]
    effects, variants = tables(folded)
    assert len(effects) == len(variants) == 11
    assert len(variants[0]["per seed"].split(", ")) == 5


def test_a_claim_links_to_its_figures_and_they_to_their_claims(text: str) -> None:
    linked = set(re.findall(r"\[its figures\]\(#([^)]+)\)", text))
    assert linked
    assert all(text.count(f'<a id="{name}"></a>') == 1 for name in linked)
    assert set(re.findall(r'<a id="(figures-[^"]+)"></a>', text)) == linked


def test_each_claim_links_to_its_details(text: str) -> None:
    targets = re.findall(r"\]\(#(claim-[a-z0-9-]+)\)", text)
    assert set(targets) <= set(re.findall(r'<a id="(.*)"></a>', text))
    assert text.count("<details>") == text.count("</details>") == 11  # nine claims and two errata


def test_nothing_of_a_record_becomes_markup(text: str) -> None:
    assert "<b>" not in text
    assert "$regulariser$" not in re.sub(r"`[^`]*`", "", text)


def test_times(text: str) -> None:
    [table] = tables(section(text, "Times"))
    assert len(table) == 19
    first, raw = table[0], table[4]
    assert first["experiment/variant"] == "`deep-dropout/no dropout`"
    assert [first[c] for c in ("seeds", "total s", "steady epoch s", "images/s")] == ["5", "15.51", "0.25", "39,809"]
    assert raw["result"] == "`loss` –<br>5 of 5 seeds diverged"
    assert table[7]["vs evidence"] == "⚠ **not comparable**"


def test_environment_and_command(text: str) -> None:
    [table] = tables(section(text, "Environment"))
    facts = {row[""]: row["this run"] for row in table}
    assert facts["device model"] == "AMD EPYC 7B13"
    assert facts["commit"] == "a03a743"
    assert "```sh\npytest suite/ --full --seeds 5\n```" in text


def test_deviations_are_listed_once(text: str) -> None:
    assert section(text, "Deviations from the slides").strip().splitlines() == [
        "1. Seeds: five instead of one. (`tips-dropout-helps`)",
        "2. fewer images (`tips-dropout-helps`, `tips-dropout-rate`)",
    ]


@pytest.mark.parametrize(("end", "how"), [(None, "did not reach its end"), (True, "was interrupted")])
def test_partial_run(tmp_path: Path, end: bool | None, how: str) -> None:
    run = Recorder(tmp_path)
    run.append(claim("a", "REFUTED", [effect("a − b", -0.01, -0.02, -0.005)]))
    path = run.close() if end is None else run.end(interrupted=True, exit_status=2)
    text = write_report(path, tmp_path).read_text(encoding="utf-8")
    assert f"**Partial run.** It {how}" in text
    assert "−0.0100 [−0.0200, −0.0050]" in text


def test_torn_last_line_is_left_out(tmp_path: Path) -> None:
    path = full_run(tmp_path)
    path.write_text(path.read_text(encoding="utf-8")[:-20], encoding="utf-8")
    assert "**Partial run.**" in write_report(path, tmp_path).read_text(encoding="utf-8")


def test_run_without_a_claim(tmp_path: Path) -> None:
    text = write_report(Recorder(tmp_path).end(), tmp_path).read_text(encoding="utf-8")
    assert "**No claim was decided in this run.**" in text
    assert "## Environment" in text


def test_claims_come_in_catalogue_order(tmp_path: Path) -> None:
    run = Recorder(tmp_path)
    for order, name in ((2, "last"), (0, "first"), (1, "middle")):
        run.append(claim(name, "SUPPORTED", marker="exact", order=order))
    text = write_report(run.end(), tmp_path).read_text(encoding="utf-8")
    [table] = tables(section(text, "All claims, in lecture order"))
    assert [row["claim"].split("`")[1] for row in table] == ["first", "middle", "last"]
