"""The newest run against all earlier ones: what moved, and whether its machine became slower."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from msgspec.structs import replace

from harness.check.difference import MedianRatio, is_significant
from harness.errors import SuiteError
from harness.record.database import Database
from harness.record.run import Run, RunEnded, TrialDone, encode
from reports import __main__ as command
from reports.folders import Runs
from reports.history import History, markdown, seeds_text, since
from tests.make import timed
from tests.reports.markdown import section, tables
from tests.reports.runs import named, recorded, run
from tests.reports.synthetic import HEADER, NASTY, Recorder, claim, experiment, training, trial
from tests.reports.test_command_line import fails

OTHER = {"device_model": "Intel Xeon", "threads": 8}
LAST = 19


def accuracy_runs(shift: float = 0.0, noise: float = 0.0004, runs: int = LAST + 1) -> list[Run]:
    """Runs of five seeds; the accuracy of the newest is shifted."""
    own = np.random.default_rng(1).normal(0, noise, runs).tolist()
    made = [run(day, {"a": [0.98 + own[day] + 0.0001 * s for s in range(5)]}) for day in range(runs - 1)]
    return [*made, run(runs - 1, {"a": [0.98 + shift + 0.0001 * s for s in range(5)]})]


def time_runs(factor: Callable[[int], float], later: float = 0.0, runs: int = LAST + 1, **changes: object) -> list[Run]:
    """Runs of some variants, whose epochs take 0.1 s × factor(run), with 2 % noise each."""
    names = [f"v{index}" for index in range(8)]
    noise = np.exp(np.random.default_rng(2).normal(0, 0.02, (runs, 8)))
    seconds = [{n: 0.1 * (i + 1) * factor(at) * noise[at, i] for i, n in enumerate(names)} for at in range(runs)]
    return [run(at + later, {name: [0.98] for name in names}, epochs, **changes) for at, epochs in enumerate(seconds)]


@pytest.mark.parametrize("size", [0.0, 3.0, 6.0, 10.0])
def test_how_often_the_newest_value_of_a_series_moves(size: float) -> None:
    """Jumps in standard deviations of the runs, 20 series of 20 earlier runs each, 200 times; 5 % over all series."""
    rng, alarms = np.random.default_rng(0), []
    for _ in range(200):
        values = rng.standard_normal((20, 21))
        values[:, -1] += size
        middles = np.median(values[:, :-1], axis=1)
        alarms.append(
            [
                is_significant(row[-1] - middle, (row[:-1] - middle).tolist(), 20, 0.05 / 20)
                for row, middle in zip(values, middles, strict=True)
            ]
        )
    share = np.mean(alarms)
    assert {0.0: share <= 0.005, 3.0: share > 0.25, 6.0: share > 0.97, 10.0: share == 1.0}[size]
    assert size or np.any(alarms, axis=1).mean() < 0.09


@pytest.mark.parametrize(
    ("made", "moved"),
    [
        ({}, False),
        ({"shift": 0.0003, "noise": 1e-6}, False),  # smaller than what matters
        ({"shift": 0.001, "noise": 0.0}, True),  # bit for bit the same before
        ({"shift": 0.1, "runs": 3}, False),  # two earlier runs do not show how much runs differ
        ({"shift": 0.1, "runs": 4}, True),
    ],
)
def test_what_moves(made: dict[str, Any], moved: bool) -> None:
    runs = accuracy_runs(**made)  # not earlier: a module begins without the experiments that runs declare
    assert bool(History.of(runs).moved(len(runs) - 1)) == moved


def test_what_cannot_be_compared_is_not_in_one_series() -> None:
    runs = [run(day, {"a": [0.98] * (5 if day % 2 else 10)}, workers=1 + day // 10) for day in range(20)]
    history = History.of(runs)
    found = sorted((series.condition, len(values)) for series, values in history.values.items())
    assert [(c, n) for c, n in found if "seed" in c] == [("seeds 0–4", 10), ("seeds 0–9", 10)]
    assert [n for c, n in found if "worker" in c] == [10, 10]
    assert [seeds_text(seeds) for seeds in ((), (3,), (4, 5, 6), (0, 2, 9))] == [
        "no seed", "seed 3", "seeds 4–6", "3 seeds of 0–9",
    ]  # fmt: skip
    rounds = [run(day, timings=[timed("w", (0.3, 0.1, 0.2), engine)]) for day in range(4) for engine in ("fit", "x")]
    history = History.of(rounds)
    assert {series.condition for series in history.values} == {"fit, -m timing", "x, -m timing"}
    assert {value for values in history.values.values() for value in values.values()} == {0.1}  # the fastest round
    for made in runs:
        made.trainings["e", "a"] = replace(made.trainings["e", "a"], reused=10)
    assert History.of(runs).values == {}  # trials of earlier runs are no measurement


@pytest.mark.parametrize(
    ("factor", "beyond", "says"),
    [
        (
            lambda at: 1.16 if at == LAST else 1.0,
            True,
            r"1\.1\d × slower \[.*\] than in 19 earlier runs, 8 cases: m",
        ),
        (lambda _: 1.0, False, r"in 19 earlier runs, 8 cases: within what its runs differ by\."),
    ],
)
def test_a_machine_that_became_slower_says_how_much(factor: Callable[[int], float], beyond: bool, says: str) -> None:
    history = History.of(time_runs(factor))
    speed = history.speed(LAST)
    assert speed is not None
    assert (speed.runs, speed.beyond, speed.slower) == (LAST, beyond, beyond)
    assert re.search(says, markdown(history))
    assert len(history.moved(LAST)) >= 6 * beyond


def test_the_noise_of_a_machine_decides_and_not_the_spread_over_cases() -> None:
    common = np.exp(np.random.default_rng(5).normal(0, 0.15, LAST + 1))
    common[-1] = 1.16
    speed = History.of(time_runs(lambda at: float(common[at]))).speed(LAST)
    assert speed is not None
    assert speed.whole.low is not None
    assert (speed.whole.low > 1, speed.beyond) == (True, False)


def test_few_earlier_runs_say_so() -> None:
    assert History.of(time_runs(lambda _: 1.0, runs=1)).speed(0) is None
    speed = History.of(time_runs(lambda at: 1.0 + at, runs=3)).speed(2)
    assert speed is not None
    assert "fewer than 3 earlier runs do not show whether that is chance" in str(speed)


def test_each_machine_has_its_own_line() -> None:
    others = time_runs(lambda at: 3.0 if at == LAST else 2.0, later=0.5, fingerprint=OTHER)
    runs = time_runs(lambda _: 1.0) + others
    history = History.of(runs)
    speeds = [history.speed(at) for at in history.newest()]
    assert sorted(bool(speed and speed.beyond) for speed in speeds) == [False, True]
    assert markdown(history) == markdown(History.of(reversed(runs)))
    newest, *_, first = tables(section(markdown(history), "Runs"))[0]
    assert "threads 2 → 8; machine AMD EPYC 7B13" in newest["changed since the run before"]
    assert first["changed since the run before"] == ""


def test_unfinished_runs_and_evidence_are_left_out() -> None:
    runs = accuracy_runs(runs=4)
    runs[0].end = None
    runs[1].header = replace(runs[1].header, evidence=True)
    runs[2].header = replace(runs[2].header, started="yesterday")
    history = History.of([*runs, "Invalid run record x. Expected: schema 2."])
    assert (len(history.runs), history.unfinished, len(history.unread)) == (1, 1, 2)
    text = markdown(history)
    assert "Left out: 1 run without an end." in text
    assert "Runs that could not be read" in text


@pytest.mark.parametrize(
    ("runs", "nothing"),
    [
        ([], True),
        ([run(0), run(1)], True),
        ([run(day, {"a": [None, None]}, {"a": 0.0}) for day in range(12)], True),
        ([run(0, {"a": [0.98]})], False),
    ],
)
def test_little_or_nothing_gives_a_page_that_says_so(runs: list[Run], nothing: bool) -> None:
    text = markdown(History.of(runs))
    assert text.startswith("# Trend: ")
    assert ("Nothing to show: no finished run trained to the end or was timed." in text) == nothing


def test_texts_from_outside_are_inert_and_the_page_stays_small() -> None:
    runs = []
    for day in range(24):
        changed = {"keras": NASTY + str(day // 12), "device_model": NASTY, NASTY: "1"}
        values = {f"{NASTY}{index}": [0.98 + (0.01 if day == 23 else 0.0)] for index in range(150)}
        runs.append(run(day, values, fingerprint=changed, commit=NASTY, stack=NASTY))
    text = markdown(History.of(runs))
    assert len(text.encode()) < 60_000
    assert "<script>" not in re.sub(r"`[^`]*`", "", text)
    assert "\n# h" not in text
    assert "90 more." in section(text, "What moved with the newest run")


def test_since_compares_with_the_last_comparable_run_and_with_that_of_a_week_before(tmp_path: Path) -> None:
    for day in range(4):
        recorded(tmp_path, day)
    now = run(9, {"a": [0.9 + 0.001 * seed for seed in range(5)]})
    history = History.of(Runs(tmp_path / "runs").of_course())
    ids = [earlier.header.id for earlier in history.runs]
    assert [(of.then.header.id, of.regressed) for of in since(now, history)] == [(ids[3], True), (ids[2], True)]
    history.runs[:3] = []
    assert [of.then.header.id for of in since(now, history)] == [ids[3]]
    assert since(run(9, {"b": [0.9]}), history) == []
    now.header = replace(now.header, full=not now.header.full)
    assert since(now, history) == []


def test_the_folder_and_the_database_give_one_trend(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for day in range(12):
        recorded(tmp_path, day)
    url = f"sqlite:///{tmp_path / 'store.sqlite'}"
    Database(url).push_all(tmp_path / "runs")
    assert command.main(["--trend", "--store", url, "--out", str(tmp_path)]) == 0
    assert "TREND.md" in capsys.readouterr().out
    stored = (tmp_path / "TREND.md").read_bytes()
    assert command.main(["--trend", "--out", str(tmp_path)]) == 0
    assert (tmp_path / "TREND.md").read_bytes() == stored


def test_runs_of_another_course_are_left_out(tmp_path: Path) -> None:
    for day in range(3):
        recorded(tmp_path, day)
    Recorder(tmp_path, id="z-other", course="another").end()
    Recorder(tmp_path / "others", id="z-other", course="another").end()
    assert len(History.of(Runs(tmp_path / "runs").of_course()).runs) == 3
    with pytest.raises(SuiteError, match="No run is recorded in"):
        History.of(Runs(tmp_path / "others" / "runs").of_course())


def test_damaged_and_unfinished_files_are_named_and_left_out(tmp_path: Path) -> None:
    for day in range(3):
        recorded(tmp_path, day)
    runs = tmp_path / "runs"
    (runs / "z-empty.jsonl").write_bytes(b"")
    (runs / "z-other.jsonl").write_bytes(encode(replace(HEADER, schema=99)) + b"\n")
    (runs / "z-torn.jsonl").write_bytes(encode(HEADER) + b'\n{"kind":"tra')
    (runs / "z-damaged.jsonl").write_bytes(b"not json\n")
    history = History.of(Runs(runs).of_course())
    assert (len(history.runs), history.unfinished, len(history.unread)) == (3, 1, 2)
    assert "schema 99" in history.unread[1]


def test_bad_input_is_one_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("reports.folders.OUT", tmp_path / "default")
    url, empty = (f"sqlite:///{tmp_path / name}" for name in ("no", "empty"))
    assert "Run `pytest suite/` first" in fails(capsys, "--trend", "--out", tmp_path)
    assert "There is no database" in fails(capsys, "--trend", "--store", url, "--out", tmp_path)
    Database(empty).prepare()
    assert "No run is recorded" in fails(capsys, "--trend", "--store", empty)
    assert "--trend contradicts" in fails(capsys, "--trend", "--run", "x")
    recorded(tmp_path / "default", 0)
    (tmp_path / "file").write_text("in the way")
    assert "Cannot write the report" in fails(capsys, "--trend", "--out", tmp_path / "file")


def test_the_interval_over_cases_covers_the_median() -> None:
    rng = np.random.default_rng(0)
    for cases in (6, 9, 40):
        ratios = [MedianRatio.of(np.exp(rng.standard_t(2, cases)).tolist()) for _ in range(2000)]
        covered = np.mean([ratio.low <= 1 <= ratio.high for ratio in ratios])  # type: ignore[operator]
        assert 0.94 < covered < 0.985
    assert MedianRatio.of([1.0] * 5).low is None


@pytest.mark.slow
def test_a_large_database_takes_seconds(tmp_path: Path) -> None:
    """A quarter of the runs and a tenth of the seeds of the target: 20 s for 100 runs, 100 claims and 1,000 seeds."""
    store, lines, first = Database(f"sqlite:///{tmp_path / 'large.sqlite'}"), [], trial("plain", 0, 0.98)
    for id in (f"experiment-{number:03}" for number in range(100)):
        experiment(id, ["plain"])
        line = encode(TrialDone(experiment=id, definition="made up", trial=first))
        lines += [line.replace(b'"seed":0', b'"seed":%d' % seed) for seed in range(100)]
        lines.append(encode(training(id, [first], "val_accuracy")))
        lines.append(encode(claim(f"claim-of-{id}", "SUPPORTED", experiment=id)))
    store.prepare()
    for header in (replace(HEADER, **named(day)) for day in range(25)):
        store.push(header.id, [encode(header), *lines, encode(RunEnded(exit_status=0, seconds=212.4))])
    start = time.process_time()
    history = History.of(Runs(tmp_path, store).of_course())
    assert time.process_time() - start < 5
    assert (len(history.runs), len(history.values)) == (25, 200)
