"""Errata: which ones are invalid, what becomes of their snippets, and when they are red. They need no Keras."""

import os
import warnings
from types import SimpleNamespace

import numpy as np
import pytest

from harness.erratum import Differs, Erratum, ErratumState, Fails, Warns, When, plain, readable, run
from harness.errors import SuiteError

MODEL = """
import warnings
from types import SimpleNamespace
class Model:
    optimizer = SimpleNamespace(iterations=0)
    def compile(self, fails=False):
        assert not fails
    def fit(self, x):
        self.optimizer.iterations += 2
        if x == 'raw':
            raise ValueError('incompatible shape')
    evaluate = predict = compile
model = Model()
"""
HOLDS, CHANGED, BROKEN = ErratumState.HOLDS, ErratumState.CHANGED, ErratumState.BROKEN
FAILS = {
    "given": MODEL,
    "printed": "model.fit('raw')",
    "modern": "model.fit('prepared')",
    "outcome": Fails("ValueError", "incompatible", When.FIT, steps=2),
    "check": "model.optimizer.iterations",
    "gives": 2,
}
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


def erratum(**changes):
    fields = {"id": "raw-data", "slide": "Example 3", "statement": "The raw data are passed."}
    return Erratum(**fields | FAILS | changes)


@pytest.mark.parametrize(
    ("changes", "did"),
    [
        (FAILS, ("in fit, after 2 training steps", "ValueError: incompatible shape", "", None, 2)),
        (DIFFERS, ("", "", "", 3, 1.5)),
        (WARNS, ("", "", "use new() instead", 1, 1)),
        (DIFFERS | {"modern": "y = 1.5000001", "tolerance": 1e-6}, ("", "", "", 3, 1.5000001)),
    ],
)
def test_it_holds(changes, did):
    made = erratum(**changes).examine("jax")
    assert made.state is HOLDS
    assert (made.when, made.error, made.warning, made.today, made.replacement) == did


def fails(*arguments, **more):
    return {"outcome": Fails(*arguments, **more)}


@pytest.mark.parametrize(
    ("form", "changes", "said"),
    [
        ("printed", {"printed": "model.fit('other')"}, "received: it runs"),
        ("printed", fails("TypeError", "incompatible", When.FIT, steps=2), "received: ValueError: incompatible"),
        ("printed", fails("ValueError", "dtype", When.FIT, steps=2), "expected ValueError saying 'dtype'"),
        ("printed", fails("ValueError", "incompatible", When.COMPILE, steps=2), "in compile"),
        ("printed", fails("ValueError", "incompatible", When.FIT, steps=0), "before the first training step"),
        ("printed", fails("ValueError", "incompatible", When.FIT), "expected"),
        ("printed", DIFFERS | {"printed": "y = max(x)"}, "gives 3; received: 2"),
        ("printed", DIFFERS | {"printed": "y = nothing"}, "NameError"),
        ("printed", DIFFERS | {"printed": "y = 3\nimport warnings\nwarnings.warn('no')"}, "received the warning: no"),
        ("printed", DIFFERS | {"outcome": Differs(slide=1.5, today=3, warns="ignored")}, "received: no warning"),
        ("printed", DIFFERS | {"printed": "z = sum(x)"}, "received: NameError"),
        ("printed", WARNS | {"printed": "y = 1"}, "received: no warning"),
        ("printed", WARNS | {"outcome": Warns("gone")}, "received: use new() instead"),
        ("printed", WARNS | {"printed": "y = old() + 1"}, "gives 1; received: 2"),
        ("printed", {"printed": "f("}, "'(' was never closed"),
        ("printed", {"printed": "pass", "modern": "1 / 0"}, "; modern form: expected"),
        ("modern", {"modern": "model.fit('raw') "}, "received: ValueError: incompatible shape"),
        ("modern", {"modern": "pass"}, "gives 2; received: 0"),
        ("modern", {"modern": "a b"}, "received: SyntaxError"),
        ("modern", {"check": "x = 1"}, "gives 2; received: None"),
        ("modern", {"modern": "warnings.warn('no')\nmodel.fit('x')"}, "received the warning: no"),
        ("modern", {"modern": "model = None"}, "received: AttributeError"),
        ("modern", DIFFERS | {"modern": "y = sum(x) "}, "gives 1.5; received: 3"),
        ("modern", DIFFERS | {"modern": "y = 1.5000001"}, "received: 1.5000001"),
        ("modern", DIFFERS | {"modern": "y = 1.50001", "tolerance": 1e-6}, "received: 1.50001"),
        ("modern", WARNS | {"modern": "y = new() + 1"}, "received: 2"),
    ],
)
def test_a_form_that_does_something_else_is_red(form, changes, said):
    made = erratum(**changes).examine("jax")
    assert made.state is (CHANGED if form == "printed" else BROKEN)
    assert made.reason.startswith(f"{form} form: expected")
    assert said in made.reason


@pytest.mark.parametrize(("given", "said"), [("import no_such_module", "no_such_module"), ("a b", "SyntaxError")])
def test_what_cannot_be_set_up_is_not_run(given, said):
    made = erratum(given=given).examine("jax")
    assert made.state is ErratumState.NOT_RUN
    assert said in made.reason


def test_a_backend_may_have_an_outcome_of_its_own():
    made = erratum(outcome=Warns("other"), on={"jax": FAILS["outcome"]})
    assert made.examine("jax").state is HOLDS
    assert made.examine("tensorflow").state is CHANGED


def test_each_form_has_a_folder_and_names_of_its_own():
    before = os.getcwd()
    made = erratum(
        given="import os",
        printed="open('file', 'x').close()\nseen = 1\nos.listdir('none')",
        modern="open('file', 'x').close()",
        outcome=Fails("FileNotFoundError", "none"),
        check="[os.listdir(), 'seen' in globals()]",
        gives=[["file"], False],
    )
    assert made.examine("jax").state is HOLDS
    assert os.getcwd() == before


def test_code_that_cannot_be_read_may_be_printed():
    made = erratum(printed="f(", outcome=Fails("SyntaxError", "never closed", When.READING, steps=0))
    assert made.examine("jax").state is HOLDS


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
        ({"outcome": "ValueError"}, "Expected: Fails, Warns or Differs"),
        ({"on": {"jax": None}}, "Expected: Fails, Warns or Differs"),
        (fails("ValueError", " "), "Invalid text of the outcome of erratum 'raw-data'"),
        ({"outcome": Warns("")}, "Invalid text of the outcome"),
    ],
)
def test_it_checks_itself(changes, said):
    with pytest.raises(SuiteError) as caught:
        erratum(**changes)
    assert said in str(caught.value)


@pytest.mark.parametrize("same", [(1, 1), ("a", "a")])
def test_two_equal_values_are_no_difference(same):
    with pytest.raises(SuiteError):
        Differs(*same)


def test_values_are_plain():
    values = (np.float64(0.5), np.arange(2), None, True, "a", float("inf"))
    assert plain(values) == [0.5, [0, 1], None, True, "a", "inf"]
    assert plain(ValueError("x")) == "x"


# Snippets


def names():
    known = {}
    assert run(MODEL, known).error is None
    return known


@pytest.mark.parametrize(("text", "value"), [("a = 2\na + 1", 3), ("a = 2", None), ("", None), ("print('x')", None)])
def test_the_value_is_that_of_the_last_expression(text, value, capsys):
    ran = run(text, {})
    assert (ran.value, ran.error, ran.message, ran.moment) == (value, None, "", "")
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("f(1", "when Python reads it"),
        ("import os, no_such_module", "at the import"),
        ("from os import nothing_of_that_name", "at the import"),
        ("model.compile(True)", "in compile"),
        ("model.optimizer.iterations = 0\nhistory = model.fit(fails=True)", "in fit, before the first training step"),
        ("model.fit('raw')", "in fit, after 2 training steps"),
        ("model.evaluate(fails=True)", "in evaluate"),
        ("x = model.predict(fails=True)", "in predict"),
        ("class Layer:\n    def __init__(self): assert 0\nmodel.layer = Layer()", "at construction"),
        ("1 / 0", "at that line"),
        ("Missing(1)", "at that line"),
        ("odel.evaluate(1)", "at that line"),
        ("model.fit('x')\nunknown", "at that line, after 2 training steps"),
    ],
)
def test_when_it_fails(text, moment):
    assert run(f"a = 1\n{text}", names()).moment == moment


def test_statements_before_the_error_have_run():
    known = {}
    assert run("a = 1\nb = a / 0\nc = 3", known).message == "ZeroDivisionError: division by zero"
    assert run("d = 1\ne = (", known).when is When.READING  # nothing runs of what cannot be read
    assert {"a", "b", "c", "d"} & {*known} == {"a"}


def test_a_counter_without_a_value_has_not_counted():
    class Unset:
        def __int__(self):
            raise TypeError("no value")

    model = SimpleNamespace(optimizer=SimpleNamespace(iterations=Unset()))
    assert run("1", {"model": model}).steps == 0
    assert run("1", {"model": SimpleNamespace(optimizer=None)}).steps is None
    assert run("1", {}).steps is None


def test_user_warnings_are_kept_each_once():
    text = "import warnings\nfor _ in range(2): warnings.warn('ignored')\nwarnings.warn('old', DeprecationWarning)"
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert run(text, {}).warned == ("ignored",)


def test_ctrl_c_passes_through():
    with pytest.raises(KeyboardInterrupt):
        run("raise KeyboardInterrupt", {})


FOLDER = "/" + "home/someone/lib/python3.11/keras"


@pytest.mark.parametrize(
    ("message", "shown"),
    [
        (f"cannot import 'x' from 'keras.utils' ({FOLDER}/utils/__init__.py)", "'keras.utils' (__init__.py)"),
        ("C:\\Users\\me\\keras\\x.py failed", "x.py failed"),
        ("<L1L2 object at 0x7fed08189010>", "<L1L2 object>"),
        ("\x1b[1mInvalid\x1b[0m\n  input", "Invalid input"),
        ("model/mnist.hdf5 and 1/2 and a / b", "model/mnist.hdf5 and 1/2 and a / b"),
        ("x" * 400, "x" * 300 + "…"),
    ],
)
def test_messages_are_the_same_on_every_machine(message, shown):
    assert readable(message).endswith(shown)
    assert "someone" not in readable(message)
