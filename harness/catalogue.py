"""A catalogue of claims: an explicit tuple in lecture order, checked as a whole."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from harness.claim import Claim
from harness.errors import invalid
from harness.experiment import Experiment


def catalogue(*groups: Iterable[Claim]) -> tuple[Claim, ...]:
    """The claims of all groups, in order; SuiteError where two claims, or two different experiments, share an id."""
    claims = tuple(claim for group in groups for claim in group)
    twice = [key for key, count in Counter(claim.key for claim in claims).items() if count > 1]
    if twice:
        raise invalid("catalogue", expected="unique claim ids", received=f"{twice[0]!r} more than once")
    experiments(claims)
    return claims


def experiments(claims: Iterable[Claim]) -> tuple[Experiment, ...]:
    """The experiments of the claims, each once, in order of first use."""
    found: dict[str, Experiment] = {}
    for claim in claims:
        if claim.experiment is not None:
            known = found.setdefault(claim.experiment.id, claim.experiment)
            if known is not claim.experiment:
                raise invalid(
                    "catalogue", expected="unique experiment ids", received=f"{known.id!r} for two experiments"
                )
    return tuple(found.values())
