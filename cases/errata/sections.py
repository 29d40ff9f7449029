"""Sections 1 to 5 of the lecture.

What Keras 2.2 did is from its source: ``epsilon=None`` stood for 1e-7, ``clipnorm`` scaled all gradients by their
common norm, Adagrad began its sums at 0.
"""

from cases.errata.given import DATA, MODEL, NAMES
from cases.networks import call
from cases.optimizers.defaults import PRINTED
from harness.erratum import Differs, Erratum, Fails, Warns, When

USAGE = "4. Optimizers, Usage of optimizers"
USE = "4. Optimizers, Use Optimizer"
IGNORED = "Argument `decay` is no longer supported and will be ignored"


def listed(name: str, **values: float) -> Erratum:
    """The erratum of the line that lists an optimizer's arguments; ``values``: those that the replacement has."""
    printed, modern = PRINTED[name], {key: value for key, value in values.items() if key != "epsilon"}
    epsilon = " and cannot train with epsilon=None" if "epsilon" in printed else ""
    return Erratum(
        id=f"{name.lower()}-as-listed",
        slide=f"4. Optimizers (cont.), {name}",
        statement=f"{name} refuses lr{',' if epsilon else ' and'} ignores decay{epsilon}.",
        given=NAMES,
        printed=f"optimizer = keras.optimizers.{call(name, printed)}",
        modern=f"optimizer = keras.optimizers.{call(name, modern)}",
        outcome=Fails("ValueError", "Argument(s) not recognized: {'lr':", When.CONSTRUCTION),
        check=f"[round(float(optimizer.get_config()[name]), 8) for name in {list(values)}]",
        gives=list(values.values()),
    )


def epsilon_none(name: str, rate: str = "") -> Erratum:
    """The erratum of ``epsilon=None``, which is accepted but fails in the first step.

    ``rate``: the argument that gives the default rate of then, where today's is another.
    """
    return Erratum(
        id=f"epsilon-none-{name.lower()}",
        slide=f"4. Optimizers (cont.), {name}",
        statement=f"{name} accepts epsilon=None, but fit fails with it. Left out, epsilon is 1e-7, as None was.",
        given=NAMES + DATA + MODEL,
        printed=(
            f"model.compile(loss='mse', optimizer=optimizers.{name}(epsilon=None))\n"
            "model.fit(X, Y, epochs=1, verbose=0)"
        ),
        modern=(
            f"model.compile(loss='mse', optimizer=optimizers.{name}({rate}))\nmodel.fit(X, Y, epochs=1, verbose=0)"
        ),
        outcome=Fails("ValueError", "None is not a valid value for jnp.array", When.FIT, steps=0),
        on={
            "tensorflow": Fails("ValueError", "None values not supported", When.FIT, steps=0),
            "torch": Fails(
                "TypeError", "_foreach_add() received an invalid combination of arguments", When.FIT, steps=0
            ),
        },
        check="[model.optimizer.epsilon, int(model.optimizer.iterations.numpy())]",
        gives=[1e-7, 1],
        within=f"{name.lower()}-as-listed",
    )


ERRATA = (
    Erratum(
        id="argmin-of-the-gradient",
        slide="1. Learning rate; 4. Overfitting, Regularization",
        statement="W* is the W with the least loss, not the one with the least gradient of the loss: ArgMin Loss(W).",
        given="import numpy as np\nW = np.linspace(-2, 4, 601)\nloss = (W - 1) ** 2",
        here="the W that is found for the loss (W − 1)²",
        printed="W_star = W[np.argmin(np.gradient(loss, W))]",
        modern="W_star = W[np.argmin(loss)]",
        outcome=Differs(slide=1.0, today=-2.0),
        check="round(float(W_star), 6)",
        gives=1.0,
    ),
    Erratum(
        id="sequential-in-lower-case",
        slide="1.1 Gradient descent algorithm",
        statement="The class is Sequential, with a capital.",
        given=NAMES,
        printed="model = sequential()",
        modern="model = Sequential()",
        outcome=Fails("NameError", "name 'sequential' is not defined"),
        check="len(model.layers)",
        gives=0,
    ),
    Erratum(
        id="input-dim",
        slide="1.1 Gradient descent algorithm; every listing that builds a model",
        statement="input_dim (and input_shape) of a layer gives a warning; the model's input is a line of its own.",
        given=NAMES,
        printed="model = Sequential()\nmodel.add(Dense(1, input_dim=3))",
        modern="model = Sequential()\nmodel.add(keras.Input((3,)))\nmodel.add(Dense(1))",
        outcome=Warns("Do not pass an `input_shape`/`input_dim` argument to a layer"),
        check="[model.input_shape, model.output_shape, [weights.shape for weights in model.get_weights()]]",
        gives=[(None, 3), (None, 1), [(3, 1), (1,)]],
    ),
    Erratum(
        id="sgd-by-name",
        slide="1.1 Gradient descent algorithm",
        statement="optimizer='sgd' means the rate 0.01, not the 0.001 of the formulas beside it. One of the two has to "
        "change; at 0.001 the 1,000 epochs may be too few.",
        here="the rate",
        given=NAMES + "model = Sequential([keras.Input((3,)), Dense(1)])",
        printed="model.compile(loss='mse', optimizer='sgd')",
        modern="model.compile(loss='mse', optimizer=optimizers.SGD(learning_rate=0.001))",
        outcome=Differs(slide=0.001, today=0.01),
        check="round(float(model.optimizer.learning_rate.numpy()), 6)",
        gives=0.001,
    ),
    Erratum(
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
            "W = np.float64(model.get_weights()[0])\n"
            "float(sum(model.losses)) - np.sum(0.01 * np.abs(W) + 0.01 * W ** 2)"
        ),
        gives=0.0,
        tolerance=1e-7,  # float32 sums of four terms below 0.03
    ),
    Erratum(
        id="usage-imports",
        slide=f"{USAGE}; {USE}",
        statement="The listing imports the optimizers only: the model and its layers are missing.",
        printed="from keras import optimizers\nmodel = Sequential()",
        modern=(
            "from keras import optimizers\n"
            "from keras.models import Sequential\n"
            "from keras.layers import Activation, Dense, Input\n"
            "model = Sequential()"
        ),
        outcome=Fails("NameError", "name 'Sequential' is not defined"),
        check="len(model.layers)",
        gives=0,
    ),
    Erratum(
        id="lr",
        slide=f"{USAGE}; every listing with an optimizer",
        statement="lr is called learning_rate, in every optimizer.",
        given=NAMES,
        printed="sgd = optimizers.SGD(lr=0.1)",
        modern="sgd = optimizers.SGD(learning_rate=0.1)",
        outcome=Fails("ValueError", "Argument(s) not recognized: {'lr': 0.1}", When.CONSTRUCTION),
        check="round(float(sgd.learning_rate.numpy()), 6)",
        gives=0.1,
    ),
    Erratum(
        id="decay",
        slide=f"{USAGE}; every listing with an optimizer",
        statement="decay is ignored, with a warning: the rate stays what it is.",
        here="the rate after 1,000,000 steps",
        given=NAMES,
        printed="sgd = optimizers.SGD(learning_rate=0.01, decay=1e-6)",
        modern=(
            "rate = optimizers.schedules.InverseTimeDecay(0.01, decay_steps=1, decay_rate=1e-6)\n"
            "sgd = optimizers.SGD(learning_rate=rate)"
        ),
        outcome=Differs(slide=0.005, today=0.01, warns=IGNORED),
        check="sgd.iterations.assign(1_000_000)\nround(float(keras.ops.convert_to_numpy(sgd.learning_rate)), 6)",
        gives=0.005,
        despite="decay-rule",
    ),
    Erratum(
        id="clipnorm-per-variable",
        slide=f"{USAGE}, clipnorm",
        statement=(
            "clipnorm clips each variable's gradient by itself; all of them together are clipped by global_clipnorm."
        ),
        here="the norm of two clipped gradients together",
        given=NAMES + "a, b = keras.Variable(np.zeros(2)), keras.Variable(np.zeros(2))\n"
        "gradients = [keras.ops.convert_to_tensor(np.float32(g)) for g in ([3, 4], [6, 8])]",
        printed="sgd = optimizers.SGD(learning_rate=0.01, clipnorm=1.)",
        modern="sgd = optimizers.SGD(learning_rate=0.01, global_clipnorm=1.)",
        outcome=Differs(slide=1.0, today=1.4142),
        check=(
            "sgd.apply(gradients, [a, b])\n"
            "step = np.concatenate([keras.ops.convert_to_numpy(a), keras.ops.convert_to_numpy(b)])\n"
            "round(float(np.linalg.norm(step) / 0.01), 4)"
        ),
        gives=1.0,
        despite="clipnorm-clips",
    ),
    Erratum(
        id="clipnorm-with-clipvalue",
        slide=f"{USAGE}, clipnorm and clipvalue",
        statement="clipnorm and clipvalue can no longer be given together, as the slide may be read.",
        given=NAMES,
        printed="sgd = optimizers.SGD(learning_rate=0.01, clipnorm=1., clipvalue=0.5)",
        modern="sgd = optimizers.SGD(learning_rate=0.01, clipvalue=0.5)",
        outcome=Fails(
            "ValueError", "Only one of `clipnorm`, `clipvalue` and `global_clipnorm` can be set", When.CONSTRUCTION
        ),
        check="[sgd.clipnorm, sgd.clipvalue]",
        gives=[None, 0.5],
    ),
    listed("SGD", learning_rate=0.01, momentum=0.0, nesterov=False),
    listed("RMSprop", learning_rate=0.001, rho=0.9, epsilon=1e-7),
    listed("Adagrad", learning_rate=0.01, initial_accumulator_value=0.0, epsilon=1e-7),
    listed("Adadelta", learning_rate=1.0, rho=0.95, epsilon=1e-7),
    listed("Adam", learning_rate=0.001, beta_1=0.9, beta_2=0.999, epsilon=1e-7, amsgrad=False),
    epsilon_none("RMSprop"),
    epsilon_none("Adagrad", "learning_rate=0.01, initial_accumulator_value=0.0"),
    epsilon_none("Adadelta", "learning_rate=1.0"),
    epsilon_none("Adam"),
    Erratum(
        id="adagrad-defaults",
        slide="4. Optimizers (cont.), Adagrad",
        statement="Adagrad's default rate is 0.001 instead of 0.01, and its sum of squares begins at 0.1 instead of 0.",
        given=NAMES,
        printed="adagrad = optimizers.Adagrad()",
        modern="adagrad = optimizers.Adagrad(learning_rate=0.01, initial_accumulator_value=0.0)",
        outcome=Differs(slide=[0.01, 0.0], today=[0.001, 0.1]),
        check="[round(float(adagrad.learning_rate.numpy()), 6), adagrad.initial_accumulator_value]",
        gives=[0.01, 0.0],
        within="adagrad-as-listed",
    ),
    Erratum(
        id="adadelta-rate",
        slide="4. Optimizers (cont.), Adadelta",
        statement="Adadelta's default rate is 0.001 instead of the method's own 1.0.",
        given=NAMES,
        printed="adadelta = optimizers.Adadelta()",
        modern="adadelta = optimizers.Adadelta(learning_rate=1.0)",
        outcome=Differs(slide=1.0, today=0.001),
        check="round(float(adadelta.learning_rate.numpy()), 6)",
        gives=1.0,
        within="adadelta-as-listed",
    ),
    Erratum(
        id="model-undefined",
        slide=USE,
        statement="The listing adds layers to a model that it never makes.",
        given=NAMES,
        printed="model.add(Dense(units=256, input_dim=784, kernel_initializer='glorot_uniform', activation='relu'))",
        modern=(
            "model = Sequential()\n"
            "model.add(keras.Input((784,)))\n"
            "model.add(Dense(units=256, kernel_initializer='glorot_uniform', activation='relu'))"
        ),
        outcome=Fails("NameError", "name 'model' is not defined"),
        check="model.output_shape",
        gives=(None, 256),
    ),
    Erratum(
        id="adam-momentum",
        slide=USE,
        statement="Adam has no momentum and no nesterov: its momentum is beta_1, its Nesterov form is Nadam.",
        given=NAMES,
        printed="adam = optimizers.Adam(learning_rate=0.01, momentum=0.9, nesterov=True)",
        modern="adam = optimizers.Nadam(learning_rate=0.01, beta_1=0.9)",
        outcome=Fails(
            "ValueError", "Argument(s) not recognized: {'momentum': 0.9, 'nesterov': True}", When.CONSTRUCTION
        ),
        check="[adam.name, round(float(adam.learning_rate.numpy()), 6), adam.beta_1]",
        gives=["nadam", 0.01, 0.9],
    ),
    Erratum(
        id="loss-softmax",
        slide=USE,
        statement=(
            "There is no loss called softmax: compile accepts it, fit does not. The loss of a softmax output is "
            "categorical_crossentropy."
        ),
        given=NAMES + DATA + MODEL,
        printed="model.compile(loss='softmax', optimizer='adam')\nhist = model.fit(X, Y, epochs=1, verbose=0)",
        modern=(
            "model.compile(loss='categorical_crossentropy', optimizer='adam')\n"
            "hist = model.fit(X, Y, epochs=1, verbose=0)"
        ),
        outcome=Fails("ValueError", "Could not interpret loss identifier: softmax", When.FIT, steps=0),
        check="hist.history['loss'][0]",
        gives=1.0986123,
        tolerance=1e-5,  # float32 mean of eight logarithms
    ),
    Erratum(
        id="loss-from-logits",
        slide=USE,
        statement=(
            "Probabilities that a loss gets are clipped at 1e-7: no loss exceeds 16.1, and beyond it there is no "
            "gradient. With the listing's rate of 0.01 a network can get stuck there, on JAX and PyTorch; on "
            "TensorFlow fit takes the logits. Leave the last softmax out and let the loss take it."
        ),
        here="the loss of one example with the logits 50 and 0, of the second class",
        given=NAMES + "Y, logits = np.array([[0.0, 1.0]]), np.array([[50.0, 0.0]])\n"
        "softmax = np.exp(logits) / np.sum(np.exp(logits))",
        printed="loss = keras.losses.CategoricalCrossentropy()(Y, softmax)",
        modern="loss = keras.losses.CategoricalCrossentropy(from_logits=True)(Y, logits)",
        outcome=Differs(slide=50.0, today=16.118),
        check="round(float(loss), 3)",
        gives=50.0,
    ),
    Erratum(
        id="as-cited",
        slide="5. Batch Normalization (cont.), 10 Deep Learning Trends",
        statement=(
            "NIPS 2015 was in Montréal, not in Russia, and the paper of batch normalization is about covariate shift, "
            "not covariance shift."
        ),
        here="what differs from the title pages of the proceedings",
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
    ),
    Erratum(
        id="lstm-recurrent-activation",
        slide="5. Batch Normalization (cont.), RNN Batch Normalization",
        statement=(
            "LSTM's gates are sigmoid; Keras 2.2 had hard_sigmoid, with the slope 0.2 where today's of that name has "
            "1/6."
        ),
        here="a gate at 1",
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
    ),
    Erratum(
        id="cnn-flatten",
        slide="5. Batch Normalization (cont.), CNN Batch Normalization",
        statement="Without Flatten the last Dense(1) gives a number for each place of the image, not one for the "
        "image.",
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
    ),
)
