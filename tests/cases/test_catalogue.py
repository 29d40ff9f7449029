"""Every claim of sections 2 and 6 of the lecture is in the catalogue, in both settings, and can be decided."""

import itertools

import pytest

from cases import CLAIMS
from harness.catalogue import experiments
from harness.experiment import SETTINGS
from harness.rules import Exact

IDS = (
    "scale-gap-hurts",
    "zscore-formula",
    "minmax-formula",
    "zero-centering-helps",
    "whitening-decorrelates",
    "minmax-table",
    "raw-data-diverges",
    "minmax-fixes-divergence",
    "minmax-losses-reproduce",
    "zscore-fixes-divergence",
    "softmax-eight-points",
    "softmax-rate-phenomena",
    "mnist-facts",
    "mnist-preparation",
    "mnist-softmax-curve",
    "checkpoint-restores-best",
    "early-stopping-stops",
    "prediction-is-argmax",
    "tips-softmax",
    "tips-linear-layers-help",
    "tips-relu-beats-linear",
    "tips-xavier-helps",
    "tips-deeper-is-not-better",
    "tips-dropout-helps",
    "tips-dropout-rate",
    "tips-activity-l1",
    "activity-l1-value",
    "tips-figures-reproduce",
)

EXACT_IDS = (
    "sgd-update-rule",
    "gradient-is-limit",
    "small-rate-local-minimum",
    "momentum-rule",
    "nesterov-rule",
    "adagrad-rule",
    "rmsprop-rule",
    "adadelta-rule",
    "adam-rule",
    "amsgrad-rule",
    "decay-rule",
    "momentum-keeps-moving",
    "adagrad-per-parameter",
    "rmsprop-fixes-adagrad",
    "adam-combines",
    "l2-loss-formula",
    "l1-l2-formula",
    "clipnorm-clips",
    "clipvalue-clips",
    "defaults-as-printed",
    "bn-normalises",
    "bn-scale-invariant",
    "xavier-formula",
    "dropout-formula",
)

ARMS = [(experiment, variant.name) for experiment in experiments(CLAIMS) for variant in experiment.variants]


@pytest.mark.parametrize("name", IDS)
def test_claim_is_there(name):
    assert name in {claim.id for claim in CLAIMS}


@pytest.mark.parametrize("name", EXACT_IDS)
def test_exact_claim_is_there(name):
    assert any(claim.id == name and isinstance(claim.rule, Exact) for claim in CLAIMS)


def test_each_of_the_nine_accuracies_is_a_case():
    cases = {claim.case: claim for claim in CLAIMS if claim.id == "tips-figures-reproduce"}
    printed = {name: figure.printed for name, claim in cases.items() for figure in claim.figures.values()}
    assert sorted(printed.values()) == sorted(
        ["0.8947", "0.9267", "0.9806", "0.9817", "0.9798", "0.9803", "0.9840", "0.9819", "0.9815"]
    )


@pytest.mark.parametrize("claim", CLAIMS, ids=lambda claim: claim.key)
def test_claim_reads_like_the_slide(claim):
    assert claim.statement.endswith((".", ")."))
    assert claim.rule.describe()
    assert isinstance(claim.rule, Exact) or claim.variants


@pytest.mark.parametrize("claim", CLAIMS, ids=lambda claim: claim.key)
def test_without_trials_nothing_is_claimed(claim):
    if not isinstance(claim.rule, Exact):
        decision, beside = claim.decide({})
        assert {str(one.verdict) for one in (decision, *beside)} == {"NOT_RUN"}


def test_every_variant_is_used():
    """A variant that no rule names, and no figure shows, would be trained for nothing."""
    for experiment in experiments(CLAIMS):
        used = set(itertools.chain(*(claim.variants for claim in CLAIMS if claim.experiment is experiment)))
        used |= {variant.name for variant in experiment.variants if experiment.sweep and variant.at is not None}
        assert used == {variant.name for variant in experiment.variants}


@pytest.mark.parametrize("experiment", experiments(CLAIMS), ids=lambda experiment: experiment.id)
def test_sizes(experiment):
    """At least 5 seeds, or nothing could be decided; ``lecture`` takes all examples."""
    assert all(experiment.size(setting).seeds >= 5 for setting in SETTINGS)
    assert experiment.size("lecture").train is None
    assert not experiment.reduced("lecture")


def test_lecture_sizes_are_the_slides():
    sizes = {e.id: (e.size("lecture").epochs, e.size("lecture").batch_size) for e in experiments(CLAIMS)}
    assert sizes["example-3"] == (32, 200)
    assert sizes["example-4"] == sizes["example-4-softmax"] == (20, 512)
    assert sizes["example-1"][0] == 200
    assert sizes["example-2"][0] == 10
    # Keras' default batch size, above the eight examples: one full batch
    assert sizes["example-1"][1] == sizes["example-2"][1] == 32
