"""Example 4. Tips of NN for the Mnist digit classifier."""

from __future__ import annotations

from cases.errata.given import DATA, NAMES
from harness.domain.erratum import Differs, Erratum, Fails

ONE_HIDDEN_LAYER = Erratum(
    id="one-hidden-layer",
    slide="Example 4, 1 hidden layer NN for the Mnist digit classifier",
    statement="The listing under the title '1 hidden layer' has no hidden layer. Here: layers before the last.",
    given=NAMES + "model = Sequential()\nmodel.add(keras.Input((784,)))",
    printed="model.add(Dense(units=10, kernel_initializer='random_uniform', activation='softmax'))",
    modern=(
        "model.add(Dense(units=256, kernel_initializer='random_uniform', activation='linear'))\n"
        "model.add(Dense(units=10, kernel_initializer='random_uniform', activation='softmax'))"
    ),
    outcome=Differs(slide=1, today=0),
    check="len(model.layers) - 1",
    gives=1,
)

DROPOUT_IMPORT = Erratum(
    id="dropout-import",
    slide="Example 4, 5 hidden (Deep) NN with dropout; 4. Optimizers, Use Optimizer",
    statement="Dropout is not among Example 4's imports.",
    given="from keras.models import Sequential\nfrom keras.layers import Dense\nmodel = Sequential()",
    printed="model.add(Dropout(0.2))",
    modern="from keras.layers import Dropout\nmodel.add(Dropout(0.2))",
    outcome=Fails("NameError", "name 'Dropout' is not defined"),
    check="model.layers[-1].rate",
    gives=0.2,
)

ACTIVITY_PER_IMAGE = Erratum(
    id="activity-per-image",
    slide="Example 4, 5 hidden (Deep) NN with activity regularizer",
    statement=(
        "An activity regularizer's penalty is divided by the batch size, where Keras 2.2 summed over the batch: "
        "l1(0.000001) is 512 times weaker. Here: the penalty of a batch of 512 times 256 outputs of 1."
    ),
    given=NAMES + "from keras.regularizers import l1\nX = np.ones((512, 1), 'float32')",
    printed="reg = l1(0.000001)",
    modern="reg = l1(0.000001 * 512)",
    outcome=Differs(slide=0.131072, today=0.000256),
    check=(
        "layer = Dense(256, kernel_initializer='ones', activation='relu', activity_regularizer=reg)\n"
        "layer(X)\n"
        "round(float(sum(layer.losses)), 6)"
    ),
    gives=0.131072,
)

ACTIVITY_ON_SOFTMAX = Erratum(
    id="activity-on-softmax",
    slide="Example 4, 5 hidden (Deep) NN with activity regularizer",
    statement=(
        "On a softmax the penalty is a constant, since its outputs sum to 1: it has no gradient and changes no weight. "
        "Here: whether three steps lead to other weights than without it, at a strength of 1."
    ),
    given=NAMES + DATA + "from keras.regularizers import l1\n"
    "def trained(output):\n"
    "    model = Sequential([keras.Input((3,)), output])\n"
    "    model.compile(loss='categorical_crossentropy', optimizer=optimizers.SGD(1.0))\n"
    "    model.fit(X, Y, epochs=3, shuffle=False, verbose=0)\n"
    "    return np.concatenate([np.ravel(weights) for weights in model.get_weights()])\n"
    "reg = l1(1.0)\n"
    "without = trained(Dense(3, kernel_initializer='zeros', activation='softmax'))",
    printed="output = Dense(3, kernel_initializer='zeros', activation='softmax', activity_regularizer=reg)",
    modern="output = Dense(3, kernel_initializer='zeros', activation='softmax')",
    outcome=Differs(slide=True, today=False),
    # A penalty of that strength on a linear output moves these weights by more than 0.1; float32 rounding by 1e-6.
    check="bool(np.max(np.abs(trained(output) - without)) > 1e-4)",
    gives=False,
)

ACTIVITY_ACCURACY = Erratum(
    id="activity-accuracy",
    slide="Example 4, 5 hidden (Deep) NN with activity regularizer, the printed accuracy",
    statement=(
        "The listing evaluates the last epoch's model, whose accuracy is printed as 0.9804. The 0.9815 below it is "
        "epoch 16's. Here: whether the accuracy is the one printed for epoch 20."
    ),
    given="val_acc = {16: 0.9815, 17: 0.9801, 18: 0.9791, 19: 0.9801, 20: 0.9804}",
    printed="accuracy = 0.9815",
    modern="accuracy = 0.9804",
    outcome=Differs(slide=True, today=False),
    check="val_acc[20] == accuracy",
    gives=True,
)

ERRATA = (ONE_HIDDEN_LAYER, DROPOUT_IMPORT, ACTIVITY_PER_IMAGE, ACTIVITY_ON_SOFTMAX, ACTIVITY_ACCURACY)
