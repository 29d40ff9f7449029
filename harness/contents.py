"""A catalogue of claims as a page: per section what is claimed, by which rule it is decided, and how to run just it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence

from harness.catalogue import experiments
from harness.claim import Claim
from harness.experiment import SETTINGS, Experiment
from harness.rules.exact import Exact

WORD = re.compile(r"[\w:+.\[\]\\/-]+")
"""What pytest's -k takes as one word."""
COLUMNS = ("claim", "the lecture says", "slide", "decided by", "kind", "run it alone")


def contents(head: str, sections: Mapping[str, Sequence[Claim]]) -> str:
    """The page in markdown.

    Args:
        head: its title and what it says first.
        sections: heading, which may be a link, -> claims.
    """
    claims = [claim for of in sections.values() for claim in of]
    parts = [head]
    for heading, of in sections.items():
        parts += [f"## {heading}", _table(COLUMNS, [_row(claim, claims) for claim in of])]
    parts += [
        "## Experiments",
        EXPERIMENTS,
        _table(("experiment", "variants", *SETTINGS), map(_experiment, experiments(claims))),
    ]
    return "\n\n".join(parts) + "\n"


EXPERIMENTS = (
    "What the claims of kind *training* rest on: a claim needs those of the variants that its rule names. Epochs × "
    "batch size, training examples, seeds."
)


def command(claim: Claim, claims: Iterable[Claim]) -> str:
    """The command that decides this claim and no other, and trains nothing that it does not need.

    With ``-k`` where no other test has the claim's name in its own; by the test's own name otherwise.
    """
    claims = list(claims)
    word = claim.key.lower()
    others = [other.key for other in claims if other.key != claim.key]
    needed = {claim.experiment.id: claim.variants} if claim.experiment else {}
    others += [
        f"{experiment.id}/{variant.name}"
        for experiment in experiments(claims)
        for variant in experiment.variants
        if variant.name not in needed.get(experiment.id, ())
    ]
    if WORD.fullmatch(claim.key) and not any(word in name.lower() for name in others):
        return f"pytest suite/ -k {claim.key}"
    test = "test_exact" if isinstance(claim.rule, Exact) else "test_claims"
    return f'pytest "suite/{test}.py::{test}[{claim.key}]"'


def _row(claim: Claim, claims: Iterable[Claim]) -> list[str]:
    kind = f"training: `{claim.experiment.id}`" if claim.experiment else "exact"
    if claim.experiment is not None:
        kind += f", {_counted(len(claim.variants), 'variant')}"
    return [
        f"`{claim.key}`",
        _plain(claim.statement),
        _plain(claim.slide),
        _plain(claim.rule.describe()),
        kind,
        f"`{command(claim, claims)}`",
    ]


def _experiment(experiment: Experiment) -> list[str]:
    names = "; ".join(variant.name for variant in experiment.variants)
    return [
        f"`{experiment.id}`",
        f"{len(experiment.variants)}: {_plain(names)}",
        *(_size(experiment, s) for s in SETTINGS),
    ]


def _size(experiment: Experiment, setting: str) -> str:
    size = experiment.size(setting)
    count = "all" if size.train is None else f"{size.train:,}"
    trained = f"{size.epochs} × {size.batch_size}, {count}" if size.epochs else "untrained"
    return f"{trained}, {_counted(size.seeds, 'seed')}"


def _counted(count: int, noun: str) -> str:
    return f"{count} {noun}{'' if count == 1 else 's'}"


def _table(headers: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [headers, ["---"] * len(headers), *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def _plain(text: str) -> str:
    """Text of one line in which nothing is markup."""
    return re.sub(r"([\\`*|<$\[\]])", r"\\\1", " ".join(text.split()))
