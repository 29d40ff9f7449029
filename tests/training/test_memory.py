"""Free memory, needed memory, and images stored as bytes."""

from types import SimpleNamespace

import numpy as np
import pytest

from harness.training import memory
from harness.training.vectorized_jax import as_bytes


def test_free_on_a_gpu():
    stats = {"bytes_limit": 1000, "bytes_in_use": 300, "peak_bytes_in_use": 900}
    assert memory.free_bytes(SimpleNamespace(platform="gpu", memory_stats=lambda: stats)) == 700
    assert memory.free_bytes(SimpleNamespace(platform="gpu", memory_stats=lambda: None)) is None


@pytest.mark.parametrize(
    ("limit", "free"),
    [("max\n", 2_048_000), ("1000000\n", 1_000_000 - 400_000 + 100_000), ("300000\n", 0), ("100000000\n", 2_048_000)],
)
def test_free_on_a_cpu(limit, free, tmp_path, monkeypatch):
    (tmp_path / "meminfo").write_text("MemTotal: 9000 kB\nMemAvailable:    2000 kB\n", encoding="ascii")
    (tmp_path / "memory.max").write_text(limit, encoding="ascii")
    (tmp_path / "memory.current").write_text("400000\n", encoding="ascii")
    (tmp_path / "memory.stat").write_text("anon 300000\ninactive_file 100000\n", encoding="ascii")
    monkeypatch.setattr(memory, "MEMINFO", tmp_path / "meminfo")
    monkeypatch.setattr(memory, "CGROUP", tmp_path)
    assert memory.free_bytes(SimpleNamespace(platform="cpu")) == free


def test_free_where_nobody_tells(tmp_path, monkeypatch):
    monkeypatch.setattr(memory, "MEMINFO", tmp_path / "none")
    monkeypatch.setattr(memory, "CGROUP", tmp_path)
    assert memory.free_bytes(SimpleNamespace(platform="cpu")) is None


def test_needed():
    counted = SimpleNamespace(
        argument_size_in_bytes=100, output_size_in_bytes=80, alias_size_in_bytes=70, temp_size_in_bytes=1000
    )
    assert memory.needed_bytes(SimpleNamespace(memory_analysis=lambda: counted), present=60) == 100 + 10 + 1000 - 60
    assert memory.needed_bytes(SimpleNamespace(memory_analysis=lambda: None), present=60) is None


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (RuntimeError("RESOURCE_EXHAUSTED: Out of memory while trying to allocate 12 bytes"), True),
        (RuntimeError("Failed to allocate request for 1.5GiB on device ordinal 0"), True),
        (MemoryError(), True),
        (RuntimeError("std::bad_alloc"), True),
        (RuntimeError("INTERNAL: CUDA error"), False),
        (ValueError("shapes"), False),
    ],
)
def test_out_of_memory(error, expected):
    assert memory.is_out_of_memory(error) is expected


@pytest.mark.parametrize(
    ("size", "text"),
    [(0, "0 bytes"), (999, "999 bytes"), (1000, "1 kB"), (9_070_000, "9.07 MB"), (80e9, "80 GB"), (12e12, "12,000 GB")],
)
def test_readable(size, text):
    assert memory.readable(size) == text


def test_images_as_bytes():
    pixels = np.arange(256, dtype="float32") / np.float32(255)
    assert as_bytes(pixels.reshape(16, 16)).tolist() == np.arange(256, dtype="uint8").reshape(16, 16).tolist()


@pytest.mark.parametrize(
    "x",
    [
        np.float32([0.5]),
        np.float32([-1 / 255]),
        np.float32([1.5]),
        np.float32([np.nan]),
        np.zeros((0, 3), "float32"),
        np.float32([1 / 255 * (1 + 1e-5)]),
    ],
)
def test_what_is_no_image_stays_as_it_is(x):
    assert as_bytes(x) is None
