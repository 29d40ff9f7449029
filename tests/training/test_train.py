"""``train`` reports what it cannot do before it trains anything; and a second process trains the same bits."""

import json
import subprocess
import sys

import pytest

from harness.errors import SuiteError
from harness.training.engines import resolve_engine
from harness.training.train import check_seeds, train
from tests.training.conftest import JAX, ROOT, environment
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


AGAIN = """
import json
from harness.training.backend import choose_backend, start_backend
choose_backend("jax")
start_backend()
import msgspec
from harness.training.train import train
from tests.training.experiments import DROPOUT
trial = train(DROPOUT, "with", [2, 5], engine="compiled")[1]
print(json.dumps(msgspec.to_builtins(trial) | {"device": trial.device, "precision": trial.precision}))
"""


@pytest.mark.parametrize("on_backend", [JAX], indirect=True)
def test_another_process_trains_the_same_bits(measured):
    """With its own hash seed and home; on the backend that starts faster."""
    command = [sys.executable, "-c", AGAIN]
    variables = environment(PYTHONHASHSEED="77")
    done = subprocess.run(command, cwd=ROOT, env=variables, capture_output=True, text=True, check=True)
    again = json.loads(done.stdout)
    assert again["device"].startswith(("cpu: ", "gpu: "))
    assert again["precision"].startswith("float32")
    assert again["history"] == measured["dropout"]["compiled"][5]["history"]
