"""What a check and the self-checks each detect of a fault, on evidence of one training."""

import json
import subprocess
import sys

import pytest

from harness.course import ROOT
from tests.faults.trying import NAMES

pytestmark = pytest.mark.slow
RATE, BETA = NAMES


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    folder = tmp_path_factory.mktemp("seen")
    command = [sys.executable, "-m", "tests.faults.trying", str(folder / "baselines"), str(folder / "seen.json")]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    return json.loads((folder / "seen.json").read_text("utf-8"))


def test_a_check_sees_a_fault_of_what_it_trains_and_nothing_else(found):
    """SGD with another rate moves; a constant of Adam does not, nor does anything move without a fault."""
    assert found["check"][RATE].startswith("gradient-descent/rate 0.01 moved")
    assert (found["check"]["none"], found["check"][BETA]) == ("", "")


def test_the_self_checks_see_it_without_the_check(found):
    assert found["row"]["self-checks"].startswith("network/")
    assert found["row"]["check"] == found["check"][RATE]


def test_a_fault_that_acts_in_the_second_step_acts_within_t(found):
    assert found["within"] == {RATE: True, BETA: True}
    assert found["row"]["within T"]


def test_a_training_without_evidence_is_named(found):
    assert "evidence of batch-normalization-rates/plain, rate 0.1" in found["without evidence"]
    assert "--update-baselines" in found["without evidence"]
