"""Variables, homes and a clock set for other work: each has no effect, or the fingerprint reports it."""

from __future__ import annotations

import datetime
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from harness.environment.fingerprint import fingerprint
from harness.execution.local import SINGLE_THREADED
from harness.record.run_file import latest_run
from harness.training.backends import NAMES
from harness.training.machine import NEUTRALISED, neutralise, reported
from tests.robustness.conftest import HOSTILE, LATER, hostile_home
from tests.suite.command import JAX, ROOT, Finished, environment, suite, trials

REPORTED = {
    "JAX_DEFAULT_MATMUL_PRECISION": "highest",
    "XLA_FLAGS": "--xla_cpu_enable_fast_math=true  --xla_cpu_fast_math_honor_nans=false",
    "NVIDIA_TF32_OVERRIDE": "0",
    "OMP_NUM_THREADS": "1",
    "TF_XLA_FLAGS": "--tf_xla_auto_jit=2",
    "TF_ENABLE_ONEDNN_OPTS": "0",
}
OF_DAY = re.compile(r"\btime\.time\(|\btime\.time_ns\(|\bdate(time)?\.(now|utcnow|today)\(|CLOCK_REALTIME")


def python(*command: str, **variables: str) -> str:
    """What a process of Python prints that ends well."""
    done = subprocess.run(
        [sys.executable, *command], cwd=ROOT, env=environment(**variables), capture_output=True, encoding="utf-8"
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.slow
def test_hostile_settings_change_no_bit(hostile: Finished, plain: Finished) -> None:
    assert hostile.code == 0
    assert hostile.states == {"example-2/raw": "identical", "example-2/min-max": "identical"}
    assert trials(hostile.record) == trials(plain.record)
    assert hostile.verdicts == plain.verdicts
    assert hostile.record.header.fingerprint == plain.record.header.fingerprint
    assert hostile.record.header.fingerprint["backend"] == "jax"
    assert "backend jax (--backend, over KERAS_BACKEND=tensorflow)" in hostile.output


@pytest.mark.slow
def test_after_a_clock_was_set_back_the_run_that_ran_last_is_the_latest(hostile: Finished) -> None:
    """And no time is negative."""
    runs = hostile.folder / "report" / "runs"
    (ours,) = {path.stem for path in runs.glob("*.jsonl")} - {LATER}
    assert latest_run(runs).stem == hostile.report["run"]["id"] == ours
    assert datetime.datetime.fromisoformat(hostile.record.header.started).year < 2099  # the id is pushed forward
    told = python("-m", "reports", "--out", str(hostile.folder / "report"))
    assert hostile.record.path.name in told
    assert LATER not in told
    record = hostile.record
    times = [msgspec.structs.astuple(training.seconds) for training in record.trainings.values()]
    assert min(map(min, times)) >= 0
    assert record.end
    assert record.end.seconds
    assert record.end.seconds > 0


def test_what_is_measured_is_measured_on_a_clock_that_nobody_sets() -> None:
    """The time of day only says when: in the id of a run and its start, and in a baseline's date."""
    folders = ("baselines", "cases", "harness", "reports", "suite")
    places = [path for name in folders for path in Path(ROOT, name).rglob("*.py")]
    used = [path.relative_to(ROOT).as_posix() for path in places for _ in OF_DAY.findall(path.read_text("utf-8"))]
    used = [name for name in used if not name.startswith("reports/out/")]  # builds of Keras that were searched
    assert sorted(used) == [
        "harness/anyone/stored.py",
        *(f"suite/session/{name}.py" for name in ("end", "start", "timing")),
    ]


@pytest.mark.slow
def test_what_may_count_is_reported(copied: Callable[[str], Path], plain: Finished) -> None:
    run = suite(copied("reported"), *JAX, "-k", "raw-data", env=REPORTED)
    wanted = {name: " ".join(value.split()) for name, value in REPORTED.items() if not name.startswith("TF_")}
    assert run.record.header.fingerprint == plain.record.header.fingerprint | wanted
    assert run.states["example-2/raw"] in ("identical", "reproduced")
    assert "| XLA FLAGS | " in (run.folder / "report" / "REPORT.md").read_text("utf-8")


@pytest.mark.slow
def test_tensorflow(tmp_path: Path) -> None:
    """KERAS_BACKEND chooses it; Keras' own limits and a keras.json do not count, oneDNN's switch is reported."""
    options = ("--seeds", "2", "-k", "minmax-fixes", "--update-baselines", "x")
    plain = suite(tmp_path / "plain", "--backend", "tensorflow", *options)
    names = ("KERAS_MAX_EPOCHS", "TF_USE_LEGACY_KERAS", "JAX_ENABLE_X64", "KERAS_NNX_ENABLED")
    env = {name: HOSTILE[name] for name in names} | hostile_home(tmp_path / "home") | {"KERAS_BACKEND": "tensorflow"}
    run = suite(tmp_path / "hostile", *options[:4], "--baseline-dir", str(tmp_path / "plain" / "baselines"), env=env)
    assert run.code == 0
    assert "backend tensorflow (KERAS_BACKEND)" in run.output
    assert trials(run.record) == trials(plain.record)
    assert run.record.header.fingerprint == plain.record.header.fingerprint
    assert set(run.states.values()) == {"identical"}


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


@pytest.mark.parametrize(("backend", "count"), [("jax", 4), ("tensorflow", 5), ("torch", 3)])
def test_only_what_this_backend_reads_is_reported(backend: str, count: int) -> None:
    """A variable that nobody here knows, too; what cannot be stored in other letters."""
    known = reported(REPORTED, backend)
    assert len(known) == count
    assert known["XLA_FLAGS"] == "--xla_cpu_enable_fast_math=true --xla_cpu_fast_math_honor_nans=false"
    assert reported({"XLA_FLAGS": "--x=\udcff"}, "jax") == {"XLA_FLAGS": "--x=\\udcff"}
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
from harness.training.machine import NEUTRALISED
text = text.replace('"', "'")
print([name for package in ("jax", "keras") for name in NEUTRALISED[package] if f"'{name.lower()}'" not in text])
"""
    assert python("-c", code, KERAS_BACKEND="jax") == "[]\n"
