"""Experiments, data sets, metrics, published figures and trials check themselves."""

import math

import numpy as np
import pytest

from harness.errors import SuiteError
from harness.model import Dataset, Figure, Metric, Published, Size, Trial, Variant, finite, thin
from harness.plots import Plots, Sweep
from tests.make import ACCURACY, DEPTH, LOSS, experiment

SWEEP = Plots(sweep=Sweep(over="depth", metric="val_loss", title="t"))
ELSEWHERE = Plots(sweep=Sweep(over="depth", metric="loss", title="t"))
WRONG = {
    "id": ({"id": "Depth"}, "kebab-case, other than 'exact': it names a file. Received: Depth"),
    "id exact": ({"id": "exact"}, "other than 'exact'"),
    "id with a slash": ({"id": "../depth"}, "kebab-case"),
    "no variant": ({"variants": ()}, "at least one, with unique names. Received: []"),
    "same variant twice": ({"variants": (Variant("a"), Variant("a"))}, "['a', 'a']"),
    "no metric": ({"metrics": ()}, "metrics of experiment 'nets'"),
    "same metric twice": ({"metrics": (LOSS, LOSS)}, "['val_loss', 'val_loss']"),
    "no data": ({"data": None}, "a data on it or on every variant. Received: none on ['shallow', 'deep']"),
    "model on one variant": ({"model": None, "variants": (Variant("a", object), Variant("b"))}, "none on ['b']"),
    "no optimizer": ({"optimizer": None}, "a optimizer on it"),
    "unknown anchor": ({"anchors": ("deeep",)}, "anchors of experiment 'nets'"),
    "words of an unknown variant": ({"plots": Plots(words={"deeep": "five layers"})}, "words of experiment 'nets'"),
    "one word for two": (
        {"plots": Plots(words={"deep": "a net", "shallow": "a net"})},
        "words of variants of experiment 'nets'",
    ),
    "sweep without places": (
        {"plots": SWEEP},
        "sweep of experiment 'nets'. Expected: a metric out of ['val_accuracy', 'val_loss'], and two or more variants",
    ),
    "sweep of an unknown metric": (
        {"plots": ELSEWHERE, "variants": (Variant("a", at=1.0), Variant("b", at=2.0))},
        "Received: metric 'loss', and `at` on ['a', 'b']",
    ),
}


@pytest.mark.parametrize(("changes", "part"), WRONG.values(), ids=WRONG)
def test_wrong_experiment(changes, part):
    with pytest.raises(SuiteError, match=r"^Invalid .+\. Expected: .+\. Received: ") as error:
        experiment("shallow", "deep", **changes)
    assert part in str(error.value)


def test_a_variant_takes_what_it_does_not_name():
    made = experiment(variants=(Variant("a", data=dict), Variant("b", optimizer=dict)), size=Size(2, 8))
    a, b = made.variant("a"), made.variant("b")
    assert (a.data, a.model, a.optimizer) == (dict, object, object)
    assert (b.data, b.model, b.optimizer) == (object, object, dict)
    assert made.size_of(a) == Size(2, 8)
    assert made.size_of(Variant("c", batch_size=4)) == Size(2, 4)


def test_unknown_names():
    with pytest.raises(SuiteError, match=r"has no variant 'shalow'\. Did you mean 'shallow'"):
        DEPTH.variant("shalow")
    with pytest.raises(SuiteError, match=r"has no metric 'val_los'\. Did you mean 'val_loss'"):
        DEPTH.metric("val_los")
    assert DEPTH.metric("val_loss") is LOSS


@pytest.mark.parametrize(("field", "least"), [("epochs", 0), ("batch_size", 1)])
def test_size_of_nothing(field, least):
    said = rf"Invalid {field} of a Size\. Expected: at least {least}\. Received: {least - 1}"
    with pytest.raises(SuiteError, match=said):
        Size(**{"epochs": 1, "batch_size": 1, field: least - 1})
    assert Size(epochs=0, batch_size=1).epochs == 0


def test_first_examples():
    whole = Dataset(np.arange(10.0)[:, None], np.arange(10.0)[:, None], np.ones((4, 1)), np.ones((4, 1)))
    assert len(whole.first(None).x) == 10
    cut = whole.first(3)
    assert cut.x.ravel().tolist() == cut.y.ravel().tolist() == [0, 1, 2]
    assert cut.x_val is whole.x_val
    for count in (0, -1, 11):
        with pytest.raises(SuiteError, match=rf"number of training examples\. Expected: 1 to 10\. Received: {count}"):
            whole.first(count)


@pytest.mark.parametrize(
    ("changes", "part"),
    [
        ({"better": "up"}, "direction of metric 'm'. Expected: 'higher' or 'lower'. Received: up"),
        ({"scale": "square"}, "scale of metric 'm'. Expected: 'linear' or 'log'. Received: square"),
        ({"smallest_effect": 0.0}, "smallest effect of metric 'm'. Expected: a positive number. Received: 0.0"),
        ({"smallest_effect": math.nan}, "Received: nan"),
        ({"floor": 0.1}, 'Expected: a size of at least 0, and only with scale="log". Received: 0.1'),
        ({"scale": "log", "floor": -0.1}, "floor of metric 'm'"),
    ],
)
def test_wrong_metric(changes, part):
    with pytest.raises(SuiteError) as error:
        Metric(**{"name": "m", "better": "lower", "unit": "1", "smallest_effect": 1.0, **changes})
    assert part in str(error.value)


def test_value_of_a_metric():
    assert ACCURACY.value({"val_accuracy": [0.5, 0.75]}) == 0.75
    assert math.isnan(ACCURACY.value({"val_accuracy": [0.5, math.nan]}))
    assert ACCURACY.value({"val_accuracy": []}) is ACCURACY.value({"accuracy": [0.5]}) is None
    last = Metric("m", better="lower", unit="1", smallest_effect=1.0, of=lambda history: history["loss"][0])
    assert last.value({"loss": [3.0, 2.0], "m": [7.0]}) == 3.0


@pytest.mark.parametrize(
    ("printed", "value", "rounding"),
    [
        ("0.9840", 0.984, 5e-5),
        ("0.98", 0.98, 5e-3),
        ("25", 25.0, 0.5),
        ("488792391680.0000", 488792391680.0, 5e-5),
        ("4.9e11", 4.9e11, 5e9),
        ("-1.50", -1.5, 5e-3),
        ("0", 0.0, 0.5),
    ],
)
def test_figures_are_rounded_to_their_last_digit(printed, value, rounding):
    figure = Figure(printed)
    assert figure.value == value
    assert figure.rounding == pytest.approx(rounding, rel=1e-12)


@pytest.mark.parametrize("printed", ["", "about 0.9", "nan", "inf", "98 %", "0,98", None, 0.9840])
def test_figure_that_is_no_number(printed):
    """0.9840 as a float has lost the digit that gives its rounding."""
    text = r"^Invalid published figure\. Expected: a decimal number as a string, as printed\. Received: "
    with pytest.raises(SuiteError, match=text):
        Published({"deep": printed})
    with pytest.raises(SuiteError, match="at least one figure"):
        Published({})


def test_what_is_not_finite_is_none_in_a_trial():
    made = Trial("plain", 0, {"a": math.nan, "b": 1}, {"loss": (1.0, math.inf, None)})
    assert made.metrics == {"a": None, "b": 1.0}
    assert made.history["loss"] == (1.0, None, None)
    assert finite(-math.inf) is finite(None) is None


@pytest.mark.parametrize("length", [0, 1, 31, 32, 33, 200, 1000])
def test_thinned_curves_keep_their_ends(length):
    curve = tuple(float(i) for i in range(length))
    short = thin(curve, 32)
    assert len(short) == min(length, 32)
    assert (short[:1], short[-1:]) == (curve[:1], curve[-1:])
    assert sorted({*short}) == list(short)
