"""The report of timing runs: alone, alongside claims, on a noisy machine, and from a damaged record."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest
from msgspec.structs import replace

from cases.lecture import TITLE
from harness.errors import SuiteError
from harness.record.outcomes import TimeComparison, TimeState
from harness.record.run import PeakMeasured, Timed
from harness.timing.peak import Peak
from harness.timing.ratio import Ratio
from harness.timing.stability import Doubt
from reports.figures.timing_runs import decade
from reports.payload import Report
from reports.sections.timing_runs import factor, speed
from reports.text import escape
from reports.words import duration
from reports.write import write_report
from tests.reports.full import deep
from tests.reports.markdown import headings, section, tables
from tests.reports.synthetic import Recorder
from tests.reports.test_figures import words

NOISY = (Doubt(cause="load", what="the load average reached 3.9 on 2 cores", advice="wait until the load has gone"),)


def peak(when: str) -> PeakMeasured:
    best = Peak(212.4, 201.0, 1024, "tensorflow", {"tensorflow": 212.4, "numpy": 190.1}, "float32")
    return PeakMeasured(when=when, peak=best)


def timing(work: str, engine: str, epoch: float, **changes: Any) -> Timed:
    made = Timed(
        work=work,
        engine=engine,
        rounds=(epoch * 0.98, epoch, epoch * 1.03),
        steady_epoch=epoch,
        compile=1.92,
        first_epoch=epoch + 1.92,
        images_per_second=60000 / epoch,
        gflops=2.04 / epoch,
        share_of_peak=2.04 / epoch / 212.4,
        best_share_of_peak=2.04 / epoch / 212.4 / 0.98,
        products_epoch=0.8 * epoch,
        share_of_products=0.8,
        memory_peak=1_234_567_890,
        comparison=TimeComparison(TimeState.NEW, "No time is stored for this case."),
    )
    return replace(made, **changes)


def ratio(estimate: float, **changes: Any) -> Ratio:
    ends = {"low": 0.9 * estimate, "high": 1.1 * estimate, "rounds": (9, 9)}
    return Ratio(**{"of": "steady epoch", "slow": "fit", "fast": "compiled", "estimate": estimate, **ends, **changes})


def record(run: Recorder, doubts: tuple[Doubt, ...]) -> Recorder:
    whole = (ratio(5000.0), ratio(17.0, of="training, compilation counted", low=None, high=None))
    tiny: dict[str, Any] = {"products_epoch": None, "share_of_products": None}
    tiny |= {"images_per_second": 8 / 0.09, "gflops": 3.8e-6, "share_of_peak": 2e-8, "best_share_of_peak": 2e-8}
    slower = TimeComparison(TimeState.SLOWER, "1.20x slower than the 5 stored repeats.", 1.2, 1.1, repeats=5)
    run.append(
        peak("before"),
        timing("example-1/rate 0.1", "fit", 0.09, ratios=whole, **tiny),
        timing("example-1/rate 0.1", "compiled", 1.8e-5, first_epoch=None, **tiny),
        peak("after example-1/rate 0.1"),
        timing("example-4/softmax", "fit", 1.2, ratios=(ratio(15.0),), doubts=doubts),
        timing("example-4/softmax", "compiled", 0.08, comparison=slower, red=True, doubts=doubts),
        peak("after example-4/softmax"),
    )
    return run


@pytest.fixture
def alone(tmp_path: Path) -> str:
    changes = {"command": "pytest suite/ -m timing --backend tensorflow"}
    write_report(record(Recorder(tmp_path, **changes), NOISY).end(), tmp_path)
    return (tmp_path / "REPORT.md").read_text("utf-8")


def test_a_pure_timing_run_says_nothing_of_claims(alone: str, tmp_path: Path) -> None:
    assert alone.startswith("# Times on TensorFlow, 2026-11-24\n\n**❌ 1 time slower.**\n")
    assert headings(alone) == ["What moved", "In numbers", "Timing runs", "Environment"]
    assert "laim" not in alone.replace("no claim was decided", "")
    assert "- 2 pieces of work timed, 2 engines (compiled, fit)\n- Timed in 212 s on AMD EPYC 7B13" in alone
    [moved] = tables(section(alone, "What moved"))[0]
    assert moved["before → now"] == "1.20 × the stored seconds"
    assert sorted(path.name for path in tmp_path.glob("*.*")) == [
        "REPORT.md",
        "SUMMARY.md",
        "index.html",
        "report.json",
    ]


def test_the_tables(alone: str) -> None:
    times, ratios, speeds, peaks = tables(section(alone, "Timing runs"))
    assert (
        [row["work, engine"] for row in times]
        == [row["work, engine"] for row in speeds]
        == [
            f"`{work}`, {engine}"
            for work in ("example-1/rate 0.1", "example-4/softmax")
            for engine in ("fit", "compiled")
        ]
    )
    assert [row["state"] for row in times] == ["new", "new", "new", "⚠ **slower**"]
    assert (times[1]["per epoch"], times[3]["per epoch"]) == ("18 µs<br>3 rounds", "80 ms<br>3 rounds")
    assert [row["against stored"] for row in times] == ["–", "–", "–", "1.20 × (limit 1.10, 5 stored)"]
    assert list(speeds[3].values())[1:] == [
        "1.92 s<br>first epoch 2.00 s",
        "750,000 images/s<br>25.5 GFLOP/s",
        "12% (12%) of the peak<br>products 64 ms (80%)<br>1,235 MB",
    ]
    assert speeds[1]["speed"].endswith("< 0.01 GFLOP/s")
    assert ratios[0]["95 % interval"] == "4,500 to 5,500"
    assert ratios[1]["seconds of"] == "training, compilation counted: fit / compiled"
    assert ratios[1]["95 % interval"] == "too few rounds"
    assert [row["when"] for row in peaks] == ["before", "after example-1/rate 0.1", "after example-4/softmax"]
    assert peaks[0]["best GFLOP/s"] == "tensorflow 212.4, numpy 190.1"


def test_doubts_come_first_with_what_to_try(alone: str, tmp_path: Path) -> None:
    for text in (alone, (tmp_path / "SUMMARY.md").read_text("utf-8")):
        assert text.index("may be unstable") < text.index("|")
        assert text.count("the load average reached 3.9 on 2 cores") == 1
        assert text.count("wait until the load has gone") == 1


def test_why_a_case_moved_and_the_command(alone: str) -> None:
    text = section(alone, "Timing runs")
    assert "**slower**: 1.20x slower than the 5 stored repeats. (`example-4/softmax/compiled`)" in text
    assert "```sh\npytest suite/ -m timing --backend tensorflow\n```" in alone


def test_the_figure(alone: str, tmp_path: Path) -> None:
    assert "](figures/timing.svg)" in alone
    said = words(tmp_path / "figures" / "timing.svg")
    assert {
        "example-1/rate 0.1",
        "example-4/softmax",
        "fit 1.20 s",
        "compiled 80 ms",
        "compiled 18 µs",
        "compiled 15x as fast as fit",
        "100 ms",
    } <= set(said)
    assert not [word for word in said if "math" in word]
    assert (tmp_path / "figures" / "timing.svg").stat().st_size < 30_000


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(1e-9, "1 ns"), (1e-5, "10 µs"), (1e-3, "1 ms"), (0.1, "100 ms"), (1.0, "1 s"), (100.0, "100 s")],
)
def test_powers_of_ten(seconds: float, said: str) -> None:
    assert decade(seconds) == said


@pytest.mark.parametrize(
    ("value", "said"),
    [(None, "–"), (0.0, "0 s"), (7.42e-6, "7.42 µs"), (0.0801, "80.1 ms"), (0.114, "0.11 s"), (125.4, "125 s")],
)
def test_durations(value: float | None, said: str) -> None:
    assert duration(value) == said


@pytest.mark.parametrize(("value", "said"), [(None, "–"), (0.98, "0.98"), (15.26, "15.3"), (13042.4, "13,042")])
def test_factors(value: float | None, said: str) -> None:
    assert factor(value) == said


def test_speed_in_words() -> None:
    assert speed(ratio(0.6875)) == "compiled 1.45x slower than fit"
    assert speed(ratio(13042.4)) == "compiled 13,042x as fast as fit"


def test_report_json(alone: str, tmp_path: Path) -> None:
    report = msgspec.json.decode((tmp_path / "report.json").read_bytes(), type=Report)
    assert [case.engine for case in report.timings] == ["fit", "compiled"] * 2
    assert len(report.timings[0].rounds) == 3
    assert len(report.peaks) == 3
    assert report.trainings == report.claims == ()
    assert report.figures == ("timing.svg",)


def test_a_quiet_machine_is_not_doubted(tmp_path: Path) -> None:
    write_report(record(Recorder(tmp_path), ()).end(), tmp_path)
    assert "unstable" not in (tmp_path / "REPORT.md").read_text("utf-8")


def test_beside_claims_it_is_a_section_after_the_times(tmp_path: Path) -> None:
    run = Recorder(tmp_path)
    deep(run)
    write_report(record(run, NOISY).end(), tmp_path)
    text = (tmp_path / "REPORT.md").read_text("utf-8")
    found = headings(text)
    assert found.index("Timing runs") == found.index("Time") + 1
    assert text.startswith(f"# {escape(TITLE)}: claims on TensorFlow")


def test_a_killed_timing_run_is_partial(tmp_path: Path) -> None:
    write_report(record(Recorder(tmp_path), ()).close(), tmp_path)
    assert "**Partial run.**" in (tmp_path / "REPORT.md").read_text("utf-8")


def test_a_damaged_record_is_named(tmp_path: Path) -> None:
    run = Recorder(tmp_path)
    run.append(timing("a", "fit", 0.1, rounds=(0.25,)))
    path = run.end()
    path.write_bytes(path.read_bytes().replace(b'"rounds":[0.25]', b'"rounds":["quick"]'))
    with pytest.raises(SuiteError, match=r"line 2 of .*\$\.rounds\[0\]"):
        write_report(path, tmp_path)
