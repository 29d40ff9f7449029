"""The fingerprint, which makes two runs comparable, and the names of stacks."""

import json
from pathlib import Path

import pytest

from harness.environment import fingerprint
from harness.environment.fingerprint import code, cores, stack, version
from harness.training.backends import NAMES
from harness.training.machine import cpu_model, instruction_set


@pytest.mark.parametrize(
    ("backend", "device", "model", "expected"),
    [
        ("tensorflow", "cpu", "AMD EPYC 9B14", "tensorflow-cpu"),
        ("jax", "cpu", "", "jax-cpu"),
        ("jax", "gpu", "NVIDIA H100 80GB HBM3", "jax-nvidia-h100-80gb-hbm3"),
        ("torch", "gpu", "  Tesla T4 ", "torch-tesla-t4"),
        ("jax", "gpu", "NVIDIA GeForce RTX 4090 (Laptop)/x", "jax-nvidia-geforce-rtx-4090-laptop-x"),
    ],
)
def test_stack(backend, device, model, expected):
    assert stack({"backend": backend, "device": device, "device_model": model}) == expected


@pytest.mark.parametrize("backend", NAMES)
def test_fingerprint_is_flat_json(backend):
    made = fingerprint.fingerprint(backend, "cpu", "a model", "float32")
    assert json.loads(json.dumps(made)) == made
    assert all(value is None or isinstance(value, str | int) for value in made.values())
    assert (made["backend"], made["device_model"], made["precision"]) == (backend, "a model", "float32")
    assert made["threads"] >= 1
    assert (made["jaxlib"] is not None) is (backend == "jax")
    assert stack(made) == f"{backend}-cpu"


def test_version():
    assert version("no-such-distribution") is None
    assert version("no-such-distribution", "numpy") == version("numpy")


@pytest.mark.parametrize(
    ("flags", "expected"),
    [
        ("fpu avx avx2 avx512f", "avx512"),
        ("fpu avx avx2", "avx2"),
        ("fpu avx", "avx"),
        ("fpu avx512vl_not_f", "riscv"),
    ],
)
def test_instruction_set(monkeypatch, flags, expected):
    text = f"model name\t: Some CPU: 3 GHz\nflags\t\t: {flags}\n"
    monkeypatch.setattr(Path, "read_text", lambda self, encoding: text)
    monkeypatch.setattr("platform.machine", lambda: "riscv")
    assert instruction_set() == expected
    assert cpu_model() == "Some CPU: 3 GHz"


def test_without_proc(monkeypatch):
    def missing(self, encoding):
        raise FileNotFoundError

    monkeypatch.setattr(Path, "read_text", missing)
    monkeypatch.setattr("platform.machine", lambda: "arm64")
    monkeypatch.setattr("platform.processor", lambda: "")
    assert (cpu_model(), instruction_set()) == ("arm64", "arm64")


def test_cores(monkeypatch):
    assert cores() >= 1
    monkeypatch.delattr("os.sched_getaffinity", raising=False)
    monkeypatch.setattr("os.cpu_count", lambda: None)
    assert cores() == 1


def test_one_changed_line_of_code_is_other_code(tmp_path):
    folders, seen = (tmp_path / "harness", tmp_path / "cases"), []
    for path, text in (("harness/a.py", "x = 1"), ("harness/a.txt", ""), ("cases/a.py", "x = 1"), ("cases/a.py", "")):
        (tmp_path / path).parent.mkdir(exist_ok=True)
        (tmp_path / path).write_text(text)
        seen.append(code(*folders))
    (tmp_path / "harness" / ".#a.py").symlink_to("me@here.7")  # the lock of an editor
    seen.append(code(*folders))
    assert (seen[0], seen[3]) == (seen[1], seen[4])
    assert len(set(seen)) == 3
