"""How large reports become, and how long they take."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from harness.record.outcomes import TrainingState
from reports.write import write_report
from tests.reports.markdown import claims, tables
from tests.reports.synthetic import Recorder, claim, compared, decision, effect, erratum, experiment, published, trial

LONG = (
    "A statement that goes on and on, 드롭아웃, with | a pipe and <b>more</b>, until nobody reads it any longer. " * 5
)
SLIDES = ("1. Learning rate", "4. Optimizers (cont.)", "5. Batch Normalization", "Example 4", "no slide at all")


def many(folder: Path, count: int, seeds: int, trainings: int) -> Path:
    """A run of ``count`` claims, every third refuted, on ``trainings`` experiments of two variants."""
    run, variants = Recorder(folder), ("with the layer", "without the layer")
    for number in range(trainings):
        record = experiment(f"experiment-{number}-of-a-long-name", variants[::-1])
        for index, name in enumerate(variants[::-1]):
            state = TrainingState.MOVED if number % 5 == 0 else TrainingState.REPRODUCED
            run.train(record, [trial(name, s, 0.9 + 0.01 * index) for s in range(seeds)], "val_accuracy", state)
    for number in range(count):
        verdict = ("SUPPORTED", "INCONCLUSIVE", "REFUTED")[number % 3]
        found = effect(" − ".join(variants), 0.01, 0.005, 0.015, n=seeds)
        run.append(
            claim(
                f"claim-{number}-with-a-rather-long-name",
                decision(verdict, [found], LONG),
                statement=f"{number}: {LONG}",
                slide=SLIDES[number % len(SLIDES)],
                experiment=f"experiment-{number % trainings}-of-a-long-name",
                published=tuple(published(name, "0.9840") for name in variants),
                variants={name: run.means[name] for name in variants},
                comparison=compared(verdict, "SUPPORTED"),
                deviations=(LONG,),
                notes=(LONG,),
            )
        )
    run.append(*(erratum(f"erratum-{number}", statement=LONG) for number in range(100)))
    return run.end()


def test_two_hundred_claims_of_long_statements_fit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("reports.charts_of_run.pictures", lambda run: [])
    write_report(many(tmp_path, 200, 5, 60), tmp_path)
    summary, report = (tmp_path / name for name in ("SUMMARY.md", "REPORT.md"))
    assert summary.stat().st_size < 10_000
    assert report.stat().st_size < 60_000
    text = report.read_text("utf-8")
    assert len(claims(text)) == 200
    assert all(len(row) <= 4 or "ratio" in row for table in tables(text) for row in table)
    assert "And 137 more." in summary.read_text("utf-8")
    assert "](" not in summary.read_text("utf-8")
    assert "<img" not in summary.read_text("utf-8")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("claims", "seeds", "trainings", "figures", "most"),
    [(30, 10, 5, True, 5), (30, 10, 5, False, 5), (100, 1000, 20, False, 10)],
)
def test_a_report_takes_seconds(
    claims: int, seeds: int, trainings: int, figures: bool, most: float, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of this process' processors: other programs do not count."""
    if not figures:
        monkeypatch.setattr("reports.charts_of_run.pictures", lambda run: [])
    path = many(tmp_path, claims, seeds, trainings)
    clock = time.process_time()
    write_report(path, tmp_path)
    assert time.process_time() - clock < most
