"""Where a run trains: in this process, in worker processes on this machine, or on a cluster."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass

from harness.check.claims import to_the_end
from harness.check.judge import REFERENCE
from harness.check.stored import Stored
from harness.errors import SuiteError
from harness.execution import local
from harness.record.run import Key
from harness.training.backend import Device
from suite.catalogue import EXPERIMENTS
from suite.cli.options import Options

SHORT = 30.0
"""A run that trains for fewer seconds starts no worker processes by itself: each has to import the backend first."""
FIRST_STEPS = 3.0
"""About how many seconds the first steps of a variant take. Most of that time is compilation."""


@dataclass(frozen=True)
class TrainingPlace:
    """Where a run trains.

    Attributes:
        number: of processes. 1 without a cluster: this process.
        cluster: the address of the scheduler; "" for none.
        backend: the version of which workers of a cluster must share.
    """

    number: int = 1
    cluster: str = ""
    backend: str = ""

    @property
    def here(self) -> bool:
        return self.number == 1 and not self.cluster

    def executor(self, on_death: Callable[..., None]) -> Executor:
        """Starts the executor; ``on_death`` is called for a task that runs again. SuiteError if it cannot start."""
        if self.cluster:
            from harness.execution.cluster import Cluster

            return Cluster(self.cluster, (self.backend,))
        return local.Workers(self.number, on_death) if self.number > 1 else local.InProcess()


def requested(options: Options, trainings: Sequence[Key]) -> TrainingPlace | None:
    """The place that --cluster or --workers names; None without these options. SuiteError if it cannot be used."""
    if options.cluster:
        from harness.execution.cluster import Cluster

        with Cluster(options.cluster, (options.backend,)) as cluster:
            return TrainingPlace(cluster.number, options.cluster, options.backend)
    if options.workers is None:
        return None
    return TrainingPlace(local.count(options.workers, _tasks(options, trainings)))


def default(options: Options, device: Device, stored: Stored, trainings: Sequence[Key]) -> TrainingPlace:
    """The place without --cluster and --workers: worker processes on a CPU, if training takes long enough."""
    if device.kind != "cpu" or sum(seconds(options, stored, key) for key in trainings) < SHORT:
        return TrainingPlace()
    return TrainingPlace(local.count(None, _tasks(options, trainings)))


def _tasks(options: Options, trainings: Sequence[Key]) -> int:
    """The number of tasks that can run at the same time."""
    return sum(options.seeds_of(name) for name, _ in trainings) if options.full else len(trainings)


def seconds(options: Options, stored: Stored, key: Key) -> float:
    """About how many seconds a variant trains in this run."""
    each = stored.seconds(*key) or FIRST_STEPS
    if options.full:
        return each * options.seeds_of(key[0])
    try:
        known = stored.variant(*key) or stored.variant(*key, REFERENCE)
    except SuiteError:
        return FIRST_STEPS
    return each * to_the_end(EXPERIMENTS[key[0]], key[1], known) + (0.0 if known and known.tiny else FIRST_STEPS)
