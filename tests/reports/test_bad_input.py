"""Runs with nothing in them, or with something nobody expects: a report that says so."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest
from msgspec.structs import replace

from harness.domain.model import Trial
from harness.errors import SuiteError
from harness.record.run import SCHEMA, GpuFacts, Run, Summary
from reports import __main__ as command
from reports import write as module
from reports.cards import GONE, OTHER_RULE, cards
from reports.page.page import PAGE
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


def test_a_run_without_trainings(tmp_path: Path) -> None:
    run = Recorder(tmp_path)
    run.append(claim("a", "SUPPORTED", exact=True))
    summary, report = reported(run, tmp_path)
    assert "- 1 case: 1 supported (1 computed)." in summary
    assert claims(report)["a"]["measured"] == "A computation confirms it"
    assert "## Time" not in report
    assert "## Accuracy" not in report


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
    assert "| raw<br>e | – | –, 5 seeds, 5 diverged |" in report
    assert "- 1 case: 1 without a result." in summary


def test_a_single_seed(tmp_path: Path) -> None:
    run = Recorder(tmp_path)
    record = experiment("e", ["a"])
    run.train(record, [trial("a", 0, 0.9)], "val_accuracy")
    one = effect("a − b", 0.01, None, None, n=1, p=None)
    run.append(claim("c", "INCONCLUSIVE", [one], experiment="e", variants={"a": run.means["a"]}))
    row = claims(reported(run, tmp_path)[1])["c"]
    assert row["measured"] == "This run: a is 1.00 points above b in validation accuracy, 1 seed<br>too few seeds"


@pytest.mark.parametrize("slide", ["", "A slide that the lecture never had", "2.1"])
def test_a_claim_and_a_slide_that_the_catalogue_lacks(slide: str, tmp_path: Path) -> None:
    run = Recorder(tmp_path)
    run.append(claim("never-heard-of", "REFUTED", [effect("a − b", -0.01, -0.02, -0.005)], slide=slide))
    summary, report = reported(run, tmp_path)
    assert "## [Elsewhere](sections/elsewhere.md)" in report
    assert claims(report)["never-heard-of"]
    assert "Statement of never-heard-of." in summary


def test_a_claim_that_the_course_no_longer_has_or_decides_by_another_rule(tmp_path: Path) -> None:
    run, against = Recorder(tmp_path), [effect("a − b", -0.01, -0.02, -0.005)]
    run.append(claim("gone", "REFUTED", against), replace(claim("other", "REFUTED", against), definition="0" * 16))
    del CLAIMS["gone"]
    summary, report = reported(run, tmp_path)
    assert {"gone", "other"} <= set(claims(report))
    for sentence in (GONE, OTHER_RULE):
        assert sentence in (tmp_path / PAGE).read_text("utf-8")
        assert sentence[:-1] in summary


@pytest.mark.parametrize("schema", [1, SCHEMA + 1, "x"])
def test_a_record_of_another_schema(schema: object, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = full_run(tmp_path)
    path.write_text(
        path.read_text("utf-8").replace(
            '"schema":' + str(SCHEMA), f'"schema":{msgspec.json.encode(schema).decode()}', 1
        )
    )
    with pytest.raises(SuiteError, match="schema"):
        write_report(path, tmp_path)
    assert command.main(["--run", str(path), "--out", str(tmp_path)]) == 2
    assert capsys.readouterr().err.startswith("reports: Invalid run record")


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


@pytest.mark.parametrize(
    "name",
    [
        "../outside.md",
        "/etc/outside.md",
        "notes.md",
        "sections/../../outside.md",
        "figures/x/outside.svg",
        3,
        "runs/a.jsonl",
    ],
)
def test_an_edited_report_json_removes_nothing_of_others(name: object, tmp_path: Path) -> None:
    out = tmp_path / "out"
    write_report(full_run(out), out)
    precious = (
        tmp_path / "outside.md",
        out / "notes.md",
        out / "figures" / "x" / "outside.svg",
        out / "runs" / "a.jsonl",
    )
    for path in precious:
        path.parent.mkdir(exist_ok=True)
        path.write_text("mine", "utf-8")
    (out / "report.json").write_bytes(msgspec.json.encode({"figures": [], "files": [name]}))
    module.write_report(Recorder(tmp_path / "other").end(), out)
    assert all(path.read_text("utf-8") == "mine" for path in precious)


def test_a_training_that_no_claim_rests_on_has_its_figures_elsewhere(tmp_path: Path) -> None:
    run = Recorder(tmp_path)
    record = experiment("alone", ["a"])
    run.train(record, [trial("a", seed, 0.9) for seed in range(3)], "val_accuracy")
    _, report = reported(run, tmp_path)
    assert "Figures of what no claim rests on: [`sections/elsewhere.md`](sections/elsewhere.md)" in report
    assert "](../figures/alone.svg)" in (tmp_path / "sections" / "elsewhere.md").read_text("utf-8")


def test_seeds_without_a_value_are_counted(tmp_path: Path) -> None:
    run = Recorder(tmp_path)
    record = experiment("e", ["a"])
    slow = [Trial("a", seed, {"val_accuracy": None}, {}) for seed in range(2)]
    run.train(record, [*slow, trial("a", 2, 0.9)], "val_accuracy")
    run.append(claim("c", "SUPPORTED", [], experiment="e", variants={"a": run.means["a"]}))
    assert ", 3 seeds, 2 without a value" in reported(run, tmp_path)[1]


def test_a_torn_last_line_is_left_out(tmp_path: Path) -> None:
    path = full_run(tmp_path)
    path.write_text(path.read_text("utf-8")[:-20], "utf-8")
    assert "**Partial run.**" in write_report(path, tmp_path).read_text("utf-8")


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


def test_a_damaged_record_of_a_gpu_is_named(tmp_path: Path) -> None:
    path = Recorder(tmp_path, gpu=GpuFacts(driver="570.86.15")).end()
    path.write_bytes(path.read_bytes().replace(b'"570.86.15"', b"570", 1))
    with pytest.raises(SuiteError, match=r"got `int` - at `\$\.gpu\.driver`"):
        write_report(path, tmp_path)
