"""`--resume`: a killed run goes on in its own file, trains nothing twice, and ends like an undisturbed run."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from harness.errors import SuiteError
from harness.record.run import RunEnded, RunStarted, encode, read_run
from harness.record.run_file import latest_run, locked
from suite.session import resume
from tests.suite.command import TINY, Finished, kinds, lines, suite, trials
from tests.suite.conftest import JAX
from tests.suite.timeless import timeless

SAME = ("--seeds", "5", "-k", TINY)
JAX_CHOSEN = {"KERAS_BACKEND": "jax"}


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


@pytest.fixture(scope="module")
def resumed(first: Finished, tmp_path_factory: pytest.TempPathFactory) -> Finished:
    """The run ``first``, killed while it wrote its seventh trial (of the second variant), then resumed."""
    folder = tmp_path_factory.mktemp("resumed")
    killed(first, folder, nth_trial(first, 6), torn=100)
    return suite(folder, *SAME, "--resume", env=JAX_CHOSEN)


def test_it_goes_on_in_the_same_file(resumed: Finished, first: Finished) -> None:
    assert resumed.code == 0
    (path,) = (resumed.folder / "report" / "runs").iterdir()
    assert path.stem == first.record.header.id
    assert resumed.record.header == first.record.header
    assert kinds(resumed.record).count("resumed") == 1
    assert f"resumed: the run {path.stem}" in resumed.output


def test_nothing_is_trained_twice(resumed: Finished, first: Finished) -> None:
    assert kinds(resumed.record).count("trial") == kinds(first.record).count("trial") == 10
    assert trials(resumed.record) == trials(first.record)


def test_the_report_is_that_of_an_undisturbed_run(resumed: Finished, first: Finished) -> None:
    assert timeless(resumed.report) == timeless(first.report)
    figures = {path.name: path.read_bytes() for path in (first.folder / "report" / "figures").iterdir()}
    assert figures == {path.name: path.read_bytes() for path in (resumed.folder / "report" / "figures").iterdir()}


def test_a_finished_run_cannot_be_resumed_again(resumed: Finished) -> None:
    """The second command also removes a lock that a killed process left."""
    left = resumed.record.path.with_name(f".{resumed.record.path.stem}.lock")
    left.touch()
    again = suite(resumed.folder, *SAME, "--resume", env=JAX_CHOSEN)
    assert again.code == 4
    (error,) = [line for line in again.output.splitlines() if line.startswith("ERROR: ")]
    assert "none was killed or interrupted" in error
    assert not left.exists()


def test_another_run_is_refused_with_the_differences(first: Finished, tmp_path: Path) -> None:
    path = killed(first, tmp_path, 5)
    before = path.read_bytes()
    refused = suite(tmp_path, "--backend", "jax", "--seeds", "6", "-k", "raw-data", "--resume")
    assert refused.code == 4
    assert "seeds: then 5, now 6" in refused.output
    assert "claims: now without minmax-fixes-divergence" in refused.output
    assert "Its command was: pytest suite/" in refused.output
    assert path.read_bytes() == before


def test_a_run_that_is_going_on_is_left_alone(first: Finished, tmp_path: Path) -> None:
    path = killed(first, tmp_path, 5)
    before = path.read_bytes()
    lock = locked(path)
    refused = suite(tmp_path, *JAX, "-k", TINY, "--resume")
    lock.release()
    assert refused.code == 4
    assert f"ERROR: The run {path.stem} is still going on" in refused.output
    assert path.read_bytes() == before


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"full": False}, "full: then True, now False"),
        ({"first_seed": 3}, "first_seed: then 0, now 3"),
        ({"backend": "torch", "stack": "t"}, "backend: then jax, now torch; stack: then jax-cpu, now t. "),
        ({"engine": "fit"}, "engine: then auto, now fit"),
        ({"precision": "highest"}, "precision: then default, now highest"),
        ({"source": "0"}, "source of the training code: then "),
        ({"planned": ()}, "claims: now without minmax-"),
        ({"selected": "0"}, "other items are selected"),
        ({"reuse": True}, "reuse: then False, now True"),
    ],
)  # fmt: skip
def test_each_difference_is_named(changes: dict[str, Any], text: str, first: Finished, tmp_path: Path) -> None:
    path = killed(first, tmp_path, 5)
    header = read_run(path).header
    resume.check(path, header, with_commit=False)
    with pytest.raises(SuiteError, match="this would be another one") as refused:
        resume.check(path, replace(header, **changes), with_commit=False)
    assert text in str(refused.value)


def test_another_number_of_processes_goes_on(first: Finished, tmp_path: Path) -> None:
    """The number of processes does not change a trial. The threads of a process are in the fingerprint."""
    path = killed(first, tmp_path, 5)
    resume.check(path, replace(read_run(path).header, workers=7), with_commit=False)


def test_another_fingerprint_names_the_difference(first: Finished, tmp_path: Path) -> None:
    path = killed(first, tmp_path, 5)
    header = read_run(path).header
    with pytest.raises(SuiteError, match=r"fingerprint, keras: then 3\.\S+, now 4\.0\. Its command"):
        resume.check(path, replace(header, fingerprint=header.fingerprint | {"keras": "4.0"}), with_commit=False)


def test_baselines_of_two_commits_are_not_stored_as_one(first: Finished, tmp_path: Path) -> None:
    path = killed(first, tmp_path, 5)
    another = replace(read_run(path).header, commit="another")
    resume.check(path, another, with_commit=False)
    with pytest.raises(SuiteError, match="commit: then "):
        resume.check(path, another, with_commit=True)


def other_definition(record: dict[str, Any]) -> None:
    record["definition"] = "0" * 16


def gone(record: dict[str, Any]) -> None:
    record["trial"]["variant"] = "gone"


def other_size(record: dict[str, Any]) -> None:
    record["size"]["epochs"] = 11


def other_name(record: dict[str, Any]) -> None:
    record["id"] = "gone"


@pytest.mark.parametrize(
    ("kind", "change", "text"),
    [
        ("trial", other_definition, "example-2/raw: another definition"),
        ("trial", gone, "example-2/gone: another definition"),
        ("experiment", other_size, "experiment example-2: its declaration has changed"),
        ("experiment", other_name, "experiment gone: its declaration has changed"),
    ],
)
def test_a_changed_declaration_is_another_run(
    kind: str, change: Callable[[dict[str, Any]], None], text: str, first: Finished, tmp_path: Path
) -> None:
    path = killed(first, tmp_path, nth_trial(first, 1))
    records = lines(read_run(path))
    for record in records:
        if record["kind"] == kind:
            change(record)
    path.write_text("".join(json.dumps(record) + "\n" for record in records), "utf-8")
    with pytest.raises(SuiteError, match=text):
        resume.check(path, read_run(path).header, with_commit=False)


def write(folder: Path, name: str, *ends: RunEnded) -> Path:
    header = RunStarted(
        id=name,
        started=name,
        command="pytest",
        full=True,
        backend="jax",
        engine="auto",
        fingerprint={},
        stack="jax-cpu",
    )
    path = folder / f"{name}.jsonl"
    path.write_bytes(b"".join(encode(record) + b"\n" for record in (header, *ends)))
    return path


def ended(exit_status: int = 0, **how: bool) -> RunEnded:
    return RunEnded(exit_status=exit_status, seconds=1.0, **how)


def test_the_newest_run_without_an_end_is_found(tmp_path: Path) -> None:
    first = write(tmp_path, "2026-01")
    second = write(tmp_path, "2026-02", ended(2, interrupted=True))
    write(tmp_path, "2026-03", ended(1, reported=True))
    (tmp_path / "2026-04.jsonl").write_text("")
    assert resume.find(tmp_path, "") == second
    assert resume.find(tmp_path, "2026-01") == resume.find(tmp_path, str(first)) == first
    with pytest.raises(SuiteError, match="2026-03 reached its end"):
        resume.find(tmp_path, "2026-03")
    with pytest.raises(SuiteError, match=r"Expected: a run in .+ Received: '2026-05'\. Did you mean"):
        resume.find(tmp_path, "2026-05")


@pytest.mark.parametrize(
    ("end", "is_open"),
    [
        (ended(0, reported=False), True),  # killed while it wrote its report
        (ended(3, reported=True), True),  # something could not be run
        (ended(2, reported=True, interrupted=True), True),
        (ended(1, reported=True), False),
        (ended(0, reported=True), False),
    ],
)
def test_what_is_left_to_do(end: RunEnded, is_open: bool, tmp_path: Path) -> None:
    path = write(tmp_path, "2026-01", end)
    if is_open:
        assert resume.find(tmp_path, "2026-01") == resume.find(tmp_path, "") == path
    else:
        with pytest.raises(SuiteError, match="reached its end"):
            resume.find(tmp_path, "2026-01")


def test_no_run_at_all(tmp_path: Path) -> None:
    with pytest.raises(SuiteError, match="none was killed or interrupted"):
        resume.find(tmp_path, "")
    with pytest.raises(SuiteError, match="No run is recorded"):
        resume.find(tmp_path, "suite/")
