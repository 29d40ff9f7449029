"""``train`` reports what it cannot do before it trains anything."""

import pytest

from harness.errors import SuiteError
from harness.training.engines import resolve_engine
from harness.training.train import check_seeds, train
from tests.training.experiments import DROPOUT


@pytest.mark.parametrize(
    ("arguments", "parts"),
    [
        ({"variant": "wiht"}, ["has no variant 'wiht'", "Did you mean 'with'"]),
        ({"variant": "xyz"}, ["has no variant 'xyz'", "Known: with, seeded, without."]),
        ({"seeds": []}, ["Invalid seeds.", "Received: []"]),
        ({"seeds": [0, -1]}, ["Invalid seeds.", "at least 0", "Received: [0, -1]"]),
        ({"seeds": [1, 2, 1]}, ["Invalid seeds.", "different", "Received: [1, 2, 1]"]),
        ({"seeds": [1.5]}, ["Invalid seeds.", "integers", "Received: [1.5]"]),
        ({"seeds": ["1"]}, ["Invalid seeds.", "integers", "Received: ['1']"]),
    ],
)
def test_bad_arguments(arguments, parts, monkeypatch):
    monkeypatch.setattr("harness.training.train.active_backend", lambda: "jax")
    with pytest.raises(SuiteError) as error:
        train(DROPOUT, **{"variant": "with", "seeds": [0], **arguments})
    assert [part for part in parts if part not in str(error.value)] == []


@pytest.mark.parametrize(
    ("engine", "backend", "parts"),
    [
        ("compield", "jax", ["Invalid engine.", "auto, fit, compiled", "'compield'", "Did you mean 'compiled'?"]),
        ("vectorized", "torch", ["Invalid engine for this backend.", "'vectorized': jax", "'torch'", "--engine fit"]),
        ("vectorized", "tensorflow", ["Invalid engine for this backend.", "'vectorized': jax", "'tensorflow'"]),
    ],
)
def test_bad_engine(engine, backend, parts, monkeypatch):
    monkeypatch.setattr("harness.training.train.active_backend", lambda: backend)
    with pytest.raises(SuiteError) as error:
        train(DROPOUT, "with", [0], engine=engine)
    assert [part for part in parts if part not in str(error.value)] == []


@pytest.mark.parametrize(
    ("engine", "backend", "device", "tiny", "expected"),
    [
        ("auto", "tensorflow", "cpu", False, "compiled"),
        ("auto", "tensorflow", "gpu", True, "compiled"),
        ("auto", "jax", "cpu", False, "compiled"),
        ("auto", "jax", "cpu", True, "vectorized"),
        ("auto", "jax", "gpu", False, "vectorized"),
        ("auto", "jax", "gpu", True, "vectorized"),
        ("auto", "torch", "gpu", True, "compiled"),
        ("fit", "torch", "cpu", False, "fit"),
        ("fit", "jax", "gpu", True, "fit"),
        ("compiled", "tensorflow", "cpu", True, "compiled"),
        ("compiled", "jax", "gpu", True, "compiled"),
        ("vectorized", "jax", "cpu", False, "vectorized"),
    ],
)
def test_engine_of_a_training(engine, backend, device, tiny, expected):
    assert resolve_engine(engine, backend, device, tiny) == expected


@pytest.mark.parametrize("seeds", [[0], (5, 3), range(4), [10**12]])
def test_good_seeds(seeds):
    check_seeds(seeds)
