"""Errata: which ones are invalid, and when they are red. The snippets need no Keras."""

import os

import pytest

from harness.domain.erratum import Differs, Erratum, ErratumState, Fails, Warns, When, errata, plain
from harness.errors import SuiteError

MODEL = """
import warnings
from types import SimpleNamespace
class Model:
    optimizer = SimpleNamespace(iterations=0)
    def fit(self, x):
        self.optimizer.iterations += 2
        if x == 'raw':
            raise ValueError('incompatible shape')
model = Model()
"""


def erratum(**changes):
    fields = {
        "id": "raw-data",
        "slide": "Example 3",
        "statement": "The raw data are passed.",
        "given": MODEL,
        "printed": "model.fit('raw')",
        "modern": "model.fit('prepared')",
        "outcome": Fails("ValueError", "incompatible", When.FIT, steps=2),
        "check": "model.optimizer.iterations",
        "gives": 2,
    }
    return Erratum(**fields | changes)


DIFFERS = {
    "given": "x = [1, 2]",
    "printed": "y = sum(x)",
    "modern": "y = sum(x) / len(x)",
    "outcome": Differs(slide=1.5, today=3),
    "check": "y",
    "gives": 1.5,
}
WARNS = {
    "given": "from warnings import warn\ndef new(): return 1\ndef old():\n    warn('use new() instead')\n    return 1",
    "printed": "y = old()",
    "modern": "y = new()",
    "outcome": Warns("use new"),
    "check": "y",
    "gives": 1,
}


@pytest.mark.parametrize("changes", [{}, DIFFERS, WARNS], ids=["fails", "differs", "warns"])
def test_it_holds(changes):
    finding = erratum(**changes).examine("jax")
    assert finding.state is ErratumState.HOLDS


def test_what_is_found():
    finding = erratum().examine("jax")
    assert finding.error == "ValueError: incompatible shape"
    assert finding.when == "in fit, after 2 training steps"
    assert (finding.today, finding.replacement) == (None, 2)
    finding = erratum(**DIFFERS).examine("jax")
    assert (finding.today, finding.replacement, finding.error, finding.warning) == (3, 1.5, "", "")
    assert erratum(**WARNS).examine("jax").warning == "use new() instead"


@pytest.mark.parametrize(
    ("form", "changes", "said"),
    [
        ("printed", {"printed": "model.fit('other')"}, "received: it runs"),
        (
            "printed",
            {"outcome": Fails("TypeError", "incompatible", When.FIT, steps=2)},
            "received: ValueError: incompatible",
        ),
        ("printed", {"outcome": Fails("ValueError", "dtype", When.FIT, steps=2)}, "expected ValueError saying 'dtype'"),
        ("printed", {"outcome": Fails("ValueError", "incompatible", When.COMPILE, steps=2)}, "in compile"),
        (
            "printed",
            {"outcome": Fails("ValueError", "incompatible", When.FIT, steps=0)},
            "before the first training step",
        ),
        ("printed", {"outcome": Fails("ValueError", "incompatible", When.FIT)}, "expected"),
        ("printed", DIFFERS | {"printed": "y = max(x)"}, "gives 3; received: 2"),
        ("printed", DIFFERS | {"printed": "y = nothing"}, "NameError"),
        ("printed", DIFFERS | {"printed": "y = 3\nimport warnings\nwarnings.warn('no')"}, "received the warning: no"),
        ("printed", DIFFERS | {"outcome": Differs(slide=1.5, today=3, warns="ignored")}, "received: no warning"),
        ("printed", DIFFERS | {"printed": "z = sum(x)"}, "received: NameError"),
        ("printed", WARNS | {"printed": "y = 1"}, "received: no warning"),
        ("printed", WARNS | {"outcome": Warns("gone")}, "received: use new() instead"),
        ("printed", WARNS | {"printed": "y = old() + 1"}, "gives 1; received: 2"),
        ("modern", {"modern": "model.fit('raw') "}, "received: ValueError: incompatible shape"),
        ("modern", {"modern": "pass"}, "gives 2; received: 0"),
        ("modern", {"modern": "warnings.warn('no')\nmodel.fit('x')"}, "received the warning: no"),
        ("modern", {"modern": "model = None"}, "received: AttributeError"),
        ("modern", DIFFERS | {"modern": "y = sum(x) "}, "gives 1.5; received: 3"),
        ("modern", DIFFERS | {"modern": "y = 1.5000001"}, "received: 1.5000001"),
        ("modern", WARNS | {"modern": "y = new() + 1"}, "received: 2"),
    ],
)
def test_a_form_that_does_something_else_is_red(form, changes, said):
    finding = erratum(**changes).examine("jax")
    assert finding.state is (ErratumState.CHANGED if form == "printed" else ErratumState.BROKEN)
    assert finding.reason.startswith(f"{form} form: expected")
    assert said in finding.reason


def test_both_forms_may_be_wrong():
    finding = erratum(printed="pass", modern="1 / 0").examine("jax")
    assert finding.state is ErratumState.CHANGED
    assert "; modern form: expected" in finding.reason


def test_what_cannot_be_set_up_has_not_moved():
    finding = erratum(given="import no_such_module").examine("jax")
    assert finding.state is ErratumState.NOT_RUN
    assert "no_such_module" in finding.reason


def test_a_backend_may_have_an_outcome_of_its_own():
    one = erratum(outcome=Warns("other"), on={"jax": Fails("ValueError", "incompatible", When.FIT, steps=2)})
    assert one.examine("jax").state is ErratumState.HOLDS
    assert one.examine("tensorflow").state is ErratumState.CHANGED


def test_numbers_may_differ_by_the_tolerance():
    assert (
        erratum(**DIFFERS | {"modern": "y = 1.5000001", "tolerance": 1e-6}).examine("jax").state is ErratumState.HOLDS
    )
    assert erratum(**DIFFERS | {"modern": "y = 1.50001", "tolerance": 1e-6}).examine("jax").state is ErratumState.BROKEN


def test_each_form_has_a_folder_and_names_of_its_own():
    before = os.getcwd()
    one = erratum(
        given="import os",
        printed="open('file', 'x').close()\nseen = 1\nos.listdir('none')",
        modern="open('file', 'x').close()",
        outcome=Fails("FileNotFoundError", "none"),
        check="[os.listdir(), 'seen' in globals()]",
        gives=[["file"], False],
    )
    assert one.examine("jax").state is ErratumState.HOLDS
    assert os.getcwd() == before


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"id": "RawData"}, "Invalid id of erratum 'RawData'. Expected: kebab-case"),
        ({"id": ""}, "Invalid id"),
        ({"slide": " "}, "Invalid slide of erratum 'raw-data'. Expected: a non-empty text"),
        ({"statement": ""}, "Invalid statement"),
        ({"printed": ""}, "Invalid printed"),
        ({"modern": None}, "Invalid modern"),
        ({"check": ""}, "Invalid check"),
        ({"check": "x = 1"}, "Expected: an expression as last line"),
        ({"printed": "f("}, "Invalid printed of erratum 'raw-data'. Expected: Python. Received: '(' was never closed"),
        ({"modern": "a b"}, "Invalid modern"),
        ({"given": "a b"}, "Invalid given"),
        ({"modern": "model.fit('raw')"}, "Expected: another text than printed"),
        ({"outcome": "ValueError"}, "Expected: Fails, Warns or Differs"),
        ({"on": {"jax": None}}, "Expected: Fails, Warns or Differs"),
    ],
)
def test_it_checks_itself(changes, said):
    with pytest.raises(SuiteError) as caught:
        erratum(**changes)
    assert said in str(caught.value)


@pytest.mark.parametrize(
    "outcome",
    [
        lambda: Fails("Value Error", "x"),
        lambda: Fails("ValueError", " "),
        lambda: Warns(""),
        lambda: Differs(slide=1, today=1),
        lambda: Differs(slide=["a"], today=["a"]),
    ],
)
def test_outcomes_check_themselves(outcome):
    with pytest.raises(SuiteError):
        outcome()


def test_code_that_cannot_be_read_may_be_printed():
    one = erratum(printed="f(", outcome=Fails("SyntaxError", "never closed", When.READING, steps=0))
    assert one.examine("jax").state is ErratumState.HOLDS


def test_errata_have_unique_ids_and_are_within_one_of_the_others():
    first, other = erratum(), erratum(id="other", within="raw-data")
    assert errata((first,), (other,)) == (first, other)
    for wrong, said in (
        ([first, other, first], "'raw-data' more than once"),
        ([erratum(within="unknown")], r"within of erratum 'raw-data'.*unknown"),
        ([first, other, erratum(id="c", within="other")], "an erratum that is within no other"),
    ):
        with pytest.raises(SuiteError, match=said):
            errata(wrong)


def test_values_are_plain():
    import numpy as np

    assert plain((np.float64(0.5), np.arange(2), None, True, "a", float("inf"))) == [
        0.5,
        [0, 1],
        None,
        True,
        "a",
        "inf",
    ]
    assert plain(ValueError("x")) == "x"
