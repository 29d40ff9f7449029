"""The choice of a process's backend, and what must not affect it."""

import subprocess
import sys
import types

import pytest

from harness.errors import SuiteError
from harness.training import backend
from harness.training.backend import check_installed, choose_backend, default_backend
from harness.training.backends import NAMES, Backend, jax, named, tensorflow, torch
from tests.training.conftest import ROOT, environment, hostile_home

BACKENDS: dict[str, Backend] = {"tensorflow": tensorflow, "jax": jax, "torch": torch}
"""mypy holds each module to the protocol here."""


def test_every_backend_is_held_to_the_protocol():
    assert {name: named(name) for name in NAMES} == BACKENDS


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


@pytest.mark.parametrize("name", NAMES)
def test_choosing_sets_the_environment_with_a_private_home(fresh, name):
    choose_backend(name)
    assert backend.os.environ["KERAS_BACKEND"] == name
    assert backend.os.environ["KERAS_HOME"] != "none"
    assert "keras" not in sys.modules


def test_memory_of_a_gpu_is_taken_as_it_is_needed_unless_the_environment_says_otherwise(fresh):
    choose_backend("jax")
    assert backend.os.environ["TF_FORCE_GPU_ALLOW_GROWTH"] == "true"
    assert backend.os.environ["XLA_PYTHON_CLIENT_PREALLOCATE"] == "false"
    fresh.setenv("XLA_PYTHON_CLIENT_PREALLOCATE", "true")
    choose_backend("jax")
    assert backend.os.environ["XLA_PYTHON_CLIENT_PREALLOCATE"] == "true"


def test_each_choice_has_a_home_of_its_own(fresh):
    homes = set()
    for _ in range(2):
        choose_backend("jax")
        homes.add(backend.os.environ["KERAS_HOME"])
    assert len(homes) == 2


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


def test_the_default_is_tensorflow_and_from_python_3_14_on_jax(python):
    source = f"default: TensorFlow has no release for Python 3.{python[1]}"
    assert default_backend() == (("jax", source) if python >= (3, 14) else ("tensorflow", "default"))


def test_the_default_is_tensorflow_wherever_it_is_installed(python, monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: object())
    assert default_backend() == ("tensorflow", "default")


def test_without_any_backend_the_error_names_one_that_can_be_installed(python):
    name, _ = default_backend()
    text = "Python 3.11 to 3.14: make .venv anew" if python >= (3, 15) else f"`python -m pip install {name}`"
    with pytest.raises(SuiteError, match=text):
        check_installed(name)


def test_where_tensorflow_alone_has_no_release_the_error_says_so(python):
    with pytest.raises(SuiteError) as error:
        check_installed("tensorflow")
    text = "TensorFlow has no release for Python 3.14, only for Python 3.11, 3.12 and 3.13. Leave out --backend"
    assert (text in str(error.value)) == (python == (3, 14))


@pytest.mark.parametrize(("name", "label"), [("tensorflow", "TensorFlow"), ("jax", "JAX"), ("torch", "PyTorch")])
def test_where_a_backend_has_no_release_the_error_does_not_say_to_install_it(python, name, label):
    with pytest.raises(SuiteError) as error:
        check_installed(name)
    is_named = str(error.value).startswith(
        f"{label} has no release for Python 3.15. The suite runs on Python 3.11 to 3.14"
    )
    assert is_named == (python == (3, 15))


@pytest.mark.parametrize(("name", "runs"), [("tensorflow", False), ("jax", False), ("torch", True)])
def test_a_processor_without_avx_is_named_before_a_library_ends_the_process(monkeypatch, name, runs):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: object())
    monkeypatch.setattr("harness.training.backend.instruction_set", lambda: "x86_64")
    monkeypatch.setattr("harness.training.backend.cpu_model", lambda: "Some CPU")
    if runs:
        check_installed(name)
        return
    with pytest.raises(SuiteError, match=r"Received: Some CPU, without AVX\. Use --backend torch"):
        check_installed(name)


def test_another_architecture_needs_no_avx(monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: object())
    monkeypatch.setattr("harness.training.backend.instruction_set", lambda: "aarch64")
    check_installed("jax")


def keras_on(name):
    return types.SimpleNamespace(backend=types.SimpleNamespace(backend=lambda: name))


def test_keras_already_imported_on_another_backend(fresh):
    fresh.setitem(sys.modules, "keras", keras_on("jax"))
    with pytest.raises(SuiteError, match="Keras already runs on 'jax' in this process, so 'tensorflow'"):
        choose_backend("tensorflow")
    assert backend.os.environ["KERAS_BACKEND"] == "none"


def test_keras_already_imported_on_this_backend(fresh):
    fresh.setitem(sys.modules, "keras", keras_on("jax"))
    choose_backend("jax")
    assert backend.os.environ["KERAS_HOME"] == "none"  # too late for another


def test_that_keras_json_would_count(tmp_path):
    """What ``check_process.py`` rests on: without ``choose_backend`` the same file decides."""
    home = str(hostile_home(tmp_path / "home"))
    command = [sys.executable, "-c", "import keras; print(keras.config.floatx(), keras.config.epsilon())"]
    variables = environment(HOME=home, KERAS_BACKEND="jax")
    done = subprocess.run(command, cwd=ROOT, env=variables, capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["float64", "0.25"]
