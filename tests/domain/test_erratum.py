"""Errata: which ones are invalid, and when they are red. The snippets need no Keras."""

import dataclasses
import os

import pytest

from harness.domain.erratum import Differs, Erratum, ErratumState, Fails, Warns, errata, plain
from harness.domain.snippet import When
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
    assert not finding.red
    assert not finding.moved


def test_what_is_found():
    finding = erratum().examine("jax")
    assert finding.error == "ValueError: incompatible shape"
    assert finding.when == "in fit, after 2 training steps"
    assert (finding.today, finding.modern) == (None, 2)
    finding = erratum(**DIFFERS).examine("jax")
    assert (finding.today, finding.modern, finding.error, finding.warned) == (3, 1.5, "", "")
    assert erratum(**WARNS).examine("jax").warned == "use new() instead"


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"printed": "model.fit('other')"}, "received: it runs"),
        ({"outcome": Fails("TypeError", "incompatible", When.FIT, steps=2)}, "received: ValueError: incompatible"),
        ({"outcome": Fails("ValueError", "dtype", When.FIT, steps=2)}, "expected ValueError saying 'dtype'"),
        ({"outcome": Fails("ValueError", "incompatible", When.COMPILE, steps=2)}, "in compile"),
        ({"outcome": Fails("ValueError", "incompatible", When.FIT, steps=0)}, "before the first training step"),
        ({"outcome": Fails("ValueError", "incompatible", When.FIT)}, "expected"),
        (DIFFERS | {"printed": "y = max(x)"}, "gives 3; received: 2"),
        (DIFFERS | {"printed": "y = nothing"}, "NameError"),
        (DIFFERS | {"printed": "y = 3\nimport warnings\nwarnings.warn('no')"}, "received the warning: no"),
        (DIFFERS | {"outcome": Differs(slide=1.5, today=3, warns="ignored")}, "received: no warning"),
        (DIFFERS | {"printed": "z = sum(x)"}, "received: NameError"),
        (WARNS | {"printed": "y = 1"}, "received: no warning"),
        (WARNS | {"outcome": Warns("gone")}, "received: use new() instead"),
        (WARNS | {"printed": "y = old() + 1"}, "gives 1; received: 2"),
    ],
)
def test_a_printed_form_that_does_something_else_is_red(changes, said):
    finding = erratum(**changes).examine("jax")
    assert finding.state is ErratumState.CHANGED
    assert finding.red
    assert finding.moved
    assert finding.reason.startswith("printed form: expected")
    assert said in finding.reason


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"modern": "model.fit('raw') "}, "received: ValueError: incompatible shape"),
        ({"modern": "pass"}, "gives 2; received: 0"),
        ({"modern": "warnings.warn('no')\nmodel.fit('x')"}, "received the warning: no"),
        ({"modern": "model = None"}, "received: AttributeError"),
        (DIFFERS | {"modern": "y = sum(x) "}, "gives 1.5; received: 3"),
        (DIFFERS | {"modern": "y = 1.5000001"}, "received: 1.5000001"),
        (WARNS | {"modern": "y = new() + 1"}, "received: 2"),
    ],
)
def test_a_modern_form_that_does_not_run_or_is_another_model_is_red(changes, said):
    finding = erratum(**changes).examine("jax")
    assert finding.state is ErratumState.BROKEN
    assert finding.moved
    assert finding.reason.startswith("modern form: expected")
    assert said in finding.reason


def test_both_forms_may_be_wrong():
    finding = erratum(printed="pass", modern="1 / 0").examine("jax")
    assert finding.state is ErratumState.CHANGED
    assert "; modern form: expected" in finding.reason


def test_what_cannot_be_set_up_has_not_moved():
    finding = erratum(given="import no_such_module").examine("jax")
    assert finding.state is ErratumState.NOT_RUN
    assert finding.red
    assert not finding.moved
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
        lambda: Fails("ValueError", "x", "fit"),
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


def test_an_erratum_is_within_one_of_the_others():
    errata([erratum(), erratum(id="other", within="raw-data")])
    with pytest.raises(SuiteError, match=r"within of erratum 'raw-data'.*unknown"):
        errata([erratum(within="unknown")])
    with pytest.raises(SuiteError, match="an erratum that is within no other"):
        errata([erratum(), erratum(id="b", within="raw-data"), erratum(id="c", within="b")])


def test_ids_are_unique():
    one = erratum()
    other = dataclasses.replace(one, id="other")
    assert errata((one,), (other,)) == (one, other)
    with pytest.raises(SuiteError, match="'raw-data' more than once"):
        errata((one, other), (one,))


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
