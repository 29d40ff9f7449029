"""A page of the catalogue: each claim with its rule and the command that runs it alone; errata; experiments."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence

from harness.domain.claim import Claim, experiments
from harness.domain.erratum import Erratum
from harness.domain.model import Experiment
from harness.rules.exact import Exact

WORD = re.compile(r"[\w:+.\[\]\\/-]+")
"""A name that pytest's -k takes as one word."""
COLUMNS = ("claim", "the lecture says", "slide", "decided by", "kind", "run it alone")
ERRATA_COLUMNS = ("erratum", "what is wrong", "slide", "run it alone")


def contents(
    head: str, sections: Mapping[str, Sequence[Claim]], errata: Sequence[Erratum] = (), errata_heading: str = "Errata"
) -> str:
    """The page in markdown.

    Args:
        head: its title and introduction.
        sections: heading -> claims. A heading may be a link.
        errata: the catalogue's errata.
        errata_heading: may be a link.
    """
    claims = [claim for of in sections.values() for claim in of]
    parts = [head]
    for heading, of in sections.items():
        parts += [f"## {heading}", _table(COLUMNS, [_row(claim, claims, errata) for claim in of])]
    if errata:
        rows = [_erratum(erratum, claims, errata) for erratum in errata]
        parts += [f"## {errata_heading}", _table(ERRATA_COLUMNS, rows)]
    parts += [
        "## Experiments",
        EXPERIMENTS,
        _table(("experiment", "variants", "size"), map(_experiment, experiments(claims))),
    ]
    return "\n\n".join(parts) + "\n"


EXPERIMENTS = (
    "What the claims of kind *training* rest on: a claim needs those of the variants that its rule names. Epochs × "
    "batch size, training examples."
)


def command(claim: Claim, claims: Iterable[Claim], errata: Iterable[Erratum] = ()) -> str:
    """The command that decides this claim only, and trains only what it needs.

    It uses ``-k`` if no other test contains the claim's key in its name, else the test's full name.
    """
    claims = list(claims)
    needed = {claim.experiment.id: claim.variants} if claim.experiment else {}
    others = [other.key for other in claims if other.key != claim.key]
    others += [
        name
        for experiment in experiments(claims)
        for name in _trainings(experiment, without=needed.get(experiment.id, ()))
    ]
    others += [erratum.id for erratum in errata]
    return _alone("test_exact" if isinstance(claim.rule, Exact) else "test_claims", claim.key, others)


def erratum_command(erratum: Erratum, claims: Iterable[Claim], errata: Iterable[Erratum]) -> str:
    """The command that examines this erratum only."""
    claims = list(claims)
    others = [claim.key for claim in claims]
    others += [name for experiment in experiments(claims) for name in _trainings(experiment)]
    others += [other.id for other in errata if other.id != erratum.id]
    return _alone("test_errata", erratum.id, others)


def _trainings(experiment: Experiment, without: Iterable[str] = ()) -> list[str]:
    return [f"{experiment.id}/{variant.name}" for variant in experiment.variants if variant.name not in without]


def _alone(test: str, name: str, others: Iterable[str]) -> str:
    if WORD.fullmatch(name) and not any(name.lower() in other.lower() for other in others):
        return f"pytest suite/ -k {name}"
    return f'pytest "suite/{test}.py::{test}[{name}]"'


def _row(claim: Claim, claims: Iterable[Claim], errata: Iterable[Erratum]) -> list[str]:
    kind = f"training: `{claim.experiment.id}`" if claim.experiment else "exact"
    if claim.experiment is not None:
        kind += f", {_counted(len(claim.variants), 'variant')}"
    return [
        f"`{claim.key}`",
        _plain(claim.statement),
        _plain(claim.slide),
        _plain(claim.rule.describe()),
        kind,
        f"`{command(claim, claims, errata)}`",
    ]


def _erratum(erratum: Erratum, claims: Iterable[Claim], errata: Iterable[Erratum]) -> list[str]:
    alone = erratum_command(erratum, claims, errata)
    return [f"`{erratum.id}`", _plain(erratum.statement), _plain(erratum.slide), f"`{alone}`"]


def _experiment(experiment: Experiment) -> list[str]:
    names = "; ".join(variant.name for variant in experiment.variants)
    return [
        f"`{experiment.id}`",
        f"{len(experiment.variants)}: {_plain(names)}",
        _size(experiment),
    ]


def _size(experiment: Experiment) -> str:
    size = experiment.size
    count = "all" if size.train is None else f"{size.train:,}"
    return f"{size.epochs} × {size.batch_size}, {count}" if size.epochs else "untrained"


def _counted(count: int, noun: str) -> str:
    return f"{count} {noun}{'' if count == 1 else 's'}"


def _table(headers: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [headers, ["---"] * len(headers), *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def _plain(text: str) -> str:
    """The text on one line, with markdown escaped."""
    return re.sub(r"([\\`*|<$\[\]])", r"\\\1", " ".join(text.split()))
