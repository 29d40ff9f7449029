"""Fails once for each part of the catalogue that could not be read; has no test if all of it was read."""

from __future__ import annotations

import pytest

from suite.catalogue import UNREAD

if UNREAD:

    @pytest.mark.exact
    @pytest.mark.training
    @pytest.mark.errata
    @pytest.mark.parametrize("name", UNREAD)
    def test_catalogue(name: str) -> None:
        """Has every marker, because the kind of claim that was lost is unknown."""
        pytest.fail(UNREAD[name].message, pytrace=False)
