"""The fixed pieces of work that measure how fast the machine itself is."""

from __future__ import annotations

from harness.timing.reference import fastest, reference_work


def test_each_piece_takes_time_and_keeps_its_name() -> None:
    run = reference_work()
    samples = [run() for _ in range(5)]
    assert all(list(sample) == ["interpreter", "arithmetic", "copy"] for sample in samples)
    found = fastest(samples)
    assert all(0 < seconds < 1 for seconds in found.values())


def test_disturbed_samples_do_not_count() -> None:
    assert fastest([{"copy": 1.5}, {"copy": 9.0}, {"copy": 1.2}]) == {"copy": 1.2}
    assert fastest([]) == {}
