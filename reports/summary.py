"""The head of the report: title, how it came out, and whether the run is whole."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Any

from harness.store import Run
from harness.verdict import Verdict
from reports.payload import is_partial
from reports.text import code, escape, plural, seconds, table
from reports.words import REGRESSED, SYMBOLS, UNUSABLE

QUICK_NOTE = (
    "Setting **quick**: the MNIST networks train on fewer images and for fewer epochs than the lecture's. "
    "**Fewer images change the truth**: a quick verdict is about the smaller data set, and the stored verdict of the "
    "lecture's own setting stands beside it where there is one. Only `pytest suite/ --setting lecture` tests the slide."
)


def title(run: Run) -> str:
    """Backend, setting and date, in a heading."""
    header = run.header
    return f"# The lecture's claims on {escape(header['backend'])}, setting {escape(header['setting'])}, {_day(run)}"


def _day(run: Run) -> str:
    return escape(run.header["started"][:10])


def summary(run: Run) -> str:
    """A line, a table of counts, and the notices a reader must not miss."""
    claims = [claim for claim in run.claims if claim["marker"] != "errata"]
    parts = [_line(run, claims)]
    if claims:
        parts.append(_counts(claims))
        parts.append(_moved(run, claims))
    if is_partial(run):
        parts.append(_partial(run))
    if not claims:
        parts.append("**No claim was decided in this run.**")
    if run.header["setting"] == "quick" and any(claim["marker"] == "training" for claim in claims):
        parts.append(f"> {QUICK_NOTE}")
    return "\n\n".join(parts)


def _line(run: Run, claims: list[Any]) -> str:
    count = Counter(claim["verdict"] for claim in claims)
    regressed = sum(training["baseline"]["state"] == REGRESSED for training in run.trainings)
    trained = sum(len(training["seeds"]) for training in run.trainings)
    took = f" in {seconds(run.end['seconds'])} s" if run.end and run.end["seconds"] is not None else ""
    device = run.header["fingerprint"].get("device_model") or "this device"
    return (
        f"**{plural(len(claims), 'claim')}: {count[Verdict.SUPPORTED]} supported, {count[Verdict.REFUTED]} refuted, "
        f"{count[Verdict.INCONCLUSIVE]} inconclusive, {count[Verdict.NOT_RUN]} not run; {regressed} of "
        f"{plural(len(run.trainings), 'trained variant')} regressed.** "
        f"{plural(trained, 'trial')}{took} on {escape(device)}."
    )


def _counts(claims: list[Any]) -> str:
    names = [str(verdict) for verdict in Verdict]
    rows = [["this run", *_row((claim["verdict"] for claim in claims), names)]]
    adjusted = [claim["adjusted_verdict"] or claim["verdict"] for claim in claims]
    rows.append(["after Holm's adjustment over the catalogue", *_row(adjusted, names)])
    expected = [claim["expected_verdict"] for claim in claims if claim["expected_verdict"]]
    if expected:
        rows.append([f"expected (stored for {len(expected)} of {len(claims)})", *_row(expected, names)])
    headers = ["claims", *(f"{SYMBOLS[name]} {name.replace('_', ' ').lower()}" for name in names)]
    return table(headers, rows, right=headers[1:])


def _row(verdicts: Iterable[str], names: list[str]) -> list[str]:
    count = Counter(verdicts)
    return [str(count[name]) for name in names]


def _moved(run: Run, claims: list[Any]) -> str:
    """What differs from the stored baselines: trainings in a red state and verdicts other than the expected ones."""
    states = Counter(training["baseline"]["state"] or "no baseline" for training in run.trainings)
    known = f" Baseline states: {', '.join(f'{n} {escape(s)}' for s, n in sorted(states.items()))}." if states else ""
    rows = []
    for name, chosen in (("Regressed", (REGRESSED,)), ("Without a usable baseline", UNUSABLE)):
        found = [t for t in run.trainings if t["baseline"]["state"] in chosen]
        listed = [f"{code(t['experiment'] + '/' + t['variant'])} ({t['baseline']['state']})" for t in found]
        rows.append(_counted(name, listed))
    changed = [c for c in claims if c["expected_verdict"] not in (None, c["verdict"])]
    moves = [
        f"{code(c['key'])} ({c['expected_verdict']} → {c['verdict']})".replace("NOT_RUN", "NOT RUN") for c in changed
    ]
    rows[0] += known
    rows.append(_counted("Changed verdicts", moves))
    return "\n".join(rows)


def _counted(name: str, items: list[str], most: int = 8) -> str:
    rest = [f"{len(items) - most} more"] if len(items) > most else []
    return f"- **{name}: {len(items)}.**" + (f" {', '.join(items[:most] + rest)}." if items else "")


def _partial(run: Run) -> str:
    how = "was interrupted" if run.end else "did not reach its end (it was killed, or is still running)"
    finished = {(training["experiment"], training["variant"]) for training in run.trainings}
    open_trials = {key: len(trials) for key, trials in run.trials.items() if key not in finished}
    text = (
        f"> **Partial run.** It {how}: what is below is complete, but claims may be missing. "
        f"{plural(len(finished), 'variant')} finished training"
    )
    if open_trials:
        kept = ", ".join(f"{code(e + '/' + v)} ({plural(n, 'trial')})" for (e, v), n in open_trials.items())
        text += f"; unfinished, with the trials kept: {kept}"
    return text + "."
