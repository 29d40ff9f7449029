"""The trend: what changed over runs, where, and since when; and whether a machine became slower."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from xml.etree import ElementTree

import msgspec
import numpy as np
import pytest
from msgspec.structs import replace

from harness.errors import SuiteError
from harness.record.address import Address
from harness.record.database import opened, push_all
from harness.record.run import Run, encode
from harness.timing.slower import times
from reports import __main__ as command
from reports.ratios import interval_text, typical
from reports.sections.trend import change_text, markdown
from reports.trend import MOST_POINTS, Series, TrendReport, seeds_text, trend
from reports.trend_files import runs_of, write_trend
from tests.make import timed
from tests.reports.large import fill
from tests.reports.markdown import section, tables
from tests.reports.runs import run
from tests.reports.synthetic import HEADER, Recorder
from tests.reports.test_command_line import fails

OTHER = {"device_model": "Intel Xeon", "threads": 8}


def gauss(seed: int, runs: int, sd: float) -> list[float]:
    return np.random.default_rng(seed).normal(0, sd, runs).tolist()


def accuracy_runs(runs: int = 30, step: float = -0.004, at: int = 15, **changes: object) -> list[Run]:
    """Runs of five seeds whose accuracy steps at the run ``at``."""
    noise = gauss(1, runs, 0.0004)
    return [
        run(day, {"a": [0.98 + noise[day] + (step if day >= at else 0.0) + 0.0001 * s for s in range(5)]}, **changes)
        for day in range(runs)
    ]


def time_runs(days: Sequence[float], factor: Callable[[int], float], cases: int = 8, **changes: object) -> list[Run]:
    """Runs of some variants, whose epochs take 0.1 s × factor(run), with 2 % noise each."""
    names = [f"v{index}" for index in range(cases)]
    noise = np.exp(np.random.default_rng(2).normal(0, 0.02, (len(days), cases)))
    return [
        run(
            day,
            {name: [0.98] for name in names},
            {name: float(0.1 * (place + 1) * factor(index) * noise[index, place]) for place, name in enumerate(names)},
            **changes,
        )
        for index, day in enumerate(days)
    ]


def of(report: TrendReport, measure: str, case: str = "e/a") -> Series:
    [found] = [one for one in report.series if one.measure == measure and one.case == case]
    return found


def test_a_step_of_accuracy_is_found_and_sized() -> None:
    report = trend(accuracy_runs())
    series = of(report, "metric")
    [step] = series.steps
    assert abs(step.at - 15) <= 1
    assert step.now - step.before == pytest.approx(-0.004, abs=0.0003)
    assert change_text(series).startswith("−0.4")
    assert (series.condition, series.unit, series.machine) == ("seeds 0–4", "fraction", "")
    assert len(series.values) == len(series.runs) == 30
    assert report.changed == (series,)


def test_a_step_smaller_than_what_matters_is_no_change() -> None:
    quiet = [run(day, {"a": [0.98 + (0.0001 if day >= 15 else 0.0)] * 5}) for day in range(30)]
    assert trend(quiet).changed == ()
    loud = [run(day, {"a": [0.98 + (0.001 if day >= 15 else 0.0)] * 5}) for day in range(30)]
    [step] = of(trend(loud), "metric").steps
    assert (step.at, step.before, step.now) == (15, pytest.approx(0.98), pytest.approx(0.981))


def test_small_steps_add_up_until_they_matter() -> None:
    levels = [0.98] * 5 + [0.9803] * 5 + [0.9806] * 5
    series = of(trend([run(day, {"a": [value]}) for day, value in enumerate(levels)]), "metric")
    assert [step.at for step in series.steps] == [10]


def test_other_seeds_are_another_series() -> None:
    runs = [run(day, {"a": [0.98] * (5 if day % 2 else 10)}) for day in range(20)]
    found = [one for one in trend(runs).series if one.measure == "metric"]
    assert sorted(one.condition for one in found) == ["seeds 0–4", "seeds 0–9"]
    assert all(len(one.values) == 10 for one in found)
    assert [seeds_text(seeds) for seeds in ((), (3,), (4, 5, 6), (0, 2, 9))] == [
        "no seed", "seed 3", "seeds 4–6", "3 seeds of 0–9",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"fingerprint": {"keras": "3.16.0"}}, "the change to Keras 3.16.0"),
        (
            {"fingerprint": {"backend_version": "2.21.0", "python": "3.12"}},
            "the change to TensorFlow 2.21.0, Python 3.12",
        ),
        ({"fingerprint": OTHER}, "the change to the machine Intel Xeon, avx2, 8 threads, Linux x86_64"),
        ({"fingerprint": {"XLA_FLAGS": "--fast"}}, "the change to XLA_FLAGS --fast"),
        ({"commit": "bbbbbbb"}, "between the commits a03a743 and bbbbbbb"),
        ({}, ""),
    ],
    ids=["keras", "two versions", "machine", "variable", "commit", "nothing"],
)
def test_a_step_names_what_else_changed_there(changes: dict[str, object], words: str) -> None:
    before, after = accuracy_runs()[:15], accuracy_runs(**changes)[15:]
    [step] = of(trend(before + after), "metric").steps
    assert step.since.removeprefix("since ").removeprefix("about ") == words


def test_a_version_that_changed_long_before_explains_no_step() -> None:
    runs = accuracy_runs(at=20)
    runs = [replace_header(one, {"keras": "3.16.0"}) if index >= 8 else one for index, one in enumerate(runs)]
    report = trend(runs)
    [step] = of(report, "metric").steps
    assert step.since == ""
    assert [(mark.run, mark.key, mark.now) for mark in report.marks] == [(8, "keras", "3.16.0")]


def replace_header(one: Run, fingerprint: dict[str, object]) -> Run:
    one.header = replace(one.header, fingerprint={**one.header.fingerprint, **fingerprint})
    return one


def test_machines_that_take_turns_explain_no_step_and_share_no_time() -> None:
    runs = accuracy_runs()
    for index, one in enumerate(runs):
        replace_header(one, {**(OTHER if index % 2 else {}), **({"keras": "3.16.0"} if index >= 15 else {})})
    report = trend(runs)
    [step] = of(report, "metric").steps
    assert step.since.endswith("the change to Keras 3.16.0")
    clocks = [one for one in report.series if one.measure == "time"]
    assert {one.machine.split(",")[0]: len(one.values) for one in clocks} == {"AMD EPYC 7B13": 15, "Intel Xeon": 15}
    marks = [(mark.run, mark.key) for mark in report.marks]
    assert marks == [(1, "machine"), (15, "keras"), (16, "keras")]


def test_workers_and_engines_share_no_time() -> None:
    runs = [run(day, {"a": [0.98]}, workers=1 + day % 2) for day in range(8)]
    clocks = [one for one in trend(runs).series if one.measure == "time"]
    assert {one.condition.split(", ")[-1]: len(one.values) for one in clocks} == {"1 worker": 4, "2 workers": 4}
    rounds = [run(day, timings=[timed("w", (0.3, 0.1, 0.2), engine)]) for day in range(4) for engine in ("fit", "x")]
    report = trend(rounds)
    assert {one.condition for one in report.series} == {"fit, -m timing", "x, -m timing"}
    assert set(report.series[0].values) == {0.1}  # the fastest round


def test_reused_trials_are_no_measurement() -> None:
    runs = [run(day, {"a": [0.98] * 5}) for day in range(3)]
    for one in runs:
        one.trainings["e", "a"] = replace(one.trainings["e", "a"], reused=5)
    assert trend(runs).series == ()


def test_a_machine_that_became_slower_says_how_much() -> None:
    days = [*range(30)]
    report = trend(time_runs(days, lambda index: 1.16 if index == 29 else 1.0))
    [found] = report.machines
    assert found.ratio == pytest.approx(1.16, rel=0.02)
    assert found.low is not None
    assert found.high is not None
    assert found.ratio is not None
    assert 1.05 < found.low < found.ratio < found.high < 1.3
    assert (found.before, found.cases, found.beyond) == (7, 8, True)
    assert len(found.changed) >= 6
    assert found.text.startswith("1.1")
    assert " × slower [" in found.text
    assert "than in the week before, 7 runs, 8 cases: more than its runs differ by;" in found.text


def test_a_machine_as_fast_as_before_says_so() -> None:
    [found] = trend(time_runs([*range(30)], lambda _: 1.0)).machines
    assert found.beyond is False
    assert found.changed == ()
    assert "within what its runs differ by; 0 cases changed." in found.text


def test_the_noise_of_a_machine_decides_and_not_the_spread_over_cases() -> None:
    common = np.exp(np.random.default_rng(5).normal(0, 0.15, 30))
    common[-1] = 1.16
    [found] = trend(time_runs([*range(30)], lambda index: float(common[index]))).machines
    assert found.low is not None
    assert found.low > 1.1
    assert found.beyond is False


@pytest.mark.parametrize("days", [[0.0], [0.0, 10.0], [0.0, 1.0, 9.5]])
def test_without_a_run_in_the_week_before_nothing_is_compared(days: list[float]) -> None:
    [found] = trend(time_runs(days, lambda _: 1.0)).machines
    assert found.ratio is None
    assert found.text.startswith("not compared: no other run")


def test_two_earlier_runs_say_that_they_are_few() -> None:
    [found] = trend(time_runs([0, 1, 2], lambda index: 1.0 + index)).machines
    assert found.beyond is None
    assert "fewer than 3 earlier runs" in found.text


def test_each_machine_has_its_own_line() -> None:
    runs = time_runs([*range(12)], lambda _: 1.0)
    runs += time_runs([day + 0.5 for day in range(12)], lambda index: 3.0 if index == 11 else 2.0, fingerprint=OTHER)
    found = trend(runs).machines
    assert [(one.machine.split(",")[0], one.beyond) for one in found] == [
        ("Intel Xeon", True),
        ("AMD EPYC 7B13", False),
    ]


def test_the_order_of_the_runs_does_not_matter() -> None:
    runs = accuracy_runs()
    assert trend(runs) == trend(reversed(runs))
    assert trend(iter(runs)) == trend(runs)


def test_a_trend_reads_back_from_json_and_is_small() -> None:
    report = trend(accuracy_runs(300))
    assert max(len(one.values) for one in report.series) == MOST_POINTS
    content = msgspec.json.encode(report)
    assert msgspec.json.decode(content, type=TrendReport) == report
    assert all(index < len(report.runs) for one in report.series for index in one.runs)


def test_unfinished_runs_and_evidence_are_left_out() -> None:
    runs = accuracy_runs(4)
    runs[0].end = None
    runs[1].header = replace(runs[1].header, evidence=True)
    runs[2].header = replace(runs[2].header, started="yesterday")
    report = trend([*runs, "Invalid run record x. Expected: schema 2."])
    assert (len(report.runs), report.unfinished) == (1, 1)
    assert [text.split(".")[0][:20] for text in report.unread] == ["The run 2026-01-03T0", "Invalid run record x"]
    text = markdown(report)
    assert "1 run has no end and is left out" in text
    assert "Runs that could not be read" in text


EMPTY = {
    "no run": [],
    "nothing trained": [run(0), run(1)],
    "all seeds failed": [run(day, {"a": [None, None]}, {"a": 0.0}) for day in range(12)],
    "a single run of a single seed": [run(0, {"a": [0.98]})],
}


@pytest.mark.parametrize("runs", EMPTY.values(), ids=EMPTY)
def test_little_or_nothing_gives_a_page_that_says_so(runs: list[Run], tmp_path: Path) -> None:
    (tmp_path / "trend.svg").write_text("of an earlier trend")
    report = trend(runs)
    text = write_trend(report, tmp_path).read_text(encoding="utf-8")
    assert text.startswith("# Trend: ")
    nothing = "Nothing to show: no finished run trained to the end or was timed."
    assert (nothing in text) == (not report.series)
    assert (tmp_path / "trend.svg").exists() == bool(report.machines)


def test_the_page_has_the_steps_and_the_marks() -> None:
    runs = accuracy_runs()
    for one in runs[15:]:
        replace_header(one, {"keras": "3.16.0"})
    text = markdown(trend(runs))
    assert "**⚠ 1 of 2 series changed: 1 accuracy, 0 times.**" in text
    [[row]] = tables(section(text, "Accuracy that changed"))
    assert row["series"].startswith("`e/a, validation accuracy (seeds 0–4)`")
    assert row["change"].endswith("points")
    assert "the change to Keras 3.16.0" in row["first run, and what else changed"]
    [[mark]] = tables(section(text, "Versions and machines that changed"))
    assert (mark["what"], mark["before → now"]) == ("`keras`", "3.12.0 → 3.16.0")


NASTY = "<script>alert(1)</script> | `x` \n# h ![a](b) $y$ \u202e" + "w" * 10_000


def test_texts_from_outside_are_inert_and_the_page_stays_small() -> None:
    runs = []
    for day in range(24):
        changed = {"keras": NASTY + str(day // 12), "device_model": NASTY, NASTY: "1"}
        values = {f"{NASTY}{index}": [0.98 + (0.01 if day >= 12 else 0.0)] for index in range(150)}
        runs.append(run(day, values, fingerprint=changed, commit=NASTY, stack=NASTY))
    text = markdown(trend(runs))
    assert len(text.encode()) < 60_000
    outside_code = re.sub(r"`[^`]*`", "", text)
    assert "<script>" not in outside_code
    assert "\n# h" not in text
    assert len(tables(section(text, "Accuracy that changed"))[0]) == 60
    assert "90 more are in `trend.json`." in text


def test_the_picture_is_small_and_names_what_it_shows(tmp_path: Path) -> None:
    write_trend(trend(accuracy_runs() + time_runs([*range(30)], lambda index: 1.0 + (index > 15), 30)), tmp_path)
    content = (tmp_path / "trend.svg").read_bytes()
    assert len(content) < 400_000
    words = " ".join(ElementTree.fromstring(content).itertext())
    assert "Trend over 60 runs: tensorflow-cpu" in words
    assert "slower" in words
    assert "trend.svg" in (tmp_path / "TREND.md").read_text(encoding="utf-8")


def test_a_picture_that_cannot_be_drawn_costs_only_the_picture(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_: object) -> bytes:
        raise RuntimeError("no <font>")

    monkeypatch.setattr("reports.figures.trend.svg", fail)
    text = write_trend(trend(accuracy_runs()), tmp_path).read_text(encoding="utf-8")
    assert "The picture could not be drawn: RuntimeError: no &lt;font&gt;" in text
    assert "Accuracy that changed" in text
    assert not (tmp_path / "trend.svg").exists()


def record(folder: Path, days: int) -> None:
    for day in range(days):
        made = run(day, {"a": [0.98, 0.981]})
        file = Recorder(folder, **{name: getattr(made.header, name) for name in ("id", "started")})
        file.append(*made.experiments.values(), *made.trainings.values())
        file.end()


def test_the_folder_and_the_database_give_one_trend(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    record(tmp_path, 12)
    store = Address(f"sqlite:///{tmp_path / 'store.sqlite'}")
    push_all(store, tmp_path / "runs")
    folder = tmp_path / "runs"
    assert trend(runs_of(None, folder)) == trend(runs_of(store, folder))
    assert command.main(["--trend", "--store", f"sqlite:///{tmp_path / 'store.sqlite'}", "--out", str(tmp_path)]) == 0
    assert "TREND.md" in capsys.readouterr().out
    stored = (tmp_path / "TREND.md").read_bytes()
    assert command.main(["--trend", "--out", str(tmp_path)]) == 0
    assert (tmp_path / "TREND.md").read_bytes() == stored


def test_runs_of_another_course_are_left_out(tmp_path: Path) -> None:
    record(tmp_path, 3)
    Recorder(tmp_path, id="z-other", course="another").end()
    Recorder(tmp_path / "others", id="z-other", course="another").end()
    assert len(trend(runs_of(None, tmp_path / "runs")).runs) == 3
    store = Address(f"sqlite:///{tmp_path / 'store.sqlite'}")
    push_all(store, tmp_path / "runs")
    assert len(trend(runs_of(store, tmp_path)).runs) == 3
    with pytest.raises(SuiteError, match="No run is recorded in"):
        trend(runs_of(None, tmp_path / "others" / "runs"))


def test_damaged_and_unfinished_files_are_named_and_left_out(tmp_path: Path) -> None:
    record(tmp_path, 3)
    runs = tmp_path / "runs"
    (runs / "z-empty.jsonl").write_bytes(b"")
    (runs / "z-other.jsonl").write_bytes(encode(replace(HEADER, schema=99)) + b"\n")
    (runs / "z-torn.jsonl").write_bytes(encode(HEADER) + b'\n{"kind":"tra')
    (runs / "z-damaged.jsonl").write_bytes(b"not json\n")
    report = trend(runs_of(None, runs))
    assert (len(report.runs), report.unfinished, len(report.unread)) == (3, 1, 2)
    assert "schema 99" in report.unread[1]


def test_bad_input_is_one_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("reports.folders.OUT", tmp_path / "default")
    assert "Run `pytest suite/` first" in fails(capsys, "--trend", "--out", tmp_path)
    assert "There is no database" in fails(
        capsys, "--trend", "--store", f"sqlite:///{tmp_path / 'no'}", "--out", tmp_path
    )
    with opened(Address(f"sqlite:///{tmp_path / 'empty'}")):
        pass
    assert "No run is recorded" in fails(capsys, "--trend", "--store", f"sqlite:///{tmp_path / 'empty'}")
    assert "--trend contradicts" in fails(capsys, "--trend", "--run", "x")
    record(tmp_path / "default", 2)
    (tmp_path / "file").write_text("in the way")
    assert "Cannot write the report" in fails(capsys, "--trend", "--out", tmp_path / "file")


def test_ratios_in_words() -> None:
    assert [times(ratio) for ratio in (1.0, 1.16, 0.5, 1.004)] == [
        "as fast",
        "1.16 × slower",
        "2.00 × faster",
        "as fast",
    ]
    assert interval_text(1.16, 1.12, 1.2) == "1.16 × slower [1.12, 1.20]"
    assert interval_text(0.5, 0.4, 0.8) == "2.00 × faster [1.25, 2.50]"
    assert interval_text(1.02, 0.9, 1.1) == "1.02 × slower [1.11 × faster, 1.10 × slower]"
    assert interval_text(1.3, None, None) == "1.30 × slower"


def test_the_interval_over_cases_covers_the_median() -> None:
    rng = np.random.default_rng(0)
    for cases in (6, 9, 40):
        found = [typical(np.exp(rng.standard_t(2, cases)).tolist()) for _ in range(2000)]
        covered = np.mean([one.low <= 1 <= one.high for one in found])  # type: ignore[operator]
        assert 0.94 < covered < 0.985
    assert typical([1.0] * 5).low is None


@pytest.mark.slow
def test_a_large_database_takes_seconds(tmp_path: Path) -> None:
    """A quarter of the runs and a tenth of the seeds of the target: 20 s for 100 runs, 100 claims and 1,000 seeds."""
    store = Address(f"sqlite:///{tmp_path / 'large.sqlite'}")
    fill(store, 25, 100, 100)
    start = time.process_time()
    report = trend(runs_of(store, tmp_path))
    assert time.process_time() - start < 5
    assert (len(report.runs), len(report.series)) == (25, 200)
