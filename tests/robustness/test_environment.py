"""Environment variables set for other work: each has no effect, or the fingerprint reports it."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from harness.environment.fingerprint import fingerprint
from harness.environment.variables import NEUTRALISED, neutralise, reported
from harness.execution.local import SINGLE_THREADED
from harness.training.backends import NAMES
from tests.robustness.conftest import HOSTILE, JAX, hostile_home
from tests.suite.command import ROOT, Finished, environment, suite, trials

REPORTED = {
    "JAX_DEFAULT_MATMUL_PRECISION": "highest",
    "XLA_FLAGS": "--xla_cpu_enable_fast_math=true  --xla_cpu_fast_math_honor_nans=false",
    "NVIDIA_TF32_OVERRIDE": "0",
    "OMP_NUM_THREADS": "1",
    "TF_XLA_FLAGS": "--tf_xla_auto_jit=2",
    "TF_ENABLE_ONEDNN_OPTS": "0",
}


@pytest.mark.slow
def test_hostile_settings_change_no_bit(hostile: Finished, plain: Finished) -> None:
    assert hostile.code == 0
    assert hostile.states == {"example-2/raw": "identical", "example-2/min-max": "identical"}
    assert trials(hostile.record) == trials(plain.record)
    assert hostile.verdicts == plain.verdicts
    assert hostile.record.header.fingerprint == plain.record.header.fingerprint


@pytest.mark.slow
def test_where_the_backend_came_from_is_said(hostile: Finished) -> None:
    assert "backend jax (--backend, over KERAS_BACKEND=tensorflow)" in hostile.output
    assert hostile.record.header.fingerprint["backend"] == "jax"


@pytest.mark.slow
def test_what_may_count_is_reported(copied: Callable[[str], Path], plain: Finished) -> None:
    run = suite(copied("reported"), *JAX, "-k", "raw-data", env=REPORTED)
    wanted = {name: " ".join(value.split()) for name, value in REPORTED.items() if not name.startswith("TF_")}
    assert run.record.header.fingerprint == plain.record.header.fingerprint | wanted
    assert run.states["example-2/raw"] in ("identical", "reproduced")
    shown = (run.folder / "report" / "REPORT.md").read_text("utf-8")
    assert "| XLA FLAGS | " in shown


@pytest.mark.slow
def test_tensorflow(tmp_path: Path) -> None:
    """KERAS_BACKEND chooses it; Keras' own limits and a keras.json do not count, oneDNN's switch is reported."""
    options = ("--seeds", "2", "-k", "minmax-fixes", "--update-baselines", "x")
    plain = suite(tmp_path / "plain", "--backend", "tensorflow", *options)
    names = ("KERAS_MAX_EPOCHS", "TF_USE_LEGACY_KERAS", "JAX_ENABLE_X64", "KERAS_NNX_ENABLED")
    env = {name: HOSTILE[name] for name in names} | hostile_home(tmp_path / "home") | {"KERAS_BACKEND": "tensorflow"}
    run = suite(tmp_path / "hostile", *options[:4], "--baseline-dir", str(tmp_path / "plain" / "baselines"), env=env)
    assert "backend tensorflow (KERAS_BACKEND)" in run.output
    assert trials(run.record) == trials(plain.record)
    assert run.record.header.fingerprint == plain.record.header.fingerprint
    assert set(run.states.values()) == {"identical"}
    assert run.code == 0


@pytest.mark.parametrize("backend", NAMES)
def test_a_plain_environment_adds_nothing(backend: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """So that the fingerprints that are stored stay what they are."""
    monkeypatch.setattr(os, "environ", environment(CUDA_VISIBLE_DEVICES="0", TF_CPP_MIN_LOG_LEVEL="2",
        TF_FORCE_GPU_ALLOW_GROWTH="true", KERAS_HOME="x", KERAS_BACKEND="jax", JAX_PLATFORMS="cpu",
        **dict.fromkeys(SINGLE_THREADED, " "), XLA_FLAGS="",
        XLA_PYTHON_CLIENT_PREALLOCATE="false", NVIDIA_VISIBLE_DEVICES="all"))  # fmt: skip
    assert set(fingerprint(backend, "cpu", "x", "float32")) == {
        "python", "keras", "backend", "backend_version", "jaxlib", "numpy", "device", "device_model",
        "instruction_set", "threads", "precision", "system",
    }  # fmt: skip


@pytest.mark.parametrize(("backend", "counts"), [("jax", 4), ("tensorflow", 5), ("torch", 3)])
def test_only_what_this_backend_reads_is_reported(backend: str, counts: int) -> None:
    found = reported(REPORTED, backend)
    assert len(found) == counts
    assert found["XLA_FLAGS"] == "--xla_cpu_enable_fast_math=true --xla_cpu_fast_math_honor_nans=false"


def test_what_cannot_be_stored_is_reported_in_other_letters() -> None:
    assert reported({"XLA_FLAGS": "--x=\udcff"}, "jax") == {"XLA_FLAGS": "--x=\\udcff"}


def test_a_variable_of_a_library_that_nobody_here_knows_is_reported() -> None:
    assert reported({"TF_SOMETHING_NEW": "1", "PATH": "/bin", "TFHUB": "x"}, "tensorflow") == {"TF_SOMETHING_NEW": "1"}


def test_what_was_read_already_cannot_be_neutralised_and_is_reported() -> None:
    environ = dict.fromkeys((name for names in NEUTRALISED.values() for name in names), "1")
    late = dict(environ)
    neutralise(environ, imported=())
    assert environ == {}
    neutralise(late, imported=("jax", "keras", "tensorflow"))
    assert set(NEUTRALISED["jax"]) < set(reported(late, "jax"))


@pytest.mark.slow
def test_jax_and_keras_have_the_variables_of_the_list() -> None:
    """A name that a new version no longer reads would protect from nothing."""
    code = """
import keras, jax, pathlib
text = (pathlib.Path(jax.__file__).parent / "_src" / "config.py").read_text()
text += (pathlib.Path(keras.__file__).parent / "src" / "backend" / "config.py").read_text().lower()
from harness.environment.variables import NEUTRALISED
text = text.replace('"', "'")
print([name for package in ("jax", "keras") for name in NEUTRALISED[package] if f"'{name.lower()}'" not in text])
"""
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, env=environment(KERAS_BACKEND="jax"), capture_output=True, text=True
    )  # fmt: skip
    assert (done.returncode, done.stdout) == (0, "[]\n"), done.stderr
