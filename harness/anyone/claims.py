"""A claim on functions of a seed: decided by a rule of the suite, stored, and decided again by later runs."""

from __future__ import annotations

import math
import platform
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from msgspec.structs import replace

from harness.anyone.stored import FILE, READ, Result, again, evidence_of, kept, shown
from harness.check.claims import Decided, compare_verdict, decide_by_looks
from harness.check.evidence import changes_text
from harness.check.judge import Circumstances, Comparison
from harness.claim import Claim
from harness.environment.fingerprint import version
from harness.errors import SuiteError, invalid, nearest
from harness.model import Experiment, Metric, Size, Trial, Variant
from harness.record.evidence import Expected
from harness.record.outcomes import TrainingState
from harness.record.trials import Fingerprint, Training
from harness.rules import Rule
from harness.rules.levels import FEWEST_SEEDS
from harness.training.backends import active_backend
from harness.training.configuration import differences
from harness.verdict import Verdict

Function = Callable[[int], float | Mapping[str, float]]
"""seed -> a number, or numbers by name."""
STACK = "claims"
"""The folder of these files: a claim has one verdict on every machine."""
VALUE = "value"
"""The metric of a function that returns a single number."""
KEY = "claim"


@dataclass(frozen=True, kw_only=True)
class OwnClaim:
    """A claim on functions of a seed.

    Attributes:
        id: kebab-case; names its file.
        rule: decides it; its variants are the names of ``functions``.
        functions: by name.
        metric: what is compared, with the smallest effect that matters.
        sizes: the number of seeds of each look, growing. A look that leaves it open is followed by the next.
        verdict: what the stored verdict has to be, so that the check passes.
    """

    id: str
    rule: Rule
    functions: Mapping[str, Function]
    metric: Metric
    sizes: tuple[int, ...]
    verdict: Verdict = Verdict.SUPPORTED

    def __post_init__(self) -> None:
        whole = all(isinstance(size, int) and not isinstance(size, bool) for size in self.sizes)
        if not whole or not self.sizes or list(self.sizes) != sorted(set(self.sizes)) or self.sizes[0] < FEWEST_SEEDS:
            expected = f"a number of at least {FEWEST_SEEDS}, or growing ones, one for each look"
            raise invalid(f"seeds of {self.id}", expected=expected, received=list(self.sizes))
        for name, function in self.functions.items():
            if not callable(function):
                raise invalid(f"{name} of {self.id}", expected="a function of a seed", received=repr(function)[:80])

    @property
    def experiment(self) -> Experiment:
        """Its functions as variants, for the rules and the file. They have no model, data or optimizer."""
        parts: Any = dict.fromkeys(("model", "data", "optimizer"), object)
        return Experiment(id=self.id, loss="", size=Size(0, 1), variants=tuple(map(Variant, self.functions)),
                          metrics=(self.metric,), **parts)  # fmt: skip

    @property
    def configuration(self) -> dict[str, Any]:
        """What decides it, but for what its functions do."""
        metric = {name: getattr(self.metric, name) for name in ("name", "better", "smallest_effect", "scale")}
        return {
            "rule": self.rule.describe(), "metric": metric, "seeds": list(self.sizes), "functions": list(self.functions)
        }  # fmt: skip

    def decided(self) -> Decided:
        """Calls the functions with seeds from 0 on, and decides. SuiteError for results that cannot be used."""
        claim = Claim(id=self.id, slide="a test", statement=self.rule.describe(), rule=self.rule, source="ours",
                      experiment=self.experiment)  # fmt: skip
        known: dict[str, list[Trial]] = {name: [] for name in self.functions}

        def trials(count: int) -> Mapping[str, tuple[Trial, ...]]:
            for seed in range(len(next(iter(known.values()))), count):
                for name, function in self.functions.items():
                    known[name].append(_trial(name, seed, function(seed), known[name], self.metric.name))
            for name, done in known.items():
                if all(trial.metrics == done[0].metrics for trial in done):
                    raise SuiteError(
                        f"{name} returned the same numbers for all of {count} seeds ({_shown(done[0].metrics)}), so "
                        "they show nothing about another seed. Use the seed in everything that draws random numbers."
                    )
            return {name: tuple(done) for name, done in known.items()}

        return decide_by_looks(claim, trials, self.sizes)


def _trial(name: str, seed: int, returned: Any, before: Sequence[Trial], metric: str) -> Trial:
    """The trial of a function's result. SuiteError unless it is a finite number, or has them under the same keys."""
    where, by_name = f"{name}({seed})", isinstance(returned, Mapping)
    values, numbers = returned if by_name else {VALUE: returned}, dict[str, float]()
    for key, value in values.items():
        try:
            numbers[key] = math.nan if isinstance(value, bool | str | bytes) else float(value)
        except (TypeError, ValueError, RuntimeError, OverflowError):
            numbers[key] = math.nan
        if not math.isfinite(numbers[key]):
            what, received = f"{where}[{key!r}]" if by_name else where, "nothing" if value is None else repr(value)[:80]
            raise invalid(f"result of {what}", expected="a finite number, or numbers by name", received=received)
        if not isinstance(key, str):
            raise invalid(f"result of {where}", expected="names as keys", received=repr(key)[:80])
    if before and numbers.keys() != before[0].metrics.keys():
        expected = f"the keys of seed {before[0].seed}: {', '.join(sorted(before[0].metrics))}"
        raise invalid(f"result of {where}", expected=expected, received=", ".join(sorted(numbers)) or "none")
    if metric not in numbers:
        fix = nearest(metric, numbers) if numbers else ""
        raise invalid(f"result of {where}", expected=f"a number named {metric!r}", received=_shown(values), fix=fix)
    return Trial(name, seed, dict(numbers), engine="a function")


def _shown(values: Mapping[Any, Any]) -> str:
    return ", ".join(f"{key} {value!r}"[:40] for key, value in list(values.items())[:5]) or "no numbers"


def check(claim: OwnClaim, path: Path, update: bool) -> Result:
    """Decides a claim and compares it with what is stored; stores it where nothing is, or with ``update``.

    SuiteError for bad input, or a file that cannot be read or written. Nothing is overwritten.
    """
    known = FILE.read(path)
    before = known and known.expected[KEY]
    then = next(iter(known.variants.values())).configuration if known else claim.configuration
    if (changed := differences(then, claim.configuration)) and not update:
        text = f"{claim.id}: not comparable, another claim is stored: {changes_text(changed)}. Nothing was run."
        return Result(False, f"{text} {again(path)}")
    decided, here = claim.decided(), _fingerprint()
    verdict, reason = decided.decision.verdict, decided.decision.reason
    if verdict is Verdict.NOT_RUN:
        raise SuiteError(f"{claim.id} cannot be decided, and nothing was stored: {reason}.")
    own = Training(configuration=claim.configuration)
    now = {name: replace(own, trials=tuple(done)) for name, done in decided.trials.items()}
    lines = [f"{claim.id}: {claim.rule.describe()}"]
    asked = f'The test asks for {claim.verdict}; verdict="{{}}" in its arguments asks for what is stored.'
    if known is None or update:
        new = evidence_of(claim.experiment, STACK, now, here, update)
        origin = next(iter(new.variants.values())).sessions[0]
        expected: Any = {"verdict": str(verdict), "date": origin.date, "reason": origin.reason, "seeds": origin.seeds}
        kept(path, replace(new, expected={KEY: Expected(**expected, computed=reason)}), update)
        lines += [f"stored in {shown(path)}: {verdict}, {reason}."]
        lines += [f"before: {before.verdict}, {before.computed}." if before else READ]
        lines += [asked.format(verdict)] * (verdict is not claim.verdict)
        return Result(update and verdict is claim.verdict, "\n  ".join(lines))
    assert before
    red, moved = _moved(claim, now, known.variants, here)
    told = compare_verdict(verdict, before, drifted=moved)
    if told.red:
        red.append(f"verdict {told.state}: {told.reason} Now {verdict}: {reason}.")
    if Verdict(before.verdict) is not claim.verdict:
        red.append(f"stored: {before.verdict}, {before.computed}. {asked.format(before.verdict)}")
    return Result(not red, "\n  ".join([*lines, *red, *[again(path)] * bool(red)]))


def _moved(
    claim: OwnClaim, now: Mapping[str, Training], then: Mapping[str, Training], here: Fingerprint
) -> tuple[list[str], bool]:
    """What is red of the numbers that the claim compares, by the rules of a run to the end; and whether any moved."""
    seeds, name = sum(training.seeds for training in now.values()), claim.metric.name

    def only(training: Training) -> Training:
        trials = (replace(trial, metrics={name: trial.metrics[name]}) for trial in training.trials)
        return replace(training, trials=tuple(trials))

    run = Circumstances(STACK, here, full=True, trainings=len(now), trials=seeds)
    outcomes = {key: Comparison(run, (claim.metric,), only(now[key]), only(then[key])).outcome() for key in now}
    red = [f"{key} {outcome.state}: {outcome.reason}" for key, outcome in outcomes.items() if outcome.red]
    return red, any(outcome.state is TrainingState.MOVED for outcome in outcomes.values())


def _fingerprint() -> Fingerprint:
    """Of Python, NumPy and Keras, and of its backend if this process has imported it."""
    return {
        "python": ".".join(platform.python_version_tuple()[:2]),
        "numpy": version("numpy"),
        "keras": version("keras", "keras-nightly"),
        "backend": active_backend() if "keras" in sys.modules else None,
        "system": f"{platform.system()} {platform.machine()}",
    }
