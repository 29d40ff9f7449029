"""The results of a real measurement on JAX."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import pytest

from harness.timing.flops import operations
from tests.suite.command import ROOT, environment

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def found() -> Any:
    command = [sys.executable, "-m", "tests.timing.measured"]
    done = subprocess.run(
        command, cwd=ROOT, env=environment(), capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def test_both_engines_are_timed(found: Any) -> None:
    fit, compiled = found["engines"]["fit"], found["engines"]["compiled"]
    assert found["times"]["turns"] == 1
    assert len(fit["steady"]) >= 1
    assert len(compiled["steady"]) >= 2
    assert all(seconds > 0 for one in (fit, compiled) for seconds in one["steady"] + one["trainings"])
    assert min(fit["steady"]) > min(compiled["steady"])
    assert fit["first_epoch"] > fit["compile"] > 0
    assert compiled["first_epoch"] is None
    assert min(compiled["first_trainings"]) > compiled["compile"] > min(compiled["trainings"])


def test_where_it_was_computed_is_told(found: Any) -> None:
    assert found["engines"]["fit"]["device"] == found["engines"]["compiled"]["device"] == found["device"]
    assert found["device"].startswith("cpu: ")


def test_memory_is_that_of_a_process_with_a_backend(found: Any) -> None:
    for one in found["engines"].values():
        assert one["memory_peak"] is None or 5e7 < one["memory_peak"] < 5e10


def test_an_epoch_of_example_1_is_counted_by_hand(found: Any) -> None:
    """Eight points and three for validation, three inputs, three outputs: 8 · 2 · 2·9 + 3 · 2·9 operations."""
    assert found["times"]["images"] == 8
    assert found["times"]["flops"] == 8 * 2 * 18 + 3 * 18


def test_shapes_of_a_deep_network(found: Any) -> None:
    dense = [[784, 256], [256, 256], [256, 10]]
    assert found["shapes"] == {"dropout": dense, "convolution": None, "empty": None}


def test_a_compiler_leaves_no_product_out(found: Any) -> None:
    """XLA counts what it has compiled: the products, and a multiplication and a subtraction for each weight."""
    shapes = [(256, 256), (256, 64)]
    by_hand = operations(shapes, 300, 0) + 2 * sum(i * o for i, o in shapes)
    assert found["products of a step"] == pytest.approx(by_hand, rel=0.001)


def test_products_alone(found: Any) -> None:
    products = found["products"]
    assert products["few"] is None
    assert products["one batch"] > 0
    assert 1.2 < products["twice as many"] / products["some"] < 4


def test_the_peak_is_the_larger_of_both_libraries(found: Any) -> None:
    peak, again = found["peak"], found["again"]
    assert set(peak["by_library"]) == {"jax", "numpy"}
    assert peak["gflops"] == max(peak["by_library"].values()) == peak["by_library"][peak["library"]]
    assert 0 < peak["sustained"] <= peak["gflops"]
    assert peak["size"] in (64, 128)
    assert peak["precision"] == "float32"
    assert (again["library"], again["size"]) == (peak["library"], peak["size"])
