"""Has a training become slower or faster? One process's rounds against those of earlier processes.

**What is compared with what.** Rounds of one process share its memory layout, its clock speed and its neighbours: they
say how precisely this process was measured, not how far the next one would lie from it. Two processes that run the same
code differ by more than their rounds do, so that a test on rounds alone raises alarms for nothing. A case is therefore
slower or faster only if all of these hold:

1. *Beyond this process's noise*: Mann and Whitney's two-sided test of its rounds against the pooled stored rounds. It
   takes rounds as independent, which is the very assumption that fails between processes: necessary, not sufficient.
2. *Beyond the spread between processes*: the fastest of a process's rounds is one observation. The new one lies outside
   the prediction interval of one more process, Student's t on the logarithms of the n stored ones: t·s·√(1 + 1/n). The
   fastest and not the median, because what disturbs a round makes it longer (Chen & Revels 2016, arXiv:1608.04295):
   where other guests of the host come and go, which nothing in a guest shows, medians of Example 1 with ``fit`` differ
   by 5 % between processes, fastest rounds by 2 %. The price: a slowdown that spares some rounds is not seen. It is
   assumed that processes on one fingerprint differ at random, log-normally, without a trend, and have about as many
   rounds, since more reach lower. With fewer than MIN_REPEATS there is no spread to speak of, and the limit is WIDE.
   The plain standard deviation, not a robust one: of 3 to 10 values a robust one is so uncertain that the interval
   would have to be wider still.
3. *Large enough to matter*: RELATIVE, and ABSOLUTE over a round.
4. *More than the machine explains*, for a slowdown. Others may have held this process up for a share c of its time
   (``harness.timing.contention``): the limit of 2 is then 1/(1 − c) times as far away, and from c = 1 on nothing is
   slower. That holds on the average of a series; a thread that loses its core loses a whole slice of the scheduler's,
   so that in company less than SLICE over a round is no slowdown either. The same with the median c of the stored
   repeats, if that is more: in company a program may also be *faster* than alone (Example 1 with ``fit`` by a quarter,
   on cores that never fall asleep). And where one of the fixed pieces of work that ran alongside the engines
   (``harness.timing.reference``) took f times as long as alongside the stored ones, which is more than RELATIVE and than
   that piece itself differs between processes, the limit is f times as far away, if that is more: two machines may have
   one name. What lies between the limits is *disturbed*: never red, and no acquittal.
5. *Twice* (``confirmed``): a change is measured again after a pause, with engines prepared anew, and has to be there
   again. A neighbour who came for some seconds, or a program that XLA laid out badly once, is not.

The level of 1 and 2 is ALPHA over the run, divided among the cases compared in it, and never above LEVEL.
tests/timing/test_comparison.py measures both ways it can err on made-up processes, measure_alarms.py on real ones. A
slowdown and a speed-up are judged alike; only a slowdown can be red. Nothing is compared across fingerprints,
definitions or engines.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from harness.errors import invalid
from harness.record.outcomes import TimeComparison, TimeState
from harness.record.timings import Repeat
from harness.statistics.inference import one_more, t_quantile
from harness.timing.stability import CONTENTION

ALPHA = 0.05
LEVEL = 0.01
MIN_REPEATS = 3
WIDE = 1.5
"""Factor that counts as a change while fewer than MIN_REPEATS are stored."""
RELATIVE = 1.05
ABSOLUTE = 0.0005
"""Seconds over a round (all its epochs): below that nobody waits, and a scheduler's whim is as long."""

SLICE = 0.02
"""Seconds over a round: several of a scheduler's slices (Linux: 3 to 4 ms), which a short round loses by chance."""


CHANGED = (TimeState.SLOWER, TimeState.FASTER)


def compare_times(now: Repeat, stored: Sequence[Repeat], cases: int) -> TimeComparison:
    """This run's rounds of a case against its stored repeats; ``cases``: how many are compared in the run, at least 1.

    Repeats of another fingerprint or definition are left out; where none is left, it is said how the newest differs.
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
    reason = _in_words(ratio, limit, p, level, len(usable), moved, matters)
    if state is TimeState.SLOWER:
        explained, why = _explained(now, usable, longer, level)
        if ratio <= limit * explained:
            state, reason = TimeState.DISTURBED, f"{reason} {why}"
    return TimeComparison(state, reason, ratio, limit, p, len(usable))


def confirmed(first: TimeComparison, second: TimeComparison) -> TimeComparison:
    """What two series of one process say together: the ``second``, where it changed only if the ``first`` had too."""
    if second.state in CHANGED:
        agree = first.state is second.state or (first.state, second.state) == (TimeState.DISTURBED, TimeState.SLOWER)
        said = "A series before it found the same." if agree else "A series before it did not find that: not confirmed."
        state = second.state if agree else TimeState.WITHIN
    elif first.state in CHANGED:
        state, said = second.state, f"A series before it was {first.state}: not confirmed."
    else:
        return second
    return msgspec.structs.replace(second, state=state, reason=f"{second.reason} {said}")


def _between(fastest: Sequence[float], level: float) -> float:
    """The factor by which one more process may differ, from the logarithms of the stored ones' fastest times."""
    if len(fastest) < MIN_REPEATS:
        return WIDE
    import numpy as np

    process = one_more(np.array(fastest))
    return math.exp(min(t_quantile(process.df, level / 2) * process.error, 50.0))


def _explained(now: Repeat, stored: Sequence[Repeat], longer: float, level: float) -> tuple[float, str]:
    """The factor by which the machine, and not the code, may have made this process slower; and why, in words.

    ``longer``: seconds over a round that are to be explained; ``level``: of what counts as more than chance.
    """
    here = now.contention or 0.0
    there = statistics.median(repeat.contention or 0.0 for repeat in stored)
    contention = max(here, there)
    by_chance = contention > CONTENTION and longer < SLICE
    held_up = math.inf if contention >= 1 or by_chance else 1 / (1 - contention)
    slower = {name: factor for name in now.reference if (factor := _piece(name, now, stored, level)) > RELATIVE}
    piece = max(slower, key=lambda name: slower[name], default=None)
    if piece is not None and slower[piece] > held_up:
        why = f"But the machine itself was {times(slower[piece])}, on a fixed piece of work ({piece})."
        return slower[piece], why
    which = "it" if here >= there else "the stored repeats"
    share = f"{min(contention, 1.0):.0%}"
    why = f"But others may have held {which} up for {share} of the time: measure again, and store, without them."
    return held_up, why


def _piece(name: str, now: Repeat, stored: Sequence[Repeat], level: float) -> float:
    """How many times as long as alongside the stored repeats a fixed piece of work took; 1 where that may be chance.

    A copy, for one, depends on where a process has its memory: by a third, with nothing else running.
    """
    held = [math.log(repeat.reference[name]) for repeat in stored if name in repeat.reference]
    if not held:
        return 1.0
    factor = now.reference[name] / math.exp(statistics.fmean(held))
    return factor if len(held) < MIN_REPEATS or factor > _between(held, level) else 1.0


def _ranks(ours: Sequence[float], stored: Sequence[float]) -> float:
    """Two-sided p-value of Mann and Whitney's test: exact, with ties by their normal approximation."""
    from scipy.stats import mannwhitneyu

    ties = len({*ours, *stored}) < len(ours) + len(stored)
    method = "asymptotic" if ties or len(ours) * len(stored) > 10_000 else "exact"
    p = float(mannwhitneyu(ours, stored, alternative="two-sided", method=method).pvalue)
    return 1.0 if math.isnan(p) else p  # all values equal


def _differences(now: Repeat, then: Repeat) -> list[str]:
    """What keeps two repeats from being compared, in words."""
    here, there = now.provenance.fingerprint, then.provenance.fingerprint
    found = [
        f"{key} {_said(there, key)} then, {_said(here, key)} now"
        for key in {**there, **here}
        if _unlike(here, there, key)
    ]
    if now.definition != then.definition or now.epochs != then.epochs:
        found.append("the configuration of the training is another one")
    return found


def _unlike(a: Mapping[str, Any], b: Mapping[str, Any], key: str) -> bool:
    return key not in a or key not in b or a[key] != b[key]


def _said(fingerprint: Mapping[str, Any], key: str) -> str:
    value = fingerprint.get(key, "absent")
    return "none" if value is None else str(value)


def _in_words(ratio: float, limit: float, p: float, level: float, repeats: int, moved: bool, matters: bool) -> str:
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
