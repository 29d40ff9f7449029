"""Snippets: their results, and when they fail."""

import warnings
from types import SimpleNamespace

import pytest

from harness.domain.erratum import When, readable, run

MODEL = """
class Model:
    def compile(self, fails=False):
        assert not fails
    def fit(self, fails=False):
        assert not fails
        optimizer.iterations += 3
    evaluate = predict = compile
model = Model()
model.optimizer = optimizer
"""


def names():
    given = {"optimizer": SimpleNamespace(iterations=0)}
    assert run(MODEL, given).error is None
    return given


@pytest.mark.parametrize(("text", "value"), [("a = 2\na + 1", 3), ("a = 2", None), ("", None), ("print('x')", None)])
def test_the_value_is_that_of_the_last_expression(text, value, capsys):
    ran = run(text, {})
    assert (ran.value, ran.error, ran.message, ran.moment) == (value, None, "", "")
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize(
    ("text", "when"),
    [
        ("f(1", When.READING),
        ("import os, no_such_module", When.IMPORT),
        ("from os import nothing_of_that_name", When.IMPORT),
        ("model.compile(True)", When.COMPILE),
        ("history = model.fit(fails=True)", When.FIT),
        ("model.evaluate(fails=True)", When.EVALUATE),
        ("x = model.predict(fails=True)", When.PREDICT),
        ("class Layer:\n    def __init__(self): assert 0\nmodel.layer = Layer()", When.CONSTRUCTION),
        ("1 / 0", When.STATEMENT),
        ("Missing(1)", When.STATEMENT),
        ("odel.evaluate(1)", When.STATEMENT),
    ],
)
def test_when_it_fails(text, when):
    ran = run(f"a = 1\n{text}", names())
    assert ran.error is not None
    assert ran.when is when


def test_statements_before_the_error_have_run():
    given: dict = {}
    ran = run("a = 1\nb = a / 0\nc = 3", given)
    assert ran.message == "ZeroDivisionError: division by zero"
    assert given["a"] == 1
    assert "c" not in given


def test_nothing_runs_of_what_cannot_be_read():
    given: dict = {}
    assert run("a = 1\nb = (", given).when is When.READING
    assert "a" not in given


@pytest.mark.parametrize(
    ("text", "steps", "moment"),
    [
        ("model.fit(fails=True)", 0, "in fit, before the first training step"),
        ("model.compile(fails=True)", 0, "in compile"),
        ("model.fit()\nmodel.fit(fails=True)", 3, "in fit, after 3 training steps"),
        ("model.fit()\nunknown", 3, "at that line, after 3 training steps"),
    ],
)
def test_training_steps_are_counted(text, steps, moment):
    ran = run(text, names())
    assert (ran.steps, ran.moment) == (steps, moment)


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
