"""The recorded runs that a report can be made of: those of a folder of run files, or of a team's database."""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from harness.course import course
from harness.errors import SuiteError, invalid, nearest
from harness.record.run import HEAVY, Run, RunStarted, decode, parse_run, read_run
from harness.record.run_file import latest_run, run_files
from reports.folders import of_course
from reports.stored import stored_run

if TYPE_CHECKING:
    from harness.record.database import Database

EVIDENCE = "evidence:"
EXPECTED = "a run file, a run's id, the first characters of a commit, or evidence:STACK"
FEWEST_LETTERS = 4
"""Of a commit."""
LIGHT = tuple(start.encode() for start in HEAVY)


@dataclass(frozen=True)
class Runs:
    """The runs of a folder; of a database instead, if one is given."""

    folder: Path
    store: Database | None = None

    def __str__(self) -> str:
        return str(self.store or self.folder)

    def read(self, id: str | None = None) -> Run:
        """The run of this id, by default the newest one. SuiteError if there is none, or it cannot be read."""
        if self.store is None:
            return read_run(self.folder / f"{id}.jsonl" if id else latest_run(self.folder))
        name, content = self.store.read(id)
        return parse_run(content.split(b"\n")[:-1], Path(f"{name}.jsonl"))

    def of_course(self) -> Iterator[Run | str]:
        """The runs of the course of this process, without trials and claims; in place of one that cannot be read, why.

        SuiteError if there is none, or the database cannot be used.
        """
        empty = True
        for name, lines in self._light():
            try:
                run: Run | str = parse_run(lines, self.folder / f"{name}.jsonl")
            except SuiteError as error:
                run = str(error)
            if isinstance(run, str) or of_course(run.header):
                empty = False
                yield run
        if empty:
            of = "" if course().default else f" of {course().title}"
            raise SuiteError(f"No run{of} is recorded in {self}. Run `pytest suite/{course().option}` first.")

    def named(self, asked: str) -> Run:
        """The run of this id, or the course's newest run of this commit. SuiteError if there is none."""
        headers = {name: _header(next(iter(lines), b"")) for name, lines in self._light()}
        commits = {
            name: header.commit for name, header in headers.items() if header and header.commit and of_course(header)
        }
        of_commit = [name for name, commit in commits.items() if commit.startswith(asked)]
        if asked in headers:
            return self.read(asked)
        if of_commit and len(asked) >= FEWEST_LETTERS:
            return self.read(max(of_commit))
        if not headers:
            raise SuiteError(f"No run is recorded in {self}, so {asked[:80]!r} names none. Run `pytest suite/` first.")
        known = [*sorted(headers, reverse=True), *dict.fromkeys(commits.values())]
        raise invalid("run", expected=f"{EXPECTED}, of {self}", received=repr(asked[:80]), fix=nearest(asked, known))

    def _light(self) -> Iterator[tuple[str, Iterable[bytes]]]:
        """Each run's id, and its complete lines without trials and claims: to be read before the next run.

        Empty files do not count: their process was killed before it wrote the first line.
        """
        if self.store is not None:
            yield from self.store.light()
            return
        for path in run_files(self.folder):
            try:
                with path.open("rb") as file:
                    if first := file.readline():
                        lines = itertools.chain([first], file)
                        yield path.stem, (line for line in lines if line.endswith(b"\n") and not line.startswith(LIGHT))
            except OSError as error:
                raise SuiteError(f"Cannot read the run's record {path}: {error.strerror or error}.") from error


def _header(line: bytes) -> RunStarted | None:
    """None for a run that cannot be read."""
    try:
        record = decode(line)
    except ValueError:
        return None
    return record if isinstance(record, RunStarted) else None


def find(asked: str, runs: Runs, baselines: Path) -> Run:
    """The run that a word of the command line names (see EXPECTED). SuiteError if there is none, or it cannot be read.

    ``baselines``: the folder of all stacks' evidence.
    """
    if asked.startswith(EVIDENCE):
        return stored_run(baselines, asked.removeprefix(EVIDENCE))
    path = Path(asked)
    if path.suffix == ".jsonl":
        return read_run(path)
    if path.suffix == ".json" or os.path.isdir(asked):
        fix = f"Name a file in {(path.parent if path.suffix == '.json' else path) / 'runs'}."
        raise invalid("run", expected=EXPECTED, received=f"{asked[:200]}, which is a report", fix=fix)
    return runs.named(asked)
