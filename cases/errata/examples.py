"""Examples 1 to 4. Example 3 has eight or ten made-up images in place of MNIST."""

from cases.errata.given import DATA, NAMES, READY
from harness.erratum import Differs, Erratum, Fails, When

EXAMPLE_2 = "Example 2. Dataset normalization"


EXAMPLE_3 = "Example 3. MNIST 10 digit image classifier (cont.)"

IMAGES = """\
X_train = np.arange(8 * 784).reshape(8, 784) % 251 / 255
Y_train_ohe = np.eye(10)[[5, 0, 4, 1, 9, 2, 1, 3]]
X_validation = np.arange(4 * 784).reshape(4, 28, 28) % 256
X_val = X_validation.reshape(X_validation.shape[0], 784) / 255
Y_validation_ohe = np.eye(10)[[7, 2, 1, 0]]
model = Sequential([keras.Input((784,)), Dense(10, activation='softmax', kernel_initializer='zeros')])
model.compile(loss='categorical_crossentropy', optimizer='adam', metrics=['accuracy'])
"""


ERRATA = (
    Erratum(
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
    ),
    Erratum(
        id="history-acc",
        slide="Example 1. Learning rate; Example 4, the printed epochs",
        statement="metrics=['accuracy'] is reported as accuracy and val_accuracy, no longer as acc and val_acc.",
        given=READY + "hist = model.fit(X, Y, epochs=2, validation_data=(X, Y), verbose=0)",
        printed="curves = hist.history['acc'], hist.history['val_acc']",
        modern="curves = hist.history['accuracy'], hist.history['val_accuracy']",
        outcome=Fails("KeyError", "'acc'", steps=2),
        check="[len(curve) for curve in curves]",
        gives=[2, 2],
    ),
    Erratum(
        id="progress-bar",
        slide="Example 1. Learning rate; every printed training",
        statement="The progress bar counts batches, not examples: 8 examples in one batch of at most 32 are 1/1, not "
        "8/8.",
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
    ),
    Erratum(
        id="fit-parenthesis",
        slide=f"{EXAMPLE_2}, raw data",
        statement="The call of fit is not closed.",
        given=READY,
        printed="hist=model.fit(X,Y,epochs=10,verbose=1",
        modern="hist = model.fit(X, Y, epochs=10, verbose=1)",
        outcome=Fails("SyntaxError", "'(' was never closed", When.READING, steps=0),
        check="len(hist.history['loss'])",
        gives=10,
    ),
    Erratum(
        id="scaler-before-definition",
        slide=f"{EXAMPLE_2}, the scaled matrix",
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
    ),
    Erratum(
        id="pixel-range",
        slide="Example 3. MNIST 10 digit image classifier, mnist data",
        statement="Pixels go from 0 to 255, not to 256.",
        here="whether these are the least and the largest pixel of the 60,000 images",
        given="from cases.data.mnist import load\nX_train = load()['x_train']",
        printed="pixels = 0, 256",
        modern="pixels = 0, 255",
        outcome=Differs(slide=True, today=False),
        check="(int(X_train.min()), int(X_train.max())) == pixels",
        gives=True,
    ),
    Erratum(
        id="np-utils",
        slide=f"{EXAMPLE_3}, data set; Example 4",
        statement="keras.utils.np_utils is gone; to_categorical is in keras.utils.",
        given="import numpy as np\nY_train = np.array([5, 0])",
        printed="from keras.utils import np_utils\nY_train_ohe = np_utils.to_categorical(Y_train, 10)",
        modern="from keras.utils import to_categorical\nY_train_ohe = to_categorical(Y_train, 10)",
        outcome=Fails("ImportError", "np_utils", When.IMPORT),
        check="Y_train_ohe.tolist()",
        gives=[[0, 0, 0, 0, 0, 1, 0, 0, 0, 0], [1, 0, 0, 0, 0, 0, 0, 0, 0, 0]],
    ),
    Erratum(
        id="float64-inputs",
        slide=f"{EXAMPLE_3}, data set; Example 4",
        statement="astype('float64') doubles the memory and nothing else: the model casts to float32, silently.",
        here="the type of the predictions, and whether they are those of float32 inputs",
        given=NAMES + "pixels = (np.arange(2 * 784) % 256).astype('uint8').reshape(2, 784)\n"
        "model = Sequential([keras.Input((784,)), Dense(10, activation='softmax')])",
        printed="X_train = pixels.astype('float64') / 255",
        modern="X_train = pixels.astype('float32') / 255",
        outcome=Differs(slide=["float64", False], today=["float32", True]),
        check=(
            "preds = model.predict(X_train, verbose=0)\n"
            "[preds.dtype.name, np.array_equal(preds, model.predict(pixels.astype('float32') / 255, verbose=0))]"
        ),
        gives=["float32", True],
    ),
    Erratum(
        id="hdf5-checkpoint",
        slide=f"{EXAMPLE_3}, model",
        statement="ModelCheckpoint writes .keras and .h5 files; it refuses .hdf5 when it is made.",
        given=READY + "import glob\nfrom keras.callbacks import ModelCheckpoint\nfrom keras.models import load_model",
        printed="cb_checkpoint = ModelCheckpoint(filepath='mnist-{epoch:02d}-{val_loss:.4f}.hdf5', "
        "save_best_only=True)",
        modern="cb_checkpoint = ModelCheckpoint(filepath='mnist-{epoch:02d}-{val_loss:.4f}.keras', "
        "save_best_only=True)",
        outcome=Fails("ValueError", "The filepath provided must end in `.keras`", When.CONSTRUCTION, steps=0),
        check=(
            "model.fit(X, Y, validation_data=(X, Y), verbose=0, callbacks=[cb_checkpoint])\n"
            "saved = load_model(glob.glob('mnist-01-*.keras')[0])\n"
            "[np.array_equal(a, b) for a, b in zip(saved.get_weights(), model.get_weights())]"
        ),
        gives=[True, True],
    ),
    Erratum(
        id="x-validation-unprepared",
        slide=f"{EXAMPLE_3}, training",
        statement=(
            "X_val is prepared and X_validation is passed, as 28 × 28 images: the error comes after a whole epoch "
            "(here of 2 steps)."
        ),
        given=NAMES + IMAGES,
        printed=(
            "history = model.fit(X_train, Y_train_ohe, batch_size=4, epochs=2, verbose=0,\n"
            "    validation_data=(X_validation, Y_validation_ohe))"
        ),
        modern=(
            "history = model.fit(X_train, Y_train_ohe, batch_size=4, epochs=2, verbose=0,\n"
            "    validation_data=(X_val, Y_validation_ohe))"
        ),
        outcome=Fails("ValueError", "Expected shape (None, 784)", When.FIT, steps=2),
        check="[len(history.history['val_loss']), int(model.optimizer.iterations.numpy())]",
        gives=[2, 4],
    ),
    Erratum(
        id="pandas-import",
        slide=f"{EXAMPLE_3}, training",
        statement="pandas is never imported; the error comes after all epochs.",
        given=READY,
        printed="history = model.fit(X, Y, epochs=3, verbose=0)\nprint(pd.DataFrame(history.history))",
        modern=(
            "import pandas as pd\nhistory = model.fit(X, Y, epochs=3, verbose=0)\nprint(pd.DataFrame(history.history))"
        ),
        outcome=Fails("NameError", "name 'pd' is not defined", steps=3),
        check="pd.DataFrame(history.history).shape",
        gives=(3, 2),
    ),
    Erratum(
        id="history-columns",
        slide=f"{EXAMPLE_3}, training, the printed table",
        statement="The columns of the history come in alphabetical order, training before validation.",
        given=READY + "import pandas as pd\nhistory = model.fit(X, Y, validation_data=(X, Y), verbose=0)",
        printed="table = pd.DataFrame(history.history)",
        modern="table = pd.DataFrame(history.history)[['val_loss', 'val_accuracy', 'loss', 'accuracy']]",
        outcome=Differs(
            slide=["val_loss", "val_accuracy", "loss", "accuracy"],
            today=["accuracy", "loss", "val_accuracy", "val_loss"],
        ),
        check="list(table.columns)",
        gives=["val_loss", "val_accuracy", "loss", "accuracy"],
    ),
    Erratum(
        id="saved-name",
        slide=f"{EXAMPLE_3}, evaluation",
        statement="The file of epoch 25 is called mnist-25-0.2612, by the slide before; mnist-25-0.2610 is not there.",
        given=READY + "import os\nfrom keras.models import load_model\n"
        "os.mkdir('model')\nmodel.save('model/mnist-25-0.2612.keras')",
        printed="best = load_model('model/mnist-25-0.2610.hdf5')",
        modern="best = load_model('model/mnist-25-0.2612.keras')",
        outcome=Fails("FileNotFoundError", "mnist-25-0.2610.hdf5", steps=0),
        check="np.array_equal(best.predict(X, verbose=0), model.predict(X, verbose=0))",
        gives=True,
    ),
    Erratum(
        id="odel-evaluate",
        slide=f"{EXAMPLE_3}, evaluation",
        statement="odel should be model.",
        given=READY,
        printed="score = odel.evaluate(X, Y, verbose=0)",
        modern="score = model.evaluate(X, Y, verbose=0)",
        outcome=Fails("NameError", "name 'odel' is not defined", steps=0),
        check="len(score)",
        gives=2,
    ),
    Erratum(
        id="evaluate-unprepared",
        slide=f"{EXAMPLE_3}, evaluation",
        statement="The model is evaluated on X_validation, the images as loaded; X_val are the prepared ones.",
        given=NAMES + IMAGES,
        printed="score = model.evaluate(X_validation, Y_validation_ohe, verbose=0)",
        modern="score = model.evaluate(X_val, Y_validation_ohe, verbose=0)",
        outcome=Fails("ValueError", "Expected shape (None, 784)", When.EVALUATE, steps=0),
        check="score[0]",
        gives=2.3025851,
        tolerance=1e-5,  # ln 10 in float32: the loss of ten equally likely classes
    ),
    Erratum(
        id="randint-last-image",
        slide=f"{EXAMPLE_3}, evaluation",
        statement="randint leaves its upper end out: N − 1 never draws the last image.",
        here="the largest number of 1,000 draws for ten images, 0 to 9",
        given="import numpy as np\nnp.random.seed(0)\nX_validation = np.zeros((10, 28, 28))",
        printed="r = np.random.randint(0, X_validation.shape[0]-1, size=1000)",
        modern="r = np.random.randint(0, X_validation.shape[0], size=1000)",
        outcome=Differs(slide=9, today=8),
        check="int(r.max())",
        gives=9,
    ),
    Erratum(
        id="predict-unprepared",
        slide=f"{EXAMPLE_3}, evaluation",
        statement="The image to be recognised is taken from X_validation, too.",
        given=NAMES + IMAGES + "r = 2",
        printed="X1 = X_validation[r:r+1]\npreds = model.predict(X1)",
        modern="X1 = X_val[r:r+1]\npreds = model.predict(X1)",
        outcome=Fails("ValueError", "Expected shape (None, 784)", When.PREDICT, steps=0),
        check="[X1.reshape(28, 28).shape, preds.shape]",
        gives=[(28, 28), (1, 10)],
    ),
    Erratum(
        id="argmax-axis",
        slide=f"{EXAMPLE_3}, evaluation",
        statement="argmax without axis is right for one image, as on the slide. Of several it gives one place in the "
        "flattened array.",
        given="import numpy as np\npreds = np.eye(10)[[8, 3]]",
        printed="Y1_hat = np.argmax(preds)",
        modern="Y1_hat = np.argmax(preds, axis=1)",
        outcome=Differs(slide=[8, 3], today=8),
        check="Y1_hat.tolist()",
        gives=[8, 3],
    ),
    Erratum(
        id="one-hidden-layer",
        slide="Example 4, 1 hidden layer NN for the Mnist digit classifier",
        statement="The listing under the title '1 hidden layer' has no hidden layer: it is softmax only.",
        here="whether the title has the number of layers before the last",
        given=NAMES + "model = Sequential()\nmodel.add(keras.Input((784,)))\n"
        "model.add(Dense(units=10, kernel_initializer='random_uniform', activation='softmax'))",
        printed="title = '1 hidden layer NN for the Mnist digit classifier'",
        modern="title = '0 hidden layers: softmax only, for the Mnist digit classifier'",
        outcome=Differs(slide=True, today=False),
        check="int(title[0]) == len(model.layers) - 1",
        gives=True,
    ),
    Erratum(
        id="dropout-import",
        slide="Example 4, 5 hidden (Deep) NN with dropout; 4. Optimizers, Use Optimizer",
        statement="Dropout is never imported.",
        given="from keras.models import Sequential\nfrom keras.layers import Dense\nmodel = Sequential()",
        printed="model.add(Dropout(0.2))",
        modern="from keras.layers import Dropout\nmodel.add(Dropout(0.2))",
        outcome=Fails("NameError", "name 'Dropout' is not defined"),
        check="model.layers[-1].rate",
        gives=0.2,
    ),
    Erratum(
        id="activity-per-image",
        slide="Example 4, 5 hidden (Deep) NN with activity regularizer",
        statement=(
            "An activity regularizer's penalty is divided by the batch size, where Keras 2.2 summed over the batch: in "
            "batches of 512 l1(0.000001) is 512 times weaker."
        ),
        here="the penalty of a batch of 512 times 256 outputs of 1",
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
    ),
    Erratum(
        id="activity-on-softmax",
        slide="Example 4, 5 hidden (Deep) NN with activity regularizer",
        statement=(
            "On a softmax the penalty is a constant, since its outputs sum to 1: it has no gradient and changes no "
            "weight."
        ),
        here="whether three steps lead to other weights than without it, at a strength of 1",
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
    ),
    Erratum(
        id="activity-accuracy",
        slide="Example 4, 5 hidden (Deep) NN with activity regularizer, the printed accuracy",
        statement=(
            "The listing evaluates the last epoch's model, whose accuracy is printed as 0.9804. The 0.9815 below it is "
            "epoch 16's."
        ),
        here="whether the accuracy is the one printed for epoch 20",
        given="val_acc = {16: 0.9815, 17: 0.9801, 18: 0.9791, 19: 0.9801, 20: 0.9804}",
        printed="accuracy = 0.9815",
        modern="accuracy = 0.9804",
        outcome=Differs(slide=True, today=False),
        check="val_acc[20] == accuracy",
        gives=True,
    ),
)
