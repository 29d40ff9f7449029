"""How far rounding moves a training: relative differences, and T, the number of steps over which they stay small.

Two machines that train one seed with the same random numbers first differ in the last bits of float32. The differences
grow in jumps (an activation changes its sign), until the trainings have nothing in common. Perturbed trials show this
on one machine: they start from initial weights with other last bits. Over the first T steps their differences stay
under ``LIMIT``. A larger difference within T steps is therefore a change of the training.

``measure`` trains them, for evidence.
"""

from __future__ import annotations

import functools
import itertools
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from msgspec.structs import replace

from harness.model import Experiment, Metric, Trial
from harness.record.trials import Number, ShortTrial, Sizes, State, Training, number, value

if TYPE_CHECKING:
    import numpy as np

    from harness.training.late_state import Late

LIMIT = 1e-4
"""The smallest relative difference that is a change."""
FLOOR = 1e-3
"""A share of a trace's first loss. Differences of smaller losses are relative to this share."""
MOST_STEPS = 20
"""The largest T."""
SURE = 0.99
"""Share of the resamples in which the median has to stay under ``LIMIT``."""
RESAMPLES = 10_000
CHECKED = 5
"""Number of seeds of a check. It compares their median."""
TINY_SEEDS = 10
"""Number of seeds of a tiny training that a check trains."""
PERTURBED = range(1, 5)
"""The perturbations whose first steps are stored, for each seed of a check."""


def relative(now: float | None, then: float | None, floor: float = 0.0) -> float:
    """|now − then| / max(|then|, floor). None counts as nan. A floor that is not finite counts as 0.

    It is 0 for two equal values and for two nan. It is infinite if only one value is finite, or both are infinite with
    different signs.
    """
    a, b = (math.nan if x is None else x for x in (now, then))
    if a == b or (math.isnan(a) and math.isnan(b)):
        return 0.0
    size = max(abs(b), floor if math.isfinite(floor) else 0.0)
    return abs(a - b) / size if math.isfinite(a) and math.isfinite(b) and size > 0 else math.inf


def floor(metric: Metric | None) -> float:
    """The least size that a difference of a metric is relative to: its smallest effect; on a log scale its floor."""
    if metric is None:
        return 0.0
    return metric.smallest_effect if metric.scale == "linear" else metric.floor


def along(now: Sequence[Number | None], then: Sequence[Number | None]) -> list[float]:
    """The relative difference at each common step. The floor is FLOOR × the first loss of ``then``."""
    ours, stored = ([math.nan if x is None else value(x) for x in losses] for losses in (now, then))
    floor = FLOOR * abs(stored[0]) if stored else 0.0
    return [relative(a, b, floor) for a, b in zip(ours, stored, strict=False)]


def reproducible_steps(traces: Sequence[ShortTrial], seeds: int = CHECKED, limit: float = LIMIT) -> int:
    """T: the last step, at most 20, up to which the median difference that rounding makes stays under a limit.

    A resample draws ``seeds`` seeds with replacement, and one perturbed trial of each. A drawn trial keeps all its
    steps. The median over the drawn trials has to stay under ``limit`` at this step and all earlier ones, in 99 % of
    10,000 resamples (with a fixed generator). T is 0 if no step fulfils this, or without perturbed trials.

    Args:
        traces: of the trials and of their perturbed trials.
        seeds: the number of seeds over which a check takes the median.
        limit: the smallest relative difference that is a change.
    """
    import numpy as np

    stored = {trace.seed: trace for trace in traces if not trace.perturbed}
    perturbed = [trace for trace in traces if trace.perturbed and trace.seed in stored]
    moved = _by_seed((trace.seed, along(trace.losses, stored[trace.seed].losses)) for trace in perturbed)
    if not moved:
        return 0
    return int(np.sum(_share_under(moved, seeds, limit) >= SURE))  # shares fall from step to step


def same_losses(now: Mapping[str, Sequence[float | None]], then: Mapping[str, Sequence[float | None]]) -> bool:
    """Whether all loss curves of two trials differ by less than a tenth of ``LIMIT`` at every epoch.

    It is a tenth because this compares single trials, and no median over seeds.
    """
    curves = [name for name in then if name.endswith("loss")]
    return bool(curves) and all(max(along(now[name], then[name])) < LIMIT / 10 for name in curves)


def calm(metrics: Mapping[str, Sequence[Sequence[float]]], seeds: int) -> tuple[str, ...]:
    """The names of the metrics that rounding does not move, by the rule of T for one number per trial.

    Args:
        metrics: by name, a list per seed: the relative differences of its perturbed trials.
        seeds: the number of seeds over which a check takes the median.
    """
    import numpy as np

    return tuple(
        name
        for name, rows in metrics.items()
        if rows and _share_under([np.array(row)[:, None] for row in rows], seeds)[0] >= SURE
    )


def _by_seed(rows: Iterable[tuple[int, list[float]]]) -> list[np.ndarray]:
    """For each seed, the differences of its perturbed trials, of shape (perturbed trials, common steps)."""
    import numpy as np

    groups: dict[int, list[list[float]]] = {}
    for seed, row in rows:
        groups.setdefault(seed, []).append(row[:MOST_STEPS])
    steps = min((len(row) for group in groups.values() for row in group), default=0)
    return [np.array([row[:steps] for row in group]) for group in groups.values()]


def _share_under(pool: Sequence[np.ndarray], seeds: int, limit: float = LIMIT) -> np.ndarray:
    """For each step, the share of resamples whose median is under the limit there and at all earlier steps.

    Args:
        pool: for each seed, the differences of its perturbed trials, of shape (perturbed trials, steps).
        seeds: the number of seeds drawn in each resample.
        limit: relative difference.
    """
    import numpy as np

    generator = np.random.default_rng(0)
    counts = np.array([len(rows) for rows in pool])
    offsets = np.cumsum(counts) - counts
    drawn = generator.integers(0, len(pool), (RESAMPLES, seeds))
    trial = offsets[drawn] + (generator.random((RESAMPLES, seeds)) * counts[drawn]).astype(int)
    above = np.concatenate(pool) >= limit  # the median is under the limit where fewer than half are above
    most = np.maximum.accumulate(above[trial].sum(axis=1), axis=1)
    return np.asarray((2 * most < seeds).mean(axis=0))


def measure(
    experiment: Experiment,
    variant: str,
    trials: Sequence[Trial],
    old: Training | None,
    engine: str,
    sizes: Sizes | None = None,
) -> Training:
    """The training to store, with these trials to the end. What rounding does is measured unless it is stored.

    Args:
        experiment, variant: what is measured.
        trials: its trials to the end.
        old: its stored evidence, or None.
        engine: the engine that trains.
        sizes: of late states, if they are known; None if they are to be measured.
    """
    from harness.training.configuration import configuration, hashes
    from harness.training.engines import pays_on_cpu
    from harness.training.setup import TrainingSetup
    from harness.training.train import train

    setup = TrainingSetup.of(experiment, variant)
    given, known = configuration(setup), old is not None and old.hashes is not None
    if old is None or not known:
        old = Training(hashes=hashes(setup), tiny=pays_on_cpu(setup, setup.built[0]))
    new = replace(old, configuration=given, trials=tuple(trials), short=(), calm=(), spread=None)
    if old.tiny and known:
        return replace(new, short=first_epochs(trials))
    if old.tiny:
        seeds = [trial.seed for trial in trials if trial.seed < TINY_SEEDS]
        return of_tiny(new, {k: train(experiment, variant, seeds, engine, perturbed=k) for k in PERTURBED}, experiment)
    if len(old.states) < 2:
        new = _from_states(experiment, variant, engine, sizes, new)
    return replace(new, calm_to_the_end=calm_to_the_end(experiment, variant, new, engine, trials))


def _from_states(experiment: Experiment, variant: str, engine: str, sizes: Sizes | None, known: Training) -> Training:
    """The training with the states that it lacks, the short trials from them, and how far rounding moves these.

    There are no late states if the training's weights are not finite. A late state from which it diverges is left out.
    """
    from harness.training.setup import TrainingSetup
    from harness.training.steps import late_sizes, late_states, short_trials

    setup = TrainingSetup.of(experiment, variant)
    sizes = dict(sizes or late_sizes(setup) or {})
    stored = {state.start for state in known.states}
    lates = [late for late in (None, *(late_states(setup, sizes) if sizes else ()))
             if (late.steps if late else 0) not in stored]  # fmt: skip
    new, short = from_states(functools.partial(short_trials, experiment, variant, engine=engine), lates)
    states = tuple(sorted((*known.states, *new), key=lambda state: state.start))
    return replace(known, states=states, steps=states[0].steps, short=tuple(short), sizes=sizes if states[1:] else {})


def from_states(
    train: Callable[..., Sequence[ShortTrial]], lates: Iterable[Late | None], limits: Sequence[float] = (LIMIT,)
) -> tuple[list[State], list[ShortTrial]]:
    """What is stored of states: how far rounding moves each, and its short trials without perturbed ones.

    A late state from which it diverges is left out. Without a canonical trial none of its steps is compared.

    Args:
        train: gives short trials of some ``seeds``, with ``late``, ``perturbed`` and ``canonical`` as ``short_trials``.
        lates: the states; None for the initial one.
        limits: the first of them under which two steps can be compared is the state's.
    """
    states, short = list[State](), list[ShortTrial]()
    for late in lates:
        plain = train(seeds=range(CHECKED), late=late)
        if late and not all(math.isfinite(value(loss)) for trial in plain for loss in trial.losses):
            continue
        perturbed = (train(seeds=range(CHECKED), late=late, perturbed=k) for k in PERTURBED)
        traces = [*plain, *itertools.chain(*perturbed)]
        options = [state_of(traces, limit) for limit in limits]
        state = next((state for state in options if state.steps > 1), options[-1])
        canonical = train(seeds=(0,), late=late, canonical=True)
        own_labels = late is not None and late.own_labels
        states.append(replace(state, own_labels=own_labels, canonical=state.canonical if canonical else 0))
        short += [*plain, *canonical]
    return states, short


def state_of(traces: Sequence[ShortTrial], limit: float = LIMIT) -> State:
    """The state that short trials began in, with how far rounding moves them: the trials and their perturbed ones."""
    steps = reproducible_steps(traces, limit=limit)
    return State(
        start=traces[0].start,
        steps=steps,
        canonical=min(steps, reproducible_steps(traces, seeds=1, limit=limit / 10)),
        curves={
            name: reproducible_steps([replace(trace, losses=trace.curves[name]) for trace in traces], limit=limit)
            for name in traces[0].curves
        },
        limit=None if limit == LIMIT else limit,
    )


def of_tiny(training: Training, perturbed: Mapping[int, Sequence[Trial]], experiment: Experiment) -> Training:
    """A tiny training with its first epochs and what of it rounding does not move.

    ``perturbed``: trials to the end, by perturbation (1, 2, …).
    """
    stored = {trial.seed: trial for trial in training.trials}
    metrics = {metric.name: metric for metric in experiment.metrics}
    moved: dict[str, dict[int, list[float]]] = {}
    for trial in itertools.chain(*perturbed.values()):
        for name, now in trial.metrics.items() if trial.seed in stored else ():
            size = relative(now, stored[trial.seed].metrics.get(name), floor(metrics.get(name)))
            moved.setdefault(name, {}).setdefault(trial.seed, []).append(size)
    names = calm({name: list(rows.values()) for name, rows in moved.items()}, TINY_SEEDS)
    short = itertools.chain(first_epochs(training.trials), *(first_epochs(t, k) for k, t in perturbed.items()))
    return replace(training, tiny=True, short=tuple(short), calm=names)


def first_epochs(trials: Sequence[Trial], perturbed: int = 0) -> tuple[ShortTrial, ...]:
    """The training losses of the first epochs, of the seeds that a check trains."""
    return tuple(
        ShortTrial(seed=trial.seed, perturbed=perturbed, losses=numbers(trial.history.get("loss", ())[:MOST_STEPS]))
        for trial in trials
        if trial.seed < TINY_SEEDS
    )


def numbers(curve: Sequence[float | None]) -> tuple[Number, ...]:
    """A curve of a trial, where None stands for a value that is not finite, as the losses of a short trial."""
    return tuple(number(math.nan if x is None else x) for x in curve)


def calm_to_the_end(
    experiment: Experiment, variant: str, known: Training, engine: str, trials: Sequence[Trial] = ()
) -> bool | None:
    """Whether rounding moves no loss of any epoch, in all perturbed trials of a check's seeds; None if it is tiny.

    As known, or else measured: it trains until the first trial that moves, and nothing if rounding moves one of the
    first steps. ``trials``: of this machine, to the end. They are not trained again.
    """
    from harness.training.train import train

    if known.tiny or known.calm_to_the_end is not None:
        return known.calm_to_the_end
    if (known.steps or 0) < MOST_STEPS:
        return False
    plains = {trial.seed: trial for trial in trials if trial.history}
    for seed in range(CHECKED):
        plain = plains.get(seed) or train(experiment, variant, (seed,), engine)[0]
        for k in PERTURBED:
            (other,) = train(experiment, variant, (seed,), engine, perturbed=k)
            if not same_losses(other.history, plain.history):
                return False
    return True
