"""Kills its own children with -9 while they write: python -m tests.robustness.killed FOLDER SUBJECT.

A child writes two contents in turn, over and over. It is killed a few milliseconds after something in the folder has
changed, and then the folder is inspected. Some kills happen between two writes, so killing continues until enough have
happened during one. Prints one JSON object: the number of kills, how many of them left a temporary file, the most
temporary files at once, the files with neither of the two contents, and the files in the folder after one more write.
"""

from __future__ import annotations

import itertools
import json
import os
import random
import signal
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from harness.check.evidence import path_of, read, update
from harness.errors import SuiteError
from reports.write import write_report
from tests.reports.synthetic import Recorder, claim, effect
from tests.robustness.made import NAMES, evidence, variant

Write = Callable[[int], object]
KILLS = {"evidence": range(30, 1000), "report": range(12, 1000)}
"""At least the first, and fewer than the last. Writing a report takes ten times as long, and every kill strikes it."""
STRUCK = 3
"""Kills inside a write after which, and after at least the number above, it is enough."""


def stored(folder: Path) -> tuple[Path, Write, Sequence[Path]]:
    """Evidence of 150 kB, in two versions, written as --update-baselines does."""
    experiment, stack = NAMES
    path = path_of(folder, stack, experiment)
    versions = [evidence(relu=variant([0.5 + (i + first) / 7919 for i in range(8000)])) for first in (0, 1)]

    def write(index: int) -> None:
        update(path, lambda old: versions[index])

    return path.parent, write, [path]


def report(folder: Path) -> tuple[Path, Write, Sequence[Path]]:
    """A report with a figure, of two runs in turn."""
    runs = []
    for value in (0.0047, 0.0054):
        run = Recorder(folder / str(value))
        run.append(claim("deep-wins", "REFUTED", [effect("a − b", value, 0.003, 0.007)]))
        runs.append(run.end())
    out = folder / "out"

    def write(index: int) -> None:
        write_report(runs[index], out)

    apart(write, 0)
    return out, write, sorted(path for path in out.rglob("*") if path.is_file())


def apart(write: Write, index: int) -> None:
    """Writes in a child: what draws starts threads, and a process with threads cannot be forked any more."""
    child = os.fork()
    if not child:
        write(index)
        os._exit(0)
    if status := os.waitpid(child, 0)[1]:
        sys.exit(f"Writing {index} ended with {status}.")


def kill_one(folder: Path, write: Write, generator: random.Random) -> None:
    before = _state(folder)
    child = os.fork()
    if not child:
        for index in itertools.cycle((1, 0)):
            write(index)
    deadline = time.monotonic() + 30
    while _state(folder) == before and time.monotonic() < deadline:
        time.sleep(0.0001)
    time.sleep(generator.uniform(0, 0.002))
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)


def _state(folder: Path) -> list[tuple[str, int]]:
    entries = (entry for place in (folder, folder / "figures") if place.is_dir() for entry in os.scandir(place))
    found = []
    for entry in entries:
        if entry.name.endswith(".lock"):
            continue  # it comes long before the writing
        try:
            found.append((entry.name, entry.stat().st_mtime_ns))
        except FileNotFoundError:  # renamed meanwhile
            found.append((entry.name, 0))
    return sorted(found)


def temporaries(folder: Path) -> list[str]:
    return [path.name for path in folder.rglob(".*") if path.is_file() and not path.name.endswith(".lock")]


def main(folder: Path, subject: str) -> None:
    place, write, files = {"evidence": stored, "report": report}[subject](folder)
    contents: dict[Path, set[bytes]] = {path: set() for path in files}
    for index in (0, 1):
        apart(write, index)
        for path in files:
            contents[path].add(path.read_bytes())
    generator, kills, left, most, torn = random.Random(0), 0, 0, 0, []
    allowed = KILLS[subject]
    while kills < allowed.start or (left < STRUCK and kills < allowed.stop):
        kills += 1
        kill_one(place, write, generator)
        found = temporaries(place)
        left, most = left + bool(found), max(most, len(found))
        for path in files:
            if path.read_bytes() not in contents[path]:
                torn.append(path.name)
            if subject == "evidence":
                try:
                    read(path)
                except SuiteError as error:
                    torn.append(str(error))
    apart(write, 0)
    apart(write, 1)  # equal evidence is left alone
    after = sorted(path.name for path in place.rglob("*") if path.is_file())
    different = sum(len(versions) == 2 for versions in contents.values())
    print(
        json.dumps({"kills": kills, "left": left, "most": most, "torn": torn, "after": after, "different": different})
    )


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
