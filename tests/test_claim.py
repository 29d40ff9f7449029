"""Claims check themselves on construction: "Invalid … Expected: … Received: …", with the nearest name."""

import pytest

from harness.claim import experiments
from harness.errors import KEBAB, SuiteError, invalid, nearest
from harness.model import Published, Trial
from harness.rules import All, Exact, Exceeds, Reproduces
from tests.make import DEPTH, claim, exact_claim, experiment

WRONG = {
    "unknown variant": (
        {"rule": Exceeds("deeep", "shallow")},
        [
            "rule of claim 'deeper-is-better'",
            "variants of experiment 'depth'",
            "'deeep'",
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
    "figure of another metric": (
        {"rule": Reproduces("deep"), "published": (Published({"deep": "0.9"}, metric="val_loss"),)},
        ["a published figure for variant 'deep' and metric 'val_accuracy'", "('deep', 'val_loss')"],
    ),
    "id not kebab": ({"id": "Deeper_is_better"}, ["id of claim", "kebab-case", "Deeper_is_better"]),
    "id empty": ({"id": ""}, ["id of claim", "kebab-case"]),
    "slide empty": ({"slide": " "}, ["slide of claim", "a non-empty text", "' '"]),
    "statement empty": ({"statement": ""}, ["statement of claim", "a non-empty text", "''"]),
    "no experiment": ({"experiment": None}, ["an experiment, and no `check`", "deep > shallow"]),
    "check alongside a rule": ({"check": list}, ["an experiment, and no `check`"]),
    "exact without check": ({"rule": Exact(), "experiment": None}, ["Exact with a `check` and no experiment"]),
    "exact with experiment": ({"rule": Exact(), "check": list}, ["Exact with a `check` and no experiment"]),
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
    printed = {pair: figure.printed for pair, figure in made.figures.items()}
    assert printed == {("deep", "val_accuracy"): "0.98", ("deep", "val_loss"): "0.1"}


def test_decides_with_the_rules_beside_whose_variants_are_needed_too():
    three = experiment("shallow", "deep", "wide")
    assert claim(experiment=three).variants == ("shallow", "deep")
    made = claim(experiment=three, alongside=(Exceeds("wide", "deep"),))
    assert made.variants == ("shallow", "deep", "wide")
    trials = {
        name: tuple(Trial(name, seed, {"val_accuracy": value + seed**2 / 1000}) for seed in range(6))
        for name, value in (("deep", 0.9), ("shallow", 0.8), ("wide", 0.7))
    }
    decision, alongside = made.decide(trials)
    assert [str(each.verdict) for each in (decision, *alongside)] == ["SUPPORTED", "REFUTED"]


def test_an_exact_claim_needs_no_trials():
    made = exact_claim()
    assert made.variants == made.rules == ()
    assert made.figures == {}
    with pytest.raises(SuiteError, match="is exact: it is decided by its check"):
        made.decide({})


def test_experiments_in_order_of_first_use():
    first = experiment("deep", "shallow", id="first")
    claims = [claim(), exact_claim(id="none"), claim(id="b", experiment=first), claim(id="c")]
    assert experiments(claims) == (DEPTH, first)


def test_form_of_errors():
    error = invalid("colour", expected="red or blue", received="green", fix="Did you mean 'red'?")
    assert str(error) == "Invalid colour. Expected: red or blue. Received: green. Did you mean 'red'?"
    assert isinstance(error, ValueError)


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


def test_kebab():
    assert all(map(KEBAB.fullmatch, ("a", "l1-loss-2")))
    assert not any(map(KEBAB.fullmatch, ("A", "a_b", "-a", "a--b", "a-", "")))
