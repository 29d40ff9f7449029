"""Measures what evidence holds of a variant besides its trials: traces, perturbed trials and hashes."""

from __future__ import annotations

from collections.abc import Sequence

from harness.check.evidence import TINY_SEEDS, Measured, short_traces
from harness.check.rounding import CHECKED, MOST_STEPS, VALIDATED, reproducible_steps, same_losses
from harness.domain.experiment import Experiment
from harness.domain.trial import Trial
from harness.record.evidence import VariantEvidence
from harness.record.trials import ShortTrial

PERTURBED = range(1, 5)
"""The perturbations whose traces are stored, for each seed of a check."""


def measure(
    experiment: Experiment, variant: str, trials: Sequence[Trial], old: VariantEvidence | None, engine: str
) -> Measured:
    """Measures the configuration, hashes, traces and perturbed trials of a variant, unless they are stored.

    Args:
        experiment, variant: what is measured.
        trials: its trials to the end.
        old: its stored evidence, or None.
        engine: the engine that trains.
    """
    from harness.training.configuration import configuration, hashes
    from harness.training.engines import pays_on_cpu
    from harness.training.setup import TrainingSetup
    from harness.training.steps import first_steps, full_batches
    from harness.training.train import train

    task = TrainingSetup.of(experiment, variant)
    given = configuration(task)
    if old is not None and old.hashes is not None:
        return Measured(
            given, trials, tiny=old.tiny, calm_to_the_end=calm_to_the_end(experiment, variant, old, engine, trials)
        )
    found = hashes(task)
    if pays_on_cpu(task, task.build()[0]):
        seeds = [trial.seed for trial in trials if trial.seed < TINY_SEEDS]
        perturbed = {k: train(experiment, variant, seeds, engine, perturbed=k) for k in PERTURBED}
        return Measured(given, trials, found, perturbed=perturbed, tiny=True)
    steps = min(MOST_STEPS, full_batches(task))
    short: list[ShortTrial] = []
    for k in (0, *PERTURBED):
        short += first_steps(experiment, variant, range(CHECKED), steps, engine=engine, perturbed=k, validate=())
    short += first_steps(experiment, variant, (0,), steps, engine=engine, canonical=True, validate=())
    taken: set[int] = set()
    while (steps := reproducible_steps(short_traces(short))) not in (0, *taken):
        taken.add(steps)  # T becomes smaller if rounding moves the validation loss
        for k in (0, *PERTURBED):
            short += first_steps(experiment, variant, VALIDATED, steps, engine=engine, perturbed=k, validate=VALIDATED)
    return Measured(given, trials, found, short, calm_to_the_end=_calm(experiment, variant, steps, engine, trials))


def calm_to_the_end(
    experiment: Experiment, variant: str, old: VariantEvidence, engine: str, trials: Sequence[Trial] = ()
) -> bool | None:
    """``calm_to_the_end`` as stored, or measured if it is not stored; None for a tiny training.

    ``trials``: of this machine, to the end. They are not trained again.
    """
    if old.tiny or old.calm_to_the_end is not None:
        return old.calm_to_the_end
    return _calm(experiment, variant, old.steps, engine, trials)


def _calm(experiment: Experiment, variant: str, steps: int, engine: str, trials: Sequence[Trial]) -> bool:
    """Whether rounding moves no loss of any epoch, in all perturbed trials of a check's seeds.

    It trains until the first trial that moves. It trains nothing if rounding moves one of the first steps.
    """
    from harness.training.train import train

    if steps < MOST_STEPS:
        return False
    trained = {trial.seed: trial for trial in trials if trial.history}
    for seed in range(CHECKED):
        plain = trained.get(seed) or train(experiment, variant, (seed,), engine)[0]
        for k in PERTURBED:
            (other,) = train(experiment, variant, (seed,), engine, perturbed=k)
            if not same_losses(other.history, plain.history):
                return False
    return True
