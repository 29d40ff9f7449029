"""Claims check themselves on construction: "Invalid … Expected: … Received: …", with the nearest name."""

import pytest

from harness.domain.claim import Claim, experiments
from harness.domain.model import Published, Trial, Variant
from harness.errors import KEBAB, SuiteError, invalid, nearest
from harness.rules import All, Exact, Exceeds, Reproduces
from tests.domain.synthetic import DEPTH, check, claim, exact, experiment

WRONG = {
    "unknown variant": (
        {"rule": Exceeds("deeep", "shallow")},
        [
            "rule of claim 'deeper-is-better'",
            "variants of experiment 'depth'",
            "variant 'deeep'",
            "Did you mean 'deep'?",
        ],
    ),
    "unknown variant alongside": ({"alongside": (Exceeds("deep", "zzz"),)}, ["variant 'zzz'", "Known: deep, shallow."]),
    "unknown variant in a part": (
        {"rule": All((Exceeds("deep", "shallow"), Exceeds("deep", "shalow")))},
        ["variant 'shalow'", "Did you mean 'shallow'?"],
    ),
    "unknown metric": (
        {"rule": Exceeds("deep", "shallow", metric="val_acuracy")},
        ["metrics of experiment 'depth'", "metric 'val_acuracy'", "Did you mean 'val_accuracy'"],
    ),
    "figure of no variant": (
        {"published": (Published({"depp": "0.9"}),)},
        ["published figure of claim", "variant 'depp'", "Did you mean 'deep'?"],
    ),
    "figure of no metric": ({"published": (Published({"deep": "0.9"}, metric="f1"),)}, ["metric 'f1'"]),
    "no figure to reproduce": (
        {"rule": Reproduces("deep")},
        ["a published figure for variant 'deep' and metric 'val_accuracy'"],
    ),
    "figure of another metric": (
        {"rule": Reproduces("deep"), "published": (Published({"deep": "0.9"}, metric="val_loss"),)},
        ["metric 'val_accuracy'", "('deep', 'val_loss')"],
    ),
    "id not kebab": ({"id": "Deeper_is_better"}, ["id of claim", "kebab-case", "Deeper_is_better"]),
    "id empty": ({"id": ""}, ["id of claim", "kebab-case"]),
    "slide empty": ({"slide": " "}, ["slide of claim", "a non-empty text", "' '"]),
    "statement empty": ({"statement": ""}, ["statement of claim", "a non-empty text", "''"]),
    "no experiment": ({"experiment": None}, ["an experiment, and no `check`", "deep > shallow"]),
    "check alongside a rule": ({"check": check}, ["an experiment, and no `check`"]),
    "exact without check": ({"rule": Exact(), "experiment": None}, ["Exact with a `check` and no experiment"]),
    "exact with experiment": ({"rule": Exact(), "check": check}, ["Exact with a `check` and no experiment"]),
}


@pytest.mark.parametrize(("changes", "parts"), WRONG.values(), ids=WRONG)
def test_wrong_claim(changes, parts):
    with pytest.raises(SuiteError, match=r"^Invalid .+\. Expected: .+\. Received: ") as error:
        claim(**changes)
    assert [part for part in parts if part not in str(error.value)] == []


def test_a_good_claim():
    made = claim(case="here", published=(Published({"deep": "0.98"}), Published({"deep": "0.1"}, metric="val_loss")))
    assert made.key == "deeper-is-better/here"
    assert made.variants == ("shallow", "deep")  # in the experiment's order
    assert {pair: figure.printed for pair, figure in made.figures.items()} == {
        ("deep", "val_accuracy"): "0.98",
        ("deep", "val_loss"): "0.1",
    }


def test_variants_of_rules_beside_are_needed_too():
    three = experiment(variants=(Variant("shallow"), Variant("deep"), Variant("wide")))
    assert claim(experiment=three).variants == ("shallow", "deep")
    assert claim(experiment=three, alongside=(Exceeds("wide", "deep"),)).variants == ("shallow", "deep", "wide")


def test_decides_with_the_rules_beside():
    trials = {
        name: tuple(Trial(name, seed, {"val_accuracy": value + seed / 1000, "val_loss": 1.0}) for seed in range(6))
        for name, value in (("deep", 0.9), ("shallow", 0.8))
    }
    decision, alongside = claim(alongside=(Exceeds("shallow", "deep"),)).decide(trials)
    assert str(decision.verdict) == "SUPPORTED"
    assert [str(one.verdict) for one in alongside] == ["REFUTED"]


def test_an_exact_claim_needs_no_trials():
    made = exact()
    assert made.variants == made.rules == ()
    assert made.figures == {}
    with pytest.raises(SuiteError, match="is exact: it is decided by its check"):
        made.decide({})


def test_experiments_in_order_of_first_use():
    first = experiment(id="first")
    claims = [claim(), exact(id="none"), claim(id="b", experiment=first), claim(id="c")]
    assert experiments(claims) == (DEPTH, first)


def test_claims_are_frozen():
    with pytest.raises(AttributeError):
        claim().id = "other"
    assert isinstance(claim(), Claim)


def test_form_of_errors():
    error = invalid("colour", expected="red or blue", received="green", fix="Did you mean 'red'?")
    assert str(error) == "Invalid colour. Expected: red or blue. Received: green. Did you mean 'red'?"
    assert isinstance(error, ValueError)
    assert str(invalid("colour", expected="red", received=None)) == "Invalid colour. Expected: red. Received: None."


@pytest.mark.parametrize(
    ("name", "names", "text"),
    [
        ("tensorfow", ("tensorflow", "jax"), "Did you mean 'tensorflow'?"),
        ("deap", ("deep", "x", "dead"), "Did you mean 'deep' or 'dead'?"),
        ("x", ("deep", "wide"), "Known: deep, wide."),
        ("x", [f"name-{i:02d}" for i in range(13)], "name-11, …."),
    ],
)
def test_nearest(name, names, text):
    assert nearest(name, names).endswith(text)


@pytest.mark.parametrize(
    ("text", "fits"),
    [("a", True), ("l1-loss-2", True), ("A", False), ("a_b", False), ("-a", False), ("a--b", False), ("a-", False)],
)
def test_kebab(text, fits):
    assert bool(KEBAB.fullmatch(text)) is fits
