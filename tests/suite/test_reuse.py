"""``--reuse``: a trial is reused only with this option, and only if nothing that decides its result has changed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from harness.domain.trial import Trial
from harness.record.run import RunStarted, TrialDone
from harness.record.run_file import RunFile, new_id
from suite.session import trial_cache
from suite.session.trial_cache import TrialCache
from tests.suite.command import PLAIN, TINY, Finished, lines, suite, trials

JAX = ("--backend", "jax", "-k", TINY)
PRINT = {"backend": "jax", "threads": 2}


def record(folder: Path, name: str, seeds: tuple[int, ...], **changes: Any) -> None:
    """Writes the file of a run with trials of variant "v" of experiment "e", of definition "d"."""
    how = {"fingerprint": PRINT, "source": trial_cache.source(), "engine": "auto"} | changes
    header = RunStarted(id=name, started=name, command="pytest", full=True, backend="jax", stack="jax-cpu", **how)
    file = RunFile.begin(folder, header)
    for seed in seeds:
        file.append(TrialDone(experiment="e", definition="d", trial=Trial("v", seed, {"accuracy": seed + 0.5})))
    file.close()


def found(folder: Path, *seeds: int, definition: str = "d", fingerprint: dict[str, Any] = PRINT) -> dict[int, str]:
    """The id of the run that trained each seed."""
    trials = TrialCache(folder, fingerprint, "auto")
    return {seed: run for seed, (_, run) in trials.find("e", "v", definition, seeds).items()}


def test_trials_are_found_over_several_runs_the_newest_first(tmp_path: Path) -> None:
    record(tmp_path, "2026-01", (0, 1, 2))
    record(tmp_path, "2026-02", (2, 3))
    assert found(tmp_path, 0, 2, 3, 4) == {0: "2026-01", 2: "2026-02", 3: "2026-02"}


@pytest.mark.parametrize(
    "changes",
    [{"fingerprint": PRINT | {"threads": 1}}, {"source": "0" * 16}, {"engine": "compiled"}],
)
def test_a_run_elsewhere_or_of_other_training_code_has_none(changes: dict[str, Any], tmp_path: Path) -> None:
    record(tmp_path, "2026-01", (0, 1), **changes)
    assert found(tmp_path, 0, 1) == {}


def test_another_definition_is_another_trial(tmp_path: Path) -> None:
    record(tmp_path, "2026-01", (0, 1))
    assert found(tmp_path, 0, 1, definition="other") == {}


def test_damaged_files_have_none(tmp_path: Path) -> None:
    record(tmp_path, "2026-01", (0, 1))
    (tmp_path / "2026-02.jsonl").write_bytes(b"\xff\xfe{")
    (tmp_path / "2026-03.jsonl").write_text("[]\n")
    (tmp_path / "2026-04.jsonl").write_text("")
    text = (tmp_path / "2026-01.jsonl").read_text()
    good = text.splitlines()
    broken = [good[0].replace("2026-01", "2026-05"), "{}", '{"kind": "trial"}', good[1][:-9], good[2]]
    (tmp_path / "2026-05.jsonl").write_text("\n".join([*broken, ""]))
    assert found(tmp_path, 0, 1) == {0: "2026-01", 1: "2026-05"}


def test_the_source_is_that_of_the_training_code(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "__init__.py").write_text("")
        (tmp_path / name / "engine.py").write_text("rate = 1" if name == "a" else "rate = 2")
    seen = set()
    for name in ("a", "b", "a"):
        monkeypatch.setattr(trial_cache.harness, "__file__", str(tmp_path / name / "__init__.py"))
        trial_cache.source.cache_clear()
        seen.add(trial_cache.source())
    trial_cache.source.cache_clear()
    assert len(seen) == 2


@pytest.fixture(scope="module")
def before(tmp_path_factory: pytest.TempPathFactory) -> Finished:
    """A run of seeds 1 to 5."""
    return suite(tmp_path_factory.mktemp("reuse"), *JAX, "--seeds", "5", "--first-seed", "1")


@pytest.fixture(scope="module")
def after(before: Finished) -> Finished:
    """A run of seeds 0 to 6 in the same folder, with --reuse and without pytest-benchmark."""
    plugins = (*PLAIN, "-p", "no:benchmark")
    assert before.record
    return suite(before.folder, *JAX, "--seeds", "7", "--reuse", plugins=plugins)


def test_the_first_seed_shifts_the_seeds(before: Finished) -> None:
    assert before.code == 0
    assert all([trial.seed for trial in done] == [1, 2, 3, 4, 5] for done in before.record.trials.values())
    assert "seeds 5 from 1 on" in before.output


def test_what_is_there_is_not_trained_again(after: Finished, before: Finished) -> None:
    assert after.code == 0
    taken = [line for line in lines(after.record) if line["kind"] == "trial" and line["reused"]]
    seeds = sorted((line["trial"]["variant"], line["trial"]["seed"]) for line in taken)
    assert seeds == sorted((variant, seed) for variant in ("raw", "min-max") for seed in range(1, 6))
    assert {line["reused"] for line in taken} == {before.record.header.id}


def test_reused_trials_are_those_of_then(after: Finished, before: Finished) -> None:
    then, now = trials(before.record), trials(after.record)
    for name, old in then.items():
        assert [trial for trial in now[name] if 1 <= trial["seed"] <= 5] == old
    assert all(sorted(trial["seed"] for trial in done) == list(range(7)) for done in now.values())


def test_it_is_called_no_reproducibility_check(after: Finished) -> None:
    assert "reused: 10 of 14 trials are of earlier runs; this is no reproducibility check" in after.output
    text = (after.folder / "report" / "REPORT.md").read_text("utf-8")
    assert "10 of 14 trials were taken from earlier runs" in text
    assert "- 14 trials to the end in " in text
    assert after.report.run.reuse is True
    assert {training.reused for training in after.report.trainings} == {5}


def test_it_runs_without_pytest_benchmark(after: Finished) -> None:
    assert "benchmark" not in after.output
    assert "warning" not in after.output.lower()


def test_ids_sort_by_start_even_if_the_clock_goes_back(tmp_path: Path) -> None:
    import datetime

    now = datetime.datetime(2026, 11, 24, 2, 0, tzinfo=datetime.UTC)
    first = new_id(tmp_path, now, 7)
    (tmp_path / f"{first}.jsonl").touch()
    ids = [first]
    for hours in (1, -5, -5, 2, -20000):
        ids.append(new_id(tmp_path, now + datetime.timedelta(hours=hours), 7))
        (tmp_path / f"{ids[-1]}.jsonl").touch()
    (tmp_path / "zzz of somebody else.jsonl").touch()
    ids += ["zzz of somebody else", new_id(tmp_path, now, 7)]
    assert ids == sorted(ids)
    assert len(set(ids)) == len(ids)
