"""Have learning curves and metrics moved, seed by seed, by more than rounding moves them?

A last metric says little of five seeds: chaos has made their trainings independent of each other by then. In the first
epochs it has not. Two machines that train the same seed with the same random streams differ by the rounding of float32
alone: by 1e-7 of the first epoch's loss in most of this lecture's experiments, by 1e-3 in the most chaotic one, while a
learning rate that is 10 % off moves it by per cents. How far rounding takes a trial is measured when its baseline is
stored, on its **twin**: the same trial from initial weights whose last bits differ (``harness.training.seeding``).

A feature is a metric, the first epoch of a curve, or a whole curve. Each is compared by relative differences, seed by
seed: D_i = ours and the stored trial, T_i = the twin and the stored trial. Nothing having changed but rounding, both
have one distribution about zero, and t = mean(D) / sqrt(mean(T²) / n) is Student's t with as many degrees of freedom
as there are twins, were they normal. They are not where one seed meets chaos early and the others do not; hence the
seeds have to agree as well: the D_i, tested against their own spread (Student's paired t), at ``AGREED``. Other
versions may have other random streams, of which the twins say nothing: then that second test decides alone, at the full
level.

What changes the random numbers of a seed and not their distribution, other initial weights or another order, moves
each seed somewhere else, and no mean. Where rounding is **calm**, no twin further than ``CALM`` from its trial, the
sizes are compared too: Student's t for two samples, log|D| and log|T|, which nothing but rounding makes alike. Where it
is not calm, seeds that meet chaos and seeds that do not are two kinds, and nothing is told from their sizes.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from harness.trial import Trial

FEWEST = 5
"""Seeds in common, and twins, from which on features are tested."""
AGREED = 0.01
"""Level at which the seeds themselves have to agree, where rounding is known."""
SMALLEST = 1e-3
"""Relative difference that matters: a tenth of a per cent of a loss."""
FLOAT_NOISE = 1e-6
"""Relative rounding of a float32 computation, where no twin shows any."""
CALM = 1e-4
"""Relative difference up to which a twin has met no chaos."""
GROUND = 1e-3
"""Share of a curve's first value below which differences are relative to that share. A gradient that has vanished is
rounding and nothing else: its last digits are another program's, or another processor's, and no twin shows it, because
a trial and its twin come to rest at the same number."""

Rounding = Mapping[str, tuple[float, ...]]
"""Relative differences of twins from their trials, by feature; one per seed."""


@dataclass(frozen=True)
class Shift:
    """A feature that moved: the mean relative difference over ``n`` seeds, what rounding moves one seed (root mean
    square; None where it is not known), and the p-value of "no change", two-sided; ``scattered``: the size of the
    difference of a seed (geometric mean), where the seeds moved each its own way."""

    feature: str
    mean: float
    rounding: float | None
    p: float
    n: int
    scattered: float | None = None

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    def __str__(self) -> str:
        noise = "" if self.rounding is None else f", where rounding moves a seed by {_percent(self.rounding)}"
        by, how = f"{self.mean:+.2%}", ""
        if self.scattered is not None:
            by, how = f"{self.scattered:.2%}", ", each its own way"
        return f"{self.feature} moved by {by} on {self.n} seeds{how}{noise} (p = {self.p:.2g})"


def rounding(trials: Iterable[Trial], twins: Iterable[Trial]) -> dict[str, tuple[float, ...]]:
    """How far each feature of a trial lies from its twin's; trials without a twin are left out."""
    stored = {trial.seed: trial for trial in trials}
    found = [relative(twin, stored[twin.seed]) for twin in twins if twin.seed in stored]
    return {name: tuple(one[name] for one in found) for name in _shared(found)}


def largest(
    ours: Sequence[Trial], stored: Sequence[Trial], known: Rounding, *, same_streams: bool, level: float
) -> Shift | None:
    """The feature that moved beyond chance (its share of ``level``) and beyond ``SMALLEST``, the surest first; or None.

    Args:
        ours, stored: trials of one variant; compared on the seeds that both have.
        known: the rounding of the stored trials.
        same_streams: whether both were trained by the same versions, so that a seed means the same random numbers.
        level: chance of a false alarm, shared equally by all tests.
    """
    before = {trial.seed: trial for trial in stored}
    found = [relative(trial, before[trial.seed]) for trial in ours if trial.seed in before]
    if len(found) < FEWEST:
        return None
    shifts: list[Shift | None] = []
    for name in _shared(found):
        moved, twins = [one[name] for one in found], known.get(name, ()) if same_streams else ()
        shifts.append(_shifted(name, moved, twins))
        if len(twins) >= FEWEST:
            shifts.append(_scattered(name, moved, twins))
    beyond = [shift for shift in shifts if shift is not None and shift.p < level / len(shifts)]
    return min(beyond, key=lambda shift: shift.p, default=None)


def relative(trial: Trial, stored: Trial) -> dict[str, float]:
    """The relative difference of each feature that both trials have, from −2 to 2."""
    trial, stored = trial.thinned(), stored.thinned()
    found = {
        name: symmetric(value, stored.metrics[name]) for name, value in trial.metrics.items() if name in stored.metrics
    }
    for name, curve in trial.history.items():
        before = stored.history.get(name, ())
        least = GROUND * abs(before[0] or 0.0) if before else 0.0
        points = [symmetric(a, b, least) for a, b in zip(curve, before, strict=False)]
        if points:
            found[f"{name}, first epoch"] = points[0]
            found[f"{name}, all epochs"] = math.fsum(points) / len(points)
    return found


def symmetric(a: float | None, b: float | None, least: float = 0.0) -> float:
    """2 (a − b) / (|a| + |b|): the relative difference, about the difference of logarithms where small.

    Zero where both are absent, 2 or −2 where one is, or where the signs differ. Relative to ``least`` where the values
    are smaller.
    """
    if a is None or b is None:
        return 2.0 * ((a is None) - (b is None))
    size = max(abs(a) / 2 + abs(b) / 2, least)
    return (a / size - b / size) if size else 0.0


def _shifted(name: str, moved: Sequence[float], twins: Sequence[float]) -> Shift | None:
    """All seeds together; None where it moved by no more than ``SMALLEST``, or the seeds do not agree that it did."""
    mean, n = statistics.fmean(moved), len(moved)
    if abs(mean) <= SMALLEST:
        return None
    own = _p(mean, statistics.stdev(moved), n, n - 1)
    if len(twins) < FEWEST:
        return Shift(name, mean, None, own, n)
    known = _root_mean_square(twins)
    return Shift(name, mean, known, _p(mean, known, n, len(twins)), n) if own < AGREED else None


def _scattered(name: str, moved: Sequence[float], twins: Sequence[float]) -> Shift | None:
    """Each seed by itself; None where rounding is not calm, or seeds moved by no more than ``SMALLEST`` in the mean."""
    from scipy.special import stdtr

    if max(map(abs, twins)) > CALM:
        return None
    ours, theirs = ([math.log(max(abs(one), FLOAT_NOISE)) for one in sizes] for sizes in (moved, twins))
    typical, n, m = statistics.fmean(ours), len(ours), len(theirs)
    if typical <= math.log(SMALLEST):
        return None
    # not scipy's ttest_ind: without any spread, every twin at the floor, it has no p-value
    squares = (n - 1) * statistics.variance(ours) + (m - 1) * statistics.variance(theirs)
    error = math.sqrt(squares / (n + m - 2) * (1 / n + 1 / m))
    p = float(stdtr(n + m - 2, (statistics.fmean(theirs) - typical) / max(error, FLOAT_NOISE)))
    return Shift(name, statistics.fmean(moved), _root_mean_square(twins), p, n, math.exp(typical))


def _p(mean: float, deviation: float, n: int, freedom: int) -> float:
    """Two-sided p-value of Student's t for a mean of ``n`` values of that standard deviation."""
    from scipy.special import stdtr

    return 2 * float(stdtr(freedom, -abs(mean) * math.sqrt(n) / max(deviation, FLOAT_NOISE)))


def _root_mean_square(values: Sequence[float]) -> float:
    return math.sqrt(math.fsum(value**2 for value in values) / len(values))


def _shared(found: Sequence[Mapping[str, float]]) -> list[str]:
    """The features that all of them have, in the order of the first."""
    return [name for name in (found[0] if found else ()) if all(name in one for one in found)]


def _percent(value: float) -> str:
    return f"{value:.2%}" if value >= 1e-4 else f"{value:.0e}"
