"""Makes a real measurement on JAX in a process of its own, and prints the results as JSON."""

from __future__ import annotations

import msgspec

from harness.timing.measure import measure, sized
from harness.training.backend import choose_backend, start_backend
from tests.make import measurement


def main() -> None:
    choose_backend("jax")
    start_backend()
    from cases.examples.learning_rate import EIGHT_POINTS

    origin = measurement([1.0]).provenance
    times = measure(sized(EIGHT_POINTS, 5), "rate 0.1", ("fit", "compiled"), origin, seconds=0.0, min_turns=1)
    print(msgspec.json.encode(times).decode())


if __name__ == "__main__":
    main()
