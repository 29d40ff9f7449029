"""kill -9 at any moment of a write leaves the old file or the new one, and no growing number of temporary files."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from harness.record.files import replace_file
from tests.robustness.killed import KILLS, STRUCK
from tests.suite.command import ROOT, environment

pytestmark = pytest.mark.skipif(os.name != "posix", reason="needs fork and kill -9")
AFTER = {
    "evidence": ["deep-dropout.json"],
    "report": [
        "REPORT.md",
        "SUMMARY.md",
        "effects.svg",
        "elsewhere.md",
        "index.html",
        "report.json",
    ],
}


@pytest.fixture(scope="module", params=["evidence", pytest.param("report", marks=pytest.mark.slow)])
def killed(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What a dozen kills or more left of a file of evidence, and of a report."""
    folder = tmp_path_factory.mktemp("killed")
    done = subprocess.run(
        [sys.executable, "-m", "tests.robustness.killed", str(folder), request.param],
        cwd=ROOT,
        env=environment(),
        capture_output=True,
        encoding="utf-8",
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    return {"subject": request.param, **json.loads(done.stdout)}


def test_every_file_is_the_old_or_the_new_one(killed: dict[str, Any]) -> None:
    assert killed["torn"] == []


def test_the_kills_struck_in_the_middle(killed: dict[str, Any]) -> None:
    """Else the other tests of this module would say nothing."""
    assert killed["kills"] >= KILLS[killed["subject"]].start
    assert killed["left"] >= STRUCK
    assert killed["different"] == len(AFTER[killed["subject"]])


def test_what_is_left_goes_with_the_next_write(killed: dict[str, Any]) -> None:
    assert killed["most"] <= len(AFTER[killed["subject"]])
    assert killed["after"] == AFTER[killed["subject"]]


@pytest.fixture
def sleeper() -> Iterator[int]:
    """A process that lives as long as the test."""
    process = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    yield process.pid
    process.communicate(b"\n")


def test_only_what_dead_processes_left_of_this_file_is_removed(
    tmp_path: Path, sleeper: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    path = tmp_path / "x.json"
    monkeypatch.setattr("platform.node", lambda: "my machine")
    dead, alive = (f".x.json.mymachine.{process}.tmp" for process in (ended.pid, sleeper))
    others = [f".x.json.another.{ended.pid}.tmp", f".y.json.mymachine.{ended.pid}.tmp", ".x.json.mymachine.x.tmp",
              f"x.json.mymachine.{ended.pid}.tmp", ".x.json.mymachine.1e5.tmp"]  # fmt: skip
    for name in (dead, alive, *others):
        (tmp_path / name).touch()
    replace_file(path, b"new")
    assert path.read_bytes() == b"new"
    assert {each.name for each in tmp_path.iterdir()} == {path.name, alive, *others}


def test_an_impossible_process_number_is_a_dead_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("platform.node", lambda: "")
    left = tmp_path / f".x.json.localhost.{10**30}.tmp"
    left.touch()
    replace_file(tmp_path / "x.json", b"new")
    assert not left.exists()


def test_a_new_file_has_the_modes_of_the_user(tmp_path: Path) -> None:
    mask = os.umask(0o027)
    try:
        replace_file(tmp_path / "x.json", b"new")
    finally:
        os.umask(mask)
    assert (tmp_path / "x.json").stat().st_mode & 0o777 == 0o640


@pytest.mark.skipif(shutil.which("git") is None or not (ROOT / ".git").exists(), reason="needs a git checkout")
@pytest.mark.parametrize(("name", "ignored"), [(".a.json.host.12.tmp", 0), (".a.json.lock", 0), ("a.json", 1)])
def test_git_does_not_see_what_a_kill_leaves(name: str, ignored: int) -> None:
    asked = ["git", "check-ignore", "-q", f"baselines/jax-cpu/{name}"]
    assert subprocess.run(asked, cwd=ROOT, check=False).returncode == ignored
