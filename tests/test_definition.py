import dataclasses
import functools
import importlib
import sys
import tempfile
from pathlib import Path

import numpy as np
import pytest
from harness.definition import definition_hash, variant_hash

from harness.errors import SuiteError
from harness.experiment import Experiment, Size, Variant
from harness.figures import Sweep
from harness.metric import Metric

ROOT = Path(__file__).parents[1]
HELPERS = '''
SCALE = 255.0
def scaled(x):
    """Scales."""
    return shifted(x) / SCALE
def shifted(x):
    return x - 0
def offset(x):
    return x + 7
def doubled(x):
    return x * 2
'''

COURSE = '''
import functools
from . import helpers
from .helpers import scaled

WIDTH = 32
RATES = (0.1, 0.2)
HERE = __file__

def data():
    """Loads."""
    from .helpers import offset as moved
    import course.helpers as other
    return other.doubled(moved(scaled(1))), HERE

def dense(units, *, act="relu"):
    return units, act

def model(rate=0.5):
    return [dense(WIDTH), helpers.scaled(rate), even(4)]

def even(n):
    return n == 0 or odd(n - 1)

def odd(n):
    return n != 0 and even(n - 1)

def other():
    return RATES

def optimizer():
    import keras
    return keras.optimizers.Adam(1e-3)

@functools.cache
def cached():
    return RATES

def layers(n):
    def model():
        return n
    return model

class Layer:
    width = 3
    def call(self, x):
        return x * WIDTH

def custom():
    return Layer()

def steps(history):
    return len(history["loss"])
'''


@pytest.fixture
def load(tmp_path):
    """Imports a fresh copy of the two-module course, after text replacements, and returns its main module."""
    with pytest.MonkeyPatch.context() as patch:

        def load(*changes: tuple[str, str]):
            folder = Path(tempfile.mkdtemp(dir=tmp_path))
            package = folder / "course"
            package.mkdir()
            (package / "__init__.py").write_text("")
            texts = {"helpers": HELPERS, "main": COURSE}
            for old, new in changes:
                assert sum(text.count(old) for text in texts.values()) == 1, old
                texts = {name: text.replace(old, new) for name, text in texts.items()}
            for name, text in texts.items():
                (package / f"{name}.py").write_text(text)
            forget()
            patch.syspath_prepend(folder)
            return importlib.import_module("course.main")

        yield load
    forget()


def forget() -> None:
    for name in [name for name in sys.modules if name.split(".")[0] == "course"]:
        del sys.modules[name]


def experiment(course, **changes) -> Experiment:
    fields = {
        "id": "deep",
        "data": course.data,
        "model": course.model,
        "optimizer": course.optimizer,
        "loss": "mse",
        "sizes": {"quick": Size(2, 32, 100), "lecture": Size(20, 512)},
        "variants": (
            Variant("plain"),
            Variant("other", model=course.other),
            Variant("partial", model=functools.partial(course.dense, 3, act="elu")),
            Variant("cached", model=course.cached),
            Variant("closure", model=course.layers(3)),
            Variant("custom", model=course.custom),
        ),
        "metrics": (Metric("val_loss", "lower", "nats", 0.01), Metric("steps", "lower", "", 1, of=course.steps)),
    }
    return Experiment(**(fields | changes))


def hashes(course, setting="quick", **changes) -> dict[str, str]:
    declared = experiment(course, **changes)
    return {v.name: variant_hash(declared, v.name, setting) for v in declared.variants}


def moved(before: dict[str, str], after: dict[str, str]) -> set[str]:
    return {name for name in before if before[name] != after.get(name)}


ALL = {"plain", "other", "partial", "cached", "closure", "custom"}


def test_hashes_are_16_hex_digits_and_stable(load):
    first = hashes(load())
    assert first == hashes(load())
    assert all(len(value) == 16 and int(value, 16) >= 0 for value in first.values())
    assert len(set(first.values())) == len(first)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('"""Loads."""', '"""Loads the data, in other words."""'),
        ('    """Scales."""\n', ""),
        ("WIDTH = 32", "# how wide\n\n\nWIDTH = 32"),
        ("    return units, act", "    # both\n    return (\n        units,\n        act,\n    )"),
        ("def odd(n):", "def odd(n: int) -> bool:"),
        ("1e-3", "0.001"),
        ("SCALE = 255.0", "UNUSED = 1\nSCALE = 255.0"),
    ],
    ids=["docstring", "helper's docstring", "lines", "formatting", "annotation", "another spelling", "unused"],
)
def test_what_trains_the_same_has_the_same_hash(load, old, new):
    assert hashes(load((old, new))) == hashes(load())


@pytest.mark.parametrize(
    ("old", "new", "affected"),
    [
        ("WIDTH = 32", "WIDTH = 33", {"plain", "custom"}),
        ("SCALE = 255.0", "SCALE = 256.0", ALL),
        ("SCALE = 255.0", "SCALE = 255", ALL),
        ("return x - 0", "return x - 1", ALL),
        ("return x + 7", "return x + 8", ALL),
        ("return x * 2", "return x * 3", ALL),
        ("rate=0.5", "rate=0.25", {"plain"}),
        ("even(n - 1)", "even(n - 3)", {"plain"}),
        ("(0.1, 0.2)", "(0.1, 0.3)", {"other", "cached"}),
        ('act="relu"', 'act="tanh"', {"plain", "partial"}),
        ("Adam(1e-3)", "Adam(2e-3)", ALL),
        ("x * WIDTH", "x + WIDTH", {"custom"}),
        ("width = 3", "width = 4", {"custom"}),
        ('len(history["loss"])', 'len(history["val_loss"])', ALL),
    ],
)
def test_what_trains_otherwise_changes_the_variants_concerned_and_no_other(load, old, new, affected):
    assert moved(hashes(load()), hashes(load((old, new)))) == affected


@pytest.mark.parametrize(
    "changes",
    [
        {"loss": "mae"},
        {"accuracy": False},
        {"inference": True},
        {"halves": True},
        {"metrics": (Metric("val_loss", "lower", "nats", 0.01),)},
        {"sizes": {"quick": Size(3, 32, 100), "lecture": Size(20, 512)}},
        {"sizes": {"quick": Size(2, 33, 100), "lecture": Size(20, 512)}},
        {"sizes": {"quick": Size(2, 32, None), "lecture": Size(20, 512)}},
    ],
)
def test_each_declared_field_counts(load, changes):
    course = load()
    assert moved(hashes(course), hashes(course, **changes)) == ALL


@pytest.mark.parametrize(
    "changes",
    [
        {"id": "another"},
        {"sizes": {"quick": Size(2, 32, 100, seeds=30), "lecture": Size(1, 1)}},
        {"printed": {"plain": {"loss": (1.0,)}}},
    ],
)
def test_what_does_not_decide_a_trial_does_not_count(load, changes):
    course = load()
    assert hashes(course) == hashes(course, **changes)


def test_variants_are_independent_and_the_experiments_hash_covers_them(load):
    course = load()
    whole = experiment(course)
    fewer = experiment(course, variants=whole.variants[:2])
    assert variant_hash(fewer, "plain", "quick") == variant_hash(whole, "plain", "quick")
    assert definition_hash(fewer, "quick") != definition_hash(whole, "quick")
    assert definition_hash(whole, "quick") != definition_hash(whole, "lecture")
    assert definition_hash(whole, "quick") == definition_hash(experiment(course, id="another"), "quick")


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (lambda c: functools.partial(c.dense, 3), lambda c: functools.partial(c.dense, 4)),
        (lambda c: functools.partial(c.dense, 3), lambda c: functools.partial(c.dense, 3, act="relu")),
        (lambda c: functools.partial(c.dense, 3, act="elu"), lambda c: functools.partial(c.dense, 3, act="relu")),
        (lambda c: functools.partial(c.dense, c.even), lambda c: functools.partial(c.dense, c.odd)),
        (lambda c: functools.partial(c.dense, np.tanh), lambda c: functools.partial(c.dense, np.exp)),
        (lambda c: functools.partial(c.dense, np.arange(3)), lambda c: functools.partial(c.dense, np.arange(1, 4))),
        (lambda c: functools.partial(c.dense, np.zeros(3)), lambda c: functools.partial(c.dense, np.zeros((3, 1)))),
        (lambda c: functools.partial(c.dense, 1), lambda c: functools.partial(c.dense, True)),
        (lambda c: functools.partial(c.dense, Size(1, 2)), lambda c: functools.partial(c.dense, Size(1, 3))),
        (lambda c: c.layers(3), lambda c: c.layers(4)),
    ],
)
def test_arguments_and_closures_count_by_value(load, first, second):
    course = load()
    one, two, again = (hashes(course, variants=(Variant("v", model=make(course)),)) for make in (first, second, first))
    assert one != two
    assert one == again


def test_arrays_in_a_module_count_by_value(load):
    table = ("RATES = (0.1, 0.2)", "import numpy as np\nRATES = np.array([0.1, 0.2])")
    same = hashes(load(table))
    assert same == hashes(load(table))
    assert moved(same, hashes(load((table[0], table[1].replace("0.2", "0.3"))))) == {"other", "cached"}


@pytest.mark.parametrize("builder", [lambda: 1, len, "model", functools.partial(lambda x: x, 1), np.tanh])
def test_builders_without_a_source_are_refused(load, builder):
    with pytest.raises(SuiteError, match=r"Invalid model builder of variant 'v' of experiment 'deep'\. Expected: "):
        hashes(load(), variants=(Variant("v", model=builder),))


def test_a_lambda_that_a_builder_names_is_refused(load):
    with pytest.raises(SuiteError, match="a lambda"):
        hashes(load(("RATES = (0.1, 0.2)", "RATES = lambda: 1")))


def test_facts_count(load):
    course = load()
    bare, given = (hashes(course, variants=(Variant("v", facts=facts),)) for facts in (None, course.other))
    assert bare != given


def test_what_is_followed_and_observed_counts(load):
    course = load()
    bare = hashes(course)
    seen = [
        bare,
        hashes(course, follow={"one": course.other}),
        hashes(course, follow={"two": course.other}),
        hashes(course, follow={"one": course.model}),
        hashes(course, observe=course.other),
        hashes(course, observe=course.model),
    ]
    for place, one in enumerate(seen):
        for two in seen[place + 1 :]:
            assert moved(one, two) == ALL


def test_a_followed_function_counts_by_what_it_does(load):
    before, after = load(), load(("(0.1, 0.2)", "(0.1, 0.3)"))
    given = {"variants": (Variant("v"),)}
    followed = [hashes(course, follow={"one": course.other}, **given) for course in (before, after)]
    observed = [hashes(course, observe=course.other, **given) for course in (before, after)]
    assert followed[0] != followed[1]
    assert observed[0] != observed[1]
    assert hashes(before, **given) == hashes(after, **given)


def test_figures_do_not_count(load):
    course = load()
    arms = (Variant("a", model=course.other), Variant("b", model=course.model))
    placed = tuple(dataclasses.replace(arm, at=float(place), series="s") for place, arm in enumerate(arms))
    sweep = Sweep(over="width", metric="steps", title="Steps, by width.")
    assert hashes(course, variants=arms) == hashes(course, variants=placed, sweep=sweep, surface=course.other)


def test_of_an_optimizer_for_each_setting_only_that_of_the_setting_counts(load):
    course = load()
    arms = [
        (Variant("v", optimizer={"quick": course.optimizer, "lecture": lecture}),)
        for lecture in (course.other, course.cached)
    ]
    quick, lecture = ([hashes(course, setting, variants=arm) for arm in arms] for setting in ("quick", "lecture"))
    assert quick[0] == quick[1] == hashes(course, variants=(Variant("v"),))
    assert lecture[0] != lecture[1]
