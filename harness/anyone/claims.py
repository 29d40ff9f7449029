"""A claim on functions of a seed: decided by a rule of the suite, stored, and decided again by later runs."""

from __future__ import annotations

import math
import numbers
import platform
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from harness.anyone.stored import FILE, UPDATE, evidence_of, shown, store
from harness.check.claims import Decided, compare_verdict, decide_by_looks
from harness.check.evidence import changes_text
from harness.check.judge import Circumstances, Comparison
from harness.claim import Claim
from harness.environment.fingerprint import cores, fingerprint, version
from harness.errors import SuiteError, invalid, nearest
from harness.model import Experiment, Metric, Size, Trial, Variant
from harness.record.evidence import Evidence, Expected
from harness.record.outcomes import TrainingState
from harness.record.trials import Fingerprint, Training
from harness.rules import Rule
from harness.rules.levels import FEWEST_SEEDS
from harness.training.configuration import differences
from harness.verdict import Decision, Verdict

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
        """Its functions as variants, for the rules and the file."""
        variants = tuple(Variant(name, _nothing, _nothing, _nothing) for name in self.functions)
        return Experiment(id=self.id, loss="", size=Size(0, 1), variants=variants, metrics=(self.metric,))

    @property
    def configuration(self) -> dict[str, Any]:
        """What decides it, but for its functions."""
        names = ("name", "better", "smallest_effect", "scale")
        metric = {name: getattr(self.metric, name) for name in names}
        return {"rule": self.rule.describe(), "metric": metric, "seeds": list(self.sizes)}

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


def _nothing() -> Any:
    """A variant of functions has no model, data or optimizer."""


def _trial(name: str, seed: int, returned: Any, before: Sequence[Trial], metric: str) -> Trial:
    """The trial of a function's result. SuiteError unless it is a finite number, or has them under the same keys."""
    where = f"{name}({seed})"
    values = returned if isinstance(returned, Mapping) else {VALUE: returned}
    for key, value in values.items():
        what = f"{where}[{key!r}]" if isinstance(returned, Mapping) else where
        number = _number(value)
        if number is None:
            received = "nothing" if value is None else f"{value!r}"[:80]
            raise invalid(f"result of {what}", expected="a finite number, or numbers by name", received=received)
        if not isinstance(key, str):
            raise invalid(f"result of {where}", expected="names as keys", received=repr(key)[:80])
    if before and values.keys() != before[0].metrics.keys():
        expected = f"the keys of seed {before[0].seed}: {', '.join(sorted(before[0].metrics))}"
        raise invalid(f"result of {where}", expected=expected, received=", ".join(sorted(values)) or "none")
    if metric not in values:
        fix = nearest(metric, values) if values else ""
        raise invalid(f"result of {where}", expected=f"a number named {metric!r}", received=_shown(values), fix=fix)
    return Trial(name, seed, {key: _number(value) for key, value in values.items()}, engine="a function")


def _number(value: Any) -> float | None:
    """A finite number as a float, also of an array of one element; None for anything else."""
    if isinstance(value, bool | str | bytes) or value is None:
        return None
    try:
        number = float(value) if isinstance(value, numbers.Real) or hasattr(value, "__float__") else math.nan
    except (TypeError, ValueError, RuntimeError):
        return None
    return number if math.isfinite(number) else None


def _shown(values: Mapping[Any, Any]) -> str:
    return ", ".join(f"{key} {value!r}"[:40] for key, value in list(values.items())[:5]) or "no numbers"


def check(claim: OwnClaim, path: Path, update: bool) -> tuple[bool, str]:
    """Decides a claim and compares it with what is stored; stores it where nothing is, or with ``update``.

    Returns:
        (whether it passes, what to say of it). What was never stored does not pass.

    Raises:
        SuiteError: bad input, or a file that cannot be read or written. Nothing is overwritten.
    """
    stored = FILE.read(path)
    changed = (
        differences(stored.variants[next(iter(stored.variants))].configuration, claim.configuration) if stored else []
    )
    if stored and not update and (changed or stored.variants.keys() != claim.functions.keys()):
        return False, _another(claim, path, stored, changed)
    decided = claim.decided()
    decision, here = decided.decision, _fingerprint()
    if decision.verdict is Verdict.NOT_RUN:
        raise SuiteError(f"{claim.id} cannot be decided, and nothing was stored: {decision.reason}.")
    trained = {
        name: Training(configuration=claim.configuration, trials=tuple(done)) for name, done in decided.trials.items()
    }
    if stored is None or update:
        new = _evidence(claim, trained, decision, here, update)
        store(path, new, update)
        return update and decision.verdict is claim.verdict, _of_storing(claim, path, decision, stored)
    return _compared(claim, path, stored, trained, decision, here)


def _evidence(
    claim: OwnClaim, trained: Mapping[str, Training], decision: Decision, here: Fingerprint, update: bool
) -> Evidence:
    new = evidence_of(claim.experiment, STACK, trained, here, update)
    origin = next(iter(new.variants.values())).sessions[0]
    text: Any = str(decision.verdict)
    expected = Expected(
        verdict=text, date=origin.date, reason=origin.reason, seeds=origin.seeds, computed=decision.reason
    )
    return msgspec.structs.replace(new, expected={KEY: expected})


def _compared(
    claim: OwnClaim,
    path: Path,
    stored: Evidence,
    trained: Mapping[str, Training],
    decision: Decision,
    here: Fingerprint,
) -> tuple[bool, str]:
    """Compares numbers and verdict with the stored ones, by the rules of a run to the end."""
    seeds = sum(len(training.trials) for training in trained.values())
    run = Circumstances(STACK, here, full=True, trainings=len(trained), trials=seeds)
    outcomes = {
        name: Comparison(run, (claim.metric,), _only(training, claim), _only(stored.variants[name], claim)).outcome()
        for name, training in trained.items()
    }
    red = [f"{name} {outcome.state}: {outcome.reason}" for name, outcome in outcomes.items() if outcome.red]
    moved = any(outcome.state is TrainingState.MOVED for outcome in outcomes.values())
    expected = stored.expected[KEY]
    verdict = compare_verdict(decision.verdict, expected, drifted=moved)
    if verdict.red:
        red.append(f"verdict {verdict.state}: {verdict.reason} Now {decision.verdict}: {decision.reason}.")
    if Verdict(expected.verdict) is not claim.verdict:
        red.append(f"stored: {expected.verdict}, {expected.computed}. {_asked(claim, Verdict(expected.verdict))}")
    if red:
        red.append(f"If this is meant, store it anew: {UPDATE}. Stored: {shown(path)}.")
    return not red, "\n  ".join([f"{claim.id}: {claim.rule.describe()}", *red])


def _only(training: Training, claim: OwnClaim) -> Training:
    """The training with the metric that the claim compares; its other numbers are stored to be read."""
    trials = tuple(
        msgspec.structs.replace(t, metrics={claim.metric.name: t.metrics[claim.metric.name]}) for t in training.trials
    )
    return msgspec.structs.replace(training, trials=trials)


def _asked(claim: OwnClaim, verdict: Verdict) -> str:
    return f'The test asks for {claim.verdict}; verdict="{verdict}" in its arguments asks for what is stored.'


def _another(claim: OwnClaim, path: Path, stored: Evidence, changed: list[tuple[str, Any, Any]]) -> str:
    names = f"functions {', '.join(stored.variants)} then, {', '.join(claim.functions)} now"
    return (
        f"{claim.id}: not comparable, another claim is stored in {shown(path)}: {changes_text(changed) or names}. "
        f"Nothing was run. If this is meant, store it anew: {UPDATE}."
    )


def _of_storing(claim: OwnClaim, path: Path, decision: Decision, before: Evidence | None) -> str:
    """What was stored, and what changed by it."""
    now = f"{decision.verdict}, {decision.reason}"
    lines = [f"{claim.id}: {claim.rule.describe()}", f"stored in {shown(path)}: {now}."]
    if before is None:
        lines.append("Nothing was stored before. Read this, keep the file under version control, and run again.")
    else:
        then = before.expected[KEY]
        lines.append(f"before: {then.verdict}, {then.computed}.")
    if decision.verdict is not claim.verdict:
        lines.append(_asked(claim, decision.verdict))
    return "\n  ".join(lines)


def _fingerprint() -> Fingerprint:
    """Of Keras and its backend if this process has imported them; else of Python and NumPy."""
    if "keras" in sys.modules:
        from harness.training.backend import device
        from harness.training.backends import active_backend

        where = device()
        return fingerprint(active_backend(), where.kind, where.model, where.precision)
    return {
        "python": ".".join(platform.python_version_tuple()[:2]),
        "numpy": version("numpy"),
        "threads": cores(),
        "system": f"{platform.system()} {platform.machine()}",
    }
