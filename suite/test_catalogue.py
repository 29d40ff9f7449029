"""Fails for each claim that could not be read; without one there is nothing here."""

from __future__ import annotations

import pytest

from suite.catalogue import UNREAD

if UNREAD:

    @pytest.mark.exact
    @pytest.mark.training
    @pytest.mark.errata
    @pytest.mark.parametrize("name", UNREAD)
    def test_catalogue(name: str) -> None:
        """Whatever kind of claim it was meant to be, it is selected with that kind."""
        pytest.fail(UNREAD[name].message, pytrace=False)
