"""Makes the record of a claim."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from harness.domain.claim import Claim
from harness.domain.trial import Trial
from harness.domain.verdict import Decision
from harness.record.outcomes import Here, SeedsTaken, VerdictComparison
from harness.record.run import (
    Alongside,
    ClaimDecided,
    PublishedFigure,
    Summary,
)


def claim_decided(
    claim: Claim,
    order: int,
    decision: Decision,
    alongside: Iterable[Decision],
    trials: Mapping[str, Sequence[Trial]],
    comparison: VerdictComparison,
    *,
    here: Here | None = None,
    taken: SeedsTaken | None = None,
    red: bool = False,
    error: str = "",
    seconds: float | None = None,
) -> ClaimDecided:
    """The record of a decided claim.

    Args:
        claim, order: the claim, and its place in the catalogue.
        decision, alongside: of its rule, and of the rules reported alongside.
        trials: by variant, the trials that decide it.
        comparison, here, taken, red, error, seconds: as in ``ClaimDecided``.
    """
    experiment, metrics = claim.experiment, claim.rules[0].metrics if claim.rules else ()
    summaries = {}
    if experiment is not None:
        metric = metrics[0] if metrics else experiment.metrics[0].name
        summaries = {name: Summary.of(metric, trials.get(name, ())) for name in claim.variants}
    return ClaimDecided(
        key=claim.key,
        order=order,
        id=claim.id,
        case=claim.case,
        marker="training" if experiment else "exact",
        slide=claim.slide,
        statement=claim.statement,
        rule=claim.rule.describe(),
        decision=decision,
        alongside=tuple(
            Alongside(rule.describe(), found) for rule, found in zip(claim.alongside, alongside, strict=False)
        ),
        published=tuple(
            PublishedFigure(
                variant=variant, metric=metric, printed=figure.printed, value=figure.value, rounding=figure.rounding
            )
            for (variant, metric), figure in claim.figures.items()
        ),
        variants=summaries,
        experiment=experiment.id if experiment else None,
        deviations=claim.deviations,
        notes=(*claim.notes, *([error] if error else [])),
        here=here,
        taken=taken,
        comparison=comparison,
        red=red,
        error=error,
        seconds=seconds,
    )
