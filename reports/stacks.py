"""Stacks compared: each claim's verdict on each stack, and whether the trainings it rests on are equivalent.

A verdict here is that of the stack's own evidence. ``check.difference.agreement`` compares each metric of each training
with the first stack's: two one-sided tests against the metric's smallest effect of interest. Hundreds of metrics are
compared. A metric therefore differs only if its means also differ at LEVEL divided by their number (Bonferroni). So the
chance of any false difference of means is at most LEVEL.
"""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple

from harness.check.difference import LEVEL, Agreed, Agreement, Values, agreement
from harness.check.evidence import path_of, read
from harness.check.stored import stored_verdict
from harness.claim import Cause, Claim
from harness.course import course
from harness.errors import invalid
from harness.model import Metric
from harness.record.evidence import EXACT, Evidence
from harness.record.trials import Training
from harness.verdict import Decision, Verdict
from reports.moves import Difference, Move
from reports.words import SYMBOLS, code, escape, folded, metric_label, number, plural, standing, table

FILE = "STACKS.md"
DECIDED = (Verdict.SUPPORTED, Verdict.REFUTED)
READING = (
    "✔ supported, ≈ not contradicted, ✘ refuted, ↻ outdated, = a tie, ? undecided, with the number of seeds; in "
    "parentheses a preliminary verdict of fewer than "
    "30 seeds; – no evidence."
)


class Compared(NamedTuple):
    """One metric of a training on another stack, compared with the first stack; ``cause``: why, if that is known."""

    stack: str
    experiment: str
    variant: str
    metric: Metric
    agreed: Agreed
    cause: Cause | None


class OnStack(NamedTuple):
    """What a stack's own evidence decides of a claim, with how many seeds, and whether they are too few to decide."""

    decision: Decision
    seeds: int = 0
    preliminary: bool = False

    def __str__(self) -> str:
        """ "✔ 30"; a preliminary verdict is in parentheses; no number for a computed claim."""
        symbol = SYMBOLS[standing(self.decision.verdict, self.decision.basis)]
        text = f"{symbol} {self.seeds:,}" if self.seeds else symbol
        return f"({text})" if self.preliminary else text


OnStacks = Mapping[str, OnStack]


@dataclass(frozen=True)
class Stacks:
    """The comparison.

    Attributes:
        names: the stacks, the first of which the others are compared with.
        verdicts: each claim on the stacks that have evidence of it.
        compared: every metric of every training that the first stack and another one have.
    """

    names: tuple[str, ...]
    verdicts: Sequence[tuple[Claim, OnStacks]]
    compared: Sequence[Compared]

    @property
    def unlike(self) -> list[tuple[Claim, OnStacks]]:
        """The claims that do not have one verdict on all stacks with evidence of them."""
        return [(claim, of) for claim, of in self.verdicts if len(_verdicts(of)) > 1]

    @property
    def flips(self) -> list[Claim]:
        """The claims that one stack supports and another refutes."""
        return [claim for claim, of in self.verdicts if _verdicts(of) >= set(DECIDED)]

    @property
    def different(self) -> list[Compared]:
        return [row for row in self.compared if row.agreed.verdict is Agreement.DIFFERENT]


def _verdicts(of: OnStacks) -> set[Verdict]:
    return {on.decision.verdict for on in of.values()}


def stacks(root: Path, names: Sequence[str]) -> Stacks:
    """Compares the evidence below ``root`` of at least two stacks.

    Raises SuiteError for fewer stacks, for one without evidence, and for damaged evidence.
    """
    known = sorted({path.parent.name for path in root.glob("*-*/*.json")})
    unique = tuple(dict.fromkeys(names))
    if len(unique) < 2 or not set(names) <= set(known):
        fix = f"Stacks with evidence: {', '.join(known) or 'none'}."
        raise invalid("--stacks", expected="two stacks or more that have evidence", received=", ".join(names), fix=fix)
    stored: dict[str, dict[str, Evidence]] = {}
    for name in (*course().experiments, EXACT):
        files = {stack: read(path_of(root, stack, name)) for stack in unique}
        stored[name] = {stack: evidence for stack, evidence in files.items() if evidence is not None}
    verdicts = [(claim, dict(_on_stacks(claim, stored))) for claim in course().claims]
    pairs = list(_pairs(stored, unique[0]))
    compared = [
        Compared(*where, metric, agreed(metric, x, y, len(pairs)), course().cause(*where, metric.name))
        for where, metric, x, y in pairs
    ]
    return Stacks(unique, verdicts, compared)


def _on_stacks(claim: Claim, stored: Mapping[str, Mapping[str, Evidence]]) -> Iterator[tuple[str, OnStack]]:
    for stack, evidence in stored[claim.experiment.id if claim.experiment else EXACT].items():
        if claim.experiment is not None:
            known = stored_verdict(claim, stack, {stack: evidence})
            if known.stack:
                yield stack, OnStack(known.preliminary or known.decision, known.seeds, known.preliminary is not None)
        elif expected := evidence.expected.get(claim.key):
            yield stack, OnStack(Decision(Verdict(expected.verdict), ""))


def _pairs(
    stored: Mapping[str, Mapping[str, Evidence]], first: str
) -> Iterator[tuple[tuple[str, str, str], Metric, Values, Values]]:
    """Another stack's experiment and variant, each metric that the first stack has too, and the values of both."""
    for experiment in course().experiments.values():
        ours = stored[experiment.id].get(first)
        for stack, evidence in stored[experiment.id].items():
            for name, mine in ours.variants.items() if ours and stack != first else ():
                theirs = evidence.variants.get(name)
                for metric in experiment.metrics if theirs else ():
                    if theirs and metric.name in mine.metrics and metric.name in theirs.metrics:
                        yield (stack, experiment.id, name), metric, values(mine, metric), values(theirs, metric)


def values(of: Training, metric: Metric) -> Values:
    """A metric by seed. A network that ended in nan has no accuracy: argmax of nan is any class, by the backend."""
    lost = {trial.seed for trial in of.trials if trial.divergence and trial.divergence.kind in ("nan", "inf")}
    known = {trial.seed: trial.metrics[metric.name] for trial in of.trials}
    return known | (dict.fromkeys(lost) if metric.unit == "fraction" else {})


def agreed(metric: Metric, x: Values, y: Values, comparisons: int) -> Agreed:
    """The agreement at LEVEL; a difference that is none at LEVEL divided by the number of comparisons is undecided."""
    known = agreement(metric, x, y)
    if known.verdict is not Agreement.DIFFERENT:
        return known
    strict = agreement(metric, x, y, LEVEL / comparisons).verdict is Agreement.DIFFERENT
    return known if strict else replace(known, verdict=Agreement.UNDECIDED)


def why(made: Stacks, claim: Claim, of: OnStacks) -> str:
    """Why a claim's verdict differs between stacks: a cause, trainings that differ, or too few seeds."""
    if claim.experiment is None:
        return "computed otherwise; the cause is not known"
    experiment, variants = claim.experiment.id, claim.variants
    rows = [row for row in made.different if row.stack in of and row.experiment == experiment]
    different = [row for row in rows if row.variant in variants]
    if causes := dict.fromkeys(row.cause.text for row in different if row.cause):
        return "; ".join(causes)
    if different:
        return f"{code(different[0].variant)} trains otherwise on {different[0].stack}; the cause is not known"
    if claim in made.flips:
        places = itertools.product(of, variants, {name for rule in claim.rules for name in rule.metrics})
        known = (course().cause(stack, experiment, variant, metric) for stack, variant, metric in places)
        if cause := next(filter(None, known), None):
            return cause.text
        return "no training is shown to differ: two samples of seeds, on either side of the limit"
    undecided = [f"{on.seeds:,} seeds on {stack}" for stack, on in of.items() if on.decision.verdict not in DECIDED]
    return f"not decided by {' and '.join(undecided)}; no training is shown to differ"


def markdown(made: Stacks) -> str:
    """The text of STACKS.md."""
    parts = [f"# {escape(course().title)} on {', '.join(made.names)}", _status(made), _counts(made), READING]
    rows = {
        claim.key: (f"{code(claim.key)}<br>{escape(claim.statement)}", *_cells(made, of), escape(why(made, claim, of)))
        for claim, of in made.unlike
    }
    waiting = [claim.key for claim, of in made.unlike if len(_verdicts(of) - {Verdict.INCONCLUSIVE}) == 1]
    head = ("claim", *made.names, "why")
    if rows:
        parts += ["## Verdicts that differ"]
    if apart := [row for key, row in rows.items() if key not in waiting]:
        parts += [table(head, apart)]
    if waiting:
        summary = f"{plural(len(waiting), 'claim')} decided on some of the stacks only"
        parts += [folded(summary, table(head, [rows[key] for key in waiting]))]
    different = sorted(made.different, key=lambda row: -abs(row.agreed.difference or 0.0) / row.metric.smallest_effect)
    parts += ["## Trainings that are not equivalent"] if different else []
    head = ("training", "metric", made.names[0], "other stack", "difference and limit")
    for cause in dict.fromkeys(row.cause for row in different):
        own = [_row(row) for row in different if row.cause == cause]
        known = f"{cause.text} Tested: {cause.tested}" if cause else "not known"
        shown = table(head, own, right=head[2:])
        parts += [f"**Cause:** {escape(known)}", folded(plural(len(own), "difference"), shown)]
    every = [(code(claim.key), escape(claim.slide), *_cells(made, of)) for claim, of in made.verdicts]
    listed = table(("claim", "slide", *made.names), every)
    parts += ["## Every claim", folded(f"Verdicts of {plural(len(every), 'claim')}", listed)]
    return "\n\n".join(parts) + "\n"


def _status(made: Stacks) -> str:
    """A sentence for each other stack: what changes if one moves there from the first."""
    return "\n\n".join(f"**From {made.names[0]} to {stack}:** {_move(made, stack, code)}" for stack in made.names[1:])


def moves(root: Path, names: Sequence[str]) -> tuple[Move, ...]:
    """What changes between each two of these stacks. Raises SuiteError as ``stacks`` does."""
    return tuple(move for first in range(len(names) - 1) for move in moves_from_first(stacks(root, names[first:])))


def moves_from_first(made: Stacks) -> Iterator[Move]:
    """What changes from the first stack to each of the others."""
    for stack in made.names[1:]:
        yield Move(made.names[0], stack, _move(made, stack, str), tuple(_differences(made, stack)))


def _move(made: Stacks, stack: str, named: Callable[[str], str]) -> str:
    """What changes from the first stack to another, in two sentences: claims and trainings; what is preliminary."""
    pair = made.names[0], stack
    both = [(claim, [of[name] for name in pair]) for claim, of in made.verdicts if of.keys() >= {*pair}]
    if not both:
        return "No claim has a verdict on both."
    early = {claim.key for claim, on in both if any(each.preliminary for each in on)}
    kinds = {claim.key: {each.decision.verdict for each in on} for claim, on in both}
    same = [key for key, verdicts in kinds.items() if len(verdicts) == 1]
    waiting = [key for key, verdicts in kinds.items() if len(verdicts) == 2 and Verdict.INCONCLUSIVE in verdicts]
    changed = [named(key) + ", preliminary" * (key in early) for key in kinds if key not in (*same, *waiting)]
    parts = [f"{len(changed) or 'None'} of {plural(len(both), 'claim')} change{'s' * (len(changed) < 2)}"]
    parts[0] += f" ({'; '.join(changed)})" if changed else ""
    parts += [f"{len(of)} {verb}{'s' * (len(of) == 1)}{rest}"
              for of, verb, rest in ((same, "agree", ""), (waiting, "wait", " for seeds")) if of]  # fmt: skip
    trainings = len({(row.experiment, row.variant) for row in made.different if row.stack == stack})
    differ = (
        plural(trainings, "training differs", "trainings differ") if trainings else "no training is shown to differ"
    )
    few = f" Of these verdicts {len(early)} {'is' if len(early) == 1 else 'are'} preliminary." if early else ""
    return f"{', '.join(parts)}; {differ}.{few}"


def _differences(made: Stacks, stack: str) -> Iterator[Difference]:
    first = made.names[0]
    for claim, every in made.verdicts:
        of = {name: every[name] for name in (first, stack) if name in every}
        if len(of) == 2 and len(_verdicts(of)) > 1:
            yield Difference(claim.key, str(of[first]), str(of[stack]), why(made, claim, of))
    for row in made.different:
        if row.stack == stack:
            name = metric_label(row.metric.name) + (" (ln)" if row.metric.scale == "log" else "")
            ours, theirs = (number(mean) for mean in row.agreed.means)
            cause = row.cause.text if row.cause else "not known"
            yield Difference(f"{row.experiment}/{row.variant}, {name}", ours, theirs, cause)


def _counts(made: Stacks) -> str:
    rows = []
    for stack in made.names[1:]:
        of = [row for row in made.compared if row.stack == stack]
        count = Counter(row.agreed.verdict for row in of)
        trainings = len({(row.experiment, row.variant) for row in of})
        rows.append((stack, trainings, len(of), *(count[verdict] for verdict in Agreement)))
    head = (f"against {made.names[0]}", "trainings", "metrics", *map(str, Agreement))
    return table(head, rows, right=head[1:])


def _cells(made: Stacks, of: OnStacks) -> list[str]:
    return [str(of[name]) if name in of else "–" for name in made.names]


def _row(row: Compared) -> tuple[str, ...]:
    """The interval is on the metric's scale, linear or logarithmic."""
    agreed, metric = row.agreed, row.metric
    interval = "" if agreed.low is None else f" [{number(agreed.low)}, {number(agreed.high)}]"
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
