"""Ratios of times over many cases, and the machine that they belong to."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass

from harness.record.evidence import Fingerprint
from harness.rules.inference import at_most
from harness.timing.slower import times

CONFIDENCE = 0.95
OF_MACHINE = ("device_model", "instruction_set", "threads", "system")
"""The keys of a fingerprint that belong to the machine."""


@dataclass(frozen=True)
class Typical:
    """The median of a ratio over cases.

    Attributes:
        ratio: the median.
        low, high: its 95 % interval, of order statistics (the inverted sign test: it assumes independent cases and no
            distribution); None with fewer than six cases.
        cases: number of cases.
    """

    ratio: float
    low: float | None
    high: float | None
    cases: int

    def __str__(self) -> str:
        return interval_text(self.ratio, self.low, self.high)


def typical(ratios: Sequence[float]) -> Typical:
    """The median of the ratios of at least one case, with its interval."""
    ordered, n = sorted(ratios), len(ratios)
    rank = 0  # the interval reaches from the rank-th smallest to the rank-th largest
    while rank < n // 2 and at_most(rank, n, 0.5) <= (1 - CONFIDENCE) / 2:
        rank += 1
    low, high = (ordered[rank - 1], ordered[-rank]) if rank else (None, None)
    return Typical(statistics.median(ordered), low, high, n)


def interval_text(ratio: float, low: float | None, high: float | None) -> str:
    """ "1.16 × slower [1.12, 1.20]", "as fast [1.02 × faster, 1.01 × slower]", "1.16 × slower" without an interval.

    "as fast" alone where the ends read so too.
    """
    if low is None or high is None:
        return times(ratio)
    ends = [times(end) for end in ((low, high) if ratio >= 1 else (high, low))]
    if {times(ratio), *ends} == {"as fast"}:
        return "as fast"
    word = times(ratio).rpartition(" × ")[2]
    if all(end.endswith(f" × {word}") for end in ends):
        ends = [end.removesuffix(f" × {word}") for end in ends]
    return f"{times(ratio)} [{ends[0]}, {ends[1]}]"


def machine(fingerprint: Fingerprint) -> str:
    """The machine of a fingerprint in words. Machines of one model, size and system have one text.

    "AMD EPYC 7B13, avx2, 2 threads, Linux x86_64"
    """
    model, instructions, threads, system = (fingerprint.get(key) for key in OF_MACHINE)
    return ", ".join(str(part) for part in (model, instructions, f"{threads} threads", system) if part is not None)
