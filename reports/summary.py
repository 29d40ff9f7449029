"""The head of the report: title, how it came out, and whether the run is whole."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Any

from harness.store import Run
from harness.verdict import Verdict
from reports.errata import errata_line
from reports.payload import is_partial
from reports.seeds import seeds_line
from reports.size import is_figure, is_reduced, small_experiments, split
from reports.text import code, escape, plural, seconds, table
from reports.words import REGRESSED, SYMBOLS, UNUSABLE, backend_name


def title(run: Run) -> str:
    """Backend, setting and date, in a heading."""
    header = run.header
    backend = escape(backend_name(header["backend"]))
    return f"# The lecture's claims on {backend}, setting {escape(header['setting'])}, {_day(run)}"


def _day(run: Run) -> str:
    return escape(run.header["started"][:10])


def summary(run: Run) -> str:
    """A line, a table of counts, and the notices a reader must not miss."""
    claims = list(run.claims)
    parts = [_line(run, claims)] if claims or not run.errata else []
    if claims:
        parts.append(_counts(run, claims))
        parts.append(_moved(run, claims))
    parts.append(_broken(run))
    parts.append(errata_line(run))
    parts.append(_conformance(run))
    if is_partial(run):
        parts.append(_partial(run))
    parts.append(_reused(run))
    parts.append(seeds_line(run))
    if not claims and not run.errata:
        parts.append("**No claim was decided in this run.**")
    parts.append(_quick_note(run, claims))
    return "\n\n".join(part for part in parts if part)


def _conformance(run: Run) -> str:
    """How many checks of the machinery hold, and what is wrong with it; empty where the run made none."""
    if not run.conformance:
        return ""
    red = [check for check in run.conformance if check["wrong"]]
    counted = f"**{plural(len(run.conformance), 'conformance check')}: "
    if not red:
        return f"{counted}all hold.** Engines, data, seeds, callbacks, rules and files are as their references say."
    listed = "\n".join(f"- {code(check['name'])}: {escape(check['wrong'][0])}" for check in red)
    verb = "does" if len(red) == 1 else "do"
    return f"{counted}{len(red)} {verb} not hold; no verdict below is to be trusted.**\n\n{listed}"


def _line(run: Run, claims: list[Any]) -> str:
    """What came out; what was refuted at less than the lecture's size is counted apart, for it says little of it."""
    count = Counter(claim["verdict"] for claim in claims)
    full, small = split(run, Verdict.REFUTED)
    figures = sum(map(is_figure, small))
    rest = []
    if figures:
        rest.append(f"{plural(figures, 'figure')} not reached at the quick size")
    if len(small) > figures:
        rest.append(f"{len(small) - figures} refuted at the quick size only")
    trained, reused = _trained(run), _of_earlier_runs(run)
    old = f", {reused} of them taken from earlier runs," if reused else ""
    took = f" in {seconds(run.end['seconds'])} s" if run.end and run.end["seconds"] is not None else ""
    device = run.header["fingerprint"].get("device_model") or "this device"
    return (
        f"**{plural(len(claims), 'claim')}: {count[Verdict.SUPPORTED]} supported, {len(full)} refuted, "
        f"{count[Verdict.INCONCLUSIVE]} inconclusive, {count[Verdict.NOT_RUN]} not run"
        f"{''.join(f'; {text}' for text in rest)}.** {plural(trained, 'trial')}{old}{took} on {escape(device)}. "
        f"{_regressed(run)}"
    ).rstrip()


def _regressed(run: Run) -> str:
    """How many trainings regressed, of those that have a baseline to compare with."""
    if not run.trainings:
        return ""
    compared = [t for t in run.trainings if t["baseline"]["state"] not in (None, "new", *UNUSABLE)]
    if not compared:
        return "No trained variant has a baseline to compare with."
    regressed = sum(training["baseline"]["state"] == REGRESSED for training in compared)
    return f"{regressed} of {plural(len(compared), 'trained variant')} with a baseline regressed."


def _trained(run: Run) -> int:
    """The trials of the finished trainings; with as many seeds as needed, those beyond the first ones too."""
    if run.header.get("auto"):
        return sum(map(len, run.trials.values()))
    return sum(len(training["seeds"]) for training in run.trainings)


def _of_earlier_runs(run: Run) -> int:
    if run.header.get("auto"):
        return sum(run.reused.values())
    return sum(training.get("reused") or 0 for training in run.trainings)


def _reused(run: Run) -> str:
    """That trials of earlier runs stand in this one, which is then no reproducibility check."""
    reused = _of_earlier_runs(run)
    if not reused:
        return ""
    trained = _trained(run)
    return (
        f"**{reused} of {plural(trained, 'trial')} were taken from earlier runs (`--reuse`)**, where nothing that "
        "decides a trial has changed since: this is no reproducibility check, and their seconds are those of then."
    )


def _quick_note(run: Run, claims: list[Any]) -> str:
    """What the quick setting changes, for the claims it changes; empty where it changes none."""
    small = sum(is_reduced(run, claim) for claim in claims)
    if not small:
        return ""
    sizes = small_experiments(run)
    others = any(claim["marker"] == "training" and not is_reduced(run, claim) for claim in claims)
    rest = " All other experiments have the lecture's own size." if others else ""
    return (
        f"> Setting **quick**: {plural(small, 'claim')}, labelled *(quick)*, "
        f"{'rests' if small == 1 else 'rest'} on less than the lecture's size{f' ({sizes})' if sizes else ''}. **Fewer "
        "images change the truth**: their verdicts are about the smaller data set, and the stored verdict of the "
        "lecture's own setting stands beside them where there is one. Only `pytest suite/ --setting lecture` tests "
        f"those slides.{rest}"
    )


def _counts(run: Run, claims: list[Any]) -> str:
    names = [str(verdict) for verdict in Verdict]
    small = [claim for claim in claims if is_reduced(run, claim)]
    rows = []
    if small and len(small) < len(claims):
        full = [claim for claim in claims if not is_reduced(run, claim)]
        rows.append(["at the lecture's size", *_row((claim["verdict"] for claim in full), names)])
        rows.append(["at the quick size", *_row((claim["verdict"] for claim in small), names)])
    rows.append(["all" if rows else "this run", *_row((claim["verdict"] for claim in claims), names)])
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


def _broken(run: Run) -> str:
    """The claims that a mistake in their module has kept out; empty where there is none."""
    found = run.header.get("broken") or []
    if not found:
        return ""
    head = f"> **{plural(len(found), 'mistake')} in the catalogue.** What is named here was not run:"
    rows = []
    for broken in found:
        lost = f" With it: {', '.join(map(code, broken['costs']))}." if broken["costs"] else ""
        rows.append(f"> - {code(broken['name'])} ({escape(broken['where'])}): {escape(broken['error'])}{lost}")
    return "\n".join([head, ">", *rows])


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
