"""A page of the catalogue: each claim with its rule and the command that runs it alone; errata; experiments."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence

from harness.claim import Claim, experiments
from harness.erratum import Erratum
from harness.model import Experiment
from harness.rules.exact import Exact

WORD = re.compile(r"[\w:+.\[\]\\/-]+")
"""A name that pytest's -k takes as one word."""
EXPERIMENTS = (
    "What the claims of kind *training* rest on: a claim needs those of the variants that its rule names. Epochs × "
    "batch size, training examples."
)


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
    alone = commands(claims, errata)
    parts = [head]
    for heading, of in sections.items():
        lines = [
            f"- `{claim.key}`: {_plain(claim.statement)} *{_plain(claim.slide)}*<br>Decided by: "
            f"{_plain(claim.rule.describe())}. Kind: {_kind(claim)}.<br>Alone: `{alone[claim.key]}`"
            for claim in of
        ]
        parts += [f"## {heading}", "\n".join(lines)]
    if errata:
        lines = [
            f"- `{of.id}`: {_plain(of.statement)} *{_plain(of.slide)}*<br>Alone: `{alone[of.id]}`" for of in errata
        ]
        parts += [f"## {errata_heading}", "\n".join(lines)]
    trained = [
        (f"`{of.id}`", f"{len(of.variants)}: {_plain('; '.join(variant.name for variant in of.variants))}", _size(of))
        for of in experiments(claims)
    ]
    parts += ["## Experiments", EXPERIMENTS, _table(("experiment", "variants", "size"), trained)]
    return "\n\n".join(parts) + "\n"


def commands(claims: Sequence[Claim], errata: Sequence[Erratum] = ()) -> dict[str, str]:
    """By key of a claim or id of an erratum the command that runs it only, and trains only what it needs.

    It uses ``-k`` if no other test contains the key in its name, else the test's full name.
    """
    tests = {claim.key: "test_exact" if isinstance(claim.rule, Exact) else "test_claims" for claim in claims}
    tests |= {erratum.id: "test_errata" for erratum in errata}
    trainings = {f"{of.id}/{variant.name}" for of in experiments(claims) for variant in of.variants}
    needed = {claim.key: {f"{claim.experiment.id}/{name}" for name in claim.variants}
              for claim in claims if claim.experiment}  # fmt: skip

    def command(key: str, test: str) -> str:
        others = (tests.keys() - {key}) | (trainings - needed.get(key, set()))
        if WORD.fullmatch(key) and not any(key.lower() in other.lower() for other in others):
            return f"pytest suite/ -k {key}"
        return f'pytest "suite/{test}.py::{test}[{key}]"'

    return {key: command(key, test) for key, test in tests.items()}


def _kind(claim: Claim) -> str:
    if claim.experiment is None:
        return "exact"
    return f"training: `{claim.experiment.id}`, {len(claim.variants)} variant{'s' * (len(claim.variants) != 1)}"


def _size(experiment: Experiment) -> str:
    size = experiment.size
    count = "all" if size.train is None else f"{size.train:,}"
    return f"{size.epochs} × {size.batch_size}, {count}" if size.epochs else "untrained"


def _table(headers: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [headers, ["---"] * len(headers), *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def _plain(text: str) -> str:
    """The text on one line, with markdown escaped."""
    return re.sub(r"([\\`*|<$\[\]])", r"\\\1", " ".join(text.split()))
