"""Engine ``vectorized``: trains batched seeds of a variant with one XLA program (JAX).

The program is the compiled one under ``jax.vmap``, with a replica for each seed. A replica has its own weights, other
variables (the random-number states of dropout among them), optimizer state and data order, stacked along a first axis.
All replicas share the data. A replica computes the same as the compiled program, but its matrix products may sum in
another order.

Seeds are trained in blocks. If the device fails, as it does when its memory runs out, the next block is half as wide. A
finished block is kept, whatever happens to the next one.
"""

from __future__ import annotations

import contextlib
import functools
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from harness.errors import SuiteError
from harness.training.backends.jax import JaxProgram
from harness.training.engine import (
    Block,
    Engine,
    Measurements,
    NotVectorizableError,
    OnEpoch,
    Parts,
    Trained,
    epochs_of_launch,
    is_tiny,
    work_of_epoch,
)
from harness.training.programs import Curves
from harness.training.seeding import data_order
from harness.training.setup import TrainingSetup

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


class VectorizedProgram(JaxProgram):
    """The program of one structure (``programs.structure``), for blocks with any number of replicas."""

    def __init__(self, setup: TrainingSetup) -> None:
        import jax

        super().__init__(setup)
        self._vectorized = jax.jit(jax.vmap(self._train, in_axes=(0, 0, None, None)), donate_argnums=0)
        self._executables: dict[tuple[Any, ...], Any] = {}
        self.compiling = 0.0

    @property
    def device(self) -> Any:
        """The JAX device that holds the data."""
        return next(iter(self._data[0].devices()))

    def begin(self, seeds: Sequence[int], replicas: int) -> None:
        """Sets the initial weights of the seeds, and new optimizer states. Idle replicas repeat the last seed."""
        import jax.numpy as jnp

        drawn = []
        with _on_cpu():
            for seed in seeds:
                self._setup.initialise(self._own, seed)
                parts = (self._own.trainable_variables, self._own.non_trainable_variables)
                drawn.append([[np.array(variable.value) for variable in part] for part in parts])
        weights, others = (
            [jnp.asarray(_filled(values, replicas)) for values in zip(*part, strict=True)]
            for part in zip(*drawn, strict=True)
        )
        fresh = [jnp.array(jnp.broadcast_to(value, (replicas, *value.shape))) for value in self._fresh]
        self._state = (weights, others, fresh)

    def launch_all(self, orders: np.ndarray) -> tuple[Curves, Any]:
        """Starts one epoch per row of each replica's orders, without waiting for the device.

        It compiles first for orders of a new shape; ``compiling`` has the seconds of that.

        Args:
            orders: (replicas, epochs, examples), int32.

        Returns:
            As ``Program.launch``, with a first axis of replicas, on the device.

        Raises:
            NotVectorizableError: seeds of this network cannot be batched.
        """
        key, self.compiling = (*orders.shape, len(self._data[0])), 0.0
        if key not in self._executables:
            clock = time.perf_counter()
            try:
                lowered = self._vectorized.lower(self._state, orders, self._data, self._validation)
            except Exception as error:
                cause = f"{type(error).__name__}: {error}".splitlines()[0]
                raise NotVectorizableError(f"its seeds cannot be batched ({cause})") from error
            self._executables[key] = lowered.compile()
            self.compiling = time.perf_counter() - clock
        self._state, curves, losses = self._executables[key](self._state, orders, self._data, self._validation)
        return curves, losses

    def release(self) -> None:
        """Frees the last block's state."""
        self._state = ([], [], [])

    def keep(self, index: int) -> None:
        """Keeps the weights and variables of one replica only, without the axis of replicas."""
        weights, others, moments = ([array[index] for array in part] for part in self._state)
        self._state = (weights, others, moments)

    def replica(self, index: int) -> Any:
        """The Keras model with the variables of one replica."""
        everything = self._state
        self.keep(index)
        try:
            return self.model
        finally:
            self._state = everything


class VectorizedEngine(Engine):
    """Trains blocks of seeds; each seed of a block is a replica in its program.

    NotVectorizableError, by ``run`` and ``blocks``, if seeds of the network cannot be batched.
    """

    name = "vectorized"
    backends = ("jax",)
    batched = True

    def __post_init__(self) -> None:
        self.program, _ = self.programs.get_for(VectorizedProgram, self.setup)
        self.epochs_per_launch = epochs_of_launch(self.setup, self.program.parameters)

    def parts(self, seeds: Sequence[int], parts: Parts) -> Iterator[Trained]:
        """Trains all seeds at once: each replica takes its own rows of the data."""
        replicas, count = len(seeds), len(self.setup.data.x)
        orders = np.arange(replicas * count, dtype="int32").reshape(replicas, 1, count)
        self.program.begin(seeds, replicas)
        measured = [Measurements() for _ in seeds]
        for of_seeds in zip(*map(parts, seeds), strict=True):
            x, y = (np.concatenate(arrays) for arrays in zip(*((data.x, data.y) for data in of_seeds), strict=True))
            self.program.feed(replace(of_seeds[0], x=x, y=y))
            setups = [replace(self.setup, data=data) for data in of_seeds]
            for index, of_seed in enumerate(measured):
                of_seed.observe(setups[index], functools.partial(self.program.replica, index), "initial_")
            curves, losses = self.program.launch_all(orders)
            for index, of_seed in enumerate(measured):
                of_seed.add({name: curve[index] for name, curve in curves.items()}, np.asarray(losses[index]))
                of_seed.observe(setups[index], functools.partial(self.program.replica, index))
        for index, (seed, of_seed) in enumerate(zip(seeds, measured, strict=True)):
            yield seed, of_seed, functools.partial(self.program.replica, index)

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

        The seconds of a launch are divided among the seeds of its block. SuiteError if the device fails with one seed
        alone. Blocks that were yielded before are complete.
        """
        left, replicas = list(seeds), self._width(len(seeds))
        while left:
            block = left[:replicas]
            try:
                measured = self._train(block, replicas, on_epoch)
            except Exception as error:
                if not _is_device_error(error):
                    raise
                why = " ".join(str(error).split())[:300]
                if replicas == 1:
                    raise SuiteError(
                        f"The device failed while it trained seed {block[0]} alone; {len(seeds) - len(left)} of "
                        f"{len(seeds)} seeds are finished and kept. Its error: {why}. When it works again, or has "
                        "more memory, go on with --resume."
                    ) from error
                replicas //= 2
                self.notice(
                    f"{self.setup.experiment.id}/{self.setup.variant.name}: the device failed ({why[:100]}): "
                    f"{replicas} seed{'s' * (replicas > 1)} at once instead of {2 * replicas}."
                )
            else:
                yield list(zip(block, measured, strict=True))
                left = left[replicas:]

    def _width(self, count: int) -> int:
        """The number of replicas of a block. On a GPU all blocks have about the same size."""
        kind, parameters = self._kind, self.program.parameters
        most = (REPLICAS_OF_TINY if is_tiny(self.setup, parameters) else REPLICAS)[kind]
        if kind == "cpu":
            return max(1, min(most, int(LAUNCH[kind] / work_of_epoch(self.setup, parameters))))
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

    def _train(self, block: Sequence[int], replicas: int, on_epoch: OnEpoch) -> list[Measurements]:
        """Trains a block. While the device computes a launch, the host draws the data orders of the next."""
        program, launches = self.program, self._launches(replicas)
        measured = [Measurements(compile=0.0) for _ in block]
        program.release()  # frees the memory of the last block
        program.begin(block, replicas)
        self._observe(measured, "initial_")
        orders = self._orders(block, launches[0], replicas) if launches else np.empty(0)
        for number, epochs in enumerate(launches):
            clock = time.perf_counter()
            results = program.launch_all(orders)
            clock += program.compiling
            measured[0].compile = program.compiling or measured[0].compile
            if number + 1 < len(launches):
                orders = self._orders(block, launches[number + 1], replicas)
            curves, losses = {name: np.asarray(curve) for name, curve in results[0].items()}, np.asarray(results[1])
            epochs_timed = 1 if len(launches) == 1 else len(epochs)
            seconds = (time.perf_counter() - clock) / len(block) / epochs_timed
            for index, of_seed in enumerate(measured):
                of_seed.launches += [seconds] * epochs_timed
                of_seed.add({name: curve[index] for name, curve in curves.items()}, losses[index])
            self._observe(measured)
            for trained in block:
                on_epoch(trained, epochs.stop)
        return measured

    def _orders(self, block: Sequence[int], epochs: range, replicas: int) -> np.ndarray:
        count = len(self.setup.data.x)
        return _filled([np.stack([data_order(seed, epoch, count) for epoch in epochs]) for seed in block], replicas)

    def _observe(self, measured: Sequence[Measurements], prefix: str = "") -> None:
        for index, of_seed in enumerate(measured):
            of_seed.observe(self.setup, functools.partial(self.program.replica, index), prefix)


def _filled(replicas: Sequence[Any], count: int) -> np.ndarray:
    """The replicas' values, stacked. The last one is repeated for idle replicas."""
    return np.stack([*replicas, *[replicas[-1]] * (count - len(replicas))])


def _is_device_error(error: Exception) -> bool:
    """Whether an error comes from the device, its driver or a library that computes on it, or is a lack of memory."""
    return isinstance(error, MemoryError) or type(error).__name__ in ("JaxRuntimeError", "XlaRuntimeError")


@contextlib.contextmanager
def _on_cpu() -> Iterator[None]:
    """Puts new JAX arrays on the CPU. Weights are drawn by a hundred small programs, and each would delay a GPU."""
    import jax

    try:
        host = jax.devices("cpu")[0]
    except RuntimeError:  # JAX_PLATFORMS excludes the CPU
        yield
        return
    with jax.default_device(host):
        yield
