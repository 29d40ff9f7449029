"""Overhead and scaling of tasks on a cluster: ``python -m benchmarks.cluster``.

The tasks sleep, so that many workers fit on few cores: what is measured is the scheduler, the messages and the
controller, which are the same whatever the workers compute. A model extrapolates to more workers than can be started.
"""

from __future__ import annotations

import argparse
import contextlib
import logging
import math
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import as_completed, wait
from typing import IO

import msgspec

from harness.execution.cluster import Cluster
from harness.model import Seconds, Trial
from harness.record.run import TrialDone
from suite.session.trials import TASK_SECONDS

TASKS = 400
EVENTS = 2_000
CURVES = ("loss", "accuracy", "val_loss", "val_accuracy")


def trial(seed: int) -> Trial:
    """A trial of 20 epochs with the four curves of ``fit``, as large as those of Example 4."""
    curve = tuple(0.9 + epoch / 1000 for epoch in range(20))
    history: dict[str, tuple[float | None, ...]] = dict.fromkeys(CURVES, curve)
    return Trial(
        variant="dropout 0.2", seed=seed, engine="compiled", metrics={"val_accuracy": 0.98}, history=history,
        seconds=Seconds(total=1.0),
    )  # fmt: skip


def perform(seconds: float, trials: int = 0) -> list[Trial]:
    """A task that sleeps, then returns so many trials."""
    time.sleep(seconds)
    return [trial(seed) for seed in range(trials)]


@contextlib.contextmanager
def cluster(workers: int) -> Iterator[str]:
    """The address of a scheduler with so many workers on this machine."""
    from distributed import LocalCluster

    with LocalCluster(
        n_workers=workers, threads_per_worker=1, host="127.0.0.1", memory_limit=0, silence_logs=logging.CRITICAL,
        scheduler_kwargs={"dashboard": False, "dashboard_address": "127.0.0.1:0"},
    ) as running:  # fmt: skip
        yield running.scheduler_address


def elapsed(address: str, tasks: Sequence[tuple[float, int]], file: IO[bytes]) -> float:
    """Seconds from the first task to the end of all, on workers that have begun one before.

    A task is its seconds of sleep and its number of trials. Each trial is written to the file at once, as a run does.
    """
    with Cluster(address) as executor:
        wait([executor.submit(perform, 0.0) for _ in range(64)])
        start = time.perf_counter()
        for future in as_completed([executor.submit(perform, *task) for task in tasks]):
            for each in future.result():
                done = TrialDone(experiment="example-4", definition="0" * 12, trial=each)
                file.write(msgspec.json.encode(done) + b"\n")
                file.flush()
        return time.perf_counter() - start


def limits(tasks_per_second: float, trials_per_second: float, workers: int, trials: int, each: float) -> str:
    """Where the bottleneck of a large run is, in a sentence.

    Args:
        tasks_per_second, trials_per_second: what one scheduler and one controller handle.
        workers, trials, each: how many there are, and the seconds of a trial.
    """
    minutes = {
        "training": trials * each / workers / 60,
        "the scheduler": trials * each / TASK_SECONDS / tasks_per_second / 60,
        "the controller, which records trials": trials / trials_per_second / 60,
    }
    training, tasks, recording = (f"{taken:,.1f} min" for taken in minutes.values())
    return (
        f"{trials:,} trials of {each:g} s on {workers:,} workers: training {training}, tasks {tasks}, recording "
        f"{recording}: the bottleneck is {max(minutes, key=lambda name: minutes[name])}"
    )


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.cluster", description=__doc__)
    parser.add_argument("--workers", type=int, nargs="+", default=[1, 2, 4, 8], metavar="N")
    options = parser.parse_args(arguments)
    if min(options.workers) < 1:
        parser.error(f"--workers: expected numbers of at least 1; received: {min(options.workers)}")
    rates, events = [], []
    print("| workers | empty tasks a second | of tasks of 0.1 s, the share spent in them | trials recorded a second |")
    print("|---:|---:|---:|---:|")
    with tempfile.TemporaryFile() as file:
        for number in options.workers:
            with cluster(number) as address:
                rates.append(TASKS / elapsed(address, [(0.0, 0)] * TASKS, file))
                share = 20 * 0.1 / elapsed(address, [(0.1, 0)] * 20 * number, file)
                events.append(EVENTS / elapsed(address, [(0.0, EVENTS // number)] * number, file))
            print(f"| {number} | {rates[-1]:,.0f} | {share:.0%} | {events[-1]:,.0f} |", flush=True)
    tasks_per_second, trials_per_second = max(rates), max(events)
    print()
    for each in (0.1, 1.0, 10.0):
        print("-", limits(tasks_per_second, trials_per_second, 1_000, 10**6, each))
    enough = math.ceil(1_000 / trials_per_second * 100) / 100
    print(f"- With 1,000 workers training is the bottleneck where a trial takes more than {enough:g} s.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
