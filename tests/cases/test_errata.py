"""Each of the lecture's errata is red if its statement is no longer true.

They need Keras, so all are examined, unchanged and spoilt, in one process: ``python -m tests.cases.test_errata FILE``.
"""

import ast
import dataclasses
import json
import subprocess
import sys
from pathlib import Path

import pytest

from cases import CLAIMS
from cases.errata import ERRATA
from harness.erratum import Differs, Fails, Warns, When
from harness.training.backend import choose_backend, start_backend
from tests.suite.command import ROOT, environment

BY_ID = {erratum.id: erratum for erratum in ERRATA}
BACKEND = "tensorflow"


def printed_runs(erratum):
    """As if the slide's code ran again, or did what the slide says."""
    outcome = erratum.expected(BACKEND)
    if isinstance(outcome, Differs):
        back = Differs(slide=outcome.today, today=outcome.slide, warns=outcome.warns)
        return dataclasses.replace(erratum, outcome=back, on={})
    return dataclasses.replace(erratum, printed=erratum.modern, modern=erratum.modern + "\n")


SPOILT = {
    "none": (lambda erratum: erratum, "holds"),
    "printed runs": (printed_runs, "changed"),
    "another model": (lambda erratum: dataclasses.replace(erratum, gives="something else"), "broken"),
}


@pytest.fixture(scope="module")
def states(tmp_path_factory):
    """State of each erratum, by mutation and erratum, from one process."""
    path = tmp_path_factory.mktemp("errata") / "states.json"
    command = [sys.executable, "-m", "tests.cases.test_errata", str(path)]
    done = subprocess.run(command, cwd=ROOT, env=environment(), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    return json.loads(path.read_text(encoding="utf-8"))


@pytest.mark.slow
@pytest.mark.parametrize("mutation", SPOILT)
def test_each_is_red_when_it_is_no_longer_so(states, mutation):
    """Where the printed form only warns, another model is not that of the printed form either."""
    warns = {erratum.id for erratum in ERRATA if isinstance(erratum.outcome, Warns) and mutation == "another model"}
    assert states[mutation] == {name: "changed" if name in warns else SPOILT[mutation][1] for name in BY_ID}


@pytest.mark.parametrize("erratum", ERRATA, ids=lambda erratum: erratum.id)
def test_it_reads_like_a_note_to_the_lecturer(erratum):
    assert erratum.statement.endswith(".")
    if isinstance(erratum.outcome, Fails) and erratum.outcome.when is When.FIT:
        assert erratum.outcome.steps is not None
    assert not erratum.despite or erratum.despite in {claim.key for claim in CLAIMS}


def test_a_whole_epoch_is_trained_before_the_unprepared_images_fail():
    outcome = BY_ID["x-validation-unprepared"].outcome
    assert (outcome.when, outcome.steps) == (When.FIT, 2)  # 8 images in batches of 4


def arguments(code: str) -> set[str]:
    """Name and value of every argument of an optimizer in the code."""
    calls = [node for node in ast.walk(ast.parse(code)) if isinstance(node, ast.Call)]
    made = [call for call in calls if isinstance(call.func, ast.Attribute) and call.func.attr[0].isupper()]
    return {ast.unparse(keyword) for call in made for keyword in call.keywords}


@pytest.mark.parametrize("name", [erratum.id for erratum in ERRATA if erratum.within])
def test_the_replacement_that_an_erratum_is_within_mends_it_too(name):
    erratum, outer = BY_ID[name], BY_ID[BY_ID[name].within]
    assert arguments(erratum.modern) <= arguments(outer.modern)
    assert "epsilon=None" in outer.printed or "epsilon" not in erratum.printed
    gone, kept = arguments(erratum.printed) - arguments(erratum.modern), arguments(outer.modern)
    assert not {each.partition("=")[0] for each in gone} & {each.partition("=")[0] for each in kept}
    assert erratum.slide == outer.slide


if __name__ == "__main__":
    choose_backend(BACKEND)
    start_backend()
    examined = {
        mutation: {erratum.id: str(change(erratum).examine(BACKEND).state) for erratum in ERRATA}
        for mutation, (change, _) in SPOILT.items()
    }
    Path(sys.argv[1]).write_text(json.dumps(examined), encoding="utf-8")
