"""Engine ``vectorized``: many seeds of a variant side by side, in one XLA program (JAX).

Variants of one structure use one program: their learning rates, initial weights and data are given to it. Seeds come in
blocks. A block is as wide as pays on the device and fits its memory, by XLA's own count before anything is launched;
where the memory runs out nevertheless, half as wide. What a block has finished is kept, whatever happens to the next.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np

from harness.errors import SuiteError
from harness.fingerprint import cores
from harness.training.compiled import note, structure
from harness.training.engines import epochs_of_launch, is_tiny, work_of_epoch
from harness.training.observing import observed
from harness.training.room import MARGIN, is_out_of_memory, readable
from harness.training.seeding import Orders
from harness.training.task import OnEpoch, Raw, Task
from harness.training.vectorized_jax import TooLargeError, VectorizedProgram

LANES = {"cpu": 16, "gpu": 64}
"""Seeds of a block. On a CPU always as many, idle ones among them: the program, and with it the bits of a trial, then
do not depend on how many seeds were asked for. On a GPU as many as leave a layer's activations in the cache (256 units
in batches of 512 are half a megabyte a seed, and an H100 has 50 MB); not yet measured."""
LANES_OF_TINY = {"cpu": 16, "gpu": 1024}
LAUNCH = {"cpu": 1e11, "gpu": 2e13}
"""Lanes × examples × parameters of a launch: seconds, so that Ctrl-C is heard."""
EPOCHS = 5
"""Of a launch, at most, where epochs are short: their data orders have to be there before it begins."""
THREADS = 8
"""At most so many draw data orders; NumPy lets go of Python's lock while it shuffles."""
SHUFFLED_BY_OTHERS = 1000
"""Examples from which on shuffling them takes longer than everything around it."""

Notice = Callable[[str], None]


class VectorizedPrograms:
    """The last program, kept for the next task if that has the same structure."""

    def __init__(self) -> None:
        self._last: tuple[str, VectorizedProgram] | None = None
        self.orders = Orders()

    def get(self, task: Task) -> VectorizedProgram:
        key = structure(task)
        if self._last is not None and self._last[0] == key:
            self._last[1].rebind(task)
            return self._last[1]
        self._last = None  # before the next one takes up memory
        program = VectorizedProgram(task)
        self._last = key, program
        return program


class VectorizedEngine:
    """Trains blocks of seeds of one task.

    Args:
        task: what to train.
        programs: where the program is kept for the tasks that follow.
        lanes: seeds of a block; None for as many as pay on the device.
        notice: told, in a sentence, where a block had to become smaller.

    Raises:
        NotVectorizableError: by ``run`` and ``blocks``, where the network cannot be laid side by side.
    """

    name = "vectorized"

    def __init__(
        self,
        task: Task,
        programs: VectorizedPrograms | None = None,
        lanes: int | None = None,
        notice: Notice = lambda text: None,
    ) -> None:
        self.task = task
        programs = programs or VectorizedPrograms()
        self.program, self._orders, self._count = programs.get(task), programs.orders, len(task.data.x)
        self.epochs_per_launch = epochs_of_launch(task, self.program.parameters)
        self._lanes, self._notice = lanes, notice
        self._drawn: tuple[tuple[int, ...], Any] = ((), None)
        self._ahead: dict[tuple[int, range], Future[np.ndarray]] = {}
        self._ended = 0.0  # when the last launch was ready

    @property
    def weights(self) -> Sequence[Any]:
        """Those of the last block, a lane for each seed."""
        return self.program.weights

    def run(self, seed: int, on_epoch: OnEpoch) -> Raw:
        """One trial alone."""
        ((_, raw),) = next(self.blocks([seed], on_epoch))
        self.program.keep(0)
        return raw

    def blocks(self, seeds: Sequence[int], on_epoch: OnEpoch) -> Iterator[list[tuple[int, Raw]]]:
        """Each block's seeds with their measurements, the moment the block is finished.

        Seconds of a launch are shared by the seeds of its block. SuiteError where one seed alone does not fit into the
        memory, or the device fails; what was given before is complete.
        """
        left, lanes = list(seeds), self._width(len(seeds))
        with ThreadPoolExecutor(min(THREADS, cores())) as pool:
            while left:
                block = left[:lanes]
                try:
                    raws = self._train(block, left[lanes : 2 * lanes], lanes, pool, on_epoch)
                except TooLargeError as error:
                    why = f"a block needs {readable(error.needed)} of memory, {readable(error.free)} are free"
                    fit = int(lanes * MARGIN * error.free / error.needed)
                    lanes = self._fewer(lanes, max(1, min(fit, lanes - 1)), why)
                except Exception as error:
                    why = self._smaller_would_do(error, lanes)
                    if not why:
                        raise self._failed(error, block, len(seeds) - len(left), len(seeds)) from error
                    lanes = self._fewer(lanes, lanes // 2, why)
                else:
                    yield list(zip(block, raws, strict=True))
                    left = left[lanes:]

    def _width(self, count: int) -> int:
        """Lanes of a block; on a GPU, where several blocks are needed, all of the same size."""
        kind, parameters = self._kind, self.program.parameters
        most = self._lanes or (LANES_OF_TINY if is_tiny(self.task, parameters) else LANES)[kind]
        if kind == "cpu":
            fit_into_launch = int(LAUNCH[kind] / work_of_epoch(self.task, parameters))
            return self._lanes or max(1, min(most, fit_into_launch))
        blocks = -(-count // most)
        return -(-count // blocks)

    @property
    def _kind(self) -> str:
        return "cpu" if self.program.device.platform == "cpu" else "gpu"

    def _launches(self, lanes: int) -> list[range]:
        """The epochs of each launch. On a GPU several where they are short: the host is needed less often."""
        epochs, each = self.task.size.epochs, self.epochs_per_launch
        if self._kind == "gpu" and each == 1 and self.task.experiment.observe is None:
            most = LAUNCH["gpu"] / (lanes * work_of_epoch(self.task, self.program.parameters))
            each = max((e for e in range(1, EPOCHS + 1) if epochs % e == 0 and e <= most), default=1)
        return [range(start, min(start + each, epochs)) for start in range(0, epochs, each)]

    def _fewer(self, lanes: int, wanted: int, why: str) -> int:
        """``wanted`` lanes, said aloud; SuiteError where there was but one."""
        of = f"{self.task.experiment.id}/{self.task.variant.name}"
        if lanes == 1:
            raise SuiteError(
                f"{of}: {why}, for one seed alone. Free memory on the device, or train with --engine compiled or on a "
                "device that has more."
            )
        self._notice(f"{of}: {why}: {wanted} seed{'s' if wanted > 1 else ''} side by side instead of {lanes}.")
        return wanted

    def _smaller_would_do(self, error: Exception, lanes: int) -> str:
        """Why a smaller block may do after an error; "" where it would not.

        Not every library says that it is memory that it lacks. So after any error of a device that still computes,
        half as many seeds are tried; a device that is gone does not.
        """
        if is_out_of_memory(error):
            return "the memory ran out"
        if lanes == 1 or not _of_device(error) or not self.program.computes():
            return ""
        return f"the device failed, and works ({' '.join(str(error).split())[:100]})"

    def _failed(self, error: Exception, block: Sequence[int], finished: int, count: int) -> Exception:
        """An error of the device, told as such; any other as it is."""
        if not _of_device(error):
            return error
        said = " ".join(str(error).split())[:300]
        return SuiteError(
            f"The device failed while it trained seeds {block[0]} to {block[-1]}; {finished} of {count} seeds are "
            f"finished and kept. It said: {said}. When it works again, go on with --resume."
        )

    def _train(
        self, block: Sequence[int], following: Sequence[int], lanes: int, pool: ThreadPoolExecutor, on_epoch: OnEpoch
    ) -> list[Raw]:
        program, launches = self.program, self._launches(lanes)
        raws = [Raw({}, initial=float("nan"), compile=0.0) for _ in block]
        program.release()  # of the block before, so that its memory counts as free
        clock = time.perf_counter()
        new = [program.compile(lanes, count) for count in {len(launch) for launch in launches}]
        if any(new):
            raws[0].compile = time.perf_counter() - clock
        program.begin(self._states(block), lanes)
        self._observe(raws, "initial_")
        initial: Any = np.full(lanes, np.nan, "float32")
        running: _Launch | None = None
        for number, launch in enumerate(launches):
            self._draw(block, launch, pool)
            orders = _filled([self._order(seed, launch) for seed in block], lanes)
            self._ahead.clear()
            begun = time.perf_counter()
            curves, signs = program.launch_all(orders, initial)
            # While the device is busy: what the next launch, or the next block, begins with.
            further = number + 1 < len(launches)
            self._draw(block if further else following, launches[number + 1 if further else 0], pool)
            if number == 0 and following:
                self._states(following)
            if running is not None:
                self._finish(running, block, raws, on_epoch)
            running, initial = _Launch(launch, curves, signs, begun), signs[:, 3]
            if self.task.experiment.observe is not None:
                self._finish(running, block, raws, on_epoch)
                self._observe(raws)
                running = None
        if running is not None:
            self._finish(running, block, raws, on_epoch)
        return raws

    def _finish(self, launch: _Launch, block: Sequence[int], raws: Sequence[Raw], on_epoch: OnEpoch) -> None:
        """Waits for a launch and adds what it gave to the seeds' measurements."""
        import jax

        jax.block_until_ready(launch.signs)
        ended = time.perf_counter()
        epochs = len(launch.epochs)
        seconds = (ended - max(launch.begun, self._ended)) / len(block) / epochs
        self._ended = ended
        curves, signs = {name: np.asarray(curve) for name, curve in launch.curves.items()}, np.asarray(launch.signs)
        whole = epochs == self.task.size.epochs
        for lane, raw in enumerate(raws):
            raw.launches += [seconds * epochs] if whole else [seconds] * epochs
            for name, curve in curves.items():
                raw.history.setdefault(name, []).extend(curve[lane].tolist())
            note(raw, signs[lane], steps_before=launch.epochs.start * self.task.steps)
        for seed in block:
            on_epoch(seed, launch.epochs.stop)

    def _states(self, seeds: Sequence[int]) -> Any:
        """Initial values of the seeds; drawn before, where these were the following ones."""
        if self._drawn[0] != tuple(seeds):
            self._drawn = tuple(seeds), self.program.drawn(seeds)
        return self._drawn[1]

    def _order(self, seed: int, epochs: range) -> np.ndarray:
        """The data orders of these epochs (epochs, examples)."""
        key = (seed, epochs)
        return self._ahead.pop(key).result() if key in self._ahead else self._orders.get(seed, epochs, self._count)

    def _draw(self, seeds: Sequence[int], epochs: range, pool: ThreadPoolExecutor) -> None:
        """Begins to draw data orders that will be asked for; short ones would only quarrel over Python's lock."""
        if self._count >= SHUFFLED_BY_OTHERS:
            for seed in seeds:
                if (seed, epochs) not in self._ahead:
                    self._ahead[seed, epochs] = pool.submit(self._orders.get, seed, epochs, self._count)

    def _observe(self, raws: Sequence[Raw], prefix: str = "") -> None:
        if self.task.experiment.observe is not None:
            for lane, raw in enumerate(raws):
                observed(self.task, self.program.lane(lane), raw.history, prefix)


@dataclass(frozen=True)
class _Launch:
    """What the device is computing: the epochs, what comes of them (on the device), and when it was asked."""

    epochs: range
    curves: dict[str, Any]
    signs: Any
    begun: float


def _of_device(error: Exception) -> bool:
    """Whether an error comes from the device, its driver or a library that computes on it."""
    return type(error).__name__ in ("JaxRuntimeError", "XlaRuntimeError")


def _filled(lanes: Sequence[np.ndarray], count: int) -> np.ndarray:
    """Stacked, the last repeated for lanes that are idle."""
    return np.stack([*lanes, *[lanes[-1]] * (count - len(lanes))])
