import pytest


@pytest.fixture
def without_bca(monkeypatch):
    """Leaves out the bootstrap interval, which decides nothing, from simulations (test_intervals.py shows that)."""
    monkeypatch.setattr("harness.statistics.effects.bca", lambda values: (None, None))
