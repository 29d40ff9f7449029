"""The error rates and sizes at which rules decide: fixed once, before any verdict was looked at."""

ONE_SIDED = 0.025
"""Chance of a false verdict that a paired rule accepts in each direction."""

SHARE_ONE_SIDED = 0.05
"""The same for rules on the share of seeds (``Diverges``, ``Converges``), where five of five should decide."""

PREDICTION = 0.01
"""Chance that one more run falls outside the interval of ``Reproduces``."""

ADJUSTED = 0.05
"""Family-wise error rate over the whole catalogue (Holm)."""

POWER = 0.80
"""Power at which detectable effects and numbers of seeds are stated."""

FEWEST_SEEDS = 5
"""Below this nothing is decided."""

FEWEST_COMPATIBLE = 30
"""Below this a figure inside the prediction interval says too little to be called compatible."""

LARGEST = 1e150
"""Larger numbers cannot be squared in float64: they count as infinite, and only their rank is used."""

FLOAT_NOISE = 1e-6
"""Relative difference that two float32 computations of one number may have; smaller ones count as equal."""
