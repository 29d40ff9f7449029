"""The environment of a run on a GPU: what its driver reported at the start and the end."""

from pathlib import Path

import pytest
from msgspec.structs import replace

from harness.errors import SuiteError
from harness.record.gpu import GpuFacts
from harness.record.run import read_run
from reports.sections.environment import environment
from tests.reports.synthetic import Recorder

FACTS = GpuFacts(
    name="NVIDIA H100 80GB HBM3",
    driver="570.86.15",
    power_state="P0",
    sm_clock_mhz=1980.0,
    max_sm_clock_mhz=1980.0,
    throttled_by=(),
)


def lines(text: str) -> list[str]:
    return [" ".join(line.split()) for line in text.splitlines()]


def test_state_of_the_gpu_at_start_and_end(tmp_path: Path) -> None:
    later = replace(FACTS, power_state="P2", throttled_by=("software power cap",), driver="570|86")
    shown = lines(environment(read_run(Recorder(tmp_path, gpu=FACTS).end(gpu=later)), 200))
    assert "| as its driver gives it | at the start | at the end |" in shown
    assert "| power state | P0 | P2 |" in shown
    assert "| SM clock, of at most | 1980 / 1980 MHz | 1980 / 1980 MHz |" in shown
    assert "| clocks held down by | nothing | software power cap |" in shown
    assert "| driver | 570.86.15 | 570\\|86 |" in shown
    assert not [line for line in shown if line.startswith("| MIG")]


def test_a_killed_run_has_the_start_only(tmp_path: Path) -> None:
    assert "| power state | P0 | – |" in lines(environment(read_run(Recorder(tmp_path, gpu=FACTS).close()), 200))


def test_why_nothing_is_known(tmp_path: Path) -> None:
    path = Recorder(tmp_path, gpu=GpuFacts(unavailable="NVML: Unknown Error")).end(gpu=None)
    assert "| state of the GPU | NVML: Unknown Error | – |" in lines(environment(read_run(path), 200))


@pytest.mark.parametrize("changes", [{}, {"gpu": None}])
def test_a_run_on_a_cpu_says_nothing_of_it(tmp_path: Path, changes: dict[str, None]) -> None:
    assert "as its driver" not in environment(read_run(Recorder(tmp_path, **changes).end(**changes)), 200)


def test_a_damaged_record_is_named(tmp_path: Path) -> None:
    path = Recorder(tmp_path, gpu=FACTS).end()
    path.write_bytes(path.read_bytes().replace(b'"570.86.15"', b"570", 1))
    with pytest.raises(SuiteError, match=r"got `int` - at `\$\.gpu\.driver`"):
        read_run(path)
