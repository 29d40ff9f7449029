"""Engine ``vectorized``: trains batched seeds of a variant with one XLA program (JAX).

Variants of one structure use the same program; learning rates, initial weights and data are its arguments. Seeds are
trained in blocks. A block has as many seeds as pay on the device and fit its memory; XLA gives the memory of a program
before its launch. If the memory runs out nevertheless, the next block is half as wide. A finished block is kept,
whatever happens to the next one.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np

from harness.domain.experiment import Dataset
from harness.environment.fingerprint import cores
from harness.errors import SuiteError
from harness.training.engine import Block, Engine, FirstSteps, Measurements, Notice, OnEpoch, ShortTraining
from harness.training.engines import epochs_of_launch, is_tiny, work_of_epoch
from harness.training.memory import MARGIN, is_out_of_memory, readable
from harness.training.programs import Programs
from harness.training.recorded import record_metrics
from harness.training.seeding import order_type
from harness.training.setup import TrainingSetup
from harness.training.vectorized_jax import TooLargeError, VectorizedProgram, is_device_error

REPLICAS = {"cpu": 16, "gpu": 64}
"""Replicas of a block, one per seed. On a CPU a block always has this many, and some may be idle: the program, and so
the bits of a trial, then do not depend on the number of seeds. On a GPU this many leave a layer's activations in the
cache (256 units in batches of 512 are half a megabyte per seed; an H100 has 50 MB). That is not yet measured."""
REPLICAS_OF_TINY = {"cpu": 16, "gpu": 1024}
"""As REPLICAS, for tiny trainings."""
LAUNCH = {"cpu": 1e11, "gpu": 2e13}
"""The most replicas × examples × parameters of a launch. It then takes seconds, and Ctrl-C works."""
EPOCHS = 5
"""The most epochs of a launch. Their data orders are drawn before it begins."""
THREADS = 8
"""The most threads that draw data orders. NumPy releases Python's lock while it shuffles."""
SHUFFLED_BY_OTHERS = 1000
"""The fewest examples that these threads shuffle. For fewer, a thread costs more than it saves."""


def prepare(setup: TrainingSetup, programs: Programs, notice: Notice) -> VectorizedEngine:
    """As ``EngineModule`` says."""
    return VectorizedEngine(setup, programs, notice=notice)


def first_steps(short: ShortTraining) -> Iterator[FirstSteps]:
    """Trains all seeds at once: each replica takes its own part of the data."""
    program, _ = short.programs.get("vectorized", short.setup.one_step(), VectorizedProgram)
    seeds, batch, replicas = short.seeds, short.setup.full_batch, len(short.seeds)
    orders = np.arange(replicas * batch, dtype=order_type(replicas * batch)).reshape(replicas, 1, batch)
    program.begin(program.drawn(seeds), replicas)
    losses = np.empty((replicas, short.steps))
    for step, parts in enumerate(zip(*map(short.batches, seeds), strict=True)):
        program.feed(Dataset(np.concatenate([data.x for data in parts]), np.concatenate([data.y for data in parts])))
        program.compile(replicas, 1)
        losses[:, step] = np.asarray(program.launch_all(orders, np.full(replicas, np.nan))[0]["loss"])[:, 0]
    for index, seed in enumerate(seeds):
        yield seed, losses[index].tolist(), program.replica(index) if seed in short.validate else None


class VectorizedEngine(Engine):
    """Trains blocks of seeds; each seed of a block is a replica in its program.

    Args:
        setup: the training.
        programs: where the program is kept for later trainings.
        replicas: seeds of a block; None for as many as pay on the device.
        notice: called if a block had to become smaller.

    Raises:
        NotVectorizableError: by ``run`` and ``blocks``, if seeds of the network cannot be batched.
    """

    name = "vectorized"

    def __init__(
        self,
        setup: TrainingSetup,
        programs: Programs | None = None,
        replicas: int | None = None,
        notice: Notice = lambda text: None,
    ) -> None:
        self.setup = setup
        programs = programs or Programs()
        self.program, _ = programs.get(self.name, setup, VectorizedProgram)
        self._orders, self._count = programs.orders, len(setup.data.x)
        self.epochs_per_launch = epochs_of_launch(setup, self.program.parameters)
        self._replicas, self._notice = replicas, notice
        self._drawn: tuple[tuple[int, ...], Any] = ((), None)
        self._ahead: dict[tuple[int, range], Future[np.ndarray]] = {}
        self._ended = 0.0  # when the last launch was ready

    @property
    def weights(self) -> Sequence[Any]:
        """The weights of the last block, with a first axis of replicas; after ``run``, those of its seed."""
        return self.program.weights

    def run(self, seed: int, on_epoch: OnEpoch) -> Measurements:
        ((_, measured),) = next(self.blocks([seed], on_epoch))
        self.program.keep(0)
        return measured

    def blocks(self, seeds: Sequence[int], on_epoch: OnEpoch) -> Iterator[Block]:
        """Trains the seeds, and yields each block as soon as it is finished.

        The seconds of a launch are divided among the seeds of its block. SuiteError if one seed alone does not fit into
        the memory, or the device fails. Blocks that were yielded before are complete.
        """
        left, replicas = list(seeds), self._width(len(seeds))
        with ThreadPoolExecutor(min(THREADS, cores())) as pool:
            while left:
                block = left[:replicas]
                try:
                    measured = self._train(block, left[replicas : 2 * replicas], replicas, pool, on_epoch)
                except TooLargeError as error:
                    why = f"a block needs {readable(error.needed)} of memory, {readable(error.free)} are free"
                    fit = int(replicas * MARGIN * error.free / error.needed)
                    replicas = self._fewer(replicas, max(1, min(fit, replicas - 1)), why)
                except Exception as error:
                    why = self._smaller_would_do(error, replicas)
                    if not why:
                        raise self._failed(error, block, len(seeds) - len(left), len(seeds)) from error
                    replicas = self._fewer(replicas, replicas // 2, why)
                else:
                    yield list(zip(block, measured, strict=True))
                    left = left[replicas:]

    def _width(self, count: int) -> int:
        """The number of replicas of a block. On a GPU all blocks have about the same size."""
        kind, parameters = self._kind, self.program.parameters
        most = self._replicas or (REPLICAS_OF_TINY if is_tiny(self.setup, parameters) else REPLICAS)[kind]
        if kind == "cpu":
            fit_into_launch = int(LAUNCH[kind] / work_of_epoch(self.setup, parameters))
            return self._replicas or max(1, min(most, fit_into_launch))
        blocks = -(-count // most)
        return -(-count // blocks)

    @property
    def _kind(self) -> str:
        return "cpu" if self.program.device.platform == "cpu" else "gpu"

    def _launches(self, replicas: int) -> list[range]:
        """The epochs of each launch. A launch has several short epochs on a GPU, which then waits less for the host."""
        epochs, each = self.setup.size.epochs, self.epochs_per_launch
        if self._kind == "gpu" and each == 1 and self.setup.experiment.observe is None:
            most = LAUNCH["gpu"] / (replicas * work_of_epoch(self.setup, self.program.parameters))
            each = max((e for e in range(1, EPOCHS + 1) if epochs % e == 0 and e <= most), default=1)
        return [range(start, min(start + each, epochs)) for start in range(0, epochs, each)]

    def _fewer(self, replicas: int, wanted: int, why: str) -> int:
        """Reports that further blocks have ``wanted`` replicas, and returns it. SuiteError if they had only one."""
        of = f"{self.setup.experiment.id}/{self.setup.variant.name}"
        if replicas == 1:
            raise SuiteError(
                f"{of}: {why}, for one seed alone. Free memory on the device, or train with --engine compiled or on a "
                "device that has more."
            )
        self._notice(f"{of}: {why}: {wanted} seed{'s' if wanted > 1 else ''} at once instead of {replicas}.")
        return wanted

    def _smaller_would_do(self, error: Exception, replicas: int) -> str:
        """Why a smaller block may succeed after an error; "" if it would not.

        Not every library reports a lack of memory as such. So after any error of a device that still computes, half as
        many seeds are tried.
        """
        if is_out_of_memory(error):
            return "the memory ran out"
        if replicas == 1 or not is_device_error(error) or not self.program.computes():
            return ""
        return f"the device failed, and works ({' '.join(str(error).split())[:100]})"

    def _failed(self, error: Exception, block: Sequence[int], finished: int, count: int) -> Exception:
        """The SuiteError for an error of the device; any other error as it is."""
        if not is_device_error(error):
            return error
        text = " ".join(str(error).split())[:300]
        return SuiteError(
            f"The device failed while it trained seeds {block[0]} to {block[-1]}; {finished} of {count} seeds are "
            f"finished and kept. Its error: {text}. When it works again, go on with --resume."
        )

    def _train(
        self, block: Sequence[int], following: Sequence[int], replicas: int, pool: ThreadPoolExecutor, on_epoch: OnEpoch
    ) -> list[Measurements]:
        """Trains a block. Meanwhile it draws the initial values of the next block's seeds, ``following``."""
        program, launches = self.program, self._launches(replicas)
        measured = [Measurements({}, initial=float("nan"), compile=0.0) for _ in block]
        program.release()  # frees the memory of the last block
        clock = time.perf_counter()
        new = [program.compile(replicas, count) for count in {len(launch) for launch in launches}]
        if any(new):
            measured[0].compile = time.perf_counter() - clock
        program.begin(self._states(block), replicas)
        self._record(measured, "initial_")
        initial: Any = np.full(replicas, np.nan, "float32")
        running: _Launch | None = None
        for number, launch in enumerate(launches):
            self._draw(block, launch, pool)
            orders = _filled([self._order(seed, launch) for seed in block], replicas)
            self._ahead.clear()
            begun = time.perf_counter()
            curves, flags = program.launch_all(orders, initial)
            # while the device is busy, the host draws the data orders of the next launch or block
            further = number + 1 < len(launches)
            self._draw(block if further else following, launches[number + 1 if further else 0], pool)
            if number == 0 and following:
                self._states(following)
            if running is not None:
                self._finish(running, block, measured, on_epoch)
            running, initial = _Launch(launch, curves, flags, begun), flags[:, 3]
            if self.setup.experiment.observe is not None:
                self._finish(running, block, measured, on_epoch)
                self._record(measured)
                running = None
        if running is not None:
            self._finish(running, block, measured, on_epoch)
        return measured

    def _finish(
        self, launch: _Launch, block: Sequence[int], measured: Sequence[Measurements], on_epoch: OnEpoch
    ) -> None:
        """Waits for a launch and adds its results to the seeds' measurements."""
        self.program.wait(launch.flags)
        ended = time.perf_counter()
        epochs = len(launch.epochs)
        seconds = (ended - max(launch.begun, self._ended)) / len(block) / epochs
        self._ended = ended
        curves, flags = {name: np.asarray(curve) for name, curve in launch.curves.items()}, np.asarray(launch.flags)
        whole = epochs == self.setup.size.epochs
        for index, one in enumerate(measured):
            one.launches += [seconds * epochs] if whole else [seconds] * epochs
            for name, curve in curves.items():
                one.history.setdefault(name, []).extend(curve[index].tolist())
            one.add_flags(flags[index], steps_before=launch.epochs.start * self.setup.steps)
        for seed in block:
            on_epoch(seed, launch.epochs.stop)

    def _states(self, seeds: Sequence[int]) -> Any:
        """The initial values of the seeds. They may have been drawn during the block before."""
        if self._drawn[0] != tuple(seeds):
            self._drawn = tuple(seeds), self.program.drawn(seeds)
        return self._drawn[1]

    def _order(self, seed: int, epochs: range) -> np.ndarray:
        """The data orders of these epochs, shape (epochs, examples)."""
        key = (seed, epochs)
        return self._ahead.pop(key).result() if key in self._ahead else self._orders.get(seed, epochs, self._count)

    def _draw(self, seeds: Sequence[int], epochs: range, pool: ThreadPoolExecutor) -> None:
        """Starts to draw data orders in other threads, unless they are short (SHUFFLED_BY_OTHERS)."""
        if self._count >= SHUFFLED_BY_OTHERS:
            for seed in seeds:
                if (seed, epochs) not in self._ahead:
                    self._ahead[seed, epochs] = pool.submit(self._orders.get, seed, epochs, self._count)

    def _record(self, measured: Sequence[Measurements], prefix: str = "") -> None:
        if self.setup.experiment.observe is not None:
            for index, one in enumerate(measured):
                record_metrics(self.setup, self.program.replica(index), one.history, prefix)


@dataclass(frozen=True)
class _Launch:
    """A running launch: its epochs, its results on the device, and the time when it began."""

    epochs: range
    curves: dict[str, Any]
    flags: Any
    begun: float


def _filled(replicas: Sequence[np.ndarray], count: int) -> np.ndarray:
    """The replicas' arrays, stacked. The last one is repeated for idle replicas."""
    return np.stack([*replicas, *[replicas[-1]] * (count - len(replicas))])
