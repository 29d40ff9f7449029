"""The vectorized engine compared with ``compiled`` seed by seed, and blocks in which something fails."""

import contextlib
from typing import Any
from unittest import mock

import numpy as np
import pytest

from harness.errors import SuiteError
from harness.training import engine as sizes
from harness.training import train as trains
from harness.training import vectorized
from harness.training.backends import active_backend
from tests.training.experiments import (
    AGREEMENT,
    BATCH,
    DROPOUT,
    FAILURES,
    HITS_LIMIT,
    LOSS_LIMIT,
    REGRESSION,
    declared,
    images,
)

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(active_backend() not in vectorized.VectorizedEngine.backends, reason="the backend lacks it"),
]

SEEDS = (3, 200)


@contextlib.contextmanager
def replicas(count):
    """Blocks of so many seeds."""
    with (
        mock.patch.object(vectorized, "REPLICAS", {"cpu": count}),
        mock.patch.object(vectorized, "REPLICAS_OF_TINY", {"cpu": count}),
    ):
        yield


def epoch_by_epoch():
    return mock.patch.object(sizes, "TINY", 0)


def train(experiment, variant, seeds, engine="vectorized", **how):
    return trains.train(experiment, variant, tuple(seeds), engine=engine, **how)


def check_same(ours, theirs):
    """Seeds, divergences and curves are equal, but for rounding."""
    assert [(t.seed, t.divergence) for t in ours] == [(t.seed, t.divergence) for t in theirs]
    for trial, other in zip(ours, theirs, strict=True):
        assert trial.history.keys() == other.history.keys()
        for name, curve in trial.history.items():
            limit = HITS_LIMIT if name.endswith("accuracy") else LOSS_LIMIT
            np.testing.assert_allclose(curve, other.history[name], rtol=limit, atol=limit, err_msg=name)


@pytest.mark.parametrize(
    ("experiment", "variant", "among"),
    [(REGRESSION, "linear", 1), (AGREEMENT, "batch norm", 16), (AGREEMENT, "two relu", 16), (DROPOUT, "with", 256)],
)
def test_same_seed_same_curve(experiment, variant, among):
    """Alone, among few and among many, which are all different."""
    seeds = {1: SEEDS, 16: (SEEDS[0], *range(188, 203)), 256: range(256)}[among]
    with replicas(among):
        ours = train(experiment, variant, seeds)
    theirs = train(experiment, variant, SEEDS, "compiled")
    assert len({str(trial.history) for trial in ours}) == len(seeds)
    check_same([trial for trial in ours if trial.seed in SEEDS], theirs)
    first, second = (np.array(trial.history["loss"]) for trial in theirs)
    assert np.abs(first - second).max() > 100 * LOSS_LIMIT  # the tolerance tells seeds apart
    assert all(0 < trial.seconds.steady_epoch <= trial.seconds.total for trial in ours[1:])
    assert sum(trial.seconds.compile > 0 for trial in ours) <= len(seeds) // among


def test_blocks_of_a_gpu():
    """Ten seeds in three blocks of four replicas, the three epochs of each in one launch; on this CPU."""
    widths, launch = [], vectorized.VectorizedProgram.launch_all

    def watched(self: Any, orders: Any) -> Any:
        widths.append(orders.shape[:2])
        return launch(self, orders)

    with (
        mock.patch.object(vectorized.VectorizedEngine, "_kind", "gpu"),
        mock.patch.object(vectorized, "REPLICAS", {"gpu": 4}),
        epoch_by_epoch(),
        mock.patch.object(vectorized.VectorizedProgram, "launch_all", watched),
    ):
        ours = train(AGREEMENT, "two relu", range(10))
    assert widths == [(4, 3)] * 3
    check_same(ours, train(AGREEMENT, "two relu", range(10), "compiled"))


def failing(most, text):
    """The device fails if more than ``most`` seeds are trained at once."""
    launch = vectorized.VectorizedProgram.launch_all

    def launch_all(self: Any, orders: Any) -> Any:
        import jax

        if len(orders) > most:
            raise jax.errors.JaxRuntimeError(text)
        return launch(self, orders)

    return mock.patch.object(vectorized.VectorizedProgram, "launch_all", launch_all)


def test_blocks_shrink_until_they_fit():
    plain, said = train(REGRESSION, "linear", range(8)), []
    text = "RESOURCE_EXHAUSTED: Out of memory allocating 123456 bytes."
    with replicas(8), failing(2, text):
        halved = train(REGRESSION, "linear", range(8), notice=said.append)
    check_same(halved, plain)
    beginning = f"regression/linear: the device failed ({text})"
    assert said == [f"{beginning}: {n} seeds at once instead of {2 * n}." for n in (4, 2)]


def test_a_device_that_disappears():
    """In the second block of four."""
    kept: list[int] = []
    with replicas(4), contextlib.ExitStack() as later:

        def keep(trial: Any) -> None:
            kept.append(trial.seed)
            if trial.seed == 3:
                later.enter_context(failing(0, "INTERNAL: CUDA error: CUDA_ERROR_ECC_UNCORRECTABLE"))

        with pytest.raises(SuiteError, match=r"seed 4 alone; 4 of 8 seeds are .*ECC_UNCORRECTABLE.* --resume"):
            train(REGRESSION, "linear", range(8), on_trial=keep)
    assert kept == [0, 1, 2, 3]


def test_interrupt_keeps_finished_blocks():
    """Ctrl-C in the second block of two."""
    kept, told = [], []

    def on_epoch(seed, epoch):
        told.append((seed, epoch))
        if seed == 2:
            raise KeyboardInterrupt

    with replicas(2), pytest.raises(KeyboardInterrupt):
        train(FAILURES, "finite", [4, 9, 2, 5], on_epoch=on_epoch, on_trial=lambda trial: kept.append(trial.seed))
    assert (kept, told) == ([4, 9], [(4, 8), (9, 8), (2, 8)])


def asking_host():
    """A network with a layer that calls Python on the host, which JAX does not know how to batch."""
    import jax
    import keras
    from keras import layers

    class AskHost(layers.Layer):
        def call(self, inputs: Any) -> Any:
            shape = jax.ShapeDtypeStruct(inputs.shape, inputs.dtype)
            return inputs + jax.pure_callback(np.zeros_like, shape, jax.lax.stop_gradient(inputs))

    return keras.Sequential([layers.Input((784,)), AskHost(), layers.Dense(10, activation="softmax")])


def test_a_network_that_cannot_be_vectorized_is_trained_by_another_engine():
    said: list[str] = []
    trials = train(declared("host", model=asking_host), "only", SEEDS, notice=said.append)
    assert [trial.engine for trial in trials] == ["compiled"] * 2
    (text,) = said
    assert text.startswith("host/only: its seeds cannot be batched (NotImplementedError: ")
    assert text.endswith("engine compiled trains it, one seed after another.")


def test_bits_do_not_depend_on_how_many_seeds():
    """On a CPU, where every block has the same number of replicas."""
    twenty = [11, *range(100, 118), 3]
    (alone,), (_, second) = train(AGREEMENT, "two relu", [3]), train(AGREEMENT, "two relu", [1, 3])
    trials = train(AGREEMENT, "two relu", twenty)
    assert [trial.seed for trial in trials] == twenty
    assert alone.history == second.history == trials[-1].history


def test_a_perturbed_trial_is_that_of_compiled():
    seeds = (3, 4, 5)
    perturbed = train(AGREEMENT, "batch norm", seeds, perturbed=1)
    check_same(perturbed, train(AGREEMENT, "batch norm", seeds, "compiled", perturbed=1))
    assert perturbed[0].history != train(AGREEMENT, "batch norm", seeds)[0].history


def convolution():
    import keras
    from keras import layers

    stack = [layers.Reshape((28, 28, 1)), layers.Conv2D(1, 3, strides=4), layers.Flatten()]
    return keras.Sequential([layers.Input((784,)), *stack, layers.Dense(10, activation="softmax")])


def test_engine_by_default():
    """Of a tiny training, a larger one, and a tiny one with a convolution."""
    few = declared("convolution", model=convolution, data=lambda: images().first(BATCH))
    assert train(REGRESSION, "linear", [0], "auto")[0].engine == "vectorized"
    with epoch_by_epoch():
        assert train(REGRESSION, "linear", [0], "auto")[0].engine == "compiled"
    assert train(few, "only", [0], "auto")[0].engine == "compiled"
