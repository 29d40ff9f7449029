"""Measures blocks of the vectorized engine when memory, the device or a layer fails, or the user interrupts."""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Iterator
from typing import Any
from unittest import mock

import msgspec
import numpy as np

from cases.networks import sgd
from harness.domain.experiment import Experiment, Variant
from harness.errors import SuiteError
from harness.training import train, vectorized, vectorized_jax
from harness.training.setup import TrainingSetup
from tests.training.experiments import FAILURES, LOSS, REGRESSION, SIZE, images

SEEDS = (3, 200)


def asking_host() -> Any:
    """A network with a layer that calls Python on the host, which JAX does not know how to batch."""
    import jax
    import keras
    from keras import layers

    class AskHost(layers.Layer):  # Keras has no types
        def call(self, inputs: Any) -> Any:
            shape = jax.ShapeDtypeStruct(inputs.shape, inputs.dtype)
            return inputs + jax.pure_callback(np.zeros_like, shape, jax.lax.stop_gradient(inputs))

    return keras.Sequential([layers.Input((784,)), AskHost(name="asks"), layers.Dense(10, activation="softmax")])


HOST = Experiment(
    id="host",
    data=images,
    model=asking_host,
    optimizer=functools.partial(sgd, 0.1),
    loss="categorical_crossentropy",
    size=SIZE,
    metrics=(LOSS,),
    variants=(Variant("asks"),),
)


@contextlib.contextmanager
def replicas(count: int) -> Iterator[None]:
    """Blocks of so many seeds."""
    with (
        mock.patch.object(vectorized, "REPLICAS", {"cpu": count}),
        mock.patch.object(vectorized, "REPLICAS_OF_TINY", {"cpu": count}),
    ):
        yield


@contextlib.contextmanager
def fresh_programs() -> Iterator[None]:
    """No program of an earlier training, and none of this one for later ones."""
    train._programs.cache_clear()
    yield
    train._programs.cache_clear()


def trials(experiment: Experiment, variant: str, seeds: Any, engine: str = "vectorized", **how: Any) -> list[Any]:
    return [
        msgspec.to_builtins(trial) for trial in train.train(experiment, variant, tuple(seeds), engine=engine, **how)
    ]


def memory() -> dict[str, Any]:
    """Blocks of eight where there is room for fewer: by XLA's count, by an error of the launch, and for none."""
    said: list[str] = []
    launch = vectorized_jax.VectorizedProgram.launch_all

    def failing(self: Any, orders: np.ndarray, initial: Any) -> Any:
        if len(orders) > 2:
            raise RuntimeError("RESOURCE_EXHAUSTED: Out of memory allocating 123456 bytes.")
        return launch(self, orders, initial)

    def unclear(self: Any, orders: np.ndarray, initial: Any) -> Any:
        import jax

        if len(orders) > 4:
            raise jax.errors.JaxRuntimeError("INTERNAL: YNNPACK operation failed: error")
        return launch(self, orders, initial)

    found: dict[str, Any] = {"plain": trials(REGRESSION, "linear", range(8))}
    with replicas(8):
        with mock.patch.object(vectorized_jax.VectorizedProgram, "launch_all", failing):
            found["launch"] = trials(REGRESSION, "linear", range(8), notice=said.append)
        with (
            fresh_programs(),
            mock.patch.object(vectorized_jax, "free_bytes", return_value=_needed(8) * 4 // 5),
        ):
            found["counted"] = trials(REGRESSION, "linear", range(8), notice=said.append)
        with (
            fresh_programs(),
            mock.patch.object(vectorized_jax, "free_bytes", return_value=1000),
        ):
            found["none"] = _refused(lambda: trials(REGRESSION, "linear", range(8), notice=said.append))
    told: list[str] = []
    with replicas(8), mock.patch.object(vectorized_jax.VectorizedProgram, "launch_all", unclear):
        found["unclear"] = trials(REGRESSION, "linear", range(8), notice=told.append)
    return {**found, "said": said, "told": told}


def device_gone() -> dict[str, Any]:
    """A device that fails in the second block of four."""
    import jax

    kept: list[Any] = []
    launch = vectorized_jax.VectorizedProgram.launch_all

    def failing(self: Any, orders: np.ndarray, initial: Any) -> Any:
        if kept:
            raise jax.errors.JaxRuntimeError("INTERNAL: CUDA error: CUDA_ERROR_ECC_UNCORRECTABLE")
        return launch(self, orders, initial)

    with (
        replicas(4),
        mock.patch.object(vectorized_jax.VectorizedProgram, "launch_all", failing),
        mock.patch.object(vectorized_jax.VectorizedProgram, "computes", return_value=False),
    ):
        said = _refused(
            lambda: trials(
                REGRESSION, "linear", range(8), on_trial=lambda trial: kept.append(msgspec.to_builtins(trial))
            )
        )
    return {"said": said, "kept": [trial["seed"] for trial in kept]}


def interrupted() -> dict[str, Any]:
    """Ctrl-C in the second block of two."""
    kept: list[int] = []
    told: list[list[int]] = []

    def on_epoch(seed: int, epoch: int) -> None:
        told.append([seed, epoch])
        if seed == 2:
            raise KeyboardInterrupt

    raised = False
    with replicas(2):
        try:
            trials(FAILURES, "finite", [4, 9, 2, 5], on_epoch=on_epoch, on_trial=lambda trial: kept.append(trial.seed))
        except KeyboardInterrupt:
            raised = True
    return {"kept": kept, "told": told, "raised": raised}


def not_vectorizable() -> dict[str, Any]:
    said: list[str] = []
    return {"trials": trials(HOST, "asks", SEEDS, notice=said.append), "said": said}


def _needed(count: int) -> int:
    """Bytes of a block of so many seeds, by XLA's count."""
    variant, size = REGRESSION.variant("linear"), REGRESSION.size
    assert variant.data is not None
    program = vectorized_jax.VectorizedProgram(TrainingSetup(REGRESSION, variant, size, variant.data()))
    program.compile(count, size.epochs)
    needed = vectorized_jax.needed_bytes(program.executables[0], program._present())
    assert needed is not None
    return needed


def _refused(call: Any) -> str:
    try:
        call()
    except SuiteError as error:
        return str(error)
    return ""
