"""The end of the report: the environment, the command that repeats the run, and how to read a verdict."""

from __future__ import annotations

from harness.environment import gpu
from harness.record.run import Run
from reports.text import code, escape, fenced, table
from reports.words import MEANINGS, backend_name, plural, verdict_text

FIRST = ("keras", "python", "device_model", "instruction_set", "threads", "precision", "system")
MOST_ROWS, MOST_SESSIONS = 60, 12
"""Rows of a table; `report.json` has all."""


def environment(run: Run, most: int) -> str:
    """A line, the command, and all of the fingerprint, folded. ``most``: characters of a text."""
    header, facts = run.header, run.header.fingerprint
    version = f"{backend_name(header.backend)} {facts.get('backend_version') or ''}".strip()
    known = [f"{name.replace('_', ' ')} {facts[name]}" for name in FIRST if facts.get(name) is not None]
    line = [version, *known, f"stack {header.stack}", f"commit {header.commit or 'unknown'}"]
    rows = [[escape(name.replace("_", " "), most), escape("–" if v is None else v, most)] for name, v in facts.items()]
    rows += [
        ["engine asked for", escape(header.engine, most)],
        *([["seeds", escape(_seeds(run), most)]] if header.full else []),
        ["run", escape(header.id, most)],
        ["started", escape(header.started, most)],
    ]
    command = header.command if len(header.command) <= 10 * most else header.command[: 10 * most] + " …"
    again = "" if header.evidence else " The report alone, again, without training: `python -m reports`."
    return "\n\n".join(
        [
            "## Environment",
            escape(", ".join(line), 3 * most) + ".",
            f"To repeat it, at that commit:\n\n{fenced(command, 'sh')}",
            "<details><summary>All of it</summary>",
            table(["", "this run"], rows[:MOST_ROWS]),
            *_gpu(run, most),
            *_sessions(run, most),
            f"</details>\n\nFor programs: `report.json`.{again}",
        ]
    )


def _sessions(run: Run, most: int) -> list[str]:
    """In a report of evidence, the sessions that stored its trials."""
    if not run.header.sessions:
        return []
    rows = [
        [
            f"{escape(one.date, most)}<br>{code(one.commit[:12])}",
            escape(f"{one.device_model}, {one.engine}", most),
            escape(f"Keras {one.keras}, {one.backend_version}: {one.reason}", most),
            f"{one.trials:,}",
        ]
        for one in run.header.sessions
    ]
    text = (
        f"That is the environment of the newest trials. All come from {plural(len(rows), 'session')}, the newest first:"
    )
    headers = ["date, commit", "machine", "versions, reason", "trials"]
    return [text, table(headers, rows[:MOST_SESSIONS], right=["trials"])]


def _seeds(run: Run) -> str:
    auto, seeds = run.header.auto, run.header.seeds
    if auto:
        return f"as many as each claim needs, at most {auto.max_seeds}"
    general = "as each experiment declares" if seeds is None else str(seeds)
    return ", ".join([general, *(f"{count} of {name}" for name, count in run.header.seeds_of.items())])


def _gpu(run: Run, most: int) -> list[str]:
    """For a run on a GPU, the table of its driver, power state and clocks."""
    rows = gpu.rows(run.header.gpu, run.end.gpu if run.end else None)
    cells = [[escape(text or "–", most) for text in row] for row in rows]
    return [table(["as its driver gives it", "at the start", "at the end"], cells)] if cells else []


def how_to_read() -> str:
    """What each verdict means, and what the terms of the tables mean."""
    verdicts = [f"- **{verdict_text(word)}**: {first} {second}" for word, (first, second) in MEANINGS.items()]
    rest = (
        "An interval says what other training seeds would have given, not other images: the test set is given. "
        "Variants are paired by seed: same initial weights, same data order. A slide's figure is one run of one seed. "
        "A point is a percentage point of accuracy. A training *diverged* if its loss became nan or infinite or blew "
        "up; it *collapsed* if its accuracy stayed at chance.\n\n"
        "*Evidence* is the stored trials of a stack (backend, device, precision). A check trains first steps, and tiny "
        "trainings to the end, and compares them with the evidence; a claim's verdict is the evidence's. Here it is "
        "*confirmed* if every training that it rests on was reproduced to the end, *start confirmed* if at least its "
        "start was, *compatible* if this stack has no evidence and the result fits that of the reference stack. With "
        "`--full` a run trains to the end and decides anew."
    )
    return "## How to read this\n\n" + "\n".join(verdicts) + "\n\n" + rest
