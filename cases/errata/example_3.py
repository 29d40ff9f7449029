"""Example 3. MNIST 10 digit image classifier, with eight or ten made-up images in place of MNIST."""

from __future__ import annotations

from cases.errata.given import NAMES, READY
from harness.domain.erratum import Differs, Erratum, Fails, When

SLIDE = "Example 3. MNIST 10 digit image classifier (cont.)"

IMAGES = """\
X_train = np.arange(8 * 784).reshape(8, 784) % 251 / 255
Y_train_ohe = np.eye(10)[[5, 0, 4, 1, 9, 2, 1, 3]]
X_validation = np.arange(4 * 784).reshape(4, 28, 28) % 256
X_val = X_validation.reshape(X_validation.shape[0], 784) / 255
Y_validation_ohe = np.eye(10)[[7, 2, 1, 0]]
model = Sequential([keras.Input((784,)), Dense(10, activation='softmax', kernel_initializer='zeros')])
model.compile(loss='categorical_crossentropy', optimizer='adam', metrics=['accuracy'])
"""

PIXEL_RANGE = Erratum(
    id="pixel-range",
    slide="Example 3. MNIST 10 digit image classifier, mnist data",
    statement="Pixels go from 0 to 255, not to 256. Here: least and largest of the 60,000 images.",
    given="from cases.data.mnist import load\nX_train = load()['x_train']",
    printed="pixels = 0, 256",
    modern="pixels = 0, 255",
    outcome=Differs(slide=True, today=False),
    check="(int(X_train.min()), int(X_train.max())) == pixels",
    gives=True,
)

NP_UTILS = Erratum(
    id="np-utils",
    slide=f"{SLIDE}, data set; Example 4",
    statement="keras.utils.np_utils is gone; to_categorical is in keras.utils.",
    given="import numpy as np\nY_train = np.array([5, 0])",
    printed="from keras.utils import np_utils\nY_train_ohe = np_utils.to_categorical(Y_train, 10)",
    modern="from keras.utils import to_categorical\nY_train_ohe = to_categorical(Y_train, 10)",
    outcome=Fails("ImportError", "np_utils", When.IMPORT),
    check="Y_train_ohe.tolist()",
    gives=[[0, 0, 0, 0, 0, 1, 0, 0, 0, 0], [1, 0, 0, 0, 0, 0, 0, 0, 0, 0]],
)

FLOAT64_INPUTS = Erratum(
    id="float64-inputs",
    slide=f"{SLIDE}, data set; Example 4",
    statement=(
        "astype('float64') doubles the memory and nothing else: the model casts to float32, silently. Here: the type "
        "of the predictions, and whether they are those of float32 inputs."
    ),
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
)

HDF5_CHECKPOINT = Erratum(
    id="hdf5-checkpoint",
    slide=f"{SLIDE}, model",
    statement="ModelCheckpoint saves .keras files only; it refuses .hdf5 when it is made.",
    given=READY + "import glob\nfrom keras.callbacks import ModelCheckpoint\nfrom keras.models import load_model",
    printed="cb_checkpoint = ModelCheckpoint(filepath='mnist-{epoch:02d}-{val_loss:.4f}.hdf5', save_best_only=True)",
    modern="cb_checkpoint = ModelCheckpoint(filepath='mnist-{epoch:02d}-{val_loss:.4f}.keras', save_best_only=True)",
    outcome=Fails("ValueError", "The filepath provided must end in `.keras`", When.CONSTRUCTION, steps=0),
    check=(
        "model.fit(X, Y, validation_data=(X, Y), verbose=0, callbacks=[cb_checkpoint])\n"
        "saved = load_model(glob.glob('mnist-01-*.keras')[0])\n"
        "[np.array_equal(a, b) for a, b in zip(saved.get_weights(), model.get_weights())]"
    ),
    gives=[True, True],
)

X_VALIDATION_UNPREPARED = Erratum(
    id="x-validation-unprepared",
    slide=f"{SLIDE}, training",
    statement=(
        "X_val is prepared and X_validation is passed, as 28 × 28 images: the error comes when a whole epoch (here of "
        "2 steps) is trained."
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
)

PANDAS_IMPORT = Erratum(
    id="pandas-import",
    slide=f"{SLIDE}, training",
    statement="pandas is never imported; the error comes when all epochs are trained.",
    given=READY,
    printed="history = model.fit(X, Y, epochs=3, verbose=0)\nprint(pd.DataFrame(history.history))",
    modern=(
        "import pandas as pd\nhistory = model.fit(X, Y, epochs=3, verbose=0)\nprint(pd.DataFrame(history.history))"
    ),
    outcome=Fails("NameError", "name 'pd' is not defined", steps=3),
    check="pd.DataFrame(history.history).shape",
    gives=(3, 2),
)

HISTORY_COLUMNS = Erratum(
    id="history-columns",
    slide=f"{SLIDE}, training, the printed table",
    statement="The columns of the history come in alphabetical order, training before validation.",
    given=READY + "import pandas as pd\nhistory = model.fit(X, Y, validation_data=(X, Y), verbose=0)",
    printed="table = pd.DataFrame(history.history)",
    modern="table = pd.DataFrame(history.history)[['val_loss', 'val_accuracy', 'loss', 'accuracy']]",
    outcome=Differs(
        slide=["val_loss", "val_accuracy", "loss", "accuracy"], today=["accuracy", "loss", "val_accuracy", "val_loss"]
    ),
    check="list(table.columns)",
    gives=["val_loss", "val_accuracy", "loss", "accuracy"],
)

SAVED_NAME = Erratum(
    id="saved-name",
    slide=f"{SLIDE}, evaluation",
    statement="The file of epoch 25 is called mnist-25-0.2612, by the slide before; mnist-25-0.2610 is not there.",
    given=READY + "import os\nfrom keras.models import load_model\n"
    "os.mkdir('model')\nmodel.save('model/mnist-25-0.2612.keras')",
    printed="best = load_model('model/mnist-25-0.2610.hdf5')",
    modern="best = load_model('model/mnist-25-0.2612.keras')",
    outcome=Fails("FileNotFoundError", "mnist-25-0.2610.hdf5", steps=0),
    check="np.array_equal(best.predict(X, verbose=0), model.predict(X, verbose=0))",
    gives=True,
)

ODEL_EVALUATE = Erratum(
    id="odel-evaluate",
    slide=f"{SLIDE}, evaluation",
    statement="odel is to be model.",
    given=READY,
    printed="score = odel.evaluate(X, Y, verbose=0)",
    modern="score = model.evaluate(X, Y, verbose=0)",
    outcome=Fails("NameError", "name 'odel' is not defined", steps=0),
    check="len(score)",
    gives=2,
)

EVALUATE_UNPREPARED = Erratum(
    id="evaluate-unprepared",
    slide=f"{SLIDE}, evaluation",
    statement="The model is evaluated on X_validation, the images as loaded; X_val are the prepared ones.",
    given=NAMES + IMAGES,
    printed="score = model.evaluate(X_validation, Y_validation_ohe, verbose=0)",
    modern="score = model.evaluate(X_val, Y_validation_ohe, verbose=0)",
    outcome=Fails("ValueError", "Expected shape (None, 784)", When.EVALUATE, steps=0),
    check="score[0]",
    gives=2.3025851,
    tolerance=1e-5,  # ln 10 in float32: the loss of ten equally likely classes
)

RANDINT_LAST_IMAGE = Erratum(
    id="randint-last-image",
    slide=f"{SLIDE}, evaluation",
    statement="randint leaves its upper end out: N − 1 never draws the last image. Here: of 10, in 1,000 draws.",
    given="import numpy as np\nnp.random.seed(0)\nX_validation = np.zeros((10, 28, 28))",
    printed="r = np.random.randint(0, X_validation.shape[0]-1, size=1000)",
    modern="r = np.random.randint(0, X_validation.shape[0], size=1000)",
    outcome=Differs(slide=9, today=8),
    check="int(r.max())",
    gives=9,
)

PREDICT_UNPREPARED = Erratum(
    id="predict-unprepared",
    slide=f"{SLIDE}, evaluation",
    statement="The image to be recognised is taken from X_validation, too.",
    given=NAMES + IMAGES + "r = 2",
    printed="X1 = X_validation[r:r+1]\npreds = model.predict(X1)",
    modern="X1 = X_val[r:r+1]\npreds = model.predict(X1)",
    outcome=Fails("ValueError", "Expected shape (None, 784)", When.PREDICT, steps=0),
    check="[X1.reshape(28, 28).shape, preds.shape]",
    gives=[(28, 28), (1, 10)],
)

ARGMAX_AXIS = Erratum(
    id="argmax-axis",
    slide=f"{SLIDE}, evaluation",
    statement="argmax without axis works for one image only; of several it gives a place in the flattened array.",
    given="import numpy as np\npreds = np.eye(10)[[8, 3]]",
    printed="Y1_hat = np.argmax(preds)",
    modern="Y1_hat = np.argmax(preds, axis=1)",
    outcome=Differs(slide=[8, 3], today=8),
    check="Y1_hat.tolist()",
    gives=[8, 3],
)

ERRATA = (
    PIXEL_RANGE,
    NP_UTILS,
    FLOAT64_INPUTS,
    HDF5_CHECKPOINT,
    X_VALIDATION_UNPREPARED,
    PANDAS_IMPORT,
    HISTORY_COLUMNS,
    SAVED_NAME,
    ODEL_EVALUATE,
    EVALUATE_UNPREPARED,
    RANDINT_LAST_IMAGE,
    PREDICT_UNPREPARED,
    ARGMAX_AXIS,
)
