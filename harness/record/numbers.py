"""Numbers in JSON. JSON has neither nan nor infinities, so they are written as texts."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal

Number = float | Literal["nan", "inf", "-inf"]


def number(x: float) -> Number:
    """A finite float as it is; else "nan", "inf" or "-inf"."""
    if math.isfinite(x):
        return float(x)
    return "nan" if math.isnan(x) else "inf" if x > 0 else "-inf"


def value(n: Number) -> float:
    """The inverse of ``number``."""
    return float(n)


def shortest(values: Sequence[float]) -> list[float]:
    """Rounds each value to float32, and returns the shortest decimal that reads back as that float32."""
    import numpy as np

    with np.errstate(over="ignore"):  # a value too large for float32 becomes inf
        return [float(str(one)) for one in np.asarray(values, "float32")]
