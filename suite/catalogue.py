"""The catalogue as pytest parameters: trainings, claims decided by trials, exact claims, and errata."""

from __future__ import annotations

from harness.claim import Claim
from harness.course import course
from harness.erratum import Erratum
from harness.record.run import Key
from harness.self_check import SelfCheck
from suite.keras import CHECKS

COURSE = course()
CLAIMS = COURSE.claims
EXPERIMENTS = COURSE.experiments
TRAININGS: tuple[Key, ...] = tuple(
    (experiment.id, variant.name) for experiment in EXPERIMENTS.values() for variant in experiment.variants
)
TRAINING_CLAIMS: dict[str, Claim] = {claim.key: claim for claim in CLAIMS if claim.experiment is not None}
EXACT_CLAIMS: dict[str, Claim] = {claim.key: claim for claim in CLAIMS if claim.experiment is None}
ERRATA: dict[str, Erratum] = {erratum.id: erratum for erratum in COURSE.errata}
SELF_CHECKS: dict[str, SelfCheck] = {check.id: check for check in (*CHECKS, *COURSE.checks)}


def training_name(experiment: str, variant: str) -> str:
    """The name of a training in test ids: "depth/dropout 0.2"."""
    return f"{experiment}/{variant}"


def keys_of(claim: Claim) -> list[Key]:
    """The trainings that a claim rests on; none if it is exact."""
    return [(claim.experiment.id, name) for name in claim.variants] if claim.experiment else []
