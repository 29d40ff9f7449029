"""The catalogue's claims can be decided, and have the slides' sizes and numbers; CATALOGUE.md lists them all."""

import dataclasses
import itertools
from unittest import mock

import numpy as np
import pytest

from cases import CLAIMS, COURSE
from cases.data.arrays import EXAMPLE_3_TABLE
from cases.examples import mnist_softmax
from cases.examples.mnist_tips import BATCH, TIPS, penalised
from harness.claim import experiments
from harness.errors import SuiteError
from harness.rules import Exact


def test_each_of_the_nine_accuracies_is_a_case():
    cases = [claim for claim in CLAIMS if claim.id in ("tips-figures-reproduce", "tips-softmax")]
    figures = [(metric, figure.printed) for claim in cases for (_, metric), figure in claim.figures.items()]
    assert "l1 1e-6, epochs 16 to 20" in {claim.case for claim in cases}
    assert {printed for metric, printed in figures if metric == "val_accuracy"} == {
        *("0.8947", "0.9267", "0.9806", "0.9817", "0.9798", "0.9803", "0.9840", "0.9819", "0.9815")
    }


def test_all_128_numbers_of_example_3_are_tested():
    rules = [claim.rule for claim in CLAIMS if claim.id == "mnist-softmax-table"]
    assert sum(len(rule.printed) for rule in rules) == 128
    printed = {rule.curve: rule.printed for rule in rules}
    assert np.array_equal(
        np.array([printed[name] for name in ("val_loss", "val_accuracy", "loss", "accuracy")]).T, EXAMPLE_3_TABLE
    )


def test_the_activity_penalty_is_the_slides_times_the_batch_size():
    assert TIPS.size.batch_size == BATCH == 512
    strengths = {variant.name: variant.model.args[0] for variant in TIPS.variants if variant.name.startswith("l1 ")}
    values = {"l1 1e-8": 1e-8, "l1 1e-7": 1e-7, "l1 1e-6": 1e-6, "l1 1e-5": 1e-5, "l1 1e-4": 1e-4}
    assert strengths == values | {f"l1 1e-6, batches of {size}": 1e-6 for size in (256, 200, 128)}
    with mock.patch("cases.examples.mnist_tips.mlp") as built:
        penalised(1e-6)
    assert built.call_args.kwargs == {"dropout": 0.2, "activity_l1": pytest.approx(5.12e-4)}


def test_anchors_are_variants():
    tips = {"softmax", "2 linear", "2 relu", "5 relu xavier", "dropout 0.2"}
    assert {("example-4", name) for name in tips} | {("example-3", "softmax")} <= COURSE.anchors(every=True)
    usual = {("example-3", "softmax"), ("example-4", "softmax"), ("example-4", "2 relu")}
    assert COURSE.anchors(every=False) == usual
    with pytest.raises(SuiteError, match=r"anchors of experiment 'example-3'.*'softmaks'.*softmax"):
        dataclasses.replace(mnist_softmax.MNIST_SOFTMAX, anchors=("softmaks",))


@pytest.mark.parametrize("claim", CLAIMS, ids=lambda claim: claim.key)
def test_a_claim_reads_like_the_slide_and_claims_nothing_without_trials(claim):
    assert claim.statement.endswith((".", ")."))
    assert claim.rule.describe()
    assert claim.source != "ours" or not claim.say  # reports say nothing in place of what the lecture does not say
    if not isinstance(claim.rule, Exact):
        assert claim.variants
        decision, alongside = claim.decide({})
        assert {str(each.verdict) for each in (decision, *alongside)} == {"NOT_RUN"}


def test_every_variant_is_used():
    """A variant that no rule names, and no figure shows, would be trained for nothing."""
    for experiment in experiments(CLAIMS):
        used = set(itertools.chain(*(claim.variants for claim in CLAIMS if claim.experiment is experiment)))
        used |= {variant.name for variant in experiment.variants if experiment.plots.sweep and variant.at is not None}
        assert used == {variant.name for variant in experiment.variants}


def test_lecture_sizes_are_the_slides():
    """Keras' default batch size, above the eight examples of examples 1 and 2: one full batch."""
    sizes = {e.id: (e.size.epochs, e.size.batch_size) for e in experiments(CLAIMS)}
    slides = {"example-1": (200, 32), "example-2": (10, 32), "example-3": (32, 200), "example-4": (20, 512)}
    assert sizes.items() >= (slides | {"example-4-softmax": (20, 512)}).items()
    assert all(e.size.train is None for e in experiments(CLAIMS))
