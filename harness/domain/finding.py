"""What a course's author says about the results: causes of several verdicts, and sentences to say instead."""

from __future__ import annotations

from dataclasses import dataclass

from harness.domain.verdict import Verdict


@dataclass(frozen=True)
class Finding:
    """Claims that one cause explains.

    Args:
        cause: a few words.
        claims: keys of the claims, "id" or "id/case". A table of findings shows the first.
    """

    cause: str
    claims: tuple[str, ...]


@dataclass(frozen=True)
class Instead:
    """What a slide could say in place of a claim with this verdict."""

    verdict: Verdict
    text: str
