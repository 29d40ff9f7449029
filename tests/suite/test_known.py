"""``--resume`` and ``--reuse``: trials of earlier runs are taken if nothing that decides them has changed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from harness.errors import SuiteError
from harness.model import Trial
from harness.record.run import RunEnded, RunStarted, ShortTrialDone, TrialDone
from harness.record.run_file import RunFile, latest_run, locked, run_files
from harness.record.trials import ShortTrial
from suite.session import known
from suite.session.known import Known, check_same, readable, unfinished
from tests.record.made import END, HEADER
from tests.suite.command import JAX, TINY, Finished, kinds, lines, suite, trials
from tests.suite.timeless import timeless

PRINT = {"backend": "jax", "threads": 2}
CHOSEN = (*JAX, "-k", TINY)


def header(name: str = "", **changes: Any) -> RunStarted:
    fields = {"fingerprint": PRINT, "source": known.source(), "engine": "auto", "selected": "some"} | changes
    return replace(HEADER, id=name, **fields)


def record(folder: Path, name: str, *seeds: int, end: RunEnded | None = None, **changes: Any) -> Path:
    """Writes the file of a run with trials of variant "v" of experiment "e", of definition "d"."""
    file = RunFile.begin(folder, header(name, **changes))
    for seed in seeds:
        file.append(TrialDone(experiment="e", definition="d", trial=Trial("v", seed, {"accuracy": seed + 0.5})))
    if end:
        file.append(end)
    file.close()
    return file.path


def ended(exit_status: int = 0, reported: bool = True, **how: bool) -> RunEnded:
    return replace(END, exit_status=exit_status, reported=reported, **how)


def taken(folder: Path, *seeds: int, definition: str = "d") -> dict[int, str]:
    """The id of the run that trained each seed; the same however often it is asked for, as by each variant of a run."""
    trials = Known(header(), readable(run_files(folder)))
    first, again = (trials.trials(("e", "v"), definition, seeds) for _ in range(2))
    assert first == again
    return {each.trial.seed: each.reused for each in first}


def resumable(folder: Path, asked: str = "") -> list[Path]:
    return [run.path for run in unfinished(folder, asked, "some")]


def test_the_newest_trial_counts(tmp_path: Path) -> None:
    record(tmp_path, "2026-01", 0, 1, 2)
    record(tmp_path, "2026-02", 2, 3)
    assert taken(tmp_path, 0, 2, 3, 4) == {0: "2026-01", 2: "2026-02", 3: "2026-02"}
    assert taken(tmp_path, 0, definition="other") == {}
    record(tmp_path, "2026-02-7", 3)  # the id of a run behind another process's
    assert taken(tmp_path, 3) == {3: "2026-02-7"}


@pytest.mark.parametrize(
    "changes", [{"fingerprint": PRINT | {"threads": 1}}, {"source": "0" * 16}, {"engine": "compiled"}]
)
def test_a_run_elsewhere_or_of_other_training_code_has_none(changes: dict[str, Any], tmp_path: Path) -> None:
    record(tmp_path, "2026-01", 0, 1, **changes)
    assert taken(tmp_path, 0, 1) == {}
    (run,) = unfinished(tmp_path, "", "some")
    with pytest.raises(SuiteError, match=r"2026-01 cannot go on, because .*: then .*, now "):
        check_same(run, header(), False)


def test_evidence_is_of_one_commit(tmp_path: Path) -> None:
    record(tmp_path, "2026-01", 0, 1)
    (run,) = unfinished(tmp_path, "", "some")
    check_same(run, header(commit="another"), False)
    with pytest.raises(SuiteError, match="commit: then None, now another"):
        check_same(run, header(commit="another"), True)


def test_shortened_trials_are_taken_too(tmp_path: Path) -> None:
    file = RunFile.begin(tmp_path, header("2026-01"))
    trial = ShortTrial(seed=1, engine="auto", losses=(1.0, 0.5))
    short = ShortTrialDone(experiment="e", variant="v", definition="d", trial=trial)
    file.append(short)
    file.close()
    trials = Known(header(), readable([file.path]))
    assert trials.short(("e", "v"), "d") == [short]
    assert not [*trials.short(("e", "v"), "other"), *trials.short(("e", "w"), "d")]


def test_damaged_files_have_none(tmp_path: Path) -> None:
    """But for a last line without an end, which a kill leaves."""
    record(tmp_path, "2026-01", 0, 1)
    header, first, second = (tmp_path / "2026-01.jsonl").read_bytes().splitlines(keepends=True)
    for name, content in (("2", b"\xff\xfe{"), ("3", b"[]\n"), ("4", b""), ("5", header + b"{}\n" + first)):
        (tmp_path / f"2026-0{name}.jsonl").write_bytes(content)
    (tmp_path / "2026-06.jsonl").write_bytes(header.replace(b"2026-01", b"2026-06") + second + first[:-9])
    assert taken(tmp_path, 0, 1) == {0: "2026-01", 1: "2026-06"}


def test_the_source_is_that_of_the_training_code(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    before = known.source()
    monkeypatch.setattr(known.harness, "__file__", str(tmp_path / "__init__.py"))
    known.source.cache_clear()
    assert before != known.source()
    known.source.cache_clear()


def test_runs_without_an_end_are_resumed_back_to_the_last_that_ended(tmp_path: Path) -> None:
    record(tmp_path, "2026-01")
    record(tmp_path, "2026-02", end=ended(1))
    third = record(tmp_path, "2026-03", end=ended(2, interrupted=True))
    record(tmp_path, "2026-04", end=ended(), selected="other items")
    fifth = record(tmp_path, "2026-05")
    (tmp_path / "2026-06.jsonl").write_text("")
    assert resumable(tmp_path) == [fifth, third]
    assert resumable(tmp_path, "2026-03") == resumable(tmp_path, str(third)) == [third]
    lock = locked(third)
    with pytest.raises(SuiteError, match="2026-03 is still going on"):
        resumable(tmp_path)
    lock.release()
    record(tmp_path, "2026-07", end=ended())
    for asked, reason in (
        ("", "of these items in .* none was killed or interrupted"),
        ("2026-02", "2026-02 reached its end"),
        ("2026-09", r"Expected: a run in .+ Received: '2026-09'\. Did you mean"),
    ):
        with pytest.raises(SuiteError, match=reason):
            resumable(tmp_path, asked)


@pytest.mark.parametrize(
    ("end", "is_open"),
    [
        (ended(0, reported=False), True),  # killed while it wrote its report
        (ended(3), True),  # something could not be run
        (ended(2, interrupted=True), True),
        (ended(1), False),
        (ended(0), False),
    ],
)
def test_what_is_left_to_do(end: RunEnded, is_open: bool, tmp_path: Path) -> None:
    path = record(tmp_path, "2026-01", end=end)
    if is_open:
        assert resumable(tmp_path) == [path]
    else:
        with pytest.raises(SuiteError, match="none was killed"):
            resumable(tmp_path)


def killed(run: Finished, folder: Path, count: int, torn: int = 0) -> Path:
    """Writes the first ``count`` lines of a run's file and ``torn`` bytes of the next, and returns the path."""
    source = latest_run(run.folder / "report" / "runs")
    runs = folder / "report" / "runs"
    runs.mkdir(parents=True)
    content = source.read_bytes().splitlines(keepends=True)
    (runs / source.name).write_bytes(b"".join(content[:count]) + content[count][:torn])
    return runs / source.name


def nth_trial(run: Finished, number: int) -> int:
    """The number of lines before a trial; trials are counted from 0."""
    return [place for place, kind in enumerate(kinds(run.record)) if kind == "trial"][number]


def seeds_taken(run: Finished) -> dict[str, list[int]]:
    """By variant, the seeds that another run has trained."""
    seeds: dict[str, list[int]] = {}
    for line in lines(run.record):
        if line["kind"] == "trial" and line["reused"]:
            seeds.setdefault(line["trial"]["variant"], []).append(line["trial"]["seed"])
    return seeds


def test_a_killed_run_goes_on_and_trains_nothing_twice(first: Finished, tmp_path: Path) -> None:
    """It was killed while it wrote its seventh trial, which is of the second variant."""
    path = killed(first, tmp_path, nth_trial(first, 6), torn=100)
    before = path.read_bytes()
    left = path.with_name(f".{path.stem}.lock")
    left.touch()
    resumed = suite(tmp_path, *CHOSEN, "--resume")
    assert resumed.code == 0, resumed.output
    assert path.read_bytes() == before
    assert not left.exists()
    assert list(map(len, seeds_taken(resumed).values())) == [5, 1]
    assert trials(resumed.record) == trials(first.record)
    assert timeless(resumed.report) == timeless(first.report)
    again = suite(tmp_path, *CHOSEN, "--resume")
    assert again.code == 4
    assert "none was killed or interrupted" in again.output


def test_an_earlier_run_is_reused(first: Finished, tmp_path: Path) -> None:
    """Seeds 2 to 7 of the folder of a run of seeds 0 to 4, without pytest-benchmark."""
    killed(first, tmp_path, len(kinds(first.record)) - 1)
    options = ("--backend", "jax", "-k", TINY, "--seeds", "6", "--first-seed", "2", "--reuse", "-p", "no:benchmark")
    again = suite(tmp_path, *options)
    assert again.code == 0, again.output
    assert seeds_taken(again) == {variant: [2, 3, 4] for variant in ("raw", "min-max")}
    for name, then in trials(first.record).items():
        assert trials(again.record)[name][:3] == then[2:]
    assert "seeds 6 from 2 on" in again.output
    assert "reused: 6 of 12 trials are of earlier runs; this is no reproducibility check" in again.output
    assert "6 of 12 trials were taken from earlier runs" in (tmp_path / "report" / "REPORT.md").read_text("utf-8")
    assert "benchmark" not in again.output
