"""``--compare A B``: COMPARE.md. Only differences are listed; the rest is counted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator

from harness.check.compare import Change, Changes, Times
from harness.record.outcomes import TimeState, TrainingState
from harness.record.run import RunStarted
from reports.words import code, cut, escape, faster_or_slower, machine, plural, some, table

MOST_ROWS = 100
"""Rows of a table; the others are counted."""
MOST_NAMES = 20
LONGEST = 200
"""Characters of a text from outside."""
HEADINGS = {
    "training": "Trainings",
    "claim": "Verdicts",
    "erratum": "Errata",
    "self-check": "Self-checks",
    "time": "Times",
}
"""By kind of a change."""
MANY = {"erratum": "errata"}
"""Plurals."""
EQUAL = {
    TrainingState.IDENTICAL: "with identical bits",
    TrainingState.REPRODUCED: "within chance",
    TrainingState.START_REPRODUCED: "with the same start",
    "compatible": "compatible between the stacks",
    "not compared": "without a common trial",
}
TOGETHER = {
    TimeState.SLOWER: "**slower beyond noise**",
    TimeState.FASTER: "faster beyond noise",
    TimeState.DISTURBED: "other programs held a run up, so this shows nothing",
}


def markdown(changes: Changes) -> str:
    """The text of COMPARE.md."""
    then, now = changes.then, changes.now
    parts = ["# Comparison of two runs", f"{status(changes)} {_equal(changes)}"]
    parts.append(f"From {_name(then.header)} to {_name(now.header)}.")
    for word, run in (("first", then), ("second", now)):
        if run.partial:
            parts.append(f"The {word} run was killed or interrupted: what it lacks is not compared.")
    for kind, heading in HEADINGS.items():
        rows = [_row(change) for change in changes.changes if change.kind == kind]
        lines = [f"- {time_line(times, changes)}" for times in changes.times if kind == "time"]
        if rows or lines:
            parts += [f"## {heading}", "\n".join(lines)]
            parts += [table(("what", "before → now", "state", "why"), rows, most=MOST_ROWS)] if rows else []
    if changes.fingerprint:
        facts = [(_code(key), escape(f"{_cut(a)} → {_cut(b)}")) for key, a, b in changes.fingerprint]
        parts += ["## The environment differs", table(("what", "then → now"), facts, most=MOST_ROWS)]
    if only := list(_only(changes)):
        parts += ["## Only in one of them", "\n".join(only)]
    return "\n\n".join(filter(None, parts)) + "\n"


def status(changes: Changes) -> str:
    """The first line: whether anything regressed, and what."""
    if changes.then.header == changes.now.header:
        return "**✅ Both are the same run.**"
    slower = [f"times of {times.source} are slower" for times in changes.times if times.state is TimeState.SLOWER]
    bad = ", ".join(filter(None, [red_text(changes.changes), *slower]))
    return f"**❌ Regressed: {bad}.**" if bad else "**✅ Nothing regressed.**"


def red_text(changes: Iterable[Change]) -> str:
    """How many are red, by kind and state: "2 trainings moved, 1 erratum broken"; "" if none is."""
    red = Counter((change.kind, str(change.state)) for change in changes if change.red)
    return ", ".join(f"{plural(count, kind, MANY.get(kind, ''))} {state}" for (kind, state), count in red.items())


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
    ratio = faster_or_slower(times.whole.ratio, low, high)
    return f"{times.source}: {ratio} over {plural(times.whole.cases, 'case')}: {TOGETHER.get(times.state, within)}."


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
        f"{plural(count, 'training')} {text}"
        for state, text in EQUAL.items()
        if (count := changes.equal.get(("training", state), 0))
    ]
    for kind in ("claim", "erratum", "self-check"):
        if count := sum(number for (of, _), number in changes.equal.items() if of == kind):
            parts.append(plural(count, kind, MANY.get(kind, "")))
    return f"Equal: {', '.join(parts)}." if parts else "Nothing is equal."


def _only(changes: Changes) -> Iterator[str]:
    for kind, sides in changes.only.items():
        for word, names in zip(("first", "second"), sides, strict=True):
            if names:
                shown = some([_code(name) for name in names], MOST_NAMES)
                yield f"- only in the {word}: {plural(len(names), kind, MANY.get(kind, ''))}: {shown}"


def _cut(text: str) -> str:
    return cut(text, LONGEST)


def _code(text: str) -> str:
    return code(text, LONGEST)
