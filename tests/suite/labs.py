"""The tables in the README of `examples/zero_to_all`: ``python -m tests.suite.labs`` writes them from its evidence."""

from __future__ import annotations

import re
import statistics

from harness.check.evidence import parse, path_of
from harness.check.judge import REFERENCE
from harness.check.stored import stored_verdict
from harness.claim import Claim
from harness.course import ROOT, read
from harness.record.evidence import Evidence

LABS = ROOT / "examples" / "zero_to_all"
PAGE = LABS / "README.md"


def evidence(experiment: str) -> Evidence:
    return parse(path_of(LABS / "baselines", REFERENCE, experiment).read_text("utf-8"))


def stored_values(experiment: str, variant: str, metric: str) -> list[float]:
    """One value per seed that trained."""
    trials = evidence(experiment).variants[variant].trials
    return [value for trial in trials if (value := trial.metrics[metric]) is not None]


def row(claim: Claim) -> str:
    """A claim with its verdict; a printed figure also with the mean and the standard deviation of the stored seeds."""
    assert claim.experiment is not None
    found = stored_verdict(claim, REFERENCE, {REFERENCE: evidence(claim.experiment.id)})
    verdict = str(found.decision.verdict)
    if found.preliminary and found.preliminary.verdict.decided:
        verdict += f", so far {found.preliminary.verdict}"
    if not claim.figures:
        return f"| {claim.statement} | {found.stored} | {verdict} |"
    [((variant, metric), figure)] = claim.figures.items()
    values = stored_values(claim.experiment.id, variant, metric)
    ours = f"{statistics.mean(values):.4g} ± {statistics.stdev(values):.2g}"
    return f"| {claim.case} | {figure.printed} | {ours} | {len(values)} | {verdict} |"


def written(page: str) -> str:
    """The page with the rows of its two tables written anew."""
    trained = [claim for claim in read(LABS).claims if claim.experiment]
    for head, figures in (
        ("| claim | seeds | verdict |\n|---|--:|---|\n", False),
        ("| figure | printed | ours | seeds | verdict |\n|---|--:|--:|--:|---|\n", True),
    ):
        rows = "".join(f"{row(claim)}\n" for claim in trained if bool(claim.figures) == figures)
        before, _, behind = page.partition(head)
        page = before + head + rows + re.sub(r"\A(\|.*\n)*", "", behind)
    return page


if __name__ == "__main__":
    PAGE.write_text(written(PAGE.read_text("utf-8")), "utf-8")
