"""The choice of an engine, what a new one needs, and bad input."""

import pytest

from harness.errors import SuiteError
from harness.training import engines
from harness.training.backends import NAMES
from harness.training.engine import Engine, Measurements
from harness.training.engines import ENGINES, resolve_engine
from harness.training.train import check_seeds, prepare, train
from tests.training.experiments import DROPOUT


class Pretended(Engine):
    """Measures nothing."""

    name = "pretended"
    backends = ("torch",)

    def run(self, seed, on_epoch):
        return Measurements({"loss": [float(seed)]})


@pytest.mark.parametrize("asked", ["pretended", "auto"])
def test_an_engine_is_added_by_its_entry_and_trains_one_seed_after_another(monkeypatch, asked):
    monkeypatch.setitem(ENGINES, "pretended", Pretended)
    monkeypatch.setattr("harness.training.engines.active_backend", lambda: "torch")
    engine = prepare(DROPOUT, "with", asked)
    assert (type(engine), engine.setup.variant.name) == (Pretended, "with")
    blocks = engine.blocks([5, 2], lambda seed, epoch: None)
    told = [[(seed, measured.history["loss"]) for seed, measured in block] for block in blocks]
    assert told == [[(5, [5.0])], [(2, [2.0])]]


@pytest.mark.parametrize(
    ("engine", "backend", "device", "tiny", "expected"),
    [
        *(("auto", backend, "cpu", False, "compiled") for backend in NAMES),
        ("auto", "tensorflow", "gpu", True, "compiled"),
        ("auto", "jax", "cpu", True, "vectorized"),  # a batched one, where it pays
        ("auto", "jax", "gpu", False, "vectorized"),
        ("auto", "torch", "gpu", True, "compiled"),
        ("fit", "torch", "cpu", False, "fit"),
        ("fit", "jax", "gpu", True, "fit"),
        ("compiled", "jax", "gpu", True, "compiled"),
        ("vectorized", "jax", "cpu", False, "vectorized"),
    ],
)
def test_engine_of_a_training(engine, backend, device, tiny, expected):
    assert resolve_engine(engine, backend, device, tiny) == expected


@pytest.mark.parametrize(
    ("arguments", "backend", "parts"),
    [
        ({"variant": "wiht"}, "jax", ["has no variant 'wiht'", "Did you mean 'with'"]),
        ({"variant": "xyz"}, "jax", ["has no variant 'xyz'", "Known: with, without."]),
        ({"seeds": []}, "jax", ["Invalid seeds.", "Received: []"]),
        ({"seeds": [0, -1]}, "jax", ["Invalid seeds.", "at least 0", "Received: [0, -1]"]),
        ({"seeds": [1, 2, 1]}, "jax", ["Invalid seeds.", "different", "Received: [1, 2, 1]"]),
        ({"seeds": [1.5]}, "jax", ["Invalid seeds.", "integers", "Received: [1.5]"]),
        ({"seeds": ["1"]}, "jax", ["Invalid seeds.", "integers", "Received: ['1']"]),
        ({"engine": "compield"}, "jax", ["Invalid engine.", "auto, fit, compiled", "Did you mean 'compiled'?"]),
        (
            {"engine": "vectorized"},
            "torch",
            ["engine for this backend.", "'vectorized': jax", "'torch'", "--engine fit"],
        ),
    ],
)
def test_bad_arguments(arguments, backend, parts, monkeypatch):
    monkeypatch.setattr(engines, "active_backend", lambda: backend)
    with pytest.raises(SuiteError) as error:
        train(DROPOUT, **{"variant": "with", "seeds": [0], **arguments})
    assert [part for part in parts if part not in str(error.value)] == []
    check_seeds([10**12, 3])
