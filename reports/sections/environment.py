"""The end of the report: the environment, how to repeat the run, the deviations, and how to read a verdict."""

from __future__ import annotations

from harness.environment import gpu
from harness.record.run import Run, SessionSummary
from reports.labels import MEANINGS, verdict_text
from reports.text import code, escape, table


def environment(run: Run) -> str:
    """The fingerprint, and the command that repeats the run."""
    header = run.header
    rows = [[name.replace("_", " "), escape("–" if v is None else v)] for name, v in header.fingerprint.items()]
    rows += [
        ["engine asked for", escape(header.engine)],
        *([["seeds", _seeds(run)]] if header.full else []),
        ["stack", escape(header.stack)],
        ["commit", escape(header.commit or "–")],
        ["run", escape(header.id)],
        ["started", escape(header.started)],
    ]
    command = header.command.replace("```", "'''")
    return (
        "## Environment\n\n"
        + table(["", "this run"], rows)
        + _sessions(run)
        + _gpu(run)
        + f"\n\nTo repeat it, at that commit:\n\n```sh\n{command}\n```"
        + ("" if header.evidence else "\n\nThe report alone, again, without training: `python -m reports`.")
    )


def _sessions(run: Run) -> str:
    """In a report of evidence, the table of the sessions that stored its trials; else ""."""
    if not run.header.sessions:
        return ""
    fields = SessionSummary.__struct_fields__
    rows = [[escape(getattr(one, name)) for name in fields] for one in run.header.sessions]
    names = [name.replace("_", " ") for name in fields]
    text = "This is the environment of the newest trials. All trials come from:"
    return f"\n\n{text}\n\n{table(names, rows, right=['trials'])}"


def _seeds(run: Run) -> str:
    auto, seeds = run.header.auto, run.header.seeds
    if auto:
        budget = "" if auto.budget is None else f"; no batch that ends after {auto.budget:g} s"
        return f"as many as each claim needs, at most {auto.max_seeds}{budget}"
    general = "as each experiment declares" if seeds is None else str(seeds)
    return ", ".join([general, *(f"{count} of {escape(name)}" for name, count in run.header.seeds_of.items())])


def _gpu(run: Run) -> str:
    """For a run on a GPU, the table of its driver, power state and clocks; else ""."""
    rows = gpu.rows(run.header.gpu, run.end.gpu if run.end else None)
    if not rows:
        return ""
    cells = [[escape(label), escape(start or "–"), escape(end or "–")] for label, start, end in rows]
    return "\n\n" + table(["as its driver gives it", "at the start", "at the end"], cells)


def deviations(run: Run) -> str:
    """Each deviation from the slides once, with its claims."""
    concerns: dict[str, list[str]] = {}
    for claim in run.claims.values():
        for deviation in claim.deviations:
            concerns.setdefault(deviation, []).append(claim.key)
    if not concerns:
        return ""
    listed = [
        f"{number}. {escape(text)} ({', '.join(code(key) for key in keys)})"
        for number, (text, keys) in enumerate(concerns.items(), start=1)
    ]
    return "## Deviations from the slides\n\n" + "\n".join(listed)


def how_to_read() -> str:
    """What each verdict means, and what the terms of the tables mean."""
    verdicts = [f"- **{verdict_text(word)}**: {first}<br>{second}" for word, (first, second) in MEANINGS.items()]
    rest = (
        "Inference is over training seeds, given this test set: an interval says what other seeds would have given, "
        "not other images. Variants are paired by seed: same initial weights, same data order. A slide's figure is one "
        "run of one seed.\n\n"
        "*Evidence* is the stored trials of a stack. A check trains first steps, and tiny trainings to the end, and "
        "compares them with the evidence; a claim's verdict is the evidence's. *Here* says what this machine confirms: "
        "every training that the verdict rests on was reproduced to the end (confirmed), or at least its start was "
        "(start confirmed); this stack has no evidence, but the result fits that of the reference stack (compatible); "
        "anything else (not confirmed). With `--full` a run trains to the end and decides anew; *after Holm*, shown if "
        "it differs, is then the verdict if the whole catalogue is judged together. A verdict compares a measurement "
        "with the lecture, a state compares it with what is stored."
    )
    return "## How to read this\n\n" + "\n".join(verdicts) + "\n\n" + rest
