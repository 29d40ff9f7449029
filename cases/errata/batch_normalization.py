"""5. Batch Normalization: what is cited, and the three printed networks."""

from __future__ import annotations

from cases.errata.given import NAMES
from harness.domain.erratum import Differs, Erratum

AS_CITED = Erratum(
    id="as-cited",
    slide="5. Batch Normalization (cont.), 10 Deep Learning Trends",
    statement=(
        "NIPS 2015 was in Montréal, not in Russia, and the paper of batch normalization is about covariate shift, not "
        "covariance shift. Here: against the title pages of the proceedings."
    ),
    given=(
        "# Advances in Neural Information Processing Systems 28; Ioffe & Szegedy, ICML 2015\n"
        "proceedings = {\n"
        "    'NIPS 2015': 'Montréal, Canada',\n"
        "    'ICML 2015': 'Accelerating Deep Network Training by Reducing Internal Covariate Shift',\n"
        "}"
    ),
    printed=(
        "cited = {\n"
        "    'NIPS 2015': 'Rusia',\n"
        "    'ICML 2015': 'Accelerating Deep Network Training by Reducing Internal Covariance Shift',\n"
        "}"
    ),
    modern=(
        "cited = {\n"
        "    'NIPS 2015': 'Montréal, Canada',\n"
        "    'ICML 2015': 'Accelerating Deep Network Training by Reducing Internal Covariate Shift',\n"
        "}"
    ),
    outcome=Differs(slide=[], today=["NIPS 2015", "ICML 2015"]),
    check="[name for name in cited if cited[name] != proceedings[name]]",
    gives=[],
)

LSTM_RECURRENT_ACTIVATION = Erratum(
    id="lstm-recurrent-activation",
    slide="5. Batch Normalization (cont.), RNN Batch Normalization",
    statement=(
        "LSTM's gates are sigmoid; Keras 2.2 had hard_sigmoid, with the slope 0.2 where today's of that name has 1/6. "
        "Here: a gate at 1."
    ),
    given=NAMES + "from keras.layers import LSTM",
    printed="layer = LSTM(32)",
    modern=(
        "def hard_sigmoid(x):\n"
        "    return keras.ops.clip(0.2 * x + 0.5, 0, 1)\n"
        "layer = LSTM(32, recurrent_activation=hard_sigmoid)"
    ),
    outcome=Differs(slide=0.7, today=0.7311),
    check="round(float(layer.recurrent_activation(keras.ops.ones(()))), 4)",
    gives=0.7,
)

CNN_FLATTEN = Erratum(
    id="cnn-flatten",
    slide="5. Batch Normalization (cont.), CNN Batch Normalization",
    statement="Without Flatten the last Dense(1) gives a number for each place of the image, not one for the image.",
    given=NAMES + "from keras.layers import BatchNormalization, Conv2D, Flatten, MaxPooling2D\n"
    "model = Sequential([keras.Input((28, 28, 1))])\n"
    "model.add(Conv2D(32, (3,3), activation='relu'))\n"
    "model.add(Conv2D(32, (3,3), activation='relu'))\n"
    "model.add(BatchNormalization())",
    printed="model.add(MaxPooling2D())\nmodel.add(Dense(1))",
    modern="model.add(MaxPooling2D())\nmodel.add(Flatten())\nmodel.add(Dense(1))",
    outcome=Differs(slide=(None, 1), today=(None, 12, 12, 1)),
    check="model.output_shape",
    gives=(None, 1),
)

ERRATA = (AS_CITED, LSTM_RECURRENT_ACTIVATION, CNN_FLATTEN)
