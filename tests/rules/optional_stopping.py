"""The costs and savings of several looks: simulations of ``harness.rules.levels`` with known truth.

``python -m tests.rules.optional_stopping`` prints three tables, in about fifteen minutes: false verdicts of every
rule under optional stopping; the methods that were compared; seeds needed, against a fixed design.
"""

from __future__ import annotations

import argparse
import math
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
from scipy.optimize import brentq
from scipy.special import ndtr, ndtri, stdtrit
from tabulate import tabulate

from harness.domain.model import Figure
from harness.domain.verdict import Verdict
from harness.rules import Exceeds, Reproduces, Rule, Sample
from harness.rules.inference import power
from harness.rules.levels import PLAIN, Look, boundary, looks, spent
from tests.rules.synthetic import EDGES, METRICS, SYMMETRIC, Draw, trials, verdicts

SIZES = looks(5, 30)
EFFECTS = (0.0, 0.5, 1.0, 1.5, 2.0, 3.0)
"""Standard deviations of a paired difference."""
Found = tuple[Verdict, int]
"""A verdict, and the seeds it took."""


def followed(
    rule: Rule, values: dict[str, list[float | None]], sizes: Sequence[int] = SIZES, printed: str = "0"
) -> Found:
    """What a claim comes to that is looked at after ``sizes`` seeds until it is decided; ``printed``: its figure."""
    figures = {pair: Figure(printed) for pair in rule.figures}
    known = {name: trials(name, column) for name, column in values.items()}
    for index, size in enumerate(sizes):
        first = {name: done[:size] for name, done in known.items()}
        verdict = rule.decide(Sample(first, METRICS, figures, Look(tuple(sizes), index))).verdict
        if verdict is not Verdict.INCONCLUSIVE:
            break
    return verdict, size


def stopped(rule: Rule, means: dict[str, float], draw: Draw, seed: int, experiments: int) -> Counter[Verdict]:
    """Verdicts of simulated claims that are looked at until they are decided."""

    def decided(rule: Rule, values: Any) -> Verdict:
        return followed(rule, values)[0]

    return verdicts(rule, SIZES[-1], means, draw, seed, experiments=experiments, decided=decided)


def with_failures(seed: int, experiments: int, chance: float = 0.2) -> Counter[Verdict]:
    """The same of two equal variants whose trials diverge with ``chance``: mean and share of failures decide."""
    rng, n = np.random.default_rng(seed), SIZES[-1]

    def values() -> list[float | None]:
        return [None if fails else x for fails, x in zip(rng.random(n) < chance, rng.normal(size=n), strict=True)]

    return Counter(followed(Exceeds("a", "b"), {"a": values(), "b": values()})[0] for _ in range(experiments))


def one_more_run(draw: Draw, seed: int, experiments: int) -> Counter[Verdict]:
    """Verdicts on a printed figure that is one more run; false where REFUTED."""
    rng, n = np.random.default_rng(seed), SIZES[-1]
    found: Counter[Verdict] = Counter()
    for _ in range(experiments):
        *runs, figure = draw(rng, n + 1).tolist()
        found[followed(Reproduces("a"), {"a": runs}, printed=f"{figure:.6f}")[0]] += 1
    return found


def share_errors(sizes: Sequence[int], share: float) -> tuple[float, float]:
    """Exact chances that a share of seeds is falsely found above, and below, the true one at any of the looks."""
    from scipy.stats import binom

    errors = []
    for tail in (lambda count, n: binom.sf(count - 1, n, share), lambda count, n: binom.cdf(count, n, share)):
        chances, error, before = np.ones(1), 0.0, 0
        for index, size in enumerate(sizes):
            chances = np.convolve(chances, binom.pmf(np.arange(size - before + 1), size - before, share))
            crossed = tail(np.arange(size + 1), size) <= Look(tuple(sizes), index).level(PLAIN.share)
            error += float(chances[crossed].sum())
            chances, before = np.where(crossed, 0.0, chances), size
        errors.append(error)
    return errors[0], errors[1]


def t_values(effect: float, draw: Draw, experiments: int, seed: int, sizes: Sequence[int] = SIZES) -> np.ndarray:
    """Student's t at each look, shape (experiments, looks); ``effect`` in units of the noise."""
    rng = np.random.default_rng(seed)
    drawn = np.asarray(draw(rng, experiments * sizes[-1])).reshape(experiments, -1) + effect
    means = [drawn[:, :n].mean(axis=1) for n in sizes]
    return np.stack(
        [m / (drawn[:, :n].std(axis=1, ddof=1) / math.sqrt(n)) for m, n in zip(means, sizes, strict=True)], axis=1
    )


def critical(levels: Sequence[float], sizes: Sequence[int] = SIZES) -> np.ndarray:
    """The t value that each look's level asks for."""
    return np.array([stdtrit(n - 1, 1 - level) for n, level in zip(sizes, levels, strict=True)])


def anytime_valid(rate: float, sizes: Sequence[int] = SIZES) -> np.ndarray:
    """The t value at which a normal mixture of scale-invariant likelihood ratios exceeds 1/(2 ``rate``): at any n.

    The t test of Lai (1976, mixture of 1 on δ²) as an e-process, Wang & Ramdas (2023): valid after every single seed,
    without a maximum.
    """

    def ratio(t: float, n: int) -> float:
        nu = n - 1
        return -math.log(1 + n) / 2 + n / 2 * math.log((1 + t * t / nu) / (1 + t * t / (nu * (1 + n))))

    return np.array([brentq(lambda t, n=n: ratio(t, n) + math.log(2 * rate), 0, 1e6) for n in sizes])


def methods() -> dict[str, np.ndarray]:
    """Critical t values of the methods that were compared, at 2.5 % per direction."""
    at = [0.0, *(n / SIZES[-1] for n in SIZES)]
    fleming = [
        0.0,
        *(float(2 * (1 - ndtr(-ndtri(PLAIN.one_sided / 2) / math.sqrt(t)))) / PLAIN.one_sided for t in at[1:]),
    ]
    pocock = [math.log(1 + (math.e - 1) * t) for t in at]
    spending = {
        "O'Brien-Fleming-like": [b - a for a, b in pairwise(fleming)],
        "Pocock-like": [b - a for a, b in pairwise(pocock)],
        **{f"power {rho}": [b**rho - a**rho for a, b in pairwise(at)] for rho in (2, 1, 0.5, 0.25)},
    }
    found = {name: critical(boundary(PLAIN.one_sided * np.array(parts), SIZES)) for name, parts in spending.items()}
    found["power 0.5, union bound"] = critical(PLAIN.one_sided * np.array(spending["power 0.5"]))
    found["anytime-valid t"] = anytime_valid(PLAIN.one_sided)
    found["chosen: power 0.5, 10 % kept back"] = critical(
        [Look(SIZES, k).level(PLAIN.one_sided) for k in range(len(SIZES))]
    )
    return found


def taken(t: np.ndarray, bounds: np.ndarray) -> tuple[float, float, float]:
    """Mean number of seeds, and the chances of SUPPORTED and of REFUTED, of claims that stop where they are decided."""
    crossed = np.abs(t) >= bounds
    last = np.where(crossed.any(axis=1), crossed.argmax(axis=1), t.shape[1] - 1)
    end = t[np.arange(len(t)), last]
    return (
        float(np.array(SIZES)[last].mean()),
        float((end >= bounds[last]).mean()),
        float((end <= -bounds[last]).mean()),
    )


def equal_power(effect: float, wanted: float) -> float:
    """The number of seeds (between whole ones) of the fixed design with this power, 99.9 % at most."""
    return float(brentq(lambda n: power(effect, n) - min(wanted, 0.999), 2.0, 1000.0))


def _false_verdicts(experiments: int = 4000) -> Iterator[list[str]]:
    for name, (rule, means) in EDGES.items():
        cells = [name]
        for draw in SYMMETRIC.values():
            found = stopped(rule, means, draw, 1, experiments)
            cells += [f"{100 * found[verdict] / experiments:.2f}" for verdict in (Verdict.SUPPORTED, Verdict.REFUTED)]
        yield cells
    failed = with_failures(1, experiments)
    rates = [f"{100 * failed[verdict] / experiments:.2f}" for verdict in (Verdict.SUPPORTED, Verdict.REFUTED)]
    yield ["Exceeds, a fifth of trials diverge", *rates]
    refuted = [one_more_run(draw, 1, experiments)[Verdict.REFUTED] for draw in SYMMETRIC.values()]
    yield ["Reproduces (nominal 1)", *(cell for count in refuted for cell in ("", f"{100 * count / experiments:.2f}"))]
    for share in (0.5, 0.8, 0.95):
        yield [f"Diverges, Converges: share {share}", *(f"{100 * error:.2f}" for error in share_errors(SIZES, share))]


def _compared(experiments: int = 200_000) -> Iterator[list[str]]:
    normal, heavy = SYMMETRIC.values()
    known = {effect: t_values(effect, normal, experiments, 2) for effect in EFFECTS}
    tailed = t_values(0.0, heavy, experiments, 3)
    for name, bounds in methods().items():
        null = [100 * float((t >= bounds).any(axis=1).mean()) for t in (known[0.0], tailed)]
        found = {effect: taken(t, bounds) for effect, t in known.items()}
        seeds = [f"{mean:.1f}" for mean, *_ in found.values()]
        mean = float(np.mean([mean for mean, *_ in found.values()]))
        yield [name, *(f"{error:.2f}" for error in null), *seeds, f"{mean:.2f}", f"{found[0.5][1]:.2f}"]


def _against_fixed(experiments: int = 200_000) -> Iterator[list[str]]:
    bounds = methods()["chosen: power 0.5, 10 % kept back"]
    for effect in EFFECTS:
        seeds, supported, _ = taken(t_values(effect, SYMMETRIC["normal"], experiments, 4), bounds)
        fixed = f"{equal_power(effect, supported):.1f}" if effect else "30 (the maximum)"
        yield [f"{effect:g}", f"{seeds:.1f}", f"{100 * supported:.1f}", fixed]


def main(show: Callable[[str], None] = print) -> None:
    kinds = [f"{verdict}, {noise}" for noise in SYMMETRIC for verdict in ("SUPPORTED", "REFUTED")]
    spends = ", ".join(f"{share:.3f}" for share in spent(SIZES))
    show(f"Looks after {', '.join(map(str, SIZES))} seeds, spending {spends} of the error rate.\n")
    show("False verdicts in % under optional stopping, truth on the edge; nominal 2.5 (shares: exact).\n")
    show(tabulate(list(_false_verdicts()), ["rule", *kinds], disable_numparse=True))
    sizes_of_effects = [f"{effect:g} SD" for effect in EFFECTS]
    show("\nFalse SUPPORTED in % at no effect (normal, t3), mean number of seeds by true effect, power at 0.5 SD.\n")
    headers = ["method", "normal", "t3", *sizes_of_effects, "mean", "power"]
    show(tabulate(list(_compared()), headers, disable_numparse=True))
    show("\nThe chosen method against the fixed design of equal power (99.9 % at most).\n")
    show(
        tabulate(
            list(_against_fixed()), ["effect, SD", "mean seeds", "power %", "seeds of fixed"], disable_numparse=True
        )
    )


if __name__ == "__main__":
    argparse.ArgumentParser(prog="python -m tests.rules.optional_stopping", description=__doc__).parse_args()
    main()
