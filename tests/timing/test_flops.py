"""Operations of an epoch, counted by hand."""

from __future__ import annotations

import pytest

from harness.timing.flops import operations


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
