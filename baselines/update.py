"""New baselines from a run: only what ran is renewed, and the difference is said in words."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from baselines.condensed import MANY, condensed
from baselines.curves import Rounding
from baselines.drift import same_bits
from baselines.record import Baseline, ExpectedVerdict, Provenance, VariantBaseline
from harness.errors import invalid
from harness.trial import Trial
from harness.verdict import Verdict

Trials = Mapping[str, Sequence[Trial]]
"""Trials by variant."""


def renewed(
    old: Baseline | None,
    *,
    experiment: str,
    setting: str,
    stack: str,
    variants: Mapping[str, str],
    claims: Iterable[str],
    trials: Trials,
    rounding: Mapping[str, Rounding],
    seeds: int,
    verdicts: Mapping[str, Verdict],
    provenance: Provenance,
) -> Baseline:
    """The baseline after a run, of which any part may be missing.

    A variant or claim that did not run keeps what is stored; one that is no longer declared is left out; one that ran
    to the same bits or verdict, by the same definition on the same fingerprint, keeps its provenance and its rounding,
    so that a repetition changes no file.
    A variant with fewer than ``seeds`` trials was interrupted and is not stored; NOT_RUN is no verdict to expect.

    Args:
        old: what is stored; None where nothing is.
        experiment, setting, stack: the file's place, see ``baselines.files.path_of``.
        variants: all the experiment declares, in its order, with their ``variant_digest`` now.
        claims: keys of all claims that this file holds: those on the experiment, or the exact ones.
        trials: this run's, by variant.
        rounding: how far rounding takes them, by variant.
        seeds: how many trials were asked for per variant.
        verdicts: this run's, by claim key.
        provenance: of this run; SuiteError without a reason.
    """
    if not provenance.reason.strip():
        raise invalid(
            "reason for new baselines",
            expected='why the numbers may move, as in --update-baselines "Keras 3.12"',
            received=repr(provenance.reason),
        )
    old = old or Baseline(experiment, setting, stack)
    unfinished = incomplete(trials, seeds)
    kept: dict[str, VariantBaseline] = {}
    for name, definition in variants.items():
        before = old.variants.get(name)
        if name in trials and name not in unfinished:
            now = _stored(trials[name], definition, provenance, rounding.get(name, {}))
            if before is not None and _same(before, now):
                now = before if before.rounding else replace(before, rounding=now.rounding)
            kept[name] = now
        elif before is not None:
            kept[name] = before
    expected: dict[str, ExpectedVerdict] = {}
    for key in claims:
        stored, verdict = old.verdicts.get(key), verdicts.get(key, Verdict.NOT_RUN)
        if verdict is not Verdict.NOT_RUN and (stored is None or stored.verdict is not verdict):
            expected[key] = ExpectedVerdict(verdict, provenance.date, provenance.reason)
        elif stored is not None:
            expected[key] = stored
    return replace(old, variants=kept, verdicts=expected)


def _stored(
    trials: Sequence[Trial], definition: str, provenance: Provenance, rounding: Rounding
) -> VariantBaseline:  # fmt: skip
    """In the order of the seeds; of many, the last values and quantiles of the curves."""
    ordered = sorted(trials, key=lambda trial: trial.seed)
    if len(ordered) < MANY:
        return VariantBaseline(tuple(trial.thinned() for trial in ordered), definition, provenance, rounding)
    kept, curves = condensed(ordered)
    return VariantBaseline(kept, definition, provenance, curves=curves)


def incomplete(trials: Trials, seeds: int) -> tuple[str, ...]:
    """The variants with fewer trials than asked for; ``renewed`` does not store them."""
    return tuple(name for name, done in trials.items() if len({trial.seed for trial in done}) < max(seeds, 1))


def difference(old: Baseline | None, new: Baseline) -> str:
    """What changes from one baseline to the next, a line for each variant and claim that does; the first metric."""
    before = old or Baseline(new.experiment, new.setting, new.stack)
    lines = [
        f"  {name}: {_change(before.variants.get(name), new.variants.get(name))}"
        for name in dict.fromkeys((*new.variants, *before.variants))
        if before.variants.get(name) != new.variants.get(name)
    ]
    for key in dict.fromkeys((*new.verdicts, *before.verdicts)):
        then, now = before.verdicts.get(key), new.verdicts.get(key)
        if then != now:
            lines.append(f"  {key}: {then.verdict if then else 'new'} → {now.verdict if now else 'removed'}")
    title = f"{new.experiment} ({new.setting}, {new.stack})"
    return "\n".join([f"{title}:", *lines]) if lines else f"{title}: nothing changes"


def _same(old: VariantBaseline, new: VariantBaseline) -> bool:
    return (
        old.definition == new.definition
        and old.curves == new.curves
        and old.provenance.fingerprint == new.provenance.fingerprint
        and len(old.trials) == len(new.trials)
        and all(a.engine == b.engine and same_bits(a, b) for a, b in zip(old.trials, new.trials, strict=True))
    )


def _change(old: VariantBaseline | None, new: VariantBaseline | None) -> str:
    if new is None:
        return f"removed ({_mean(old)}), the experiment no longer declares it"
    if old is None:
        return f"new, {_mean(new)}"
    if old.trials == new.trials and old.rounding != new.rounding:
        return "how far rounding takes it is stored too"
    state = "renewed" if old.definition == new.definition else "redefined"
    return f"{state}, {_mean(old)} → {_mean(new)}"


def _mean(variant: VariantBaseline | None) -> str:
    """ "val_accuracy 0.98123 (n = 5)", with how many of the trials have a value where that is not all."""
    if variant is None:
        return "nothing"
    metric = next(iter(variant.trials[0].metrics), None)
    if metric is None:
        return f"no metric (n = {len(variant.trials)})"
    values = [v for trial in variant.trials if (v := trial.metrics[metric]) is not None]
    n = str(len(variant.trials)) if len(values) == len(variant.trials) else f"{len(values)} of {len(variant.trials)}"
    return f"{metric} {sum(values) / len(values):.6g} (n = {n})" if values else f"{metric} without a value (n = {n})"
