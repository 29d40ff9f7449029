"""``--dry-run``: what would be trained, and about how long it takes, without importing a backend."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import pytest

from suite import selection
from suite.catalogue import EXPERIMENTS, training_name
from suite.options import Options
from suite.stored import Stored


@dataclass(frozen=True)
class Range:
    """A number that is known but for how many seeds the claims will need."""

    least: float = 0
    most: float = 0

    def __add__(self, other: Range) -> Range:
        return Range(self.least + other.least, self.most + other.most)

    def __mul__(self, factor: float) -> Range:
        return Range(self.least * factor, self.most * factor)

    def __format__(self, spec: str) -> str:
        least, most = (format(value, spec) for value in (self.least, self.most))
        return least if least == most else f"{least} to {most}"


def plan(options: Options, items: Sequence[pytest.Item], workers: int = 1) -> Iterator[str]:
    """A line for each training, then the sums.

    Seconds are those of the stored trials on this backend's CPU: which device a run would find, only the backend knows.
    """
    from tabulate import tabulate

    stored = Stored(options.baselines, f"{options.backend}-cpu")
    needed = selection.needed_trainings(list(items)) if options.as_needed else set()
    rows, unknown = [], 0
    known, trials = Range(), Range()
    for experiment, variant in filter(None, map(selection.training_of, items)):
        size = EXPERIMENTS[experiment].size(options.setting)
        fixed = options.seeds_of(experiment) or size.seeds
        seeds = Range(fixed, fixed)
        if options.as_needed and (experiment, variant) in needed:
            sizes = options.as_needed.sizes(size.seeds)
            seeds = Range(sizes[0], sizes[-1])
        each = stored.seconds(experiment, variant, options.setting)
        trials += seeds
        if each is None:
            unknown += 1
        else:
            known += seeds * each
        about = "unknown" if each is None else f"{seeds * each:.1f} s"
        rows.append([training_name(experiment, variant), f"{seeds}", size.epochs, size.train or "all", about])
    headers = ["would be trained", "seeds", "epochs", "examples", "about"]
    if rows:
        yield from tabulate(rows, headers, tablefmt="simple", disable_numparse=True).splitlines()
    decided = sum(selection.key_of(item) is not None for item in items)
    marked = {kind: sum(item.get_closest_marker(kind) is not None for item in items) for kind in ("errata", "timing")}
    errata = f", {marked['errata']} errata" if marked["errata"] else ""
    timed = f", {marked['timing']} timings" if marked["timing"] else ""
    yield f"{len(rows)} variants, {trials} trials, {decided} claims{errata}{timed}"
    if known.most or not unknown:
        shared = f" on {workers} workers" if workers > 1 else ""
        yield (
            f"about {known * (1 / workers):.0f} s of training{shared}, as stored for {stored.stack}; "
            "start, exact claims, errata and report come on top"
        )
    if unknown:
        yield f"{unknown} of them have no stored time for {stored.stack} in setting {options.setting}"
    yield "dry run: nothing was trained, and nothing written"
