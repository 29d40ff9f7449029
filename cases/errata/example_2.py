"""Example 2. Dataset normalization."""

from __future__ import annotations

from cases.errata.given import READY
from harness.domain.erratum import Erratum, Fails, When

SLIDE = "Example 2. Dataset normalization"

FIT_PARENTHESIS = Erratum(
    id="fit-parenthesis",
    slide=f"{SLIDE}, raw data",
    statement="The call of fit is not closed.",
    given=READY,
    printed="hist=model.fit(X,Y,epochs=10,verbose=1",
    modern="hist = model.fit(X, Y, epochs=10, verbose=1)",
    outcome=Fails("SyntaxError", "'(' was never closed", When.READING, steps=0),
    check="len(hist.history['loss'])",
    gives=10,
)

SCALER_BEFORE_DEFINITION = Erratum(
    id="scaler-before-definition",
    slide=f"{SLIDE}, the scaled matrix",
    statement="MinMaxScaler is called one slide before it is defined.",
    given="import numpy as np\nfrom cases.data.arrays import EXAMPLE_2_XY as XY",
    printed="XY = MinMaxScaler(XY)",
    modern=(
        "def MinMaxScaler(data):\n"
        "    numerator = data - np.min(data, 0)\n"
        "    denominator = np.max(data, 0) - np.min(data, 0)\n"
        "    return numerator / (denominator + 1e-5)\n"
        "XY = MinMaxScaler(XY)"
    ),
    outcome=Fails("NameError", "name 'MinMaxScaler' is not defined"),
    check="[round(float(value), 8) for value in XY[0]]",
    gives=[0.99999948, 0.99999945, 0.0, 0.99999958, 0.99999955],
)

ERRATA = (FIT_PARENTHESIS, SCALER_BEFORE_DEFINITION)
