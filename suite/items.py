"""What an item is about. Unknown names in -k and -m are errors; a selected claim adds the trainings it needs."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Mapping, Sequence

import pytest

from harness.check.stored import file_of
from harness.claim import Claim
from harness.errors import SuiteError, nearest
from harness.record.evidence import EXACT
from harness.record.run import Key
from suite.catalogue import TRAINING_CLAIMS, keys_of
from suite.options import MARKERS

WORDS = {"and", "or", "not", "None", "True", "False"}
IDENTIFIER = re.compile(r"(?:\w|:|\+|-|\.|\[|\]|\\|/)+")


def check_expressions(keyword: str, marker: str, names: set[str], known_markers: set[str]) -> None:
    """Raises SuiteError if -m names an unknown marker, or -k a word that no item's name contains."""
    for word in _identifiers(marker):
        if word not in known_markers:
            raise SuiteError(f"Invalid -m expression {marker!r}: no marker {word!r}. {nearest(word, MARKERS)}")
    for word in _identifiers(keyword):
        if not any(word.lower() in name.lower() for name in names):
            raise SuiteError(f"Invalid -k expression {keyword!r}: no claim or test {word!r}. {_closest(word, names)}")


def _identifiers(expression: str) -> list[str]:
    return [word for word in IDENTIFIER.findall(expression) if word not in WORDS and not word.isdigit()]


def _closest(word: str, names: set[str]) -> str:
    """The claims and trainings whose names are closest to a word; without any, how to list them."""
    ids = {name.removesuffix("]").partition("[")[2] for name in names} - {""}
    close = difflib.get_close_matches(word, sorted(ids), cutoff=0.5)
    return nearest(word, close) if close else "--collect-only -q lists them."


def _params(item: pytest.Item, *functions: str) -> Mapping[str, str]:
    """The text parameters of an item of one of these test functions; empty for any other item."""
    if getattr(item, "originalname", "") not in functions:
        return {}
    # Only pytest.Function declares callspec, and only parametrised items have it, as each of these functions has.
    params: Mapping[str, object] = item.callspec.params  # type: ignore[attr-defined]
    return {name: value for name, value in params.items() if isinstance(value, str)}


def claim_of(item: pytest.Item) -> Claim | None:
    """The claim that an item decides from trials, or None."""
    params = _params(item, "test_claims")
    return TRAINING_CLAIMS[params["key"]] if params else None


def key_of(item: pytest.Item) -> str | None:
    """The key of the claim that an item decides, or None."""
    return _params(item, "test_claims", "test_exact").get("key")


def training_of(item: pytest.Item) -> Key | None:
    """The (experiment, variant) that an item trains, or None."""
    params = _params(item, "test_training")
    return (params["experiment"], params["variant"]) if params else None


def needed_trainings(items: Iterable[pytest.Item]) -> set[Key]:
    """The trainings that the items' claims rest on."""
    return {key for claim in filter(None, map(claim_of, items)) for key in keys_of(claim)}


def files_of(items: Sequence[pytest.Item]) -> set[str]:
    """The names of the baseline files that a run of these items compares with and may update."""
    claims = {file_of(claim) for claim in filter(None, map(claim_of, items))}
    trained = {key[0] for key in filter(None, map(training_of, items))}
    exact = {EXACT for item in items if getattr(item, "originalname", "") == "test_exact"}
    return claims | trained | exact


def with_trainings(selected: Sequence[pytest.Item], collected: Sequence[pytest.Item]) -> list[pytest.Item]:
    """The selected items and the trainings they need: trainings first, otherwise in the order of collection."""
    needed, chosen = needed_trainings(selected), set(map(id, selected))
    kept = [item for item in collected if id(item) in chosen or training_of(item) in needed]
    return sorted(kept, key=lambda item: training_of(item) is None)


def others_first(items: Sequence[pytest.Item]) -> list[pytest.Item]:
    """The order for runs with workers: items of this process, then trainings, then the claims that need them."""
    return sorted(items, key=lambda item: 1 if training_of(item) else 2 if claim_of(item) else 0)
