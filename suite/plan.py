"""``--dry-run``: what would be trained, and about how long it takes, without importing a backend."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

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


def plan(options: Options, items: Sequence[pytest.Item], workers: int = 1) -> Iterator[str]:
    """A line for each training, then the sums.

    Seconds are those of the stored trials on this backend's CPU: which device a run would find, only the backend knows.
    """
    from tabulate import tabulate

    stored = Stored(options.baselines, f"{options.backend}-cpu")
    earlier = None
    if options.reuse:
        device = Device("cpu", cpu_model(), "float32")
        earlier = Earlier(runs_folder(options.reports), run_fingerprint(options, device))
    rows, known, unknown, trials = [], 0.0, 0, 0
    for experiment, variant in filter(None, map(selection.training_of, items)):
        size = EXPERIMENTS[experiment].size(options.setting)
        seeds = range(options.first_seed, options.first_seed + (options.seeds or size.seeds))
        taken = 0
        if earlier is not None:
            definition = variant_hash(EXPERIMENTS[experiment], variant, options.setting)
            taken = len(earlier.find(experiment, variant, definition, seeds))
        each, missing = stored.seconds(experiment, variant, options.setting), len(seeds) - taken
        trials += missing
        if each is None:
            unknown += bool(missing)
        else:
            known += each * missing
        about = "unknown" if each is None else f"{each * missing:.1f} s"
        row = [training_name(experiment, variant), len(seeds), size.epochs, size.train or "all", about]
        rows.append([*row, *([taken] if options.reuse else [])])
    headers = ["would be trained", "seeds", "epochs", "examples", "about", *(["reused"] if options.reuse else [])]
    if rows:
        yield from tabulate(rows, headers, tablefmt="simple", disable_numparse=True).splitlines()
    decided = sum(selection.key_of(item) is not None for item in items)
    marked = {kind: sum(item.get_closest_marker(kind) is not None for item in items) for kind in ("errata", "timing")}
    errata = f", {marked['errata']} errata" if marked["errata"] else ""
    timed = f", {marked['timing']} timings" if marked["timing"] else ""
    yield f"{len(rows)} variants, {trials} trials, {decided} claims{errata}{timed}"
    if known or not unknown:
        shared = f" on {workers} workers" if workers > 1 else ""
        yield (
            f"about {known / workers:.0f} s of training{shared}, as stored for {stored.stack}; "
            "start, exact claims, errata and report come on top"
        )
    if unknown:
        yield f"{unknown} of them have no stored time for {stored.stack} in setting {options.setting}"
    yield "dry run: nothing was trained, and nothing written"
