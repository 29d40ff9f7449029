"""Operations and least traffic of an epoch, counted by hand."""

from __future__ import annotations

import pytest

from benchmarks.roofline import least_bytes, operations

FIVE = [(784, 256), *[(256, 256)] * 4, (256, 10)]


@pytest.mark.parametrize(
    ("shapes", "train", "validation", "by_hand"),
    [
        ([(3, 3)], 8, 3, 8 * 2 * 18 + 3 * 18),  # no one needs the gradient of the first layer's inputs
        ([(4, 5), (5, 2)], 1, 0, 2 * 40 + 3 * 20),
        ([(784, 256), (256, 10)], 1000, 100, 1000 * (4 * 784 * 256 + 6 * 2560) + 100 * 2 * (784 * 256 + 2560)),
    ],
)
def test_operations(shapes: list[tuple[int, int]], train: int, validation: int, by_hand: int) -> None:
    assert operations(shapes, train, validation) == by_hand


def test_least_traffic() -> None:
    """One layer, three images of two pixels in batches of two; then two layers, whose second kernel is read twice."""
    images, outputs, steps, checked = 3 * 4 * 2, 3 * 5 * 4, 2 * (2 + 3) * 3 * 4, 5 * (2 + 2 * 4) + 3 * 4
    assert least_bytes([(2, 1)], 3, 5, 2, "sgd") == images + outputs + steps + checked
    images, hidden, outputs = 4 * 2 * 4, 4 * (4 + 2) * 3, 4 * 5
    step = 4 * ((9 + 4) * (2 + 7) + 4)
    assert least_bytes([(2, 3), (3, 1)], 1, 0, 1, "adam", pixel_bytes=4) == images + hidden + outputs + step
    assert least_bytes(FIVE, 60_000, 10_000, 512) == pytest.approx(4.51e9, rel=0.01)
