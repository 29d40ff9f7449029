"""Two sides of one Keras agree; a fault shows as the stage that it changes, and in a script of plain Keras."""

import contextlib
import io
import re

import pytest

from benchmarks.faults.fault import injected
from benchmarks.faults.table import named
from harness.course import course
from harness.training.backends import active_backend
from harness.why.script import Sketch, shrunk
from harness.why.side import written_out
from reports.which import differ, differences
from tests.training.on_backend.check_where import BROKEN, FAULTS

STAGES = {
    "small: learning rate × 1.01": "gradient of Dense 1 kernel, by a step of SGD",
    "label smoothing of 0.01 always on": "gradient of Dense 1 kernel",
    "ReLU → leaky, 0.01": "outputs",
}
SCRIPTS = {name: training for name, (training, _) in FAULTS.items() if "random state" not in name}
"""A random state that stands still shows in a training's second step only, of which a script prints too little."""
QUICK = ("small: learning rate × 1.01",)


def split(training):
    experiment, _, variant = training.partition("/")
    return course().experiments[experiment], variant


def printed(text):
    with contextlib.redirect_stdout(io.StringIO()) as out:
        try:
            exec(compile(text, "script", "exec"), {"__name__": "script"})
        except Exception as error:
            return f"{type(error).__name__}: {error}"
    return out.getvalue().splitlines()[-1]


@pytest.mark.slow
@pytest.mark.parametrize("name", STAGES)
def test_a_fault_is_seen_in_its_stage(name):
    training, _ = FAULTS[name]
    sound = written_out(*split(training))
    again = written_out(*split(training))
    assert list(differences({"": sound}, {"": again})) == []
    with injected(named(name)):
        faulty = written_out(*split(training))
    _, stage, *_ = next(differences({"": sound}, {"": faulty}))
    assert stage.startswith(STAGES[name])


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=() if name in QUICK else pytest.mark.slow) for name in SCRIPTS]
)
def test_a_fault_shows_in_a_small_script_of_plain_keras(name):
    if active_backend() == "torch" and (name in BROKEN or named(name).where.startswith("keras.optimizers")):
        pytest.skip("PyTorch has forms of its own of what this fault changes")

    def differs(text):
        sound = printed(text)
        with injected(named(name)):
            return differ(sound, printed(text))

    sketch = shrunk(Sketch.of(*split(SCRIPTS[name])), differs)
    assert sketch is not None
    text = sketch.text()
    assert differs(text)
    assert text.count("\n") <= 30
    assert set(re.findall(r"^(?:import|from) (\w+)", text, re.MULTILINE)) == {"keras", "numpy"}
