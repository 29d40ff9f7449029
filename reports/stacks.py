"""Stacks compared: each claim's verdict on each stack, and whether the trainings it rests on are equivalent.

A verdict here is that of the stack's own evidence. ``check.difference.agreement`` compares each metric of each training
with the first stack's: two one-sided tests against the metric's smallest effect of interest. Hundreds of metrics are
compared. A metric therefore differs only if its means also differ at LEVEL divided by their number (Bonferroni). So the
chance of any false difference of means is at most LEVEL.
"""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from harness.check.difference import LEVEL, Agreed, Agreement, Values, agreement
from harness.check.evidence import path_of, read
from harness.check.verdicts import stored_verdict
from harness.course import course
from harness.domain.claim import Claim
from harness.domain.finding import Cause
from harness.domain.metric import Metric
from harness.domain.verdict import Basis, Verdict
from harness.errors import invalid
from harness.record.evidence import EXACT, Evidence
from harness.record.trials import Training
from reports.text import code, escape, table
from reports.words import SYMBOLS, metric_label, number, plural, standing

FILE = "STACKS.md"
DECIDED = (Verdict.SUPPORTED, Verdict.REFUTED)


@dataclass(frozen=True)
class OnStack:
    """A claim on one stack: its verdict there, the seeds it rests on, and whether these are too few for a verdict."""

    verdict: Verdict
    seeds: int
    preliminary: bool
    basis: Basis | None = None

    @property
    def text(self) -> str:
        """ "✔ 30"; a preliminary verdict is in parentheses; no number for a computed claim."""
        symbol = SYMBOLS[standing(self.verdict, self.basis)]
        text = f"{symbol} {self.seeds:,}" if self.seeds else symbol
        return f"({text})" if self.preliminary else text


@dataclass(frozen=True)
class Compared:
    """One metric of a training on another stack, compared with the first stack; ``cause``: why, if that is known."""

    experiment: str
    variant: str
    metric: Metric
    stack: str
    agreed: Agreed
    cause: Cause | None

    @property
    def size(self) -> float:
        """The difference in units of the metric's smallest effect of interest."""
        return abs(self.agreed.difference or 0.0) / self.metric.smallest_effect


@dataclass(frozen=True)
class Stacks:
    """The comparison.

    Attributes:
        names: the stacks, the first of which the others are compared with.
        verdicts: each claim, and by stack what its own evidence says; without stacks that have none of it.
        compared: every metric of every training that the first stack and another one have.
    """

    names: tuple[str, ...]
    verdicts: tuple[tuple[Claim, dict[str, OnStack]], ...]
    compared: tuple[Compared, ...]


def stacks(root: Path, names: Sequence[str]) -> Stacks:
    """Compares the evidence below ``root`` of at least two stacks.

    Raises SuiteError for fewer stacks, for one without evidence, and for damaged evidence.
    """
    known = sorted({path.parent.name for path in root.glob("*-*/*.json")})
    unknown = [name for name in names if name not in known]
    if unknown or len(set(names)) < 2:
        fix = f"Stacks with evidence: {', '.join(known) or 'none'}."
        raise invalid("--stacks", expected="two stacks or more that have evidence", received=", ".join(names), fix=fix)
    declared = course().experiments
    stored: dict[str, dict[str, Evidence]] = {}
    for name in (*declared, EXACT):
        files = {stack: read(path_of(root, stack, name)) for stack in dict.fromkeys(names)}
        stored[name] = {stack: evidence for stack, evidence in files.items() if evidence is not None}
    return Stacks(
        tuple(dict.fromkeys(names)),
        tuple((claim, dict(_verdicts(claim, stored))) for claim in course().claims),
        adjusted(list(_compared(stored, names[0]))),
    )


def _verdicts(claim: Claim, stored: dict[str, dict[str, Evidence]]) -> Iterator[tuple[str, OnStack]]:
    for stack, evidence in stored[claim.experiment.id if claim.experiment else EXACT].items():
        if claim.experiment is None:
            if expected := evidence.expected.get(claim.key):
                yield stack, OnStack(Verdict(expected.verdict), 0, preliminary=False)
            continue
        known = stored_verdict(claim, stack, {stack: evidence})
        if known.decision is not None:
            yield stack, OnStack(known.decision.verdict, known.seeds, known.preliminary, known.decision.basis)


def _compared(stored: dict[str, dict[str, Evidence]], first: str) -> Iterator[tuple[Compared, Values, Values]]:
    for experiment in course().experiments.values():
        held = stored[experiment.id]
        if first not in held:
            continue
        for stack, evidence in held.items():
            for name, mine in held[first].variants.items() if stack != first else ():
                theirs = evidence.variants.get(name)
                for metric in experiment.metrics if theirs else ():
                    if theirs and metric.name in mine.metrics and metric.name in theirs.metrics:
                        x, y = values(mine, metric), values(theirs, metric)
                        agreed = agreement(metric, x, y)
                        cause = course().cause(stack, experiment.id, name, metric.name)
                        yield Compared(experiment.id, name, metric, stack, agreed, cause), x, y


def values(of: Training, metric: Metric) -> Values:
    """A metric by seed. A network that ended in nan has no accuracy: argmax of nan is any class, by the backend."""
    lost = {trial.seed for trial in of.trials if trial.divergence and trial.divergence.kind in ("nan", "inf")}
    known = {trial.seed: trial.metrics[metric.name] for trial in of.trials}
    return known | (dict.fromkeys(lost) if metric.unit == "fraction" else {})


def adjusted(every: Sequence[tuple[Compared, Values, Values]]) -> tuple[Compared, ...]:
    """Makes a difference that is none at LEVEL divided by the number of comparisons an undecided one."""
    made = []
    for row, x, y in every:
        if row.agreed.verdict is Agreement.DIFFERENT:
            strict = agreement(row.metric, x, y, LEVEL / len(every)).verdict
            if strict is not Agreement.DIFFERENT:
                row = replace(row, agreed=replace(row.agreed, verdict=Agreement.UNDECIDED))
        made.append(row)
    return tuple(made)


def unlike(made: Stacks) -> list[tuple[Claim, dict[str, OnStack]]]:
    """The claims that do not have one verdict on all stacks with evidence of them."""
    return [(claim, of) for claim, of in made.verdicts if len({on.verdict for on in of.values()}) > 1]


def flips(made: Stacks) -> list[Claim]:
    """The claims that one stack supports and another refutes."""
    return [claim for claim, of in made.verdicts if {on.verdict for on in of.values()} >= set(DECIDED)]


def why(made: Stacks, claim: Claim, of: dict[str, OnStack]) -> str:
    """Why a claim's verdict differs between stacks: a cause, trainings that differ, or too few seeds."""
    experiment = claim.experiment.id if claim.experiment else ""
    different = [
        row
        for row in made.compared
        if row.experiment == experiment
        and row.variant in claim.variants
        and row.stack in of
        and row.agreed.verdict is Agreement.DIFFERENT
    ]
    causes = dict.fromkeys(row.cause.text for row in different if row.cause)
    if causes:
        return "; ".join(causes)
    if different:
        return f"{code(different[0].variant)} trains otherwise on {different[0].stack}; the cause is not known"
    if not experiment:
        return "computed otherwise; the cause is not known"
    undecided = [f"{stack}, {on.seeds:,} seeds" for stack, on in of.items() if on.verdict not in DECIDED]
    if claim in flips(made):
        places = itertools.product(of, claim.variants, {name for rule in claim.rules for name in rule.metrics})
        known = (course().cause(stack, experiment, variant, metric) for stack, variant, metric in places)
        if cause := next(filter(None, known), None):
            return cause.text
        return "no training is shown to differ: two samples of seeds, on either side of the limit"
    return f"too few seeds to decide on {'; '.join(undecided)}; no training is shown to differ"


def markdown(made: Stacks) -> str:
    """The text of STACKS.md."""
    different = sorted(
        (row for row in made.compared if row.agreed.verdict is Agreement.DIFFERENT), key=lambda row: -row.size
    )
    parts = [f"# {escape(course().title)} on {', '.join(made.names)}", _status(made), _counts(made)]
    if claims := unlike(made):
        rows = [
            (f"{code(claim.key)}<br>{escape(claim.statement)}", *_cells(made, of), escape(why(made, claim, of)))
            for claim, of in claims
        ]
        parts += ["## Verdicts that differ", table(("claim", *made.names, "why"), rows), READING]
    if different:
        parts.append("## Trainings that are not equivalent")
    for cause in dict.fromkeys(row.cause for row in different):
        head = ("training", "metric", made.names[0], "other stack", "difference and limit")
        rows = [_row(row) for row in different if row.cause == cause]
        known = f"{cause.text} Tested: {cause.tested}" if cause else "not known"
        parts += [f"**Cause:** {escape(known)}", table(head, rows, right=head[2:])]
    every = [(code(claim.key), escape(claim.slide), *_cells(made, of)) for claim, of in made.verdicts]
    parts += ["## Every claim", table(("claim", "slide", *made.names), every), READING]
    return "\n\n".join(parts) + "\n"


READING = (
    "✔ supported, ≈ not contradicted, ✘ refuted, ↻ outdated, = a tie, ? undecided, with the number of seeds; in "
    "parentheses a preliminary verdict of fewer than "
    "30 seeds; – no evidence."
)


def _status(made: Stacks) -> str:
    shared = [of for _, of in made.verdicts if len(of) > 1]
    same = len(shared) - len(unlike(made))
    flipped = flips(made)
    text = f"**{same} of {plural(len(shared), 'claim')} that several stacks have evidence of have one verdict.** "
    if flipped:
        names = ", ".join(code(claim.key) for claim in flipped)
        return text + f"Supported on one stack and refuted on another: {names}."
    others = len(shared) - same
    undecided = f" Undecided on one stack or more: {others}." if others else ""
    return text + "None is supported on one stack and refuted on another." + undecided


def _counts(made: Stacks) -> str:
    rows = []
    for stack in made.names[1:]:
        of = [row for row in made.compared if row.stack == stack]
        count = Counter(row.agreed.verdict for row in of)
        trainings = len({(row.experiment, row.variant) for row in of})
        rows.append((stack, str(trainings), str(len(of)), *(str(count[verdict]) for verdict in Agreement)))
    head = (f"against {made.names[0]}", "trainings", "metrics", *(str(verdict) for verdict in Agreement))
    return table(head, rows, right=head[1:])


def _cells(made: Stacks, of: dict[str, OnStack]) -> list[str]:
    return [of[name].text if name in of else "–" for name in made.names]


def _row(row: Compared) -> tuple[str, ...]:
    """The interval is on the metric's scale, linear or logarithmic."""
    agreed, metric = row.agreed, row.metric
    low, high = agreed.low, agreed.high
    interval = f" [{number(low)}, {number(high)}]" if low is not None and high is not None else ""
    ours, theirs = (
        f"{number(mean)}, {count - absent} of {count}"
        for mean, count, absent in zip(agreed.means, agreed.counts, agreed.absent, strict=True)
    )
    return (
        code(f"{row.experiment}/{row.variant}"),
        metric_label(metric.name) + (" (ln)" if metric.scale == "log" else ""),
        ours,
        f"{row.stack}: {theirs}",
        f"{number(agreed.difference)}{interval}; {metric.smallest_effect:g}",
    )
