"""What follows from another part of a step is no cause."""

from __future__ import annotations

import numpy as np
import pytest

from harness.why.where import Part, Stage, causes


def stage(part: Part, what: str, of: str = "", difference: float | None = 0.1, text: str = "") -> Stage:
    return Stage(part, what, of, difference, 1e-5, text)


OUTPUT, LOSS = stage(Part.OUTPUT, "output", "Dense 1"), stage(Part.LOSS, "loss", text="2, by its formula 3")
GRADIENT, PENALTY = stage(Part.GRADIENT, "gradient", "Dense 1 kernel"), stage(Part.PENALTY, "penalties")
SLOT, STEP = stage(Part.SLOT, "momentum in SGD", "Dense 1 kernel"), stage(Part.STEP, "step of SGD", "Dense 1 kernel")
HASH, DROPS = (
    stage(Part.RANDOM, "dropout mask", "seed 0", np.inf),
    stage(Part.DROPOUT, "share of kept units", "Dropout 1"),
)
WEIGHTS, MEAN = stage(Part.RANDOM, "initial weights", "seed 0", np.inf), stage(Part.STATISTIC, "moving mean", "BN 1")
FINE, UNKNOWN = stage(Part.OUTPUT, "output", "Dense 2", 1e-6), stage(Part.OUTPUT, "output", "Own 1", None)


@pytest.mark.parametrize(
    ("found", "named"),
    [
        ((FINE, UNKNOWN), []),
        ((OUTPUT, LOSS, GRADIENT, MEAN, FINE), ["output"]),
        ((GRADIENT, LOSS), ["loss"]),
        ((GRADIENT, STEP, SLOT), ["gradient", "momentum in SGD"]),
        ((STEP,), ["step of SGD"]),
        ((PENALTY, STEP), ["penalties", "step of SGD"]),
        ((HASH, DROPS, WEIGHTS), ["initial weights", "share of kept units"]),
        ((HASH,), ["dropout mask"]),
        ((MEAN,), ["moving mean"]),
        ((stage(Part.OUTPUT, "output", "Dense 1", np.nan),), ["output"]),
    ],
)
def test_only_what_follows_from_nothing_else_is_a_cause(found: tuple[Stage, ...], named: list[str]) -> None:
    assert [cause.stage.what for cause in causes(found)] == named


def test_a_cause_is_the_worst_place_and_the_number_of_others() -> None:
    worse = OUTPUT._replace(of="Dense 2", difference=0.5, text="half")
    assert [str(cause) for cause in causes([OUTPUT, worse, FINE])] == [
        "output of Dense 2: half (rounding: 0.001 %); and 1 more of the kind"
    ]
    assert str(HASH) == "dropout mask of seed 0: not finite"
    assert str(OUTPUT) == "output of Dense 1: off by 10 % (rounding: 0.001 %)"
    assert (
        str(UNKNOWN._replace(text="NumPy has no form of it"))
        == "output of Own 1: not compared, as NumPy has no form of it"
    )
