"""One piece of work of a timing run, measured."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from harness.record.outcomes import TimeComparison
from harness.record.run import Timed
from harness.record.timings import Repeat
from harness.timing.alternation import WorkTimes
from harness.timing.peak import Peak
from harness.timing.ratio import Ratio
from harness.timing.stability import Doubt


@dataclass(frozen=True)
class WorkTimed:
    """One piece of work, measured: ``comparisons`` and ``repeats`` (what an update stores) by engine."""

    work: str
    times: WorkTimes
    before: Peak
    after: Peak
    repeats: Mapping[str, Repeat]
    comparisons: Mapping[str, TimeComparison]
    ratios: tuple[Ratio, ...]
    doubts: tuple[Doubt, ...]
    records: Mapping[str, Timed]
