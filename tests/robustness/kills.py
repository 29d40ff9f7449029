"""Kills a run with -9 repeatedly, resumes it each time, and compares the result with an undisturbed run.

A *chain* is a run that is begun, then killed and resumed repeatedly, and at last resumed to its end. Each part has a
file of its own, which begins with the trials that it takes of the killed ones. The moments are drawn uniformly from the
time that an undisturbed run takes between its first record and the end of its process, including its report and its
push. One in five of the resumed parts is killed while it starts. A moment is recognised by how much is recorded, so
that other work on the machine does not matter.

``python -m tests.robustness.kills --kills 50`` measures how many trials are lost. Runs have one process or two workers,
and push to SQLite or to a PostgreSQL server of their own; each of the four combinations gets a quarter of the kills. It
prints a table and every error; the exit status is 1 if there was one.
"""

from __future__ import annotations

import argparse
import contextlib
import itertools
import json
import random
import signal
import sys
import tempfile
import time
import xml.etree.ElementTree as ET
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tabulate import tabulate

from harness.errors import SuiteError
from harness.record.database import Database
from harness.record.run import TrialDone, decode, read_run, whole_lines
from tests.postgresql import ADVICE, Server, programs
from tests.robustness.watched import PATIENCE, Strike, Undisturbed, Watched, record_of, undisturbed
from tests.robustness.witness import Key, noted
from tests.suite.command import Finished, trials
from tests.suite.timeless import timeless, timeless_text

Files = dict[Path, list[bytes]]
WHOM = {1: ("all",), 2: ("all", "controller", "worker")}
"""By the number of workers, whom the kills strike: the whole process group, or one process of it."""
AT_START = 0.2
"""The share of the kills that strike while a run starts to go on."""
EACH = 6
"""Kills in a chain, at most."""
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

    @property
    def problems(self) -> list[str]:
        """In words, with what repeats the chain's kills."""
        return [f"{self.way}, seed {self.seed}: {kind}: {text}" for kind, text in self.wrong]

    def note(self, kind: str, texts: Iterable[object]) -> None:
        self.wrong += [(kind, str(text)) for text in texts if (kind, str(text)) not in self.wrong]

    def check(self, folder: Path, before: Files) -> Files:
        """Looks at what a kill has left; the lines of the files, of which ``before`` were there at the last."""
        paths = (folder / "report" / "runs").glob("*.jsonl")
        files = {path: whole_lines(path) for path in paths if path.stat().st_size}
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
    with contextlib.suppress(SuiteError):
        return store.read(newest(folder).stem)[1].split(b"\n")[:-1]
    return []


def trained_twice(witnessed: Sequence[tuple[str, Key]]) -> set[Key]:
    """The trials whose training began although they had been recorded."""
    kept, twice = set[Key](), set[Key]()
    for what, key in witnessed:
        (kept if what == "kept" else twice if key in kept else set()).add(key)
    return twice


def torn_files(folder: Path) -> list[str]:
    """The files of a report that are not whole."""
    torn = []
    for path in (folder / "report").rglob("[!.]*"):
        try:
            if path.name == "report.json":
                json.loads(path.read_bytes())
            elif path.suffix == ".svg":
                ET.fromstring(path.read_bytes())
            elif path.suffix == ".md" and not path.read_bytes().endswith(b"\n"):
                raise ValueError("no last line")
        except (ValueError, ET.ParseError):
            torn.append(f"{path.name} is torn")
    return torn


def contents(run: Finished) -> dict[str, list[str]]:
    """The lines of its report and trials, without what depends on the clock."""
    report = run.folder / "report"
    figures = {path.name: path.read_text("utf-8").splitlines() for path in sorted((report / "figures").iterdir())}
    return figures | {
        "report.json": json.dumps(timeless(run.report), indent=0).splitlines(),
        "REPORT.md": timeless_text((report / "REPORT.md").read_text("utf-8"), run.record.header).splitlines(),
        "trials": [json.dumps([key, of]) for key, of in sorted(trials(run.record).items())],
    }


def different(run: Finished, whole: Finished) -> list[str]:
    """What of the report and the trials is not as in the undisturbed run: the first line of each part."""
    if not (run.folder / "report" / "REPORT.md").exists():
        return ["no REPORT.md"]
    ours, theirs, first = contents(run), contents(whole), []
    for name in {**ours, **theirs}:
        pairs = itertools.zip_longest(ours.get(name, ()), theirs.get(name, ()))
        if pair := next((pair for pair in pairs if pair[0] != pair[1]), None):
            first.append(f"{name}: {str(pair[0])[:200]!r}, undisturbed {str(pair[1])[:200]!r}")
    return first


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
    with contextlib.ExitStack() as running:
        run: Watched | None = None
        for strike in plan(WHOM[workers], kills, whole, random.Random(seed)):
            if run is None:
                more = ["--resume"] if made.kills else []
                run = running.enter_context(Watched(folder, workers, "--store", store, *more))
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
        with Watched(folder, workers, "--store", store, "--resume") as run:
            code = run.process.wait(PATIENCE)
    if code != 0:
        made.note(TORN, [f"exit code {code}"])
    made.check_end(folder, whole.finished, lines)
    return made


def sqlite(folder: Path) -> str:
    return f"sqlite:///{folder}/store.sqlite"


def measure(
    folder: Path, workers: int, stores: Mapping[str, Callable[[Path], str]], kills: int, seed: int
) -> list[Chain]:
    """Chains, until there are so many kills for each store: a function that gives the URL of a new one."""
    chains: list[Chain] = []
    whole = undisturbed(folder / "undisturbed", workers)
    for name, new in stores.items():
        struck = 0
        while struck < kills:
            place = folder / f"{name} {len(chains)}"
            place.mkdir(parents=True)
            made = chain(place, whole, workers, new(place), min(kills - struck, EACH), seed + len(chains))
            chains.append(made)
            struck += len(made.kills)
            print(f"{made.way}, seed {made.seed}: {made.kills} {made.problems}", file=sys.stderr, flush=True)
    return chains


def table(chains: Sequence[Chain]) -> str:
    """A row for each way."""

    def counted(words: Iterable[str]) -> str:
        return ", ".join(f"{word} {count}" for word, count in sorted(Counter(words).items()))

    rows = []
    for way in dict.fromkeys(each.way for each in chains):
        those = [each for each in chains if each.way == way]
        kills = [kill for each in those for kill in each.kills]
        whom, phases = (counted(words) for words in zip(*kills, strict=True))
        wrong = Counter(kind for each in those for kind, _ in each.wrong)
        staked = sum(each.at_stake for each in those)
        rows.append([way, len(kills), whom, phases, len(those), staked, *(wrong[kind] for kind in KINDS)])
    return tabulate(rows, ("", "kills", "of", "while it", "chains", "finished before", *KINDS))


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.robustness.kills", description=__doc__)
    parser.add_argument("--kills", type=int, default=50, help="in all (default: 50)")
    parser.add_argument("--seed", type=int, default=int(time.time()), help="of the moments (default: of the clock)")
    asked = parser.parse_args(arguments)
    where = programs()
    if where is None:
        parser.error(ADVICE)
    server, chains = Server(where), list[Chain]()
    try:
        with tempfile.TemporaryDirectory() as folder:
            stores = {"sqlite": sqlite, "postgresql": lambda _: server.new()}
            for workers in (1, 2):
                chains += measure(Path(folder) / str(workers), workers, stores, -(-asked.kills // 4), asked.seed)
    finally:
        server.remove()
    print(table(chains))
    wrong = [problem for each in chains for problem in each.problems]
    print("\n".join(wrong or ["nothing was wrong"]))
    return int(bool(wrong))


if __name__ == "__main__":
    sys.exit(main())
