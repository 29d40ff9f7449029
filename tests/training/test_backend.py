"""The choice of a process's backend, and what must not affect it."""

import sys
import types

import pytest

from harness.errors import SuiteError
from harness.training import backend
from harness.training.backend import check_installed, choose_backend, default_backend
from harness.training.backends import NAMES, Backend, jax, named, tensorflow, torch

BACKENDS: dict[str, Backend] = {"tensorflow": tensorflow, "jax": jax, "torch": torch}
"""mypy holds each module to the protocol here."""


@pytest.fixture
def fresh(monkeypatch):
    """A process without Keras, in which every backend seems to be installed."""
    monkeypatch.setenv("KERAS_BACKEND", "none")
    monkeypatch.setenv("KERAS_HOME", "none")
    monkeypatch.setenv("TF_CPP_MIN_LOG_LEVEL", "2")
    for name in ("TF_FORCE_GPU_ALLOW_GROWTH", "XLA_PYTHON_CLIENT_PREALLOCATE"):
        monkeypatch.setenv(name, "")  # so that its absence is restored as well
        monkeypatch.delenv(name)
    monkeypatch.delitem(sys.modules, "keras", raising=False)
    monkeypatch.setattr("importlib.util.find_spec", lambda name: object())
    return monkeypatch


def test_each_choice_sets_the_environment_with_a_home_of_its_own(fresh):
    """Memory of a GPU is taken as it is needed, unless the environment says otherwise."""
    fresh.setenv("XLA_PYTHON_CLIENT_PREALLOCATE", "true")
    homes = {"none"}
    for name in NAMES:
        assert named(name) is BACKENDS[name]
        choose_backend(name)
        assert backend.os.environ["KERAS_BACKEND"] == name
        homes.add(backend.os.environ["KERAS_HOME"])
    assert len(homes) == 1 + len(NAMES)
    assert "keras" not in sys.modules
    assert backend.os.environ["TF_FORCE_GPU_ALLOW_GROWTH"] == "true"
    assert backend.os.environ["XLA_PYTHON_CLIENT_PREALLOCATE"] == "true"
    fresh.delenv("XLA_PYTHON_CLIENT_PREALLOCATE")
    choose_backend("jax")
    assert backend.os.environ["XLA_PYTHON_CLIENT_PREALLOCATE"] == "false"


@pytest.mark.parametrize(
    ("name", "near"), [("tensorfow", "tensorflow"), ("JAX", "jax"), ("pytorch", "torch"), ("", "")]
)
def test_unknown_backend(fresh, name, near):
    with pytest.raises(SuiteError, match=r"^Invalid backend\. Expected: one of tensorflow, jax, torch\.") as error:
        choose_backend(name)
    assert f"Received: {name!r}" in str(error.value)
    assert near in str(error.value)
    assert backend.os.environ["KERAS_BACKEND"] == "none"


def test_backend_that_is_not_installed(fresh):
    fresh.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(SuiteError, match="'torch' is not installed") as error:
        choose_backend("torch")
    assert f"for {sys.executable}" in str(error.value)
    assert "python -m pip install torch" in str(error.value)
    assert backend.os.environ["KERAS_BACKEND"] == "none"


@pytest.fixture(params=[(3, 11), (3, 13), (3, 14), (3, 15)])
def python(request, monkeypatch):
    """A version of Python, in which ``backend`` seems to run and no backend to be installed."""
    monkeypatch.setattr(backend, "sys", types.SimpleNamespace(version_info=(*request.param, 0), executable="python"))
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    return request.param


def refused(name):
    with pytest.raises(SuiteError) as error:
        check_installed(name)
    return str(error.value)


def test_the_default_is_tensorflow_where_it_can_be_and_from_python_3_14_on_jax(python, monkeypatch):
    source = f"default: TensorFlow has no release for Python 3.{python[1]}"
    name, said = default_backend()
    assert (name, said) == (("jax", source) if python >= (3, 14) else ("tensorflow", "default"))
    # without any backend the error names one that can be installed
    assert ("Python 3.11 to 3.14: make .venv anew" if python >= (3, 15) else f"-m pip install {name}`") in refused(name)
    monkeypatch.setattr("importlib.util.find_spec", lambda name: object())
    assert default_backend() == ("tensorflow", "default")


def test_a_backend_without_a_release_is_not_to_be_installed(python):
    only = "TensorFlow has no release for Python 3.14, only for Python 3.11, 3.12 and 3.13. Leave out --backend"
    assert (only in refused("tensorflow")) == (python == (3, 14))
    for name, label in (("tensorflow", "TensorFlow"), ("jax", "JAX"), ("torch", "PyTorch")):
        none = f"{label} has no release for Python 3.15. The suite runs on Python 3.11 to 3.14"
        assert refused(name).startswith(none) == (python == (3, 15))


@pytest.mark.parametrize(
    ("name", "instructions", "runs"),
    [("tensorflow", "x86_64", False), ("jax", "x86_64", False), ("torch", "x86_64", True), ("jax", "aarch64", True)],
)
def test_a_processor_without_avx_is_named_before_a_library_ends_the_process(monkeypatch, name, instructions, runs):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: object())
    monkeypatch.setattr("harness.training.backend.instruction_set", lambda: instructions)
    monkeypatch.setattr("harness.training.backend.cpu_model", lambda: "Some CPU")
    if runs:
        check_installed(name)
    else:
        assert "Received: Some CPU, without AVX. Use --backend torch" in refused(name)


def keras_on(name):
    return types.SimpleNamespace(backend=types.SimpleNamespace(backend=lambda: name))


def test_keras_is_already_imported(fresh):
    fresh.setitem(sys.modules, "keras", keras_on("jax"))
    with pytest.raises(SuiteError, match="Keras already runs on 'jax' in this process, so 'tensorflow'"):
        choose_backend("tensorflow")
    assert backend.os.environ["KERAS_BACKEND"] == "none"
    choose_backend("jax")
    assert backend.os.environ["KERAS_HOME"] == "none"  # too late for another
