"""Whether a training has become slower or faster: ``slower(now, then)``, one process against earlier processes.

Rounds of one process share its memory layout, its clock speed and its neighbours. They show how precisely this process
was measured, but not how much the next process will differ. Two processes that run the same code differ by more than
their rounds do, so a test on rounds alone raises false alarms. A case is slower or faster only if all of these hold:

1. *It exceeds the noise of this process.* Mann and Whitney's two-sided test compares its rounds with the pooled stored
   rounds. The test takes rounds as independent, which fails between processes: it is necessary, but not sufficient.
2. *It exceeds the spread between processes.* Each process gives one observation: its fastest round. The new one lies
   outside the prediction interval of one more process: t·s·√(1 + 1/n), Student's t on the logarithms of n stored ones.
   It is the fastest round and not the median, because disturbances lengthen a round (Chen & Revels 2016,
   arXiv:1608.04295): on a shared host, medians of Example 1 with ``fit`` differ by 5 % between processes, fastest
   rounds by 2 %. A slowdown of some rounds only is therefore not seen. Assumed: processes with one fingerprint differ
   at random, log-normally, without a trend, and have about equally many rounds (more rounds reach lower). With fewer
   than MIN_REPEATS the limit is WIDE.
3. *It is large enough to matter*: more than RELATIVE, and more than ABSOLUTE over a round.
4. *Other programs do not explain it* (slowdowns only). They may have held this process up for a share c of its time
   (``harness.timing.contention``). The limit of 2 is then multiplied by 1/(1 − c); from c = 1 on nothing is slower. c
   is this process's share, or the median of the stored ones if that is larger: next to other programs, a program may
   also be *faster* than alone (Example 1 with ``fit`` by a quarter, on cores that never sleep). 1/(1 − c) holds on
   average over a series, but a thread that loses its core loses a whole time slice of the scheduler. So with other
   programs present, less than SLICE over a round is no slowdown. A slowdown that they explain is *disturbed*, which is
   never red, and never proves that the code is as fast as before.
5. *It is confirmed* (``confirmed``). A change is measured again after a pause, with engines prepared anew. A neighbour
   who came for some seconds, or a program that XLA laid out badly once, is not confirmed.

The level of 1 and 2 is ALPHA over the run, divided among the cases compared in it, and at most LEVEL.
tests/timing/test_slower.py measures both error rates on simulated processes, test_alarms.py on recorded ones.
Slowdowns and speed-ups are judged alike, but only a slowdown can be red.

*What has to be equal.* The training (definition and epochs), the engine, and:

- for seconds, every entry of the fingerprint (``conditions``). An engine that runs an epoch as one program
  (``compiled`` on TensorFlow and JAX) is hardly ever in the interpreter: for it, the version of Python may differ.
- otherwise, an epoch is compared in multiples of an epoch of ``fit`` in the same process. Other hardware and other
  versions change both, and Python changes ``fit`` alone, so this ratio is coarse: the limit is at least WIDE, and it
  is never red. It needs RATIO_NEEDS to be equal: more threads speed up products, but not the loop of ``fit``.
"""

from __future__ import annotations

import itertools
import math
import statistics
from collections.abc import Collection, Mapping, Sequence

from msgspec.structs import replace

from harness.record.outcomes import TimeComparison, TimeState
from harness.record.timings import Measurement
from harness.rules.inference import one_more, t_quantile

ALPHA = 0.05
LEVEL = 0.01
MIN_REPEATS = 3
WIDE = 1.5
"""The factor that counts as a change while fewer than MIN_REPEATS are stored."""
RELATIVE = 1.05
ABSOLUTE = 0.0005
"""Seconds over a round (all its epochs). A smaller change matters to nobody, and the scheduler alone can cause it."""
SLICE = 0.02
"""Seconds over a round: several time slices of a scheduler (Linux: 3 to 4 ms), which a short round loses by chance."""
CONTENTION = 0.05
"""Share of the time that other programs may have cost. It is 1 or 2 % on a quiet machine."""
CHANGED = (TimeState.SLOWER, TimeState.FASTER)
ONE_PROGRAM = {("compiled", "tensorflow"), ("compiled", "jax")}
"""(engine, backend) that runs an epoch as one program. The others call Python in each step."""
RATIO_NEEDS = ("backend", "device", "threads", "precision")
"""The entries of a fingerprint that have to be equal for the ratio to ``fit``."""
CONFIDENCE = 0.95
Estimate = tuple[float, tuple[float, float] | None]
"""An estimate, and the ends of its interval if it has one."""


def conditions(engine: str, fingerprint: Mapping[str, object]) -> set[str]:
    """The entries of a fingerprint that have to be equal to compare seconds of an engine."""
    hardly = {"python"} if (engine, fingerprint.get("backend")) in ONE_PROGRAM else set()
    return set(fingerprint) - hardly


def slower(
    now: Measurement, then: Sequence[Measurement], cases: int, needs: Collection[str] | None = None
) -> TimeComparison:
    """Compares a case with its stored measurements, in seconds or, where none is comparable, in epochs of ``fit``.

    Args:
        now: this run's measurement.
        then: the stored ones.
        cases: the number of cases compared in the run.
        needs: the entries of the fingerprint that have to be equal (``conditions``); all by default.
    """
    if not then:
        return TimeComparison(TimeState.NEW, "No time is stored for this case.")
    level = min(LEVEL, ALPHA / cases)
    if same := [stored for stored in then if not _differences(now, stored, needs)]:
        return _judged(now, same, level)
    why = f"Stored under other conditions: {'; '.join(_differences(now, then[-1], needs))}."
    alike = [stored for stored in then if stored.fit and not _differences(now, stored, RATIO_NEEDS)]
    if not now.fit or not alike:
        return TimeComparison(TimeState.NOT_COMPARABLE, why)
    ratio = _judged(now, alike, level, of_fit=True)
    return replace(ratio, reason=f"{why} Measured in epochs of fit in the same process, {ratio.reason}")


def _rounds(measured: Measurement, of_fit: bool) -> list[float]:
    """Seconds of an epoch, or multiples of an epoch of ``fit``, by round."""
    unit = measured.fit if of_fit and measured.fit else 1.0
    return [seconds / unit for seconds in measured.rounds]


def _judged(now: Measurement, then: Sequence[Measurement], level: float, of_fit: bool = False) -> TimeComparison:
    ours, stored = _rounds(now, of_fit), [_rounds(each, of_fit) for each in then]
    fastest = [math.log(min(rounds)) for rounds in stored]
    apart = math.log(min(ours)) - statistics.fmean(fastest)
    ratio = math.exp(max(min(apart, 50.0), -50.0))  # finite, whatever is stored
    limit = max(WIDE if of_fit else RELATIVE, _between(fastest, level))
    p = _ranks(ours, list(itertools.chain.from_iterable(stored)))
    longer = abs(now.fastest - now.fastest / ratio) * now.epochs
    moved, matters = abs(math.log(ratio)) > math.log(limit), longer > ABSOLUTE
    state, reason = TimeState.WITHIN, _reason(ratio, limit, p, level, len(then), moved, matters)
    if moved and matters and p < level:
        state = TimeState.SLOWER if ratio > 1 else TimeState.FASTER
    if state is TimeState.SLOWER:
        disturbance, why = _disturbance(now, then, longer)
        if ratio <= limit * disturbance:
            state, reason = TimeState.DISTURBED, f"{reason} {why}"
    return TimeComparison(state, reason, ratio, limit, p, len(then), of_fit)


def confirmed(first: TimeComparison, second: TimeComparison) -> TimeComparison:
    """Joins two series of one process: the ``second``, but a change counts only if the ``first`` shows it too."""
    if second.state in CHANGED:
        agree = first.state is second.state or (first.state, second.state) == (TimeState.DISTURBED, TimeState.SLOWER)
        text = "A series before it found the same." if agree else "A series before it did not find that: not confirmed."
        state = second.state if agree else TimeState.WITHIN
    elif first.state in CHANGED:
        state, text = second.state, f"A series before it was {first.state}: not confirmed."
    else:
        return second
    return replace(second, state=state, reason=f"{second.reason} {text}")


def _between(fastest: Sequence[float], level: float) -> float:
    """The factor by which one more process may differ, from the logarithms of the stored fastest times."""
    if len(fastest) < MIN_REPEATS:
        return WIDE
    import numpy as np

    process = one_more(np.array(fastest))
    return math.exp(min(t_quantile(process.df, level / 2) * process.error, 50.0))


def _disturbance(now: Measurement, then: Sequence[Measurement], longer: float) -> tuple[float, str]:
    """The factor by which other programs may have made this process slower, and the reason.

    ``longer``: seconds by which a round became longer.
    """
    here = now.contention or 0.0
    there = statistics.median(stored.contention or 0.0 for stored in then)
    contention = max(here, there)
    by_chance = contention > CONTENTION and longer < SLICE
    which = "it" if here >= there else "the stored repeats"
    share = f"{min(contention, 1.0):.0%}"
    why = f"But others may have held {which} up for {share} of the time: measure again, and store, without them."
    return math.inf if contention >= 1 or by_chance else 1 / (1 - contention), why


def _ranks(ours: Sequence[float], stored: Sequence[float]) -> float:
    """Two-sided p-value of Mann and Whitney's test. It is exact; with ties or many values, a normal approximation."""
    from scipy.stats import mannwhitneyu

    ties = len({*ours, *stored}) < len(ours) + len(stored)
    method = "asymptotic" if ties or len(ours) * len(stored) > 10_000 else "exact"
    p = float(mannwhitneyu(ours, stored, alternative="two-sided", method=method).pvalue)
    return 1.0 if math.isnan(p) else p  # all values equal


def _differences(now: Measurement, then: Measurement, needs: Collection[str] | None) -> list[str]:
    """The differences that keep two measurements from being compared, as texts; empty if there are none."""
    here, there = now.provenance.fingerprint, then.provenance.fingerprint
    differences = [
        f"{key} {_entry(there, key)} then, {_entry(here, key)} now"
        for key in {**there, **here}
        if (needs is None or key in needs) and (key not in here or key not in there or here[key] != there[key])
    ]
    if now.definition != then.definition or now.epochs != then.epochs:
        differences.append("the configuration of the training is another one")
    return differences


def _entry(fingerprint: Mapping[str, object], key: str) -> str:
    value = fingerprint.get(key, "absent")
    return "none" if value is None else str(value)


def _reason(ratio: float, limit: float, p: float, level: float, repeats: int, moved: bool, matters: bool) -> str:
    than = "as" if times(ratio) == "as fast" else "than"
    text = f"its fastest round {times(ratio)} {than} that of {repeats} stored repeat{'' if repeats == 1 else 's'}; "
    text += f"a change has to exceed {limit:.2f} ×"
    if repeats < MIN_REPEATS:
        text += f", a wide guess until {MIN_REPEATS} repeats are stored"
    if moved and not matters:
        text += f"; less than {ABSOLUTE * 1000:g} ms over a round"
    if moved and p >= level:
        text += f"; the rounds cannot tell (Mann–Whitney p = {p:.2g}, level {level:.2g})"
    return text + "."


def times(ratio: float) -> str:
    """A ratio of seconds, now over before, in words: "1.16 × slower", "1.02 × faster", "as fast"."""
    factor = max(ratio, 1 / ratio)
    if f"{factor:.2f}" == "1.00":
        return "as fast"
    return f"{factor:.2f} × {'slower' if ratio > 1 else 'faster'}"


def ratio(slow: Sequence[float], fast: Sequence[float]) -> Estimate:
    """How many times as long the rounds of one engine take as another's, and the ends of the 95 % interval.

    The engines are measured in alternation, so what disturbs one disturbs the other, and a ratio is less noisy than
    seconds. The estimate is Hodges and Lehmann's: the median ratio of all pairs of rounds. Its interval inverts Mann
    and Whitney's test (Hollander, Wolfe and Chicken, *Nonparametric Statistical Methods*, 4.3): the k-th smallest and
    largest ratio. It holds for this process, not for the next one; with too few rounds there is none.
    """
    ratios = sorted(a / b for a, b in itertools.product(slow, fast))
    half = len(ratios) // 2
    middle = ratios[half] if len(ratios) % 2 else math.sqrt(ratios[half - 1] * ratios[half])
    k = _rank(len(slow), len(fast))
    return middle, (ratios[k - 1], ratios[-k]) if k else None


def _rank(n: int, m: int) -> int:
    """The largest k with P(U < k) ≤ 2.5 %, for Mann and Whitney's U of ``n`` and ``m`` values; 0 if there is none.

    The numbers of orders of two samples by U are the coefficients of the Gaussian binomial ∏ (1 − xᵐ⁺ʲ) / (1 − xʲ).
    """
    counts = [1] + [0] * (n * m)
    for j in range(1, n + 1):
        for index in range(n * m, m + j - 1, -1):
            counts[index] -= counts[index - m - j]
        for index in range(j, n * m + 1):
            counts[index] += counts[index - j]
    tail = math.comb(n + m, n) * (1 - CONFIDENCE) / 2
    return sum(below <= tail for below in itertools.accumulate(counts))
