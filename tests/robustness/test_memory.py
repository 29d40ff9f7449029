"""A trial for which memory does not suffice: its claims are NOT_RUN and red, all others are decided."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from tests.robustness import hungry
from tests.robustness.conftest import JAX
from tests.robustness.watched import TWO_WORKERS
from tests.suite.command import PLAIN, TINY, Finished, suite

CHOSEN = f"{TINY} or scale-gap-hurts"
pytestmark = pytest.mark.slow
NEEDY = {"raw-data-diverges", "minmax-fixes-divergence"}


def run(folder: Path, way: str, *options: str, plugins: tuple[str, ...] = PLAIN) -> Finished:
    chosen = (*JAX, "-k", CHOSEN, "-p", "tests.robustness.hungry", *options)
    return suite(folder, *chosen, plugins=plugins, env={hungry.WAY: way})


def check(done: Finished, said: str) -> None:
    assert done.code == 3, done.output  # nothing has moved: it could not be run
    assert {key for key, verdict in done.verdicts.items() if verdict == "NOT_RUN"} == NEEDY
    assert {*done.verdicts} == {*done.record.header["planned"]} > NEEDY
    assert done.red == {*NEEDY, f"{hungry.EXPERIMENT}/{hungry.VARIANT}"}
    assert all(said in claim["reason"] for claim in done.report["claims"] if claim["key"] in NEEDY)
    assert done.report["run"]["partial"] is False


def test_memory_that_is_refused(tmp_path: Path) -> None:
    check(run(tmp_path, "refused"), "RESOURCE_EXHAUSTED: Out of memory allocating")


def test_a_device_that_disappears(tmp_path: Path) -> None:
    """The finished block of sixteen seeds is kept; --resume trains the fourteen that are missing."""
    key = (hungry.EXPERIMENT, hungry.VARIANT)
    many = ("--seeds", "30")
    done = run(tmp_path, "gone", *many)
    check(done, "The device failed while it trained seeds 16 to 29; 16 of 30 seeds are finished and kept.")
    assert [trial.seed for trial in done.record.trials[key]] == list(range(16))
    resumed = suite(tmp_path, *JAX, "-k", CHOSEN, *many, "--resume", plugins=PLAIN)
    assert resumed.code == 0
    assert [trial.seed for trial in resumed.record.trials[key]] == list(range(30))
    assert "NOT_RUN" not in resumed.verdicts.values()


def test_workers_that_the_system_kills(tmp_path: Path) -> None:
    """Two die of the same trial; the third does not try it. With memory enough --resume goes on."""
    junit = tmp_path / "junit.xml"
    done = run(tmp_path, "killed", "--junitxml", str(junit), plugins=TWO_WORKERS)
    check(done, "2 workers died one after the other while they trained seed 0. If memory ran out")
    assert "their worker died, and they were run again: " in done.output
    assert " passed, 2 worker died in " in done.output
    cases = list(ET.parse(junit).getroot().iter("testcase"))
    assert [case.find("skipped") is not None for case in cases].count(True) == 2
    assert all(case.get("name") for case in cases)
    resumed = suite(tmp_path, *JAX, "-k", CHOSEN, "--resume", plugins=TWO_WORKERS)
    assert resumed.code == 0
    assert {*resumed.verdicts} == {*done.verdicts}
    assert "NOT_RUN" not in resumed.verdicts.values()


@pytest.mark.slow
def test_a_claim_of_which_every_worker_dies(tmp_path: Path) -> None:
    """Nothing tells that it would; it is tried three times."""
    done = run(tmp_path, "exact", plugins=TWO_WORKERS)
    assert done.code == 3
    assert {key for key, verdict in done.verdicts.items() if verdict == "NOT_RUN"} == {hungry.CLAIM}
    assert {*done.verdicts} == {*done.record.header["planned"]}
    assert f"ERROR: their worker died, and they have no result: {hungry.CLAIM}" in done.output
    (claim,) = [claim for claim in done.report["claims"] if claim["key"] == hungry.CLAIM]
    assert claim["reason"] == "The worker that was to decide it died."
