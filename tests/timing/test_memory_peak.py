"""The high-water mark of memory on a CPU."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from harness.course import ROOT
from harness.timing.memory import memory_peak, reset_memory_peak
from harness.training.devices import Device

CPU = Device("cpu", "AMD EPYC", "float32")


OWN_PROCESS = """
import json
import numpy as np
from harness.timing.memory import memory_peak, reset_memory_peak
from harness.training.devices import Device
cpu = Device("cpu", "AMD EPYC", "float32")
peaks = [reset_memory_peak(cpu), memory_peak(cpu)]
held = np.ones(50_000_000, dtype="uint8")
peaks.append(memory_peak(cpu))
del held
peaks += [memory_peak(cpu), reset_memory_peak(cpu), memory_peak(cpu)]
print(json.dumps(peaks))
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="Linux keeps it in /proc")
def test_it_rises_with_what_is_used_and_falls_after_a_reset() -> None:
    """In a process of its own: what other tests leave to the garbage collector would count."""
    done = subprocess.run([sys.executable, "-c", OWN_PROCESS], cwd=ROOT, capture_output=True, text=True, check=True)
    reset, before, high, still, again, after = json.loads(done.stdout)
    assert reset is again is True
    assert 40e6 < high - before < 80e6
    assert still == pytest.approx(high, rel=0.01)  # the kernel counts in batches
    assert after < high - 30e6


def test_it_is_unknown_without_proc(tmp_path: Path) -> None:
    missing = tmp_path / "nowhere"
    assert not reset_memory_peak(CPU, missing)
    assert memory_peak(CPU, missing) is None


@pytest.mark.parametrize("text", ["", "VmRSS: 3 kB\n", "VmHWM:\n", "VmHWM: many kB\n"])
def test_it_is_unknown_where_the_system_says_something_else(tmp_path: Path, text: str) -> None:
    (tmp_path / "status").write_text(text)
    assert memory_peak(CPU, tmp_path) is None


def test_kilobytes_become_bytes(tmp_path: Path) -> None:
    (tmp_path / "status").write_text("Name:\tpython\nVmHWM:\t  2048 kB\nVmRSS:\t 1 kB\n")
    assert memory_peak(CPU, tmp_path) == 2048 * 1024
