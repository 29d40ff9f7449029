"""The fixed pieces of work that tell how fast the machine itself is."""

from __future__ import annotations

from harness.timing.reference import medians, reference_work


def test_each_piece_takes_time_and_keeps_its_name() -> None:
    run = reference_work()
    samples = [run() for _ in range(5)]
    assert all(list(sample) == ["interpreter", "arithmetic", "copy"] for sample in samples)
    found = medians(samples)
    assert all(0 < seconds < 1 for seconds in found.values())


def test_one_disturbed_sample_does_not_count() -> None:
    assert medians([{"copy": 1.0}, {"copy": 9.0}, {"copy": 1.2}]) == {"copy": 1.2}
    assert medians([]) == {}
