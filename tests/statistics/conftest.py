import pytest


@pytest.fixture
def without_bca(monkeypatch):
    """Leaves the bootstrap interval and the sign-flip test out of simulations. They decide nothing, and take long."""
    monkeypatch.setattr("harness.statistics.effects.bca", lambda values: (None, None))
    monkeypatch.setattr("harness.statistics.effects.sign_flip", lambda values: None)
