"""``--dry-run``: lists what would be trained and about how long it takes, without importing a backend."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import pytest

from harness.check.claims import to_the_end
from harness.check.rounding import CHECKED
from harness.check.stored import Stored
from harness.errors import SuiteError
from harness.rules import Exact
from harness.rules.levels import looks
from suite.catalogue import EXPERIMENTS, training_name
from suite.cli import selection
from suite.cli.options import Options
from suite.session.screen import table


@dataclass(frozen=True)
class Range:
    """A number between two bounds, which differ if the claims decide how many seeds they need."""

    least: float = 0
    most: float = 0

    def __add__(self, other: Range) -> Range:
        return Range(self.least + other.least, self.most + other.most)

    def __mul__(self, factor: float) -> Range:
        return Range(self.least * factor, self.most * factor)

    def __format__(self, spec: str) -> str:
        least, most = (format(value, spec) for value in (self.least, self.most))
        return least if least == most else f"{least} to {most}"


def too_few(options: Options, items: Sequence[pytest.Item], most: int = 5) -> list[str]:
    """A warning that names the selected claims that this run's seeds are too few to support; else empty.

    Only runs that decide from a fixed number of their own seeds are warned: no checks, no ``--update-baselines`` and no
    ``--seeds auto``.
    """
    if not options.full or options.update is not None or options.as_needed:
        return []
    least: dict[str, int] = {}
    for claim in filter(None, map(selection.claim_of, items)):
        if claim.experiment and not isinstance(claim.rule, Exact):
            needed = claim.rule.fewest()
            if needed > options.seeds_of(claim.experiment.id):
                least[claim.key] = needed
    if not least:
        return []
    shown = ", ".join(f"{key} {n}" for key, n in list(least.items())[:most])
    more = f", and {len(least) - most} more" if len(least) > most else ""
    return [f"These claims cannot be supported with so few seeds. They take at least: {shown}{more}."]


def plan(options: Options, items: Sequence[pytest.Item], columns: int) -> Iterator[str]:
    """A line for each training, at most ``columns`` wide, then the sums.

    Seconds are those of the stored trials on this backend's CPU, because only the backend could find another device.
    """
    stored = Stored(options.baselines, f"{options.backend}-cpu")
    trainings = list(filter(None, map(selection.training_of, items)))
    needed = selection.needed_trainings(list(items)) if options.as_needed else set()
    rows, unknown, known, trials, short = [], 0, Range(), Range(), 0
    for experiment, variant in trainings:
        declared = EXPERIMENTS[experiment]
        try:
            evidence = stored.variant(experiment, variant)
        except SuiteError:
            evidence = None
        steps, seeds = 0, Range(options.seeds_of(experiment), options.seeds_of(experiment))
        if not options.full:
            count = to_the_end(declared, variant, evidence)
            seeds, steps = Range(count, count), 0 if evidence is None or evidence.tiny else evidence.steps or 0
        elif options.as_needed and (experiment, variant) in needed:
            sizes = looks(options.seeds_of(experiment), options.as_needed.max_seeds)
            seeds = Range(sizes[0], sizes[-1])
        each = stored.seconds(experiment, variant)
        trials, short = trials + seeds, short + (CHECKED if steps else 0)
        if each is None:
            unknown += seeds.most > 0
        else:
            known += seeds * each
        about = "–" if not seeds.most else "unknown" if each is None else f"{seeds * each:.1f} s"
        row = [training_name(experiment, variant), *([] if options.full else [steps or "–"]), f"{seeds}"]
        rows.append([*row, declared.size.epochs, about])
    if rows:
        right = [*([] if options.full else ["first steps"]), "seeds to the end", "epochs", "about"]
        yield from table(["would be trained", *right], rows, columns, right)
    decided = sum(selection.key_of(item) is not None for item in items)
    marked = {kind: sum(item.get_closest_marker(kind) is not None for item in items) for kind in ("errata", "timing")}
    errata = f", {marked['errata']} errata" if marked["errata"] else ""
    timed = f", {marked['timing']} timings" if marked["timing"] else ""
    first = "" if options.full else f"{short} shortened trials, "
    yield f"{len(rows)} variants, {first}{trials} trials to the end, {decided} claims{errata}{timed}"
    if known.most or not unknown:
        workers = options.workers or 1
        shared = f" on {workers} workers" if workers > 1 else ""
        yield (
            f"about {known * (1 / workers):.0f} s of training to the end{shared}, as stored for {stored.stack}; "
            "start, first steps, exact claims, errata and report come on top"
        )
    if unknown:
        yield f"{unknown} of them have no stored time for {stored.stack}"
    yield "dry run: nothing was trained, and nothing written"
