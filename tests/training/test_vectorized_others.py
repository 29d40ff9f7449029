"""The vectorized engine compared with ``compiled`` in all other trainings, which a process of their own measures."""

import pytest

from tests.training.conftest import measure
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
    return measure("jax", "vectorized, others", tmp_path_factory.mktemp("others"))


@pytest.mark.parametrize(("arm", "way"), OTHERS)
def test_same_seed_same_curve_in_other_trainings(others, arm, way):
    assert same(others[arm][way], others[arm]["compiled"]) == {}
    assert others[arm]["different"] == 16
