"""Each of the lecture's errata is red if its statement is no longer true; CATALOGUE.md lists them all."""

import ast
import json
import subprocess
import sys

import pytest

from cases import CLAIMS
from cases.errata import ERRATA
from harness.domain.erratum import Differs, Fails, Warns, When
from tests.suite.command import ROOT, environment

BY_ID = {erratum.id: erratum for erratum in ERRATA}


@pytest.mark.parametrize("erratum", ERRATA, ids=lambda erratum: erratum.id)
def test_it_reads_like_a_note_to_the_lecturer(erratum):
    assert erratum.statement.endswith(".")
    assert isinstance(erratum.outcome, Fails | Warns | Differs)
    if isinstance(erratum.outcome, Fails) and erratum.outcome.when is When.FIT:
        assert erratum.outcome.steps is not None


def test_a_whole_epoch_is_trained_before_the_unprepared_images_fail():
    outcome = BY_ID["x-validation-unprepared"].outcome
    assert (outcome.when, outcome.steps) == (When.FIT, 2)  # 8 images in batches of 4


@pytest.fixture(scope="module")
def states(tmp_path_factory):
    """State of each erratum, by erratum and mutation, from one process."""
    path = tmp_path_factory.mktemp("errata") / "states.json"
    command = [sys.executable, "-m", "tests.cases.errata_mutations", str(path)]
    done = subprocess.run(command, cwd=ROOT, env=environment(), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    return json.loads(path.read_text(encoding="utf-8"))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("mutation", "state"), [("none", "holds"), ("printed runs", "changed"), ("another model", "broken")]
)
def test_each_is_red_when_it_is_no_longer_so(states, mutation, state):
    """Where the printed form only warns, another model is not that of the printed form either."""
    warns = {erratum.id for erratum in ERRATA if isinstance(erratum.outcome, Warns)}
    expected = {name: "changed" if name in warns and mutation == "another model" else state for name in BY_ID}
    assert {name: found[mutation] for name, found in states.items()} == expected


def arguments(code: str) -> set[str]:
    """Name and value of every argument of an optimizer in the code."""
    calls = [node for node in ast.walk(ast.parse(code)) if isinstance(node, ast.Call)]
    made = [call for call in calls if isinstance(call.func, ast.Attribute) and call.func.attr[0].isupper()]
    return {ast.unparse(keyword) for call in made for keyword in call.keywords}


@pytest.mark.parametrize("erratum", [one for one in ERRATA if one.within], ids=lambda one: one.id)
def test_the_replacement_that_an_erratum_is_within_mends_it_too(erratum):
    outer = BY_ID[erratum.within]
    assert arguments(erratum.modern) <= arguments(outer.modern)
    assert "epsilon=None" in outer.printed or "epsilon" not in erratum.printed
    assert not {name.partition("=")[0] for name in arguments(erratum.printed) - arguments(erratum.modern)} & {
        name.partition("=")[0] for name in arguments(outer.modern)
    }
    assert erratum.slide == outer.slide


@pytest.mark.parametrize("erratum", [one for one in ERRATA if one.despite], ids=lambda one: one.id)
def test_the_claim_that_holds_despite_an_erratum_exists(erratum):
    assert erratum.despite in {claim.key for claim in CLAIMS}
