"""Warnings that a measurement may be unreliable, with advice, like pyperf's "the result may be unstable".

They make no test red and change no number.
"""

from __future__ import annotations

import statistics
from collections.abc import Iterator, Sequence

import msgspec

from harness.timing.peak import Peak

SPREAD = 0.10
"""Interquartile range / median of the rounds. A quiet machine stays below 3 %."""
TREND = 0.10
"""Change of the median from the first half of the rounds to the second."""
DRIFT = 0.10
"""Difference of the matrix-product peak before and after."""
DISTURBED = 0.25
"""How much slower the median matrix product is than the best one."""
BUSY = 1.25
"""Load average per core. Our own threads account for 1."""
CONTENTION = 0.05
"""Share of the time that other programs may have cost. It is 1 or 2 % on a quiet machine."""

ADVICE: dict[str, str] = {
    "spread": "close other programs, or measure when nobody else uses the machine; then run again",
    "trend": "let the machine cool down and its clock settle, plug in a laptop, then run again",
    "drift": "look for other programs (top), for a power-saving mode, and for a virtual machine's neighbours",
    "disturbed": "something else used the cores (or the GPU) meanwhile: find it (top, nvidia-smi), and run again",
    "load": "wait until the load has gone (uptime), or keep other programs off these cores (taskset, cgroups)",
    "contention": "find what else runs on these cores (top) and stop it, or give the measurement cores of its own",
}
"""What to try, by cause."""


class Doubt(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Why a measurement may be unreliable.

    Attributes:
        cause: a key of ADVICE.
        what: what was seen.
        advice: what to try.
    """

    cause: str
    what: str
    advice: str


def _doubt(cause: str, what: str) -> Doubt:
    return Doubt(cause, what, ADVICE[cause])


def unsteady_rounds(engine: str, steady: Sequence[float]) -> Iterator[Doubt]:
    """Warnings about one engine's seconds per epoch, in order of measurement."""
    middle = statistics.median(steady)
    if len(steady) >= 3:
        low, _, high = statistics.quantiles(steady, n=4, method="inclusive")
        spread = (high - low) / middle
        if spread > SPREAD:
            yield _doubt("spread", f"the rounds of {engine} spread by {spread:.0%} (interquartile range)")
    if len(steady) >= 6:
        half = len(steady) // 2
        change = statistics.median(steady[-half:]) / statistics.median(steady[:half]) - 1
        if abs(change) > TREND and _ordered(steady):
            way = "slower" if change > 0 else "faster"
            yield _doubt("trend", f"{engine} became {abs(change):.0%} {way} from its first rounds to its last")


def drifted_peak(before: Peak, after: Peak) -> Iterator[Doubt]:
    """Warnings if the machine's peak changed between two measurements, or the median product was far below it."""
    one, other = before.gflops, after.gflops
    if abs(other - one) / max(one, other) > DRIFT:
        yield _doubt("drift", f"the machine's matrix-product peak went from {one:.0f} to {other:.0f} GFLOP/s meanwhile")
    sustained = min(before.sustained / one, after.sustained / other)
    if 1 - sustained > DISTURBED:
        yield _doubt("disturbed", f"the machine's median matrix product ran at {sustained:.0%} of its best one")


def loaded(load: tuple[float | None, float | None], cores: int) -> Iterator[Doubt]:
    """A warning if more programs ran than there are cores. ``load``: load average over one minute, before and after."""
    highest = max((value for value in load if value is not None), default=0.0)
    if highest > BUSY * cores:
        yield _doubt("load", f"the load average reached {highest:.1f} on {cores} core{'' if cores == 1 else 's'}")


def held_up(contention: float | None) -> Iterator[Doubt]:
    """A warning if other programs may have cost more than CONTENTION of the time."""
    if contention is not None and contention > CONTENTION:
        share = min(contention, 1.0)
        yield _doubt("contention", f"other programs may have held this one up for {share:.0%} of the time")


def _ordered(values: Sequence[float]) -> bool:
    """Whether the values rise or fall with their index by more than chance (Kendall's tau, p < 1 %)."""
    from scipy.stats import kendalltau

    return float(kendalltau(range(len(values)), values).pvalue) < 0.01
