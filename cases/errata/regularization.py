"""4. Overfitting: regularization."""

from __future__ import annotations

from cases.errata.given import NAMES
from harness.domain.erratum import Erratum, Fails, When

W_REGULARIZER = Erratum(
    id="w-regularizer",
    slide="4. Overfitting, Regularization",
    statement="W_regularizer of Dense is called kernel_regularizer.",
    given=NAMES + "from keras.regularizers import l1_l2\nx = np.ones((2, 4))\nmodel = Sequential()",
    printed="reg = l1_l2(l1=0.01, l2=0.01)\nmodel.add(Dense(1, input_dim=x.shape[1], W_regularizer=reg))",
    modern=(
        "reg = l1_l2(l1=0.01, l2=0.01)\n"
        "model.add(keras.Input((x.shape[1],)))\n"
        "model.add(Dense(1, kernel_regularizer=reg))"
    ),
    outcome=Fails("ValueError", "{'W_regularizer':", When.CONSTRUCTION),
    check=(
        "W = np.float64(model.get_weights()[0])\nfloat(sum(model.losses)) - np.sum(0.01 * np.abs(W) + 0.01 * W ** 2)"
    ),
    gives=0.0,
    tolerance=1e-7,  # float32 sums of four terms below 0.03
)

ERRATA = (W_REGULARIZER,)
