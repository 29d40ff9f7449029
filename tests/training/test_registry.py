"""The registry of engines: what is known of each before it is imported, and what a new one needs."""

import subprocess
import sys
from types import SimpleNamespace

import pytest

from harness.training import engines
from harness.training.backends import NAMES
from harness.training.engines import ENGINES, Engine, EngineEntry, Measurements, resolve_engine
from harness.training.train import prepare
from tests.training.conftest import ROOT, environment
from tests.training.experiments import DROPOUT

LOADED = """
import sys
from harness.training.engines import ENGINES
from harness.training import steps, train
known = {"keras", "tensorflow", "jax", "torch", *(entry.path.partition(":")[0] for entry in ENGINES.values())}
print(sorted(known & set(sys.modules)))
"""


def test_neither_a_backend_nor_an_engine_is_imported_before_it_is_chosen():
    done = subprocess.run(
        [sys.executable, "-c", LOADED], cwd=ROOT, env=environment(), capture_output=True, text=True, check=True
    )
    assert done.stdout == "[]\n"


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
    assert [[(seed, found.history["loss"]) for seed, found in block] for block in blocks] == [
        [(5, [5.0])],
        [(2, [2.0])],
    ]


def test_a_batched_engine_is_chosen_only_where_it_pays(monkeypatch):
    many = EngineEntry(path="many", backends=("torch",), batched=True)
    monkeypatch.setattr(engines, "ENGINES", {**ENGINES, "many": many})
    found = [resolve_engine("auto", "torch", device, tiny) for device in ("cpu", "gpu") for tiny in (False, True)]
    assert found == ["compiled", "many", "many", "many"]
