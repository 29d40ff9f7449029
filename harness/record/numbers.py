"""Numbers in JSON, which has neither nan nor infinities: they are written as texts."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal

Number = float | Literal["nan", "inf", "-inf"]


def number(x: float) -> Number:
    """A float as it is written: itself where finite, else "nan", "inf" or "-inf"."""
    if math.isfinite(x):
        return float(x)
    return "nan" if math.isnan(x) else "inf" if x > 0 else "-inf"


def value(n: Number) -> float:
    """The inverse of ``number``."""
    return float(n)


def shortest(values: Sequence[float]) -> list[float]:
    """Each value as float32, written as the shortest decimal that is read back as that float32."""
    import numpy as np

    with np.errstate(over="ignore"):  # what float32 cannot hold is inf
        return [float(str(one)) for one in np.asarray(values, "float32")]
