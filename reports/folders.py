"""The report folder: how a file is written to it, completely or not at all, and the recorded runs that it holds.

Instead of a folder's runs, those of a team's database can be read.
"""

from __future__ import annotations

import itertools
import os
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from harness.course import Course, course
from harness.errors import SuiteError, invalid, nearest
from harness.record.files import replace_files
from harness.record.run import HEAVY, Run, RunStarted, decode, parse_run, read_run
from harness.record.run_file import latest_run, run_files

if TYPE_CHECKING:
    from harness.record.database import Database

OUT = Path("reports/out")
"""The report folder of the default course, which git ignores: below the folder of the run."""
EVIDENCE = "evidence:"
EXPECTED = "a run file, a run's id, the first characters of a commit, or evidence:STACK"
FEWEST_LETTERS = 4
"""Of a commit."""
LIGHT = tuple(start.encode() for start in HEAVY)


def out_of(course: Course) -> Path:
    """The report folder of a course, unless one is named: runs of two courses in one folder would be mixed up."""
    return OUT if course.default else OUT / "courses" / course.name


def runs_folder(out: Path) -> Path:
    """The folder of the run files within a report folder."""
    return out / "runs"


# Writing


def check_writable(folder: Path) -> None:
    """Creates the folder and a temporary file in it. Raises SuiteError if that fails; called before any training."""
    for link in (folder, *folder.parents):
        if link.is_symlink() and not link.exists():
            raise SuiteError(f"Cannot write to {folder}: {link} is a link to {link.readlink()}, which does not exist.")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder) as probe:
            probe.write(b"x")
            probe.flush()
    except OSError as error:
        raise unwritable(folder, error) from error


def write_atomic(path: Path, content: bytes) -> None:
    """Replaces the file in one step, see ``write_files``."""
    write_files({path: content})


def write_files(contents: Mapping[Path, bytes]) -> None:
    """Replaces files: after a kill each has the old content or the new, never a part; after an error all the old.

    Raises SuiteError if a file cannot be written.
    """
    path = next(iter(contents), Path())
    try:
        for path in contents:
            path.parent.mkdir(parents=True, exist_ok=True)
        replace_files(contents)
    except OSError as error:
        raise unwritable(path if len(contents) == 1 else path.parent, error) from error


def unwritable(path: Path, error: OSError) -> SuiteError:
    """The error to raise for a report that cannot be written to ``path``."""
    return SuiteError(
        f"Cannot write the report to {path}: {error.strerror or error}. Make the folder writable and free space on its "
        "disk, or name another folder with --report-dir (`python -m reports`: --out)."
    )


# Runs


def of_course(header: RunStarted) -> bool:
    """Whether a run is of the course of this process."""
    return header.course == course().recorded


def check_course(header: RunStarted) -> None:
    """SuiteError for a run of another course: its report would have the titles of this one."""
    if not of_course(header):
        what = f"the course {header.course!r}: name its folder with --catalogue"
        fix = what if header.course else "the default course: leave --catalogue out"
        raise SuiteError(f"The run {header.id} is not of {course().name!r}. It is of {fix}.")


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
        if asked in headers:
            return self.read(asked)
        if not headers:
            raise SuiteError(f"No run is recorded in {self}, so {asked[:80]!r} names none. Run `pytest suite/` first.")
        commits = {name: header.commit for name, header in headers.items() if header and of_course(header)}
        of_commit = [name for name, commit in commits.items() if commit and commit.startswith(asked)]
        if of_commit and len(asked) >= FEWEST_LETTERS:
            return self.read(max(of_commit))
        known = [*sorted(headers, reverse=True), *dict.fromkeys(filter(None, commits.values()))]
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
    from reports.stored import stored_run

    if asked.startswith(EVIDENCE):
        return stored_run(baselines, asked.removeprefix(EVIDENCE))
    path = Path(asked)
    if path.suffix == ".jsonl":
        return read_run(path)
    if path.suffix == ".json" or os.path.isdir(asked):
        fix = f"Name a file in {(path.parent if path.suffix == '.json' else path) / 'runs'}."
        raise invalid("run", expected=EXPECTED, received=f"{asked[:200]}, which is a report", fix=fix)
    return runs.named(asked)
