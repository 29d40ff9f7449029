"""Measures Example 1 on JAX with several seeds in one program: python -m tests.timing.stacked.

One training of 200 epochs is one launch of half a millisecond, a third of which is the launch itself; ``fit`` on JAX
takes at most a millisecond per epoch. The command measures the gain by more seeds per launch.
"""

from __future__ import annotations

import argparse
import functools
import statistics
import time
from collections.abc import Callable
from typing import Any

from tabulate import tabulate

from harness.training.backend import choose_backend, start_backend

VARIANT, SEEDS, ROUNDS = "rate 0.1", (1, 5, 30, 256), 30


def main() -> None:
    choose_backend("jax")
    print(start_backend())
    import jax
    import jax.numpy as jnp
    import numpy as np

    from cases.examples.learning_rate import EIGHT_POINTS
    from harness.training.backends.jax import JaxProgram
    from harness.training.compiled import CompiledEngine
    from harness.training.seeding import data_order
    from harness.training.train import prepare

    fit = prepare(EIGHT_POINTS, VARIANT, "fit")
    epochs = fit.setup.size.epochs
    reference = epochs * statistics.median(
        seconds for _ in range(5) for seconds in fit.run(0, lambda seed, epoch: None).launches[1:]
    )
    engine = prepare(EIGHT_POINTS, VARIANT, "compiled")
    assert isinstance(engine, CompiledEngine)
    program = engine.program
    assert isinstance(program, JaxProgram)
    rows = []
    for seeds in SEEDS:
        states = []
        for seed in range(seeds):
            program.reset(seed)
            states.append(program._state)
        orders = jnp.asarray(
            [[data_order(seed, epoch, len(fit.setup.data.x)) for epoch in range(epochs)] for seed in range(seeds)]
        )
        arguments = (
            jax.tree.map(lambda *values: jnp.stack(values), *states),
            orders,
            jnp.full(seeds, np.nan),
            program._data,
            program._validation,
        )
        train = jax.jit(jax.vmap(program._train, in_axes=(0, 0, 0, None, None)))
        each = _median(functools.partial(train, *arguments)) / seeds
        rows.append([seeds, each * 1e3, reference / each])
    print(f"fit: {reference * 1e3:.0f} ms for {epochs} epochs, compilation left out")
    print(tabulate(rows, ["seeds in a launch", "ms per seed", "times as fast as fit"], floatfmt=("", ".3f", ",.0f")))


def _median(work: Callable[[], Any]) -> float:
    import jax

    jax.block_until_ready(work())
    taken = []
    for _ in range(ROUNDS):
        clock = time.perf_counter()
        jax.block_until_ready(work())
        taken.append(time.perf_counter() - clock)
    return statistics.median(taken)


if __name__ == "__main__":
    argparse.ArgumentParser(prog="python -m tests.timing.stacked", description=__doc__).parse_args()
    main()
