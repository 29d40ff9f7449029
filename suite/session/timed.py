"""The result of measuring one piece of work in a timing run."""

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
    """One measured piece of work.

    Attributes:
        work: its name, such as "depth/softmax".
        times: of all engines in alternation.
        before, after: the machine's peak before and after the measurement.
        repeats: what an update stores, by engine.
        comparisons: of the times with the stored ones, by engine.
        ratios: of the reference to each other engine.
        doubts: reasons why the result may be unstable.
        records: what the run's file has of it, by engine.
    """

    work: str
    times: WorkTimes
    before: Peak
    after: Peak
    repeats: Mapping[str, Repeat]
    comparisons: Mapping[str, TimeComparison]
    ratios: tuple[Ratio, ...]
    doubts: tuple[Doubt, ...]
    records: Mapping[str, Timed]
