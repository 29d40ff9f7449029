import pytest


@pytest.fixture
def without_bca(monkeypatch):
    """Leaves the bootstrap interval and the sign-flip test out of simulations. They decide nothing, and take long."""
    monkeypatch.setattr("harness.rules.effects.bca", lambda values: (None, None))
    monkeypatch.setattr("harness.rules.effects.sign_flip", lambda values: None)
