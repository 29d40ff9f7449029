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


def seconds(folder: Path, claims: int, seeds: int) -> float:
    """What a report of a fifth as many trainings takes of this process' processors: other programs do not count."""
    folder.mkdir()
    path = many(folder, claims, seeds, claims // 5)
    clock = time.process_time()
    write_report(path, folder)
    return time.process_time() - clock


@pytest.mark.slow
def test_a_report_with_its_figures_takes_seconds(tmp_path: Path) -> None:
    assert seconds(tmp_path / "run", 30, 10) < 5


@pytest.mark.slow
def test_no_report_grows_faster_than_its_claims_and_its_seeds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Run with ``-s`` it prints the table."""
    monkeypatch.setattr("reports.charts_of_run.pictures", lambda run: [])
    seconds(tmp_path / "imports", 5, 2)
    sizes = [(25, 1000), (50, 1000), (100, 1000), (200, 1000), (100, 300), (100, 3000)]
    taken = {size: seconds(tmp_path / "{} {}".format(*size), *size) for size in sizes}
    print(*(f"{claims} claims of {seeds} seeds: {took:.1f} s" for (claims, seeds), took in taken.items()), sep="\n")
    assert taken[100, 1000] < 10
    for small, large, factor in (((50, 1000), (200, 1000), 4), ((100, 300), (100, 3000), 10)):
        assert taken[large] < 1.5 * factor * taken[small]
