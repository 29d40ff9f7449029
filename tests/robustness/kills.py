"""Kills a run with -9 repeatedly, resumes it each time, and compares the result with an undisturbed run.

A *chain* is a run that is begun, then killed and resumed repeatedly, and at last resumed to its end. Each part has a
file of its own, which begins with the trials that it takes of the killed ones. The moments are
drawn uniformly from the time that an undisturbed run takes between its first record and the end of its process,
including its report and its push. One in five of the resumed parts is killed while it starts. A moment is recognised by
how much is recorded, so that other work on the machine does not matter.
"""

from __future__ import annotations

import contextlib
import itertools
import json
import random
import signal
import xml.etree.ElementTree as ET
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from harness.record.address import Address
from harness.record.database import Database, StoreError, push_all
from harness.record.run import TrialDone, decode, read_run, whole_lines
from tests.robustness.watched import PATIENCE, Strike, Undisturbed, Watched, record_of
from tests.robustness.witness import Key, noted
from tests.suite.command import Finished, trials
from tests.suite.timeless import timeless, timeless_text

Files = dict[Path, list[bytes]]
WHOM = {1: ("all",), 2: ("all", "controller", "worker")}
"""By the number of workers, whom the kills strike: the whole process group, or one process of it."""
AT_START = 0.2
"""The share of the kills that strike while a run starts to go on."""


@dataclass
class Chain:
    """What came out of one: each kill with what it interrupted, and what was wrong during and after it all.

    ``at_stake`` is the number of trials that were finished when a kill came, over all kills.
    """

    way: str
    seed: int
    store: Address
    kills: list[tuple[str, str]] = field(default_factory=list)
    at_stake: int = 0
    lost: set[Key] = field(default_factory=set)
    twice: set[Key] = field(default_factory=set)
    faults: list[str] = field(default_factory=list)
    differing: list[str] = field(default_factory=list)

    def check_kill(self, folder: Path, before: Files) -> Files:
        """Looks at what a kill has left; the lines of the files, of which ``before`` were there at the last."""
        kept = [key for what, key in noted(folder / "witness") if what == "kept"]
        files = files_of(folder)
        lines = whole_lines(one_record(folder))
        self.at_stake += len(kept)
        self.lost |= set(kept) - {key for each in files.values() for key in trials_of(each)}
        self.check_unchanged(files, before)
        stored = stored_lines(self.store, folder)
        if stored not in ([], lines[: len(stored)]):
            self.faults.append("the database has other lines than the run's file")
        self.faults += torn_files(folder)
        return files

    def check_unchanged(self, files: Files, before: Files) -> None:
        if any(files[path][: len(lines)] != lines for path, lines in before.items()):
            self.faults.append("lines of a run's file have changed")

    def check_end(self, folder: Path, whole: Finished, before: Files) -> None:
        """Looks at the run that was resumed for the last time, alongside the one that nobody killed."""
        path = one_record(folder)
        content, lines = path.read_bytes(), whole_lines(path)
        push_all(self.store, path.parent)  # of a run that was killed behind its end
        witnessed = noted(folder / "witness")
        kept = {key for what, key in witnessed if what == "kept"}
        stored = stored_lines(self.store, folder)
        self.lost |= kept - (trials_of(lines) & trials_of(stored))
        self.twice |= trained_twice(witnessed) | {key for key, count in Counter(_trials(lines)).items() if count > 1}
        wrong = {
            "the last line is torn": not content.endswith(b"\n"),
            "the database is not the run's file": stored != lines,
            f"left behind: {leftovers(folder)}": bool(leftovers(folder)),
        }
        self.faults += [text for text, is_so in wrong.items() if is_so] + torn_files(folder)
        self.check_unchanged(files_of(folder), before)
        self.differing = different(Finished(0, "", folder), whole)


def files_of(folder: Path) -> Files:
    """The lines of each run file that has been begun."""
    paths = (folder / "report" / "runs").glob("*.jsonl")
    return {path: whole_lines(path) for path in paths if path.stat().st_size}


def one_record(folder: Path) -> Path:
    """The newest run file, which is there once a kill has struck."""
    path = record_of(folder)
    assert path is not None
    return path


def trained_twice(witnessed: Sequence[tuple[str, Key]]) -> set[Key]:
    """The trials whose training began although they had been recorded."""
    kept, twice = set[Key](), set[Key]()
    for what, key in witnessed:
        if what == "kept":
            kept.add(key)
        elif key in kept:
            twice.add(key)
    return twice


def _trials(lines: Sequence[bytes]) -> list[Key]:
    records = [one for one in map(decode, lines) if isinstance(one, TrialDone)]
    return [(*one.key, one.trial.seed) for one in records]


def trials_of(lines: Sequence[bytes]) -> set[Key]:
    return set(_trials(lines))


def stored_lines(store: Address, folder: Path) -> list[bytes]:
    """The lines of the newest run in a database; none where the database has not been made yet."""
    with contextlib.closing(Database(store)) as database:
        try:
            return database.content(one_record(folder).stem).split(b"\n")[:-1]
        except StoreError:
            return []


def torn_files(folder: Path) -> list[str]:
    """The files of a report that are not whole."""
    torn = []
    for path in (folder / "report").rglob("*"):
        content = (
            path.read_bytes() if path.suffix in (".json", ".svg", ".md") and not path.name.startswith(".") else b""
        )
        try:
            if path.name == "report.json":
                json.loads(content)
            elif path.suffix == ".svg":
                ET.fromstring(content)
            elif path.suffix == ".md" and not content.endswith(b"\n"):
                raise ValueError("no last line")
        except (ValueError, ET.ParseError):
            torn.append(f"{path.name} is torn")
    return torn


def leftovers(folder: Path) -> list[str]:
    """Locks, temporary files, journals of a database."""
    found = (path.name for path in folder.rglob("*") if path.is_file())
    return sorted(name for name in found if name.startswith(".") or name.endswith("-journal"))


def different(run: Finished, whole: Finished) -> list[str]:
    """What of the report and the trials is not as in the undisturbed run, in everything but time: the first line."""
    if not (run.folder / "report" / "REPORT.md").exists():
        return ["no REPORT.md"]
    found = []
    for name, lines in WITHOUT_TIME.items():
        for ours, theirs in itertools.zip_longest(lines(run), lines(whole)):
            if ours != theirs:
                found.append(f"{name}: {str(ours)[:200]!r}, undisturbed {str(theirs)[:200]!r}")
                break
    return found


def _figures(run: Finished) -> list[str]:
    figures = sorted((run.folder / "report" / "figures").iterdir())
    return [line for path in figures for line in (path.name, *path.read_text("utf-8").splitlines())]


def _text(run: Finished) -> list[str]:
    return timeless_text((run.folder / "report" / "REPORT.md").read_text("utf-8"), run.record.header).splitlines()


def _trials_by_seed(run: Finished) -> list[str]:
    return [json.dumps([key, of]) for key, of in sorted(trials(run.record).items())]


WITHOUT_TIME: Mapping[str, Callable[[Finished], list[str]]] = {
    "report.json": lambda run: json.dumps(timeless(run.report), indent=0).splitlines(),
    "REPORT.md": _text,
    "figures": _figures,
    "trials": _trials_by_seed,
}


def plan(whom: Sequence[str], kills: int, whole: Undisturbed, generator: random.Random) -> list[Strike]:
    """The kills of a chain. None comes before the first record: there is nothing to lose yet, or to resume."""
    moments = iter(sorted(generator.uniform(0, whole.whole) for _ in range(kills)))
    strikes = []
    for index in range(kills):
        victim, at_start = generator.choice(whom), bool(index) and generator.random() < AT_START
        second = generator.uniform(0, whole.start) if at_start else next(moments)
        strikes.append(Strike(victim, at_start, second))
    return strikes


def chain(folder: Path, whole: Undisturbed, workers: int, store: str, kills: int, seed: int) -> Chain:
    """Kills and resumes a run in ``folder``, as often as said or until it has ended, and checks what comes out."""
    address = Address(store)
    way = f"{workers} worker{'s' * (workers > 1)}, {address.url.get_backend_name()}"
    found, lines, code = Chain(way, seed, address), Files(), int(-signal.SIGKILL)

    def begun(*more: str) -> Watched:
        return Watched(folder, workers, "--store", store, *more)

    with contextlib.ExitStack() as running:
        run: Watched | None = None
        for strike in plan(WHOM[workers], kills, whole, random.Random(seed)):
            if run is None:
                run = running.enter_context(begun(*(["--resume"] if found.kills else [])))
            phase = run.strike(strike, whole)
            if phase is None:
                break
            found.kills.append((strike.whom, phase))
            lines = found.check_kill(folder, lines)
            if strike.whom != "worker":
                if run.left_behind:
                    found.faults.append(f"{run.left_behind} processes go on without the one that was killed")
                running.pop_all().close()
                run = None
                if not read_run(one_record(folder)).open:  # killed when nothing was left to do, or to resume
                    code = 0
                    break
        if run is not None:
            code = run.process.wait(PATIENCE)
    if code in (-signal.SIGKILL, 3):  # killed, or a task was given up
        with begun("--resume") as run:
            code = run.process.wait(PATIENCE)
    if code != 0:
        found.faults.append(f"exit code {code}")
    found.check_end(folder, whole.finished, lines)
    return found
