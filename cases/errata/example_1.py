"""Example 1. Learning rate."""

from __future__ import annotations

from cases.errata.given import READY
from harness.domain.erratum import Differs, Erratum, Fails

NO_IMPORTS = Erratum(
    id="no-imports",
    slide="Example 1. Learning rate; Example 2. Dataset normalization",
    statement="The listing imports nothing.",
    printed="X = np.array([[1, 2, 1], [1, 3, 2]])",
    modern=(
        "import numpy as np\n"
        "from keras import Input, Sequential, optimizers\n"
        "from keras.layers import Dense\n"
        "X = np.array([[1, 2, 1], [1, 3, 2]])"
    ),
    outcome=Fails("NameError", "name 'np' is not defined"),
    check="X.tolist()",
    gives=[[1, 2, 1], [1, 3, 2]],
)

HISTORY_ACC = Erratum(
    id="history-acc",
    slide="Example 1. Learning rate; Example 4, the printed epochs",
    statement="metrics=['accuracy'] is reported as accuracy and val_accuracy, no longer as acc and val_acc.",
    given=READY + "hist = model.fit(X, Y, epochs=2, validation_data=(X, Y), verbose=0)",
    printed="curves = hist.history['acc'], hist.history['val_acc']",
    modern="curves = hist.history['accuracy'], hist.history['val_accuracy']",
    outcome=Fails("KeyError", "'acc'", steps=2),
    check="[len(curve) for curve in curves]",
    gives=[2, 2],
)

PROGRESS_BAR = Erratum(
    id="progress-bar",
    slide="Example 1. Learning rate; every printed training",
    statement="The progress bar counts batches, not examples: 8 examples in one batch of at most 32 are 1/1, not 8/8.",
    given="import contextlib, io, math, re\n" + READY,
    printed=(
        "with contextlib.redirect_stdout(io.StringIO()) as bar:\n"
        "    model.fit(X, Y, epochs=1, verbose=1)\n"
        "count = re.search(r'\\d+/\\d+', bar.getvalue()).group()"
    ),
    modern=(
        "hist = model.fit(X, Y, epochs=1, verbose=0)\n"
        "batches = math.ceil(len(X) / 32)\n"
        "count = f\"{batches}/{hist.params['steps']}\""
    ),
    outcome=Differs(slide="8/8", today="1/1"),
    check="count",
    gives="1/1",
)

ERRATA = (NO_IMPORTS, HISTORY_ACC, PROGRESS_BAR)
