"""Whether a training has become slower or faster: the rounds of one process against those of earlier processes.

Rounds of one process share its memory layout, its clock speed and its neighbours. They show how precisely this process
was measured, but not how much the next process will differ. Two processes that run the same code differ by more than
their rounds do, so a test on rounds alone raises false alarms. A case is slower or faster only if all of these hold:

1. *It exceeds the noise of this process.* Mann and Whitney's two-sided test compares its rounds with the pooled stored
   rounds. The test takes rounds as independent, which fails between processes: it is necessary, but not sufficient.
2. *It exceeds the spread between processes.* Each process gives one observation: its fastest round. The new one lies
   outside the prediction interval of one more process: t·s·√(1 + 1/n), Student's t on the logarithms of n stored ones.
   It is the fastest round and not the median, because disturbances lengthen a round (Chen & Revels 2016,
   arXiv:1608.04295). On a shared host, medians of Example 1 with ``fit`` differ by 5 % between processes, fastest
   rounds by 2 %. A slowdown of some rounds only is therefore not seen. Assumed: processes with one fingerprint differ
   at random, log-normally, without a trend, and have about equally many rounds (more rounds reach lower). With fewer
   than MIN_REPEATS there is no usable spread, and the limit is WIDE. The standard deviation is the plain one: of 3 to
   10 values a robust one is so uncertain that the interval would have to be wider still.
3. *It is large enough to matter*: more than RELATIVE, and more than ABSOLUTE over a round.
4. *The machine does not explain it* (slowdowns only). A slowdown that one of these explains is *disturbed*, which is
   never red, and never proves that the code is as fast as before:

   - Other programs may have held this process up for a share c of its time (``harness.timing.contention``). The limit
     of 2 is then multiplied by 1/(1 − c); from c = 1 on nothing is slower. c is this process's share, or the median
     of the stored repeats if that is larger: next to other programs, a program may also be *faster* than alone
     (Example 1 with ``fit`` by a quarter, on cores that never sleep).
   - 1/(1 − c) holds on average over a series. A thread that loses its core loses a whole time slice of the scheduler.
     So with other programs present, less than SLICE over a round is no slowdown.
   - A reference work (``harness.timing.reference``) took f times as long as in the stored repeats, where f exceeds
     RELATIVE and that work's own spread between processes. The limit of 2 is then multiplied by f, if f is larger than
     1/(1 − c). Two machines may have one name.
5. *It is confirmed* (``confirmed``). A change is measured again after a pause, with engines prepared anew. A neighbour
   who came for some seconds, or a program that XLA laid out badly once, is not confirmed.

The level of 1 and 2 is ALPHA over the run, divided among the cases compared in it, and at most LEVEL.
tests/timing/test_comparison.py measures both error rates on simulated processes, measure_alarms.py on real ones.
Slowdowns and speed-ups are judged alike, but only a slowdown can be red. Nothing is compared across fingerprints,
definitions or engines.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping, Sequence

import msgspec

from harness.errors import invalid
from harness.record.outcomes import TimeComparison, TimeState
from harness.record.timings import Repeat
from harness.rules.inference import one_more, t_quantile
from harness.timing.stability import CONTENTION

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
CHANGED = (TimeState.SLOWER, TimeState.FASTER)


def compare_times(now: Repeat, stored: Sequence[Repeat], cases: int) -> TimeComparison:
    """Compares this run's rounds of a case with its stored repeats.

    Repeats with another fingerprint or definition are left out. If none is left, the reason says how the newest one
    differs.

    Args:
        now: this run's rounds.
        stored: the stored repeats.
        cases: the number of cases compared in the run, at least 1 (else SuiteError).
    """
    if cases < 1:
        raise invalid("number of cases", expected="at least 1", received=cases)
    if not stored:
        return TimeComparison(TimeState.NEW, "No time is stored for this case.")
    usable = [repeat for repeat in stored if not _differences(now, repeat)]
    if not usable:
        return TimeComparison(
            TimeState.NOT_COMPARABLE, f"Stored under other conditions: {'; '.join(_differences(now, stored[-1]))}."
        )
    level = min(LEVEL, ALPHA / cases)
    fastest = [math.log(repeat.fastest) for repeat in usable]
    ratio = math.exp(
        max(min(math.log(now.fastest) - statistics.fmean(fastest), 50.0), -50.0)
    )  # finite, whatever is stored
    limit = max(RELATIVE, _between(fastest, level))
    p = _ranks(now.rounds, [value for repeat in usable for value in repeat.rounds])
    moved = abs(math.log(ratio)) > math.log(limit)
    longer = abs(now.fastest - now.fastest / ratio) * now.epochs
    matters = longer > ABSOLUTE
    state = TimeState.WITHIN
    if moved and matters and p < level:
        state = TimeState.SLOWER if ratio > 1 else TimeState.FASTER
    reason = _reason(ratio, limit, p, level, len(usable), moved, matters)
    if state is TimeState.SLOWER:
        disturbance, why = _disturbance(now, usable, longer, level)
        if ratio <= limit * disturbance:
            state, reason = TimeState.DISTURBED, f"{reason} {why}"
    return TimeComparison(state, reason, ratio, limit, p, len(usable))


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
    return msgspec.structs.replace(second, state=state, reason=f"{second.reason} {text}")


def _between(fastest: Sequence[float], level: float) -> float:
    """The factor by which one more process may differ, from the logarithms of the stored fastest times."""
    if len(fastest) < MIN_REPEATS:
        return WIDE
    import numpy as np

    process = one_more(np.array(fastest))
    return math.exp(min(t_quantile(process.df, level / 2) * process.error, 50.0))


def _disturbance(now: Repeat, stored: Sequence[Repeat], longer: float, level: float) -> tuple[float, str]:
    """The factor by which the machine, and not the code, may have made this process slower, and the reason.

    Args:
        now, stored: the new and the stored repeats.
        longer: seconds by which a round became longer.
        level: of the tests.
    """
    here = now.contention or 0.0
    there = statistics.median(repeat.contention or 0.0 for repeat in stored)
    contention = max(here, there)
    by_chance = contention > CONTENTION and longer < SLICE
    held_up = math.inf if contention >= 1 or by_chance else 1 / (1 - contention)
    slower = {
        name: factor for name in now.reference if (factor := _reference_ratio(name, now, stored, level)) > RELATIVE
    }
    work = max(slower, key=lambda name: slower[name], default=None)
    if work is not None and slower[work] > held_up:
        why = f"But the machine itself was {times(slower[work])}, on a fixed piece of work ({work})."
        return slower[work], why
    which = "it" if here >= there else "the stored repeats"
    share = f"{min(contention, 1.0):.0%}"
    why = f"But others may have held {which} up for {share} of the time: measure again, and store, without them."
    return held_up, why


def _reference_ratio(name: str, now: Repeat, stored: Sequence[Repeat], level: float) -> float:
    """The time of a reference work relative to the stored repeats; 1 if the difference may be chance.

    The time of a copy, for one, varies by a third with the place of its memory, even if nothing else runs.
    """
    before = [math.log(repeat.reference[name]) for repeat in stored if name in repeat.reference]
    if not before:
        return 1.0
    factor = now.reference[name] / math.exp(statistics.fmean(before))
    return factor if len(before) < MIN_REPEATS or factor > _between(before, level) else 1.0


def _ranks(ours: Sequence[float], stored: Sequence[float]) -> float:
    """Two-sided p-value of Mann and Whitney's test. It is exact; with ties or many values, a normal approximation."""
    from scipy.stats import mannwhitneyu

    ties = len({*ours, *stored}) < len(ours) + len(stored)
    method = "asymptotic" if ties or len(ours) * len(stored) > 10_000 else "exact"
    p = float(mannwhitneyu(ours, stored, alternative="two-sided", method=method).pvalue)
    return 1.0 if math.isnan(p) else p  # all values equal


def _differences(now: Repeat, then: Repeat) -> list[str]:
    """The differences that keep two repeats from being compared, as texts; empty if there are none."""
    here, there = now.provenance.fingerprint, then.provenance.fingerprint
    found = [
        f"{key} {_entry(there, key)} then, {_entry(here, key)} now"
        for key in {**there, **here}
        if _differ(here, there, key)
    ]
    if now.definition != then.definition or now.epochs != then.epochs:
        found.append("the configuration of the training is another one")
    return found


def _differ(a: Mapping[str, object], b: Mapping[str, object], key: str) -> bool:
    return key not in a or key not in b or a[key] != b[key]


def _entry(fingerprint: Mapping[str, object], key: str) -> str:
    value = fingerprint.get(key, "absent")
    return "none" if value is None else str(value)


def _reason(ratio: float, limit: float, p: float, level: float, repeats: int, moved: bool, matters: bool) -> str:
    than = "as" if times(ratio) == "as fast" else "than"
    text = f"its fastest round {times(ratio)} {than} that of {repeats} stored repeat{'' if repeats == 1 else 's'}; "
    text += f"a change has to exceed {limit:.2f}x"
    if repeats < MIN_REPEATS:
        text += f", a wide guess until {MIN_REPEATS} repeats are stored"
    if moved and not matters:
        text += f"; less than {ABSOLUTE * 1000:g} ms over a round"
    if moved and p >= level:
        text += f"; the rounds cannot tell (Mann–Whitney p = {p:.2g}, level {level:.2g})"
    return text + "."


def times(ratio: float) -> str:
    """ "1.16x slower", "1.02x faster", "as fast"."""
    factor = max(ratio, 1 / ratio)
    if f"{factor:.2f}" == "1.00":
        return "as fast"
    return f"{factor:.2f}x {'slower' if ratio > 1 else 'faster'}"
