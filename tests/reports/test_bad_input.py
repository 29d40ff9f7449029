"""Runs with nothing in them, or with something nobody expects: a report that says so."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import msgspec
import pytest
from msgspec.structs import replace

from harness.course import course
from harness.model import Trial
from harness.record.run import Run, Summary
from reports.cards import GONE, OTHER_RULE, cards
from reports.page.page import PAGE
from reports.slides import section_file
from reports.write import write_report
from tests.reports.full import full_run
from tests.reports.markdown import claims
from tests.reports.synthetic import (
    CLAIMS,
    HEADER,
    Recorder,
    claim,
    decision,
    diverged,
    effect,
    experiment,
    published,
    trial,
)


def reported(run: Recorder, folder: Path, **end: Any) -> tuple[str, str]:
    """SUMMARY.md and REPORT.md."""
    write_report(run.end(**end), folder)
    summary, report = ((folder / name).read_text("utf-8") for name in ("SUMMARY.md", "REPORT.md"))
    return summary, report


def test_an_empty_run(tmp_path: Path) -> None:
    for text in reported(Recorder(tmp_path), tmp_path):
        assert text.splitlines()[2] == "**⚪ Nothing to compare with: nothing was compared.**"
        assert "**Nothing was trained and no claim was decided in this run.**" in text
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "REPORT.md",
        "SUMMARY.md",
        "figures",
        "index.html",
        "report.json",
        "runs",
    ]


def test_all_seeds_failed(tmp_path: Path) -> None:
    run = Recorder(tmp_path)
    record = experiment("e", ["raw", "b"])
    run.train(record, [diverged("raw", seed, finite=0) for seed in range(5)], "val_accuracy")
    nothing = effect("raw − b", None, None, None, notes=("no seed trained in both",))
    found = decision("NOT_RUN", [nothing], "no seed trained in both")
    run.append(claim("a", found, experiment="e", variants={"raw": run.means["raw"]}))
    summary, report = reported(run, tmp_path)
    assert claims(report)["a"]["verdict"].startswith("– NOT RUN")
    assert claims(report)["a"]["measured"] == "no seed trained in both"
    [section] = (tmp_path / "sections").glob("*.md")
    assert "| raw | – | –, 5 seeds, 5 diverged |" in section.read_text("utf-8")
    assert "- 1 claim: 1 without a result." in summary


def test_a_single_seed(tmp_path: Path) -> None:
    run = Recorder(tmp_path)
    record = experiment("e", ["a"])
    run.train(record, [trial("a", 0, 0.9)], "val_accuracy")
    one = effect("a − b", 0.01, None, None, n=1, p=None)
    run.append(claim("c", "INCONCLUSIVE", [one], experiment="e", variants={"a": run.means["a"]}))
    row = claims(reported(run, tmp_path)[1])["c"]
    assert (
        row["measured"]
        == "This run: a is 1.00 points above b in validation accuracy, 1 seed<br>how many seeds decide it is not known"
    )


def test_a_claim_that_the_course_no_longer_has_or_decides_by_another_rule(tmp_path: Path) -> None:
    run, against = Recorder(tmp_path), [effect("a − b", -0.01, -0.02, -0.005)]
    run.append(claim("gone", "REFUTED", against), replace(claim("other", "REFUTED", against), definition="0" * 16))
    del CLAIMS["gone"]
    summary, report = reported(run, tmp_path)
    assert {"gone", "other"} <= set(claims(report))
    for sentence in (GONE, OTHER_RULE):
        assert sentence in (tmp_path / PAGE).read_text("utf-8")
        assert sentence[:-1] in summary


def test_files_of_an_earlier_report_go_and_a_readers_own_stay(tmp_path: Path) -> None:
    write_report(full_run(tmp_path), tmp_path)
    listed = json.loads((tmp_path / "report.json").read_bytes())["files"]
    assert all((tmp_path / name).is_file() for name in listed)
    assert {"REPORT.md", "SUMMARY.md", "ERRATA.md", "figures/effects.svg"} <= set(listed)
    own = [tmp_path / name for name in ("notes.md", "figures/my-own.svg", "sections/my-own.md")]
    for path in own:
        path.write_text("mine", "utf-8")
    write_report(Recorder(tmp_path, id="20261125T000000").end(), tmp_path)
    left = {path for path in tmp_path.rglob("*") if path.is_file() and path.parent.name != "runs"}
    assert left == {*own, *(tmp_path / name for name in ("REPORT.md", "SUMMARY.md", "index.html", "report.json"))}


def test_an_edited_report_json_removes_nothing_of_others(tmp_path: Path) -> None:
    out = tmp_path / "out"
    write_report(Recorder(out).end(), out)
    names = ("../outside.md", "notes.md", "figures/x/outside.svg", "runs/a.jsonl")
    precious = [out / name for name in names]
    for path in precious:
        path.parent.mkdir(exist_ok=True)
        path.write_text("mine", "utf-8")
    for listed in ([*names, "/etc/outside.md", "sections/../../outside.md"], 3, [3]):
        (out / "report.json").write_bytes(msgspec.json.encode({"figures": [], "files": listed}))
        write_report(Recorder(tmp_path / str(listed)[:3]).end(), out)
    assert all(path.read_text("utf-8") == "mine" for path in precious)


def test_a_slides_figure_of_another_metric_stands_beside_our_own_values() -> None:
    trials = [Trial("raw", seed, {"loss": None, "first_inf_epoch": 3.0 + seed}) for seed in range(3)]
    made = claim(
        "shares",
        "SUPPORTED",
        experiment="shares",
        variants={"raw": Summary.of("loss", trials)},
        published=(published("raw", "3", "loss"), published("raw", "3", "first_inf_epoch")),
    )
    run = Run(Path("x"), HEADER, claims={made.key: made}, trials={("shares", "raw"): trials})
    assert [(row.name, row.slide, row.value, row.to_slide) for row in cards(run)["shares"].rows] == [
        ("raw (loss)", "3", "–, 3 seeds, 3 without a value", ""),
        ("raw (first infinite epoch)", "3", "4.0 ± 1.0, 3 seeds", "+1"),
    ]


def test_each_section_has_a_file_whatever_its_slide_is_called(monkeypatch: pytest.MonkeyPatch) -> None:
    titles = ("5. Batch Normalization", "x" * 5000, "שקופית", "مرحبا", "Plot it again", "Plot it again, Sam")
    monkeypatch.setattr("reports.slides.course", lambda: dataclasses.replace(course(), slides=titles))
    names = [section_file(title) for title in titles]
    assert names[0] == "sections/5-batch-normalization.md"
    assert len({*names}) == len(titles)
    assert all(len(name) < 120 and Path(name).stem for name in names)
    assert section_file(titles[0], 1) == "sections/5-batch-normalization-2.md"
