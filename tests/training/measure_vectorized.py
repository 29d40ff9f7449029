"""The vectorized engine beside ``compiled``: curves lane by lane, failures of lanes, of memory and of the device."""

from __future__ import annotations

import contextlib
import functools
import time
from collections.abc import Iterator
from typing import Any
from unittest import mock

import numpy as np

from cases.networks import sgd
from harness.errors import SuiteError
from harness.experiment import Experiment, Variant
from harness.training import engines, train, vectorized, vectorized_jax
from tests.training.experiments import (
    AGREEMENT,
    BATCH,
    DROPOUT,
    FAILURES,
    INFERENCE,
    LOSS,
    MASKS,
    REGRESSION,
    SIZE,
    both,
    images,
    one_number,
)
from tests.training.measure_looks import LOOKS, SHARED

SEEDS = (3, 200)
AMONG, MANY = 256, ("two relu", "dropout")
"""Seeds side by side, of these trainings; of the others sixteen."""
ARMS: dict[str, tuple[Experiment, str]] = {
    "softmax": (INFERENCE, "softmax"),
    "linear": (REGRESSION, "linear"),
    **{variant.name: (AGREEMENT, variant.name) for variant in AGREEMENT.variants},
    "dropout": (DROPOUT, "with"),
    "masks": (MASKS, "dropout"),
}


def wide(scale: float = 4e19) -> Any:
    """One weight, drawn so large that the squared loss of about half of the seeds is inf at once."""
    import keras
    from keras import layers

    return keras.Sequential(
        [layers.Input((1,)), layers.Dense(1, kernel_initializer=keras.initializers.RandomUniform(0, scale))]
    )


LANES_FAIL = Experiment(
    id="lanes-fail",
    data=one_number,
    optimizer=functools.partial(sgd, 0.1),
    loss="mean_squared_error",
    sizes=both(FAILURES.size("quick")),
    metrics=(LOSS,),
    accuracy=False,
    variants=(Variant("wide", model=wide),),
)


def asking_host() -> Any:
    """A network with a layer that calls Python on the host, of which JAX does not know how to lay two side by side."""
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
    sizes=both(SIZE),
    metrics=(LOSS,),
    variants=(Variant("asks"),),
)


@contextlib.contextmanager
def lanes(count: int) -> Iterator[None]:
    """Blocks of so many seeds."""
    with (
        mock.patch.object(vectorized, "LANES", {"cpu": count}),
        mock.patch.object(vectorized, "LANES_OF_TINY", {"cpu": count}),
    ):
        yield


@contextlib.contextmanager
def fresh_programs() -> Iterator[None]:
    """No program of an earlier training, and none of this one for later ones."""
    train._programs.cache_clear()
    yield
    train._programs.cache_clear()


def trials(experiment: Experiment, variant: str, seeds: Any, engine: str = "vectorized", **how: Any) -> list[Any]:
    return [trial.to_json() for trial in train.train(experiment, variant, tuple(seeds), engine=engine, **how)]


def agreement() -> dict[str, dict[str, Any]]:
    """Two seeds by ``compiled``; vectorized alone, among 256, and in the program that gathers bytes."""
    found: dict[str, dict[str, Any]] = {}
    for name, arm in ARMS.items():
        found[name] = {"compiled": trials(*arm, SEEDS, "compiled")}
        if name in MANY:
            with lanes(1):
                found[name]["alone"] = trials(*arm, SEEDS)
        many = range(AMONG) if name in MANY else (SEEDS[0], *range(188, 203))
        with lanes(len(many)):
            among = trials(*arm, many)
        found[name]["among"] = [trial for trial in among if trial["seed"] in SEEDS]
        found[name]["different"] = len({str(trial["history"]) for trial in among})
        if name in ("softmax", "dropout"):
            with mock.patch.object(vectorized_jax, "waits_for_memory", return_value=True):
                found[name]["bytes"] = trials(*arm, SEEDS)
    with mock.patch.object(engines, "TINY", 0):
        for name in ("batch norm", "linear", "dropout"):
            found[name]["epoch by epoch"] = trials(*ARMS[name], SEEDS)
    return found


def on_a_gpu() -> dict[str, Any]:
    """As blocks are cut and launches made on a GPU, on this CPU: several epochs a launch, blocks of equal size."""
    widths: list[tuple[int, int]] = []
    launch = vectorized_jax.VectorizedProgram.launch_all

    def watched(self: Any, orders: np.ndarray, initial: Any) -> Any:
        widths.append(orders.shape[:2])
        return launch(self, orders, initial)

    with (
        mock.patch.object(vectorized.VectorizedEngine, "_kind", "gpu"),
        mock.patch.object(vectorized, "LANES", {"gpu": 4}),
        mock.patch.object(engines, "TINY", 0),
        mock.patch.object(vectorized_jax.VectorizedProgram, "launch_all", watched),
    ):
        found = trials(AGREEMENT, "two relu", range(10))
    return {"trials": found, "compiled": trials(AGREEMENT, "two relu", range(10), "compiled"), "widths": widths}


def lanes_fail() -> dict[str, Any]:
    seeds = range(24)
    return {engine: trials(LANES_FAIL, "wide", seeds, engine) for engine in ("compiled", "vectorized")}


def looks() -> dict[str, Any]:
    """What is followed and observed, in one launch, epoch by epoch, and of no epoch at all."""
    found = {"compiled": trials(LOOKS, "penalised", SEEDS, "compiled"), "vectorized": trials(LOOKS, "penalised", SEEDS)}
    with mock.patch.object(engines, "TINY", 0):
        found["compiled, epoch by epoch"] = trials(LOOKS, "penalised", SEEDS, "compiled")
        found["vectorized, epoch by epoch"] = trials(LOOKS, "penalised", SEEDS)
    for engine in ("compiled", "vectorized"):
        found[f"{engine}, no epoch"] = trials(LOOKS, "penalised", SEEDS, engine, setting="lecture")
    return found


def sharing() -> dict[str, Any]:
    """Every variant after the one before it; how many programs have been built by then."""
    built = mock.Mock(side_effect=vectorized_jax.VectorizedProgram)
    found: dict[str, Any] = {"programs": {}, "vectorized": {}, "compiled": {}}
    with (
        mock.patch.object(vectorized, "VectorizedProgram", built),
        fresh_programs(),
    ):
        for name in [variant.name for variant in SHARED.variants]:
            found["vectorized"][name] = trials(SHARED, name, SEEDS)
            found["programs"][name] = built.call_count
    for name in found["programs"]:
        found["compiled"][name] = trials(SHARED, name, SEEDS, "compiled")
    return found


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

    found: dict[str, Any] = {"plain": trials(AGREEMENT, "two relu", range(8))}
    with lanes(8):
        with mock.patch.object(vectorized_jax.VectorizedProgram, "launch_all", failing):
            found["launch"] = trials(AGREEMENT, "two relu", range(8), notice=said.append)
        with (
            fresh_programs(),
            mock.patch.object(vectorized_jax, "free_bytes", return_value=5_000_000),
        ):
            found["counted"] = trials(AGREEMENT, "two relu", range(8), notice=said.append)
        with (
            fresh_programs(),
            mock.patch.object(vectorized_jax, "free_bytes", return_value=1000),
        ):
            found["none"] = _refused(lambda: trials(AGREEMENT, "two relu", range(8), notice=said.append))
    told: list[str] = []
    with lanes(8), mock.patch.object(vectorized_jax.VectorizedProgram, "launch_all", unclear):
        found["unclear"] = trials(AGREEMENT, "two relu", range(8), notice=told.append)
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
        lanes(4),
        mock.patch.object(vectorized_jax.VectorizedProgram, "launch_all", failing),
        mock.patch.object(vectorized_jax.VectorizedProgram, "computes", return_value=False),
    ):
        said = _refused(
            lambda: trials(AGREEMENT, "two relu", range(8), on_trial=lambda trial: kept.append(trial.to_json()))
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
    with lanes(2):
        try:
            trials(FAILURES, "finite", [4, 9, 2, 5], on_epoch=on_epoch, on_trial=lambda trial: kept.append(trial.seed))
        except KeyboardInterrupt:
            raised = True
    return {"kept": kept, "told": told, "raised": raised}


def not_vectorizable() -> dict[str, Any]:
    said: list[str] = []
    return {"trials": trials(HOST, "asks", SEEDS, notice=said.append), "said": said}


def counts() -> dict[str, Any]:
    """One seed asked for alone, after another, and as one of twenty in an order of its own."""
    twenty = [11, *range(100, 118), 3]
    return {
        "alone": trials(AGREEMENT, "two relu", [3]),
        "second": trials(AGREEMENT, "two relu", [1, 3])[1:],
        "of twenty": trials(AGREEMENT, "two relu", twenty)[-1:],
        "order": [trial["seed"] for trial in trials(AGREEMENT, "two relu", twenty)],
        "twin": trials(AGREEMENT, "two relu", [3], twin=True),
        "twin compiled": trials(AGREEMENT, "two relu", [3], "compiled", twin=True),
    }


def by_default() -> dict[str, str]:
    """The engine of ``auto`` for a tiny training, a larger one, and a tiny one with a convolution."""
    found = {"tiny": trials(REGRESSION, "linear", [0], "auto")[0]["engine"]}
    with mock.patch.object(engines, "TINY", 0):
        found["larger"] = trials(REGRESSION, "linear", [0], "auto")[0]["engine"]
    found["convolution"] = trials(CONVOLUTION, "convolution", [0], "auto")[0]["engine"]
    return found


def convolution() -> Any:
    import keras
    from keras import layers

    return keras.Sequential(
        [
            layers.Input((784,)),
            layers.Reshape((28, 28, 1)),
            layers.Conv2D(1, 3, strides=4),
            layers.Flatten(),
            layers.Dense(10, activation="softmax"),
        ]
    )


CONVOLUTION = Experiment(
    id="convolution",
    data=lambda: images().first(BATCH),
    model=convolution,
    optimizer=functools.partial(sgd, 0.1),
    loss="categorical_crossentropy",
    sizes=both(SIZE),
    metrics=(LOSS,),
    variants=(Variant("convolution"),),
)


def measured() -> dict[str, Any]:
    """Nothing on a backend without the engine."""
    from harness.training.backend import active_backend

    if active_backend() not in engines.ENGINES["vectorized"]:
        return {}
    parts = (
        agreement,
        on_a_gpu,
        lanes_fail,
        looks,
        sharing,
        memory,
        device_gone,
        interrupted,
        not_vectorizable,
        counts,
        by_default,
    )
    found: dict[str, Any] = {"seconds": {}}
    for part in parts:
        clock = time.perf_counter()
        found[part.__name__] = part()
        found["seconds"][part.__name__] = time.perf_counter() - clock
    return found


def _refused(call: Any) -> str:
    try:
        call()
    except SuiteError as error:
        return str(error)
    return ""
