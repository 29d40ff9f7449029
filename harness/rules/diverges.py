"""Diverges: training fails on every seed, or on more than a stated share of them."""

from __future__ import annotations

from dataclasses import dataclass

from harness.domain.trial import Trial
from harness.domain.verdict import Decision, Verdict
from harness.rules.arguments import check_names, check_number
from harness.rules.rule import Sample
from harness.rules.seeds import UnusableError, by_seed
from harness.rules.shares import decide_share


@dataclass(frozen=True)
class Diverges:
    """More than ``share`` of the seeds diverge: nan, inf, finite blow-up or stuck at chance.

    A ``share`` of 1 means every seed: SUPPORTED if all diverged, REFUTED if one did not. Below 1: SUPPORTED if the
    exact lower bound of the share of seeds (Clopper & Pearson 1934) is above ``share``, REFUTED if the upper bound is
    below it. Each bound errs with the chance ``Sample.levels.share``. Assumes independent seeds; fewer than 5 decide
    nothing.
    """

    variant: str
    share: float = 1.0

    def __post_init__(self) -> None:
        check_names("Diverges", "variant", (self.variant,), fewest=1)
        check_number("Diverges", "share", self.share, above=0, most=1)

    @property
    def variants(self) -> tuple[str, ...]:
        return (self.variant,)

    @property
    def metrics(self) -> tuple[str, ...]:
        return ()

    @property
    def figures(self) -> tuple[tuple[str, str], ...]:
        return ()

    def describe(self) -> str:
        return f"{self.variant} diverges {how_often(self.share)}"

    def decide(self, sample: Sample) -> Decision:
        try:
            trials = list(by_seed(sample, self.variant).values())
        except UnusableError as error:
            return Decision(Verdict.NOT_RUN, str(error))
        count = sum(trial.divergence is not None for trial in trials)
        of = f"{self.variant}: seeds that diverged"
        begin = failures(trials) or "no seed diverged"
        return decide_share(count, len(trials), self.share, sample, of=of, metric="divergence", begin=begin)


def how_often(share: float) -> str:
    """ "on every seed", "in more than 0.5 of seeds"."""
    return "on every seed" if share == 1 else f"in more than {share:g} of seeds"


def failures(trials: list[Trial]) -> str:
    """How trials diverged, by kind and first bad step: "nan at step 6 in 5 of 5"; "" if none did."""
    found = [trial.divergence for trial in trials if trial.divergence is not None]
    texts = []
    for kind in dict.fromkeys(one.kind for one in found):
        same = [one for one in found if one.kind == kind]
        steps = sorted(one.step for one in same if one.step is not None)
        if kind == "stuck at chance":
            when = ""
        elif len(steps) == len(same):
            when = _range(" at step", steps)
        else:
            when = _range(" at epoch", sorted(one.epoch for one in same))
        texts.append(f"{kind}{when} in {len(same)} of {len(trials)}")
    return ", ".join(texts)


def _range(what: str, numbers: list[int]) -> str:
    first, last = numbers[0], numbers[-1]
    return f"{what} {first}" if first == last else f"{what}s {first} to {last}"
