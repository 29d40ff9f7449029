"""Claims decided at less than the lecture's size: labelled, counted apart, and never said to contradict a slide."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from reports.records import load
from reports.size import is_reduced
from reports.write import write_report
from tests.reports.markdown import section, tables
from tests.reports.synthetic import Recorder, claim, effect, experiment, published, trial

CONTRADICTIONS = "Where the measurement contradicts the lecture"
FIGURE = {"details": {"published": 0.98, "percentile": 100.0}}


def figure(case: str, verdict: str = "REFUTED", **changes: Any) -> dict[str, Any]:
    """A case of a claim that a slide's figure is reproduced."""
    return claim(
        "figures-reproduce",
        verdict,
        [effect(f"{case}, one more run", 0.95, 0.94, 0.96, **FIGURE)],
        case=case,
        experiment="deep",
        published=[published(case, "0.9800")],
        **changes,
    )


def report(folder: Path, claims: list[dict[str, Any]], setting: str = "quick", **changes: Any) -> str:
    """REPORT.md of a run with the experiment ``deep`` and these claims."""
    run = Recorder(folder, setting=setting)
    run.log.append("experiment", experiment("deep", ["a", "b"], **changes))
    for one in claims:
        run.log.append("claim", one)
    return write_report(run.end(), folder).read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("setting", "changes", "marker", "reduced"),
    [
        ("quick", {"reduced": True}, "training", True),
        ("quick", {"reduced": False}, "training", False),
        ("quick", {}, "training", True),
        ("quick", {"reduced": True}, "exact", False),
        ("lecture", {}, "training", False),
    ],
)
def test_is_reduced(tmp_path: Path, setting: str, changes: dict[str, Any], marker: str, reduced: bool) -> None:
    report(tmp_path, [figure("a", marker=marker)], setting, **changes)
    run = load(next((tmp_path / "runs").iterdir()))
    assert is_reduced(run, run.claims[0]) is reduced


def test_figures_of_a_smaller_experiment_are_counted_apart_and_in_one_row(tmp_path: Path) -> None:
    lost = claim("dropout-helps", "REFUTED", [effect("b − a", -0.01, -0.02, -0.005)], experiment="deep")
    cases = [
        figure("a", adjusted_verdict="INCONCLUSIVE"),
        figure("b", lecture_verdict="SUPPORTED"),
        figure("c", "SUPPORTED"),
    ]
    text = report(tmp_path, [*cases, lost], reduced=True)
    head = text.splitlines()[2]
    assert "1 supported, 0 refuted, 0 inconclusive, 0 not run; 2 figures not reached at the quick size;" in head
    assert "1 refuted at the quick size only.**" in head
    found = section(text, CONTRADICTIONS)
    full, small = found.split("### Refuted at the quick size only")
    assert full.strip() == "No claim was refuted at the lecture's own size."
    assert text.count("`deep`: 10,000 images, 5 epochs") == 1  # above, once for the whole report
    assert "--setting lecture" in small
    [[figures, dropout]] = tables(small)
    assert figures["claim"] == "`figures-reproduce`, 2 cases"
    assert figures["effect [interval]"] == (
        "[a](#claim-figures-reproduce-a): 0.9500 [0.9400, 0.9600]; slide 0.9800<br>"
        "[b](#claim-figures-reproduce-b): 0.9500 [0.9400, 0.9600]; slide 0.9800"
    )
    assert figures["verdict"] == "1 × ✘ REFUTED (quick), after Holm: ? INCONCLUSIVE<br>1 × ✘ REFUTED (quick)"
    assert figures["at the lecture's setting"] == "1 × not stored<br>1 × ✔ SUPPORTED"
    assert dropout["effect [interval]"] == "−0.0100 [−0.0200, −0.0050]"


@pytest.mark.parametrize(("setting", "changes"), [("quick", {"reduced": False}), ("lecture", {})])
def test_the_lectures_own_size_is_not_doubted(tmp_path: Path, setting: str, changes: dict[str, Any]) -> None:
    text = report(tmp_path, [figure("a", notes=["Adam(1e-4) gives it."]), figure("b")], setting, **changes)
    assert text.splitlines()[2].startswith("**2 claims: 0 supported, 2 refuted, 0 inconclusive, 0 not run.**")
    assert "(quick)" not in text
    assert "Fewer images" not in text
    assert "quick size" not in text
    [[row]] = tables(section(text, CONTRADICTIONS))
    assert row["verdict"] == "✘ REFUTED"
    assert row["remarks"] == "Adam(1e-4) gives it."


def test_nothing_refuted(tmp_path: Path) -> None:
    text = report(tmp_path, [figure("a", "SUPPORTED")])
    assert section(text, CONTRADICTIONS).strip() == "No claim was refuted."


@pytest.mark.parametrize(
    ("stored", "reduced", "shown"),
    [
        ("SUPPORTED", True, "✔ SUPPORTED (quick)<br>lecture setting: ✔ SUPPORTED"),
        ("REFUTED", False, "✔ SUPPORTED<br>lecture setting: ✘ REFUTED"),
        ("SUPPORTED", False, "✔ SUPPORTED"),
    ],
)
def test_stored_verdict_of_the_lecture(tmp_path: Path, stored: str, reduced: bool, shown: str) -> None:
    text = report(tmp_path, [figure("a", "SUPPORTED", lecture_verdict=stored)], reduced=reduced)
    [[row]] = tables(section(text, "All claims, in lecture order"))
    assert row["verdict"] == shown


def test_without_a_baseline_nothing_is_said_to_have_held(tmp_path: Path) -> None:
    run = Recorder(tmp_path)
    run.log.append("experiment", experiment("deep", ["a"]))
    run.train(experiment("deep", ["a"]), [trial("a", 0, 0.95), trial("a", 1, 0.95)], "val_accuracy", "new")
    run.log.append("claim", figure("a", "SUPPORTED"))
    text = write_report(run.end(), tmp_path).read_text(encoding="utf-8")
    assert "No trained variant has a baseline to compare with." in text
    assert "0 of 1" not in text
