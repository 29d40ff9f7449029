"""The sentences of the lecture's own claims: each can be filled on every stack, and says who says it, with a number."""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator

import pytest

from cases import CLAIMS
from harness.claim import Claim
from harness.course import course
from harness.model import Metric
from harness.record.run import ClaimDecided
from harness.verdict import Verdict
from reports.cards import Card, cards
from reports.markdown import claim_page
from reports.page.data import page_data
from reports.sentences import filled
from tests.reports.runs import evidence

REFERENCE = "tensorflow-cpu"
STACKS = (REFERENCE, "jax-cpu", "torch-cpu")
NUMBER = re.compile(r"\d|\b(no|none|one|two|three|half|tie)\b")


@functools.cache
def shown(stack: str) -> dict[str, Card]:
    return cards(evidence(stack))


def measured(stack: str) -> Iterator[tuple[Claim, ClaimDecided, dict[str, Metric]]]:
    """The claims that trials of the stack itself decide, with what was measured."""
    run = evidence(stack)
    for claim in CLAIMS:
        decided = run.claims[claim.key]
        if claim.experiment and decided.here and decided.here.stack == stack:
            metrics = {one.name: one for one in claim.experiment.metrics}
            yield claim, decided, metrics


@pytest.mark.parametrize("stack", STACKS)
def test_every_sentence_of_the_author_can_be_filled(stack: str) -> None:
    """What was measured, and what to say instead."""
    claims, faults = list(measured(stack)), []
    assert claims
    for claim, decided, metrics in claims:
        say = claim.say.get(decided.verdict)
        for template in (claim.shown, *([say] if say else ())):
            if not filled(template, decided, metrics):
                faults.append(f"{claim.key}, {decided.verdict}: {template or 'no `shown`'}")
    assert not faults, "\n".join(faults)


def test_every_claim_of_the_lecture_quotes_it() -> None:
    assert [claim.key for claim in CLAIMS if claim.source != "ours" and not claim.quote.strip()] == []


def test_every_claim_that_is_not_supported_says_what_to_say_instead_with_a_number() -> None:
    wrong = [card for card in shown(REFERENCE).values() if card.open]
    assert wrong
    faults = [f"{card.key}, {card.verdict}: nothing to say instead" for card in wrong if not card.say_instead]
    said = [card for card in wrong if card.say_instead]
    faults += [f"{card.key}: no number: {card.say_instead}" for card in said if not NUMBER.search(card.say_instead)]
    assert not faults, "\n".join(faults)


def test_no_sentence_has_a_place_left_over_or_a_name_of_the_code() -> None:
    texts = [(card.key, text) for stack in STACKS for card in shown(stack).values()
             for text in (card.shown, card.say_instead, card.claim.reading)]  # fmt: skip
    assert [f"{key}: {text}" for key, text in texts if re.search(r"[{}]|\bval_\w+", text)] == []


def test_no_sentence_for_a_supported_verdict() -> None:
    """Nothing has to be said instead of what holds."""
    assert [claim.key for claim in CLAIMS if Verdict.SUPPORTED in claim.say] == []


def test_variants_are_called_by_their_words() -> None:
    """In tables, effects and lists of seeds; what one types to train a variant stands beside them."""
    card = shown(REFERENCE)["tips-dropout-helps"]
    page = claim_page(card.run, card, {})
    assert "| five hidden layers, dropout 0.2 − five hidden layers<br>validation accuracy |" in page
    assert "| five hidden layers<br>`5 relu xavier` | 0.9798 |" in page
    assert "- five hidden layers, dropout 0.2: 2.5 % are below " in page
    data = page_data(card.run, {card.key: card}, {card.key: "a"}, None)
    assert data["claims"]["a"]["variants"] == ["five hidden layers", "five hidden layers, dropout 0.2"]
    assert set(data["claims"]["a"]["variants"]) <= set(data["experiments"]["example-4"]["variants"])


def test_no_stack_decides_a_claim_of_a_finding_otherwise() -> None:
    """Its words are the title of a figure wherever its claims are decided as they are stored there."""
    undecided = {Verdict.INCONCLUSIVE, Verdict.NOT_RUN}
    for known in course().findings:
        for key in known.claims:
            verdicts = {of[key].verdict for of in map(shown, STACKS) if key in of} - undecided
            assert len(verdicts) < 2, f"{known.cause}: {key}: {verdicts}"
