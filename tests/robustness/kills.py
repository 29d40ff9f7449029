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
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from harness.errors import SuiteError
from harness.record.database import Database
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
LOST, TWICE, TORN, OTHER = KINDS = ("lost", "trained twice", "torn", "other reports")
"""What may be wrong: a trial is lost or trained twice, a file or a database is not whole, the report is another."""


@dataclass
class Chain:
    """What came out of one: each kill with what it interrupted, and what was wrong during and after it all.

    ``at_stake`` is the number of trials that were finished when a kill came, over all kills.
    """

    way: str
    seed: int
    store: Database
    kills: list[tuple[str, str]] = field(default_factory=list)
    at_stake: int = 0
    wrong: list[tuple[str, str]] = field(default_factory=list)

    def note(self, kind: str, texts: Iterable[object]) -> None:
        self.wrong += [(kind, str(text)) for text in texts if (kind, str(text)) not in self.wrong]

    def check(self, folder: Path, before: Files) -> Files:
        """Looks at what a kill has left; the lines of the files, of which ``before`` were there at the last."""
        files = {path: whole_lines(path) for path in run_files(folder) if path.stat().st_size}
        kept = [key for what, key in noted(folder / "witness") if what == "kept"]
        self.at_stake += len(kept)
        self.note(LOST, sorted({*kept} - {key for lines in files.values() for key in trials_of(lines)}))
        if any(files[path][: len(lines)] != lines for path, lines in before.items()):
            self.note(TORN, ["lines of a run's file have changed"])
        lines, stored = files[newest(folder)], stored_lines(self.store, folder)
        if stored not in ([], lines[: len(stored)]):
            self.note(TORN, ["the database has other lines than the run's file"])
        self.note(TORN, torn_files(folder))
        return files

    def check_end(self, folder: Path, whole: Finished, before: Files) -> None:
        """Looks at the run that was resumed for the last time, alongside the one that nobody killed."""
        path, staked = newest(folder), self.at_stake
        self.store.push_all(path.parent)  # of a run that was killed behind its end
        lines, stored = self.check(folder, before)[path], stored_lines(self.store, folder)
        self.at_stake = staked
        witnessed = noted(folder / "witness")
        kept = {key for what, key in witnessed if what == "kept"}
        self.note(LOST, sorted(kept - {*trials_of(lines)} & {*trials_of(stored)}))
        self.note(TWICE, sorted(trained_twice(witnessed)))
        self.note(TWICE, [key for key, count in Counter(trials_of(lines)).items() if count > 1])
        if not path.read_bytes().endswith(b"\n"):
            self.note(TORN, ["the last line is torn"])
        if stored != lines:
            self.note(TORN, ["the database is not the run's file"])
        names = (left.name for left in folder.rglob("*") if left.is_file())
        self.note(TORN, sorted(name for name in names if name.startswith(".") or name.endswith("-journal")))
        self.note(OTHER, different(Finished(0, "", folder), whole))


def run_files(folder: Path) -> Iterable[Path]:
    return (folder / "report" / "runs").glob("*.jsonl")


def newest(folder: Path) -> Path:
    """The newest run file, which is there once a kill has struck."""
    path = record_of(folder)
    assert path is not None
    return path


def trials_of(lines: Sequence[bytes]) -> list[Key]:
    records = [record for record in map(decode, lines) if isinstance(record, TrialDone)]
    return [(*record.key, record.trial.seed) for record in records]


def stored_lines(store: Database, folder: Path) -> list[bytes]:
    """The lines of the newest run in a database; none where it is not there yet."""
    try:
        return store.read(newest(folder).stem)[1].split(b"\n")[:-1]
    except SuiteError:
        return []


def trained_twice(witnessed: Sequence[tuple[str, Key]]) -> set[Key]:
    """The trials whose training began although they had been recorded."""
    kept, twice = set[Key](), set[Key]()
    for what, key in witnessed:
        if what == "kept":
            kept.add(key)
        elif key in kept:
            twice.add(key)
    return twice


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


def different(run: Finished, whole: Finished) -> list[str]:
    """What of the report and the trials is not as in the undisturbed run, in everything but time: the first line."""
    if not (run.folder / "report" / "REPORT.md").exists():
        return ["no REPORT.md"]
    first = []
    for name, lines in WITHOUT_TIME.items():
        pairs = itertools.zip_longest(lines(run), lines(whole))
        if pair := next((pair for pair in pairs if pair[0] != pair[1]), None):
            first.append(f"{name}: {str(pair[0])[:200]!r}, undisturbed {str(pair[1])[:200]!r}")
    return first


def _figures(run: Finished) -> list[str]:
    figures = sorted((run.folder / "report" / "figures").iterdir())
    return [line for path in figures for line in (path.name, *path.read_text("utf-8").splitlines())]


def _text(run: Finished) -> list[str]:
    return timeless_text((run.folder / "report" / "REPORT.md").read_text("utf-8"), run.record.header).splitlines()


WITHOUT_TIME: Mapping[str, Callable[[Finished], list[str]]] = {
    "report.json": lambda run: json.dumps(timeless(run.report), indent=0).splitlines(),
    "REPORT.md": _text,
    "figures": _figures,
    "trials": lambda run: [json.dumps([key, of]) for key, of in sorted(trials(run.record).items())],
}
"""The lines of what is compared."""


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
    database = Database(store)
    way = f"{workers} worker{'s' * (workers > 1)}, {database.url.get_backend_name()}"
    made, lines, code = Chain(way, seed, database), Files(), int(-signal.SIGKILL)

    def begun(*more: str) -> Watched:
        return Watched(folder, workers, "--store", store, *more)

    with contextlib.ExitStack() as running:
        run: Watched | None = None
        for strike in plan(WHOM[workers], kills, whole, random.Random(seed)):
            if run is None:
                run = running.enter_context(begun(*(["--resume"] if made.kills else [])))
            phase = run.strike(strike, whole)
            if phase is None:
                break
            made.kills.append((strike.whom, phase))
            lines = made.check(folder, lines)
            if strike.whom != "worker":
                if run.left_behind:
                    made.note(TORN, [f"{run.left_behind} processes go on without the one that was killed"])
                running.pop_all().close()
                run = None
                if not read_run(newest(folder)).open:  # killed when nothing was left to do, or to resume
                    code = 0
                    break
        if run is not None:
            code = run.process.wait(PATIENCE)
    if code in (-signal.SIGKILL, 3):  # killed, or a task was given up
        with begun("--resume") as run:
            code = run.process.wait(PATIENCE)
    if code != 0:
        made.note(TORN, [f"exit code {code}"])
    made.check_end(folder, whole.finished, lines)
    return made
