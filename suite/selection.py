"""Which items run: unknown names in -k and -m are errors, and a selected claim pulls in the trainings it needs."""

from __future__ import annotations

import ast
import re

import pytest

from harness.catalogue import Broken
from harness.claim import Claim
from harness.errors import SuiteError, invalid, nearest
from harness.record.evidence import EXACT
from suite.catalogue import (
    ERRATA,
    EXACT_CLAIMS,
    TRAINING_CLAIMS,
    TRAININGS,
    UNREAD,
    training_name,
)
from suite.options import Options
from suite.selfcheck import names as self_checks
from suite.stored import Stored, file_of

MARKERS = ("exact", "training", "errata", "timing")
WORDS = {"and", "or", "not", "None", "True", "False"}
IDENTIFIER = re.compile(r"(?:\w|:|\+|-|\.|\[|\]|\\|/)+")


def check_expressions(keyword: str, marker: str, names: set[str], known_markers: set[str]) -> None:
    """SuiteError where -m names no marker, or -k a word that is part of no item's name."""
    for word in _identifiers(marker):
        if word not in known_markers:
            raise SuiteError(f"Invalid -m expression {marker!r}: no marker {word!r}. {nearest(word, MARKERS)}")
    for word in _identifiers(keyword):
        if not any(word.lower() in name.lower() for name in names):
            unread = "".join(f"\n{broken.message}" for broken in UNREAD.values())
            raise SuiteError(
                f"Invalid -k expression {keyword!r}: no claim or test {word!r}. {_closest(word, names)}{unread}"
            )


def check_syntax(keyword: str, marker: str) -> None:
    """SuiteError where -k or -m is no expression of names, and, or, not and brackets: pytest-xdist asks nobody."""
    for option, expression in (("-k", keyword), ("-m", marker)):
        words = IDENTIFIER.sub(lambda found: found[0] if found[0] in WORDS else "True", expression)
        try:
            ast.parse(f"({words or True})", mode="eval")
        except SyntaxError:
            expected = "names joined by and, or, not and brackets"
            raise invalid(f"{option} expression", expected=expected, received=repr(expression)) from None


def _identifiers(expression: str) -> list[str]:
    return [word for word in IDENTIFIER.findall(expression) if word not in WORDS and not word.isdigit()]


def _closest(word: str, names: set[str]) -> str:
    ids = sorted({name.partition("[")[2].removesuffix("]") or name for name in names})
    return nearest(word, ids)


def needed_trainings(items: list[pytest.Item]) -> set[tuple[str, str]]:
    """(experiment, variant) of every training that the selected claims rest on."""
    claims = [claim for item in items if (claim := claim_of(item))]
    return {(claim.experiment.id, name) for claim in claims if claim.experiment for name in claim.variants}


def claim_of(item: pytest.Item) -> Claim | None:
    """The claim on trials that an item decides, or None."""
    if getattr(item, "originalname", "") != "test_claims":
        return None
    # Only pytest.Function declares callspec, and only parametrised items have it: the name has told that this one does.
    return TRAINING_CLAIMS[item.callspec.params["key"]]  # type: ignore[attr-defined]


def key_of(item: pytest.Item) -> str | None:
    """The key of the claim that an item decides, or None."""
    if getattr(item, "originalname", "") not in ("test_claims", "test_exact"):
        return None
    return str(item.callspec.params["key"])  # type: ignore[attr-defined] # as in claim_of


def files_of(items: list[pytest.Item]) -> set[str]:
    """The baseline files that a run of these items compares with, and renews."""
    claims = {file_of(claim) for item in items if (claim := claim_of(item))}
    trained = {training[0] for item in items if (training := training_of(item))}
    exact = {EXACT for item in items if getattr(item, "originalname", "") == "test_exact"}
    return claims | trained | exact


def training_of(item: pytest.Item) -> tuple[str, str] | None:
    """The (experiment, variant) that an item trains, or None."""
    if getattr(item, "originalname", "") != "test_training":
        return None
    params = item.callspec.params  # type: ignore[attr-defined] # as in claim_of
    return params["experiment"], params["variant"]


def unread_of(item: pytest.Item) -> Broken | None:
    """What could not be read, of an item that fails over it, or None."""
    if getattr(item, "originalname", "") != "test_catalogue":
        return None
    return UNREAD[item.callspec.params["name"]]  # type: ignore[attr-defined] # as in claim_of


def name_what_is_left_out(items: list[pytest.Item]) -> set[str]:
    """Has -k find an item that fails over a mistake by every section which that costs; gives their names."""
    found: set[str] = set()
    for item in items:
        broken = unread_of(item)
        if broken is not None:
            item.extra_keyword_matches.update(broken.costs)
            found.update(broken.costs)
    return found


def catalogue_names() -> set[str]:
    """The names that -k chooses from, of items that nobody has collected: under pytest-xdist only its workers do."""
    kinds = {"test_training": [training_name(*pair) for pair in TRAININGS], "test_claims": list(TRAINING_CLAIMS)}
    kinds |= {"test_exact": list(EXACT_CLAIMS), "test_errata": list(ERRATA)}
    kinds |= {"test_catalogue": list(UNREAD)} if UNREAD else {}
    lost = {name for broken in UNREAD.values() for name in broken.costs}
    items = {f"{kind}[{name}]" for kind, names in kinds.items() for name in names} | {f"{kind}.py" for kind in kinds}
    return lost | items | {part for name in self_checks() for part in name.split("::")}


def longest_first(items: list[pytest.Item], stored: Stored, options: Options) -> list[pytest.Item]:
    """For workers: the longest trainings first (as stored), exact claims while they run, claims on trials last."""

    def place(item: pytest.Item) -> tuple[int, float]:
        training = training_of(item)
        if training is not None:
            return 0, -(stored.seconds(*training) or 0.0) * options.seeds_of(training[0])
        return (2 if claim_of(item) else 1), 0.0

    return sorted(items, key=place)


def with_trainings(selected: list[pytest.Item], collected: list[pytest.Item]) -> list[pytest.Item]:
    """The selected items and the trainings they need, trainings first, each kind in the order it was collected."""
    needed = needed_trainings(selected)
    chosen = set(map(id, selected))
    kept = [item for item in collected if id(item) in chosen or training_of(item) in needed]
    return sorted(kept, key=lambda item: training_of(item) is None)
