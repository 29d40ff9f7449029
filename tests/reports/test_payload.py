"""report.json: the records of the run, for programs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import msgspec

from harness.record.run import read_run
from reports.write import SCHEMA, in_order, write_report
from tests.reports.full import full_run
from tests.reports.synthetic import Recorder, claim, effect


def read(folder: Path) -> dict[str, Any]:
    return json.loads((folder / "report.json").read_bytes())


def plain(value: object) -> Any:
    return json.loads(msgspec.json.encode(value))


def test_it_has_the_records_of_the_run(folder: Path) -> None:
    [path] = (folder / "runs").glob("*.jsonl")
    report, run = read(folder), read_run(path)
    assert (report["schema"], report["run"], report["partial"]) == (SCHEMA, plain(run.header), False)
    assert report["end"]["exit_status"] == 0
    assert report["trainings"] == plain([*run.trainings.values()])
    assert [claim["key"] for claim in report["claims"]] == list(in_order(run).claims)
    errata = [(erratum["id"], erratum["outcome"]) for erratum in report["errata"]]
    assert errata == [("lr", "fails"), ("long", "differs")]
    assert report["self_checks"] == report["timings"] == []
    assert sorted(report["figures"]) == sorted(path.name for path in (folder / "figures").iterdir())
    content = (folder / "report.json").read_text("utf-8")
    assert content.startswith(f'{{\n "schema": {SCHEMA},\n "run": {{\n  "kind": "run",\n')
    assert "적절한 값의 선택이 필요" in content


def test_its_p_values_are_adjusted_over_the_claims(folder: Path) -> None:
    """This claim's is the second largest of five, and is doubled."""
    report = read(folder)
    [first] = (claim for claim in report["claims"] if claim["key"] == "tips-dropout-helps")
    [measured] = first["decision"]["effects"]
    assert (measured["p"], measured["p_adjusted"]) == (0.03, 0.06)
    assert (first["decision"]["verdict"], report["after_holm"][first["key"]]) == ("SUPPORTED", "INCONCLUSIVE")
    assert set(report["after_holm"]) == {claim["key"] for claim in report["claims"]}


def test_it_is_the_same_before_and_after_the_run_says_that_it_was_reported(tmp_path: Path) -> None:
    contents = []
    for reported in (False, True):
        folder = tmp_path / str(reported)
        write_report(Recorder(folder).end(reported=reported), folder)
        contents.append((folder / "report.json").read_bytes())
    assert contents[0] == contents[1]


def test_claims_and_trainings_come_in_catalogue_order(tmp_path: Path) -> None:
    path = full_run(tmp_path)
    first, *rest = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join([first, *reversed(rest)]))
    write_report(path, tmp_path)
    variants = [of["variant"] for of in read(tmp_path)["trainings"] if of["experiment"] == "deep-dropout"]
    assert variants == ["no dropout", "dropout 0.2", "dropout 0.1", "dropout 0.3"]


def test_a_killed_run_is_partial(tmp_path: Path) -> None:
    run = Recorder(tmp_path)
    run.append(claim("a", "SUPPORTED", [effect("a − b", 0.01, 0.005, 0.015)]))
    write_report(run.close(), tmp_path)
    report = read(tmp_path)
    assert (report["end"], report["partial"]) == (None, True)
