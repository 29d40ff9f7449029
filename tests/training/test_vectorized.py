"""The vectorized engine compared with ``compiled`` seed by seed, and blocks in which something fails."""

import re

import numpy as np
import pytest

from tests.training.conftest import measure
from tests.training.test_engines import HITS, LOSS, limit

pytestmark = pytest.mark.slow

WAYS = [
    ("two relu", "alone"),
    ("two relu", "among"),
    ("dropout", "alone"),
    ("dropout", "among"),
    ("dropout", "bytes"),
    ("dropout", "epoch by epoch"),
]


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    """Of the trainings that a process of their own measures."""
    return measure("jax", "vectorized", tmp_path_factory.mktemp("vectorized"))


def same(ours, theirs, near=limit):
    """What differs of two lists of trials: seeds, divergences, curves by name."""
    assert [t["seed"] for t in ours] == [t["seed"] for t in theirs]
    assert [t["divergence"] for t in ours] == [t["divergence"] for t in theirs]
    wrong = {}
    for one, other in zip(ours, theirs, strict=True):
        assert one["history"].keys() == other["history"].keys()
        for name, curve in one["history"].items():
            a, b = (np.array([np.nan if v is None else v for v in c]) for c in (curve, other["history"][name]))
            assert len(a) == len(b) > 0
            np.testing.assert_array_equal(np.isnan(a), np.isnan(b))
            if not np.all(np.isnan(a)) and not np.nanmax(np.abs(a - b) / np.maximum(1, np.abs(b))) <= near(name):
                wrong[one["seed"], name] = (curve, other["history"][name])
    return wrong


@pytest.mark.parametrize(("arm", "way"), WAYS)
def test_same_seed_same_curve(found, arm, way):
    assert same(found["agreement"][arm][way], found["agreement"][arm]["compiled"]) == {}


def test_tolerance_tells_seeds_apart(found):
    """Two seeds of one training differ by far more than is accepted of one seed."""
    first, second = found["agreement"]["two relu"]["compiled"]
    assert min(np.abs(np.subtract(first["history"]["loss"], second["history"]["loss"]))) > 100 * LOSS > HITS


def test_replicas_are_different_trainings(found):
    assert {arm: of["different"] for arm, of in found["agreement"].items()} == {"two relu": 256, "dropout": 256}


def test_blocks_of_a_gpu(found):
    """Ten seeds in three blocks of four replicas, the three epochs of each in one launch."""
    assert found["on_a_gpu"]["widths"] == [[4, 3]] * 3
    assert same(found["on_a_gpu"]["trials"], found["on_a_gpu"]["compiled"]) == {}


def test_a_replica_that_fails_leaves_the_others_alone(found):
    ours, theirs = found["replicas_fail"]["vectorized"], found["replicas_fail"]["compiled"]
    assert same(ours, theirs) == {}
    kinds = {trial["divergence"] and trial["divergence"]["kind"] for trial in ours}
    assert kinds == {None, "inf"}


@pytest.mark.parametrize("how", ["", ", epoch by epoch"])
def test_what_is_followed_and_observed(found, how):
    ours, theirs = (found["looks"][f"{engine}{how}"] for engine in ("vectorized", "compiled"))
    assert {"followed", "observed", "initial_observed", "even_val_loss"} <= set(ours[0]["history"])
    # ``look`` sums in float64 what the device sums in float32
    assert same(ours, theirs, near=lambda name: 1e-5) == {}


def test_no_epoch_at_all(found):
    ours, theirs = (found["looks"][f"{engine}, no epoch"] for engine in ("vectorized", "compiled"))
    assert set(ours[0]["history"]) == {"initial_observed", "initial_examples"}
    assert same(ours, theirs, near=lambda name: 0) == {}


def test_variants_of_one_structure_share_a_program(found):
    """Another rate, other data and another initializer do; fewer images do not."""
    counts = found["sharing"]["programs"]
    assert counts == {"first": 1, "other rate": 1, "other data": 1, "other initializer": 1, "fewer images": 2}
    first, other = (found["sharing"]["vectorized"][name][0]["history"] for name in ("first", "other initializer"))
    assert first != other
    for name in ("other data", "other initializer"):
        assert same(found["sharing"]["vectorized"][name], found["sharing"]["compiled"][name]) == {}


@pytest.mark.parametrize("how", ["launch", "counted", "unclear"])
def test_blocks_shrink_until_they_fit(found, how):
    assert same(found["memory"][how], found["memory"]["plain"]) == {}


def test_shrinking_is_said(found):
    first, second, third, *_, last = found["memory"]["said"]
    assert first == "regression/linear: the memory ran out: 4 seeds at once instead of 8."
    assert second == "regression/linear: the memory ran out: 2 seeds at once instead of 4."
    size = r"[\d.]+ (bytes|kB|MB)"
    shape = rf"regression/linear: a block needs {size} of memory, {size} are free: \d seeds? at once instead of 8\."
    assert re.fullmatch(shape, third)
    assert last.endswith("1 kB are free: 1 seed at once instead of 8.")


def test_an_unclear_error_of_a_device_that_works(found):
    """What a library says that lacks memory and does not know it, as seen under a limit of the address space."""
    (told,) = found["memory"]["told"]
    assert told == (
        "regression/linear: the device failed, and works (INTERNAL: YNNPACK operation failed: error): "
        "4 seeds at once instead of 8."
    )


def test_no_room_for_one_seed(found):
    said = found["memory"]["none"]
    assert "for one seed alone" in said
    assert "--engine compiled" in said


def test_a_device_that_disappears(found):
    assert found["device_gone"]["kept"] == [0, 1, 2, 3]
    said = found["device_gone"]["said"]
    for part in ("seeds 4 to 7", "4 of 8 seeds are finished", "CUDA_ERROR_ECC_UNCORRECTABLE", "--resume"):
        assert part in said


def test_interrupt_keeps_finished_blocks(found):
    stopped = found["interrupted"]
    assert stopped["raised"]
    assert stopped["kept"] == [4, 9]
    assert stopped["told"] == [[4, 8], [9, 8], [2, 8]]


def test_a_layer_that_cannot_be_vectorized_is_named(found):
    assert [trial["engine"] for trial in found["not_vectorizable"]["trials"]] == ["compiled"] * 2
    (said,) = found["not_vectorizable"]["said"]
    assert said.startswith("host/asks: layer 'asks' (AskHost) cannot be vectorized (NotImplementedError: ")
    assert said.endswith("engine compiled trains it, one seed after another.")


def test_bits_do_not_depend_on_how_many_seeds(found):
    """On a CPU, where every block has the same number of replicas."""
    counts = found["counts"]
    for how in ("second", "of twenty"):
        assert counts[how][0]["history"] == counts["alone"][0]["history"]
    assert counts["order"] == [11, *range(100, 118), 3]


def test_a_perturbed_trial_is_that_of_compiled(found):
    assert same(found["counts"]["perturbed"], found["counts"]["perturbed compiled"]) == {}
    histories = ([trial["history"] for trial in found["counts"][name]] for name in ("perturbed", "unperturbed"))
    assert next(histories) != next(histories)


def test_engine_by_default(found):
    assert found["by_default"] == {"tiny": "vectorized", "larger": "compiled", "convolution": "compiled"}


def test_seconds_are_shares(found):
    for trial in found["agreement"]["two relu"]["among"]:
        seconds = trial["seconds"]
        assert 0 < seconds["steady_epoch"] <= seconds["total"]
        assert seconds["compile"] == 0
