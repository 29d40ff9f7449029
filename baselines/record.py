"""Where stored numbers come from, and the verdict that a claim is expected to get."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from harness.verdict import Verdict


@dataclass(frozen=True)
class Provenance:
    """Where stored times come from.

    ``fingerprint`` is flat (``harness.fingerprint.fingerprint``), ``commit`` the source's ("unknown" without one),
    ``date`` an ISO 8601 date or time, ``reason`` what was given to ``--update-baselines``.
    """

    fingerprint: Mapping[str, Any]
    commit: str
    date: str
    reason: str


@dataclass(frozen=True)
class ExpectedVerdict:
    """The verdict a claim is expected to get (never NOT_RUN), since when, and why."""

    verdict: Verdict
    date: str
    reason: str
