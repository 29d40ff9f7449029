"""The registry of engines: what is known of each before it is imported, what a new one needs, and bad input."""

import sys
from types import SimpleNamespace

import pytest

from harness.errors import SuiteError
from harness.training import engines
from harness.training.backends import NAMES
from harness.training.engines import ENGINES, Engine, EngineEntry, Measurements, resolve_engine
from harness.training.train import check_seeds, prepare, train
from tests.training.conftest import printed
from tests.training.experiments import DROPOUT

LOADED = """
import sys
from harness.training.engines import ENGINES
from harness.training import steps, train
known = {"keras", "tensorflow", "jax", "torch", *(entry.path.partition(":")[0] for entry in ENGINES.values())}
print(sorted(known & set(sys.modules)))
"""


def test_neither_a_backend_nor_an_engine_is_imported_before_it_is_chosen():
    assert printed(LOADED) == "[]\n"


@pytest.mark.parametrize("name", ENGINES)
def test_every_entry_names_an_engine_of_this_name(name):
    engine = ENGINES[name].load()
    assert (engine.name, Engine in engine.__mro__) == (name, True)


@pytest.mark.parametrize("backend", NAMES)
def test_every_backend_has_an_engine_that_trains_one_seed_after_another(backend):
    assert not ENGINES[resolve_engine("auto", backend)].batched


class Pretended(Engine):
    """Measures nothing."""

    name = "pretended"

    def run(self, seed, on_epoch):
        return Measurements({"loss": [float(seed)]})


@pytest.fixture
def pretended(monkeypatch):
    """An engine that has an entry in the registry, and is mentioned nowhere else."""
    monkeypatch.setitem(sys.modules, "pretended", SimpleNamespace(Pretended=Pretended))
    monkeypatch.setitem(ENGINES, "pretended", EngineEntry(path="pretended:Pretended", backends=("torch",)))
    monkeypatch.setattr("harness.training.train.active_backend", lambda: "torch")


@pytest.mark.parametrize("asked", ["pretended", "auto"])
def test_an_engine_is_added_by_its_entry(pretended, asked):
    engine = prepare(DROPOUT, "with", asked)
    assert (type(engine), engine.setup.variant.name) == (Pretended, "with")


def test_an_engine_without_blocks_of_its_own_trains_one_seed_after_another(pretended):
    blocks = prepare(DROPOUT, "with", "pretended").blocks([5, 2], lambda seed, epoch: None)
    assert [[(seed, measured.history["loss"]) for seed, measured in block] for block in blocks] == [
        [(5, [5.0])],
        [(2, [2.0])],
    ]


def test_a_batched_engine_is_chosen_only_where_it_pays(monkeypatch):
    many = EngineEntry(path="many", backends=("torch",), batched=True)
    monkeypatch.setattr(engines, "ENGINES", {**ENGINES, "many": many})
    chosen = [resolve_engine("auto", "torch", device, tiny) for device in ("cpu", "gpu") for tiny in (False, True)]
    assert chosen == ["compiled", "many", "many", "many"]


@pytest.mark.parametrize(
    ("arguments", "backend", "parts"),
    [
        ({"variant": "wiht"}, "jax", ["has no variant 'wiht'", "Did you mean 'with'"]),
        ({"variant": "xyz"}, "jax", ["has no variant 'xyz'", "Known: with, seeded, without."]),
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
        ({"engine": "vectorized"}, "tensorflow", ["engine for this backend.", "'vectorized': jax", "'tensorflow'"]),
    ],
)
def test_bad_arguments(arguments, backend, parts, monkeypatch):
    monkeypatch.setattr("harness.training.train.active_backend", lambda: backend)
    with pytest.raises(SuiteError) as error:
        train(DROPOUT, **{"variant": "with", "seeds": [0], **arguments})
    assert [part for part in parts if part not in str(error.value)] == []
    check_seeds([10**12, 3])


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
