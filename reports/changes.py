"""``--compare A B``: the runs that its words name, and COMPARE.md. Only differences are listed; the rest is counted."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from harness.check.compare import Change, Changes, Times
from harness.errors import SuiteError, invalid, nearest
from harness.record.outcomes import TimeState, TrainingState
from harness.record.run import Run, RunStarted, decode, parse_run, read_run
from harness.record.run_file import run_files
from reports.folders import of_course
from reports.stored import stored_run
from reports.text import code, cut, escape, table
from reports.words import faster_or_slower, machine, plural, some

if TYPE_CHECKING:
    from harness.record.address import Address

EVIDENCE = "evidence:"
EXPECTED = "a run file, a run's id, the first characters of a commit, or evidence:STACK"
FEWEST_LETTERS = 4
"""Of a commit."""
MOST_ROWS = 100
"""Rows of a table; the others are counted."""
MOST_NAMES = 20
LONGEST = 200
"""Characters of a text from outside."""
PLURALS = {"erratum": "errata"}
HEADINGS = {
    "training": "Trainings",
    "claim": "Verdicts",
    "erratum": "Errata",
    "self-check": "Self-checks",
    "time": "Times",
}
EQUAL = {
    TrainingState.IDENTICAL: "with identical bits",
    TrainingState.REPRODUCED: "within chance",
    TrainingState.START_REPRODUCED: "with the same start",
    "compatible": "compatible between the stacks",
    "not compared": "without a common trial",
}


def find(asked: str, folder: Path, store: Address | None, baselines: Path) -> Run:
    """The run that a word of the command line names. SuiteError if there is none, or it cannot be read.

    Args:
        asked: the word; see EXPECTED.
        folder: of the run files.
        store: the database to look in instead of the folder.
        baselines: the folder of all stacks' evidence.
    """
    if asked.startswith(EVIDENCE):
        return stored_run(baselines, asked.removeprefix(EVIDENCE))
    path = Path(asked)
    if path.suffix == ".jsonl":
        return read_run(path)
    if path.suffix == ".json" or _is_folder(path):
        fix = f"Name a file in {path / 'runs' if path.suffix != '.json' else path.parent / 'runs'}."
        raise invalid("run", expected=EXPECTED, received=f"{asked[:200]}, which is a report", fix=fix)
    headers = dict(_headers(folder, store))
    name = _named(asked, headers, str(store or folder))
    if store is None:
        return read_run(folder / f"{name}.jsonl")
    from harness.record.database import stored_run as run_in

    return parse_run(run_in(store, name)[1].split(b"\n")[:-1], Path(f"{name}.jsonl"))


def _is_folder(path: Path) -> bool:
    try:
        return path.is_dir()
    except OSError:  # a name that is too long
        return False


def _headers(folder: Path, store: Address | None) -> Iterator[tuple[str, RunStarted | None]]:
    """The headers of the runs by id; None for a run that cannot be read."""
    if store is not None:
        from harness.record.database import readable

        with readable(store) as database:
            yield from ((run, _header(line)) for run, line in database.headers().items())
        return
    for path in run_files(folder):
        try:
            with path.open("rb") as file:
                line = file.readline()
        except OSError as error:
            raise SuiteError(f"Cannot read the run's record {path}: {error.strerror or error}.") from error
        if line:
            yield path.stem, _header(line)


def _header(line: bytes) -> RunStarted | None:
    try:
        record = decode(line)
    except ValueError:
        return None
    return record if isinstance(record, RunStarted) else None


def _named(asked: str, headers: Mapping[str, RunStarted | None], where: str) -> str:
    """The id of the run with this id, or of the course's newest run of this commit. SuiteError if there is none."""
    if asked in headers:
        return asked
    commits = {
        name: header.commit for name, header in headers.items() if header and header.commit and of_course(header)
    }
    of_commit = [name for name, commit in commits.items() if commit.startswith(asked)]
    if of_commit and len(asked) >= FEWEST_LETTERS:
        return max(of_commit)
    if not headers:
        raise SuiteError(f"No run is recorded in {where}, so {asked[:80]!r} names none. Run `pytest suite/` first.")
    known = [*sorted(headers, reverse=True), *dict.fromkeys(commits.values())]
    raise invalid("run", expected=f"{EXPECTED}, of {where}", received=repr(asked[:80]), fix=nearest(asked, known))


def markdown(changes: Changes) -> str:
    """The text of COMPARE.md."""
    parts = ["# Comparison of two runs", f"{status(changes)} {_equal(changes)}"]
    parts.append(f"From {_name(changes.then.header)} to {_name(changes.now.header)}.")
    parts += [
        f"The {word} run was killed or interrupted: what it lacks is not compared."
        for word, run in (("first", changes.then), ("second", changes.now))
        if run.partial
    ]
    for kind, heading in HEADINGS.items():
        rows = [_row(change) for change in changes.changes if change.kind == kind]
        lines = [f"- {time_line(times, changes)}" for times in changes.times] if kind == "time" else []
        if rows or lines:
            parts += [f"## {heading}", "\n".join(lines)]
        if rows:
            parts.append(table(("what", "before → now", "state", "why"), rows, most=MOST_ROWS))
    if changes.fingerprint:
        facts = [(_code(key), escape(f"{_cut(a)} → {_cut(b)}")) for key, a, b in changes.fingerprint]
        parts += ["## The environment differs", table(("what", "then → now"), facts, most=MOST_ROWS)]
    if only := list(_only(changes)):
        parts += ["## Only in one of them", "\n".join(only)]
    return "\n\n".join(part for part in parts if part) + "\n"


def status(changes: Changes) -> str:
    """The first line: whether anything regressed, and what."""
    if changes.then.header == changes.now.header:
        return "**✅ Both are the same run.**"
    words = {"training": "moved", "claim": "weakened, flipped or lost", "time": "slower"}
    bad = []
    for kind in HEADINGS:
        count = sum(change.red for change in changes.changes if change.kind == kind)
        noun = {"claim": "verdict"}.get(kind, kind)
        bad += [f"{plural(count, noun, PLURALS.get(kind, ''))} {words.get(kind, 'failed')}"] if count else []
    bad += [f"times of {times.source} are slower" for times in changes.times if times.state is TimeState.SLOWER]
    return f"**❌ Regressed: {', '.join(bad)}.**" if bad else "**✅ Nothing regressed.**"


def time_line(times: Times, changes: Changes) -> str:
    """One source of times, all cases together."""
    if times.whole is None:
        then, now = (escape(_cut(machine(run.header.fingerprint))) for run in (changes.then, changes.now))
        return f"{times.source}: {times.why_not}{f' ({then} → {now})' if then != now else ''}."
    low, high = times.whole.low, times.whole.high
    within = "within noise"
    if low is None or high is None:
        within = "fewer than 6 cases say no more"
    elif not low <= 1 <= high:
        within = "the cases agree, but a busy machine does the same: `-m timing` tells more"
    words = {
        TimeState.WITHIN: within,
        TimeState.SLOWER: "**slower beyond noise**",
        TimeState.FASTER: "faster beyond noise",
        TimeState.DISTURBED: "other programs held a run up, so this shows nothing",
    }
    ratio = faster_or_slower(times.whole.ratio, low, high)
    return f"{times.source}: {ratio} over {plural(times.whole.cases, 'case')}: {words[times.state]}."


def _name(header: RunStarted) -> str:
    """ "run `2026-11-24T10-15` (tensorflow-cpu, commit a03a743, 2026-11-24)"."""
    commit = f", commit {header.commit}" if header.commit else ""
    details = escape(_cut(f"{header.stack}{commit}, {header.started[:10]}"))
    return f"{'evidence' if header.evidence else 'run'} {_code(header.id)} ({details})"


def _row(change: Change) -> tuple[str, str, str, str]:
    verdicts = " → ".join(filter(None, (change.before, change.after)))
    state = f"{'⚠ ' if change.red else ''}{change.state}"
    return _code(change.name), escape(verdicts) or "–", state, escape(cut(change.reason, 2 * LONGEST)) or "–"


def _equal(changes: Changes) -> str:
    """How many results are equal."""
    parts = [
        f"{plural(count, 'training')} {EQUAL[state]}"
        for state in EQUAL
        if (count := changes.equal.get(("training", state), 0))
    ]
    for kind, noun, many in (
        ("claim", "verdict", ""), ("erratum", "erratum", "errata"), ("self-check", "self-check", "")
    ):  # fmt: skip
        count = sum(number for (of, _), number in changes.equal.items() if of == kind)
        parts += [plural(count, noun, many)] if count else []
    return f"Equal: {', '.join(parts)}." if parts else "Nothing is equal."


def _only(changes: Changes) -> Iterator[str]:
    for kind, sides in changes.only.items():
        for word, names in zip(("first", "second"), sides, strict=True):
            if names:
                shown = some([_code(name) for name in names], MOST_NAMES)
                yield f"- only in the {word}: {plural(len(names), kind, PLURALS.get(kind, ''))}: {shown}"


def _cut(text: str) -> str:
    return cut(text, LONGEST)


def _code(text: str) -> str:
    return code(text, LONGEST)
