"""The vectorized engine held to ``compiled`` in all other trainings, which a process of their own measures."""

import json
import subprocess
import sys

import pytest

from tests.training.conftest import ROOT, environment
from tests.training.test_vectorized import same

pytestmark = pytest.mark.slow
OTHERS = [
    *((arm, "among") for arm in ("softmax", "linear", "activity l1", "batch norm", "masks")),
    ("softmax", "bytes"),
    ("batch norm", "epoch by epoch"),
    ("linear", "epoch by epoch"),
]


@pytest.fixture(scope="module")
def others(tmp_path_factory):
    """Of the trainings that a process of their own measures."""
    file = tmp_path_factory.mktemp("others") / "jax.json"
    command = [sys.executable, "-m", "tests.training.worker", "jax", str(file), "vectorized, others"]
    done = subprocess.run(command, cwd=ROOT, env=environment(), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    return json.loads(file.read_text("utf-8"))["vectorized, others"]


@pytest.mark.parametrize(("arm", "way"), OTHERS)
def test_same_seed_same_curve_in_other_trainings(others, arm, way):
    assert same(others[arm][way], others[arm]["compiled"]) == {}
    assert others[arm]["different"] == 16
