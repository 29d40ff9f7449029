"""What a run trains, how long that takes, and where: in this process, in worker processes, or on a cluster.

``--dry-run`` prints it, without importing a backend.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, NamedTuple

import pytest

from harness.check.claims import to_the_end
from harness.check.judge import REFERENCE
from harness.check.rounding import CHECKED
from harness.check.stored import Stored
from harness.errors import SuiteError
from harness.execution import local
from harness.record.run import Key
from harness.record.trials import Sizes, State, Training
from harness.rules import Exact
from harness.rules.levels import looks
from harness.training.backend import Device
from reports.words import some
from suite import items
from suite.catalogue import COURSE, EXPERIMENTS, training_name
from suite.options import Options
from suite.session.terminal import table

if TYPE_CHECKING:
    from harness.execution.cluster import Cluster

SHORT = 30.0
"""A run that trains for fewer seconds starts no worker processes by itself: each has to import the backend first."""
SHORT_TRIALS = 5.0
"""About how many seconds the short trials of a variant take, most of it compilation; and a trial of unknown length."""


class Planned(NamedTuple):
    """What a run trains of a variant.

    Attributes:
        key: experiment and variant.
        seeds: number trained to the end; with ``--seeds auto`` of the first look.
        states: those from which each of the CHECKED short trials begins; none without them.
        seconds: about how long it takes.
        each: seconds of a stored trial to the end; None if none is stored.
        own, known: the evidence of this stack, and that which the variant is compared with, maybe the reference's.
        sizes: of late states, for new evidence: those of this stack, else of the reference; None if they are unknown.
        readable: whether the evidence can be read. If it cannot, nothing is trained.
    """

    key: Key
    seeds: int = 0
    states: tuple[State, ...] = ()
    seconds: float = 0.0
    each: float | None = None
    own: Training | None = None
    known: Training | None = None
    sizes: Sizes | None = None
    readable: bool = True


def planned(options: Options, stored: Stored, key: Key) -> Planned:
    """What this run trains of a variant."""
    each = stored.seconds(*key)
    try:
        stored.of(key[0])
        own = stored.variant(*key)
        known = own or stored.variant(*key, REFERENCE)
        reference = stored.variant(*key, REFERENCE) if options.update is not None else None
        sizes = next((side.sizes for side in (own, reference) if side is not None and side.sizes), None)
    except SuiteError:
        return Planned(key, each=each, readable=False)
    if options.full:
        seeds = options.seeds_of(key[0])
        return Planned(key, seeds, (), seeds * (each or SHORT_TRIALS), each, own, known, sizes)
    seeds = to_the_end(key, known, COURSE.anchors(options.every_anchor), COURSE.anchors(every=True))
    seconds = seeds * (each or SHORT_TRIALS) + (0.0 if known and known.tiny else SHORT_TRIALS)
    return Planned(key, seeds, chosen(own, options.every_anchor), seconds, each, own, known, sizes)


def chosen(known: Training | None, every: bool) -> tuple[State, ...]:
    """The states that a check trains from: every one, or the initial and the last."""
    states = known.states if known else ()
    return states if every else tuple({state.start: state for state in (*states[:1], *states[-1:])}.values())


class Place(NamedTuple):
    """Where a run trains: the number of processes, and the cluster if they are its own."""

    processes: int = 1
    cluster: Cluster | None = None

    @property
    def here(self) -> bool:
        """Whether this process trains."""
        return self.processes == 1 and self.cluster is None


def chosen_place(options: Options, trainings: Sequence[Key]) -> Place | None:
    """The place that --cluster or --workers names; None without these options. SuiteError if it cannot be used."""
    if options.cluster:
        from harness.execution.cluster import Cluster

        cluster = Cluster(options.cluster, (options.backend,))
        return Place(cluster.number, cluster)
    return None if options.workers is None else Place(local.count(options.workers, _tasks(options, trainings)))


def default_place(options: Options, device: Device, plans: Sequence[Planned]) -> Place:
    """The place without these options: worker processes on a CPU, if training takes long enough."""
    if device.kind != "cpu" or sum(plan.seconds for plan in plans) < SHORT:
        return Place()
    return Place(local.count(None, _tasks(options, [plan.key for plan in plans])))


def _tasks(options: Options, trainings: Sequence[Key]) -> int:
    """The number of tasks that can run at the same time."""
    return sum(options.seeds_of(name) for name, _ in trainings) if options.full else len(trainings)


def too_few(options: Options, selected: Iterable[pytest.Item]) -> list[str]:
    """A warning that names the selected claims that this run's seeds are too few to support; else empty.

    Only runs that decide from a fixed number of their own seeds are warned: no checks, no ``--update-baselines`` and no
    ``--seeds auto``.
    """
    if not options.full or options.update is not None or options.as_needed:
        return []
    least = []
    for claim in filter(None, map(items.claim_of, selected)):
        if claim.experiment and not isinstance(claim.rule, Exact):
            needed = claim.rule.fewest()
            least += [f"{claim.key} {needed}"] if needed > options.seeds_of(claim.experiment.id) else []
    return (
        [f"These claims cannot be supported with so few seeds. They take at least: {some(least, 5)}."] if least else []
    )


def dry_run(options: Options, selected: Sequence[pytest.Item], columns: int) -> Iterator[str]:
    """A line for each training, at most ``columns`` wide, then the sums.

    Seconds are those of the stored trials on this backend's CPU, because only the backend could find another device.
    """
    stored = Stored(options.baselines, f"{options.backend}-cpu")
    plans = [planned(options, stored, key) for key in filter(None, map(items.training_of, selected))]
    needed = items.needed_trainings(selected)
    rows, trials, seconds, unknown = list[Sequence[object]](), [0, 0], [0.0, 0.0], 0  # pairs: the least and the most
    for plan in plans:
        seeds = [plan.seeds, plan.seeds]
        if options.as_needed and plan.key in needed:
            seeds[1] = looks(plan.seeds, options.as_needed.max_seeds)[-1]
        times = [count * (plan.each or 0.0) for count in seeds]
        trials, seconds = [*map(sum, zip(trials, seeds, strict=True))], [*map(sum, zip(seconds, times, strict=True))]
        unknown += plan.each is None and plan.seeds > 0
        about = "–" if not plan.seeds else "unknown" if plan.each is None else f"{_range(times, '.1f')} s"
        steps = [] if options.full else [plan.states[0].steps if plan.states else "–"]
        rows.append([training_name(*plan.key), *steps, _range(seeds), EXPERIMENTS[plan.key[0]].size.epochs, about])
    if rows:
        right = [*([] if options.full else ["steps"]), "seeds to the end", "epochs", "about"]
        yield from table(["would be trained", *right], rows, columns, right)
    first = "" if options.full else f"{CHECKED * sum(len(plan.states) for plan in plans)} short trials, "
    decided = sum(items.key_of(item) is not None for item in selected)
    marked = {
        name: sum(item.get_closest_marker(name) is not None for item in selected) for name in ("errata", "timing")
    }
    errata = f", {marked['errata']} errata" if marked["errata"] else ""
    timed = f", {marked['timing']} timings" if marked["timing"] else ""
    yield f"{len(rows)} variants, {first}{_range(trials)} trials to the end, {decided} claims{errata}{timed}"
    if seconds[1] or not unknown:
        workers = options.workers or 1
        shared = f" on {workers} workers" if workers > 1 else ""
        yield (
            f"about {_range([each / workers for each in seconds], '.0f')} s of training to the end{shared}, as stored "
            f"for {stored.stack}; start, short trials, exact claims, errata and report come on top"
        )
    if unknown:
        yield f"{unknown} of them have no stored time for {stored.stack}"
    yield "dry run: nothing was trained, and nothing written"


def _range(bounds: Sequence[float], form: str = "") -> str:
    """The numbers with "to" between them; one if they look alike."""
    return " to ".join(dict.fromkeys(format(bound, form) for bound in bounds))
