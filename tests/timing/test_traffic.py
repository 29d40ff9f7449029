"""The least traffic of an epoch, counted by hand."""

import pytest

from harness.timing.traffic import floor_seconds, least_bytes


def test_one_layer_by_hand():
    """Three images of two pixels in batches of two, one output; weights are 2 + 1 numbers."""
    images = 3 * 4 * 2 * 1
    outputs = 3 * 5 * 1 * 4
    steps = 2 * (2 + 3) * 3 * 4
    checked = 5 * (2 * 1 + 2 * 1 * 4) + 3 * 4
    assert least_bytes([(2, 1)], 3, 5, 2, "sgd") == images + outputs + steps + checked


def test_two_layers_by_hand():
    """The second layer's gradient by its inputs reads its kernel once more; the first layer's is needed by no one."""
    images, hidden, outputs = 4 * 2 * 4, 4 * (4 + 2) * 3, 4 * 5 * 1
    weights = (2 * 3 + 3, 3 * 1 + 1)
    step = 4 * (sum(weights) * (2 + 7) + weights[1])
    assert least_bytes([(2, 3), (3, 1)], 1, 0, 1, "adam", pixel_bytes=4) == images + hidden + outputs + step


def test_the_lectures_networks():
    """About 4.5 GB an epoch for five hidden layers: 1.5 ms at 3 TB/s, most of it weights, moments and activations."""
    five = [(784, 256), *[(256, 256)] * 4, (256, 10)]
    assert least_bytes(five, 60_000, 10_000, 512) == pytest.approx(4.51e9, rel=0.01)
    assert least_bytes([(784, 10)], 60_000, 10_000, 512) == pytest.approx(0.242e9, rel=0.01)
    assert least_bytes(five, 60_000, 10_000, 512, "sgd") < 0.9 * least_bytes(five, 60_000, 10_000, 512)


@pytest.mark.parametrize(("flops", "bandwidth", "seconds"), [(10, 1e9, 0.1), (1e9, 4, 0.5)])
def test_the_slower_of_the_two_is_the_floor(flops, bandwidth, seconds):
    assert floor_seconds(1, 2, flops, bandwidth) == pytest.approx(seconds)
