"""``--dry-run``: what would be trained, and about how long it takes, without importing a backend."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import pytest

from harness.definition import variant_hash
from harness.fingerprint import cpu_model
from harness.training.backend import Device
from reports.folders import runs_folder
from suite import selection
from suite.catalogue import EXPERIMENTS, training_name
from suite.earlier import Earlier
from suite.options import Options
from suite.run import run_fingerprint
from suite.stored import Stored


@dataclass(frozen=True)
class Range:
    """A number that is known but for how many seeds the claims will need."""

    least: float = 0
    most: float = 0

    def __add__(self, other: Range) -> Range:
        return Range(self.least + other.least, self.most + other.most)

    def __sub__(self, other: Range) -> Range:
        return Range(self.least - other.least, self.most - other.most)

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
    earlier = None
    if options.reuse:
        device = Device("cpu", cpu_model(), "float32")
        earlier = Earlier(runs_folder(options.reports), run_fingerprint(options, device), options.engine)
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
        taken = Range()
        if earlier is not None:
            definition = variant_hash(EXPERIMENTS[experiment], variant, options.setting)
            asked = range(options.first_seed, options.first_seed + int(seeds.most))
            found = earlier.find(experiment, variant, definition, asked)
            taken = Range(sum(seed in found for seed in asked[: int(seeds.least)]), len(found))
        each = stored.seconds(experiment, variant, options.setting)
        missing = seeds - taken
        trials += missing
        if each is None:
            unknown += missing.most > 0
        else:
            known += missing * each
        about = "unknown" if each is None else f"{missing * each:.1f} s"
        row = [training_name(experiment, variant), f"{seeds}", size.epochs, size.train or "all", about]
        rows.append([*row, *([f"{taken}"] if options.reuse else [])])
    headers = ["would be trained", "seeds", "epochs", "examples", "about", *(["reused"] if options.reuse else [])]
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
