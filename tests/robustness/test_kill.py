"""kill -9 at any moment of a write leaves the old file or the new one, and no growing number of temporary files.

``python -m tests.robustness.test_kill FOLDER SUBJECT`` kills its own children while they write two contents in turn,
over and over: a few milliseconds after something in the folder has changed. Then it looks at the folder. Some kills
happen between two writes, so killing continues until enough have happened during one.
"""

from __future__ import annotations

import itertools
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from harness.check.evidence import path_of, read, update
from harness.errors import SuiteError
from harness.record.files import replace_file
from reports.write import write_report
from tests.reports.synthetic import Recorder, claim, effect
from tests.robustness.made import NAMES, evidence, variant
from tests.suite.command import ROOT, environment

pytestmark = pytest.mark.skipif(os.name != "posix", reason="needs fork and kill -9")
Write = Callable[[int], object]
KILLS = {"evidence": range(20, 1000), "report": range(12, 1000)}
"""At least the first, and fewer than the last. Writing a report takes ten times as long, and every kill strikes it."""
STRUCK = 3
"""Kills inside a write after which, and after at least the number above, it is enough."""
AFTER = {
    "evidence": ["deep-dropout.json"],
    "report": ["REPORT.md", "SUMMARY.md", "effects.svg", "elsewhere.md", "index.html", "report.json"],
}


def stored(folder: Path) -> tuple[Path, Write]:
    """Evidence of 150 kB, in two versions, written as --update-baselines does."""
    path = path_of(folder, *reversed(NAMES))
    versions = [evidence(relu=variant([0.5 + (i + first) / 7919 for i in range(8000)])) for first in (0, 1)]
    return path.parent, lambda index: update(path, lambda old: versions[index])


def report(folder: Path) -> tuple[Path, Write]:
    """A report with a figure, of two runs in turn."""
    runs = []
    for value in (0.0047, 0.0054):
        run = Recorder(folder / str(value))
        run.append(claim("deep-wins", "REFUTED", [effect("a − b", value, 0.003, 0.007)]))
        runs.append(run.end())
    return folder / "out", lambda index: write_report(runs[index], folder / "out")


def apart(write: Write, index: int) -> None:
    """Writes in a child: what draws starts threads, and a process with threads cannot be forked any more."""
    child = os.fork()
    if not child:
        write(index)
        os._exit(0)
    if status := os.waitpid(child, 0)[1]:
        sys.exit(f"Writing {index} ended with {status}.")


def kill_one(folder: Path, write: Write, generator: random.Random) -> None:
    before = changed(folder)
    child = os.fork()
    if not child:
        for index in itertools.cycle((1, 0)):
            write(index)
    deadline = time.monotonic() + 30
    while changed(folder) == before and time.monotonic() < deadline:
        time.sleep(0.0001)
    time.sleep(generator.uniform(0, 0.002))
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)


def changed(folder: Path) -> list[tuple[str, int]]:
    """The names and times of files, but of locks, which come long before the writing."""
    seen = []
    for place in (folder, folder / "figures"):
        for entry in os.scandir(place) if place.is_dir() else ():
            try:
                seen.append((entry.name, entry.stat().st_mtime_ns))
            except FileNotFoundError:  # renamed meanwhile
                seen.append((entry.name, 0))
    return sorted(of for of in seen if not of[0].endswith(".lock"))


def main(folder: Path, subject: str) -> None:
    place, write = {"evidence": stored, "report": report}[subject](folder)
    apart(write, 0)
    contents = {path: {path.read_bytes()} for path in place.rglob("*") if path.is_file()}
    apart(write, 1)
    for path, versions in contents.items():
        versions.add(path.read_bytes())
    generator, kills, left, most, torn = random.Random(0), 0, 0, 0, []
    while kills < KILLS[subject].start or (left < STRUCK and kills < KILLS[subject].stop):
        kills += 1
        kill_one(place, write, generator)
        temporary = [path for path in place.rglob(".*") if path.is_file() and path.suffix != ".lock"]
        left, most = left + bool(temporary), max(most, len(temporary))
        torn += [path.name for path, versions in contents.items() if path.read_bytes() not in versions]
        try:
            torn += [] if subject == "report" else [path.name for path in contents if not read(path)]
        except SuiteError as error:
            torn.append(str(error))
    apart(write, 0)
    apart(write, 1)  # equal evidence is left alone
    after = sorted(path.name for path in place.rglob("*") if path.is_file())
    different = sum(len(versions) == 2 for versions in contents.values())
    print(json.dumps({"left": left, "most": most, "torn": torn, "after": after, "different": different}))


@pytest.mark.parametrize("subject", ["evidence", pytest.param("report", marks=pytest.mark.slow)])
def test_every_file_is_the_old_or_the_new_one_and_what_is_left_goes_with_the_next_write(
    subject: str, tmp_path: Path
) -> None:
    """The kills struck in the middle, else this would say nothing."""
    command = [sys.executable, "-m", "tests.robustness.test_kill", str(tmp_path), subject]
    done = subprocess.run(command, cwd=ROOT, env=environment(), capture_output=True, encoding="utf-8", timeout=300)
    assert done.returncode == 0, done.stderr
    told, files = json.loads(done.stdout), AFTER[subject]
    assert told["left"] >= STRUCK
    assert told["most"] <= len(files)
    assert (told["torn"], told["different"], told["after"]) == ([], len(files), files)


def test_only_what_dead_processes_left_of_this_file_is_removed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    sleeper = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    monkeypatch.setattr("platform.node", lambda: "my machine")
    dead, alive, impossible = (f".x.json.mymachine.{process}.tmp" for process in (ended.pid, sleeper.pid, 10**30))
    others = [f".x.json.another.{ended.pid}.tmp", f".y.json.mymachine.{ended.pid}.tmp", ".x.json.mymachine.x.tmp",
              f"x.json.mymachine.{ended.pid}.tmp", ".x.json.mymachine.1e5.tmp"]  # fmt: skip
    for name in (dead, impossible, alive, *others):
        (tmp_path / name).touch()
    replace_file(tmp_path / "x.json", b"new")
    sleeper.communicate(b"\n")
    assert (tmp_path / "x.json").read_bytes() == b"new"
    assert {each.name for each in tmp_path.iterdir()} == {"x.json", alive, *others}
    monkeypatch.setattr("platform.node", lambda: "")  # of a machine without a name
    left = tmp_path / f".x.json.localhost.{10**30}.tmp"
    left.touch()
    replace_file(tmp_path / "x.json", b"newer")
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


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
