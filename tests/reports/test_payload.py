"""report.json: the records of the run, for programs."""

from __future__ import annotations

import json
from pathlib import Path

import msgspec

from harness.domain.verdict import Verdict
from harness.record.run import Run, read_run
from reports.payload import SCHEMA, Report
from reports.write import write_report
from tests.reports.full import full_run
from tests.reports.synthetic import Recorder, claim, effect


def read(folder: Path) -> Report:
    return msgspec.json.decode((folder / "report.json").read_bytes(), type=Report)


def recorded(folder: Path) -> Run:
    [path] = (folder / "runs").glob("*.jsonl")
    return read_run(path)


def test_it_is_read_back_as_the_records_of_the_run(folder: Path) -> None:
    report, run = read(folder), recorded(folder)
    assert report.schema == SCHEMA
    assert report.run == run.header
    assert report.end is not None
    assert report.end.exit_status == 0
    assert not report.partial
    assert report.experiments == tuple(run.experiments.values())
    assert report.trainings == tuple(run.trainings.values())
    assert [one.key for one in report.claims] == list(run.claims)
    assert [one.id for one in report.errata] == ["lr", "long"]
    assert report.self_checks == report.timings == ()
    assert sorted(report.figures) == sorted(path.name for path in (folder / "figures").iterdir())


def test_its_p_values_are_adjusted_over_the_claims(folder: Path) -> None:
    """The first claim's is the second largest of five, and is doubled."""
    report = read(folder)
    first = report.claims[0]
    [one] = first.decision.effects
    assert (one.p, one.p_adjusted) == (0.03, 0.06)
    assert (first.verdict, report.after_holm[first.key]) == (Verdict.SUPPORTED, Verdict.INCONCLUSIVE)
    assert set(report.after_holm) == {one.key for one in report.claims}


def test_it_is_indented_utf_8(folder: Path) -> None:
    content = (folder / "report.json").read_text("utf-8")
    assert content.startswith(f'{{\n "schema": {SCHEMA},\n "run": {{\n  "kind": "run",\n')
    assert "적절한 값의 선택이 필요" in content
    assert list(json.loads(content)) == list(Report.__struct_fields__)


def test_it_is_the_same_before_and_after_the_run_says_that_it_was_reported(tmp_path: Path) -> None:
    contents = []
    for name, reported in (("before", False), ("after", True)):
        write_report(Recorder(tmp_path / name).end(reported=reported), tmp_path / name)
        contents.append((tmp_path / name / "report.json").read_bytes())
    assert contents[0] == contents[1]


def test_claims_and_trainings_come_in_catalogue_order(tmp_path: Path) -> None:
    path = full_run(tmp_path)
    first, *rest = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join([first, *reversed(rest)]))
    write_report(path, tmp_path)
    variants = [one.variant for one in read(tmp_path).trainings if one.experiment == "deep-dropout"]
    assert variants == ["no dropout", "dropout 0.2", "dropout 0.1", "dropout 0.3"]


def test_a_killed_run_is_partial(tmp_path: Path) -> None:
    run = Recorder(tmp_path)
    run.append(claim("a", "SUPPORTED", [effect("a − b", 0.01, 0.005, 0.015)]))
    write_report(run.close(), tmp_path)
    report = read(tmp_path)
    assert (report.end, report.partial) == (None, True)
