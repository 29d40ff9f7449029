"""Where faults are put in, and the trainings that show them and are cheap, as (experiment, variant)."""

from __future__ import annotations

from benchmarks.faults.fault import Place

KERAS = "keras.src"
BASE, RMSPROP = f"{KERAS}.optimizers.base_optimizer:BaseOptimizer", f"{KERAS}.optimizers.rmsprop:RMSprop"
ADAM_STEP, SGD_STEP, RMSPROP_STEP, ADAGRAD_STEP, ADADELTA_STEP = (
    (f"{KERAS}.optimizers.{name.lower()}:{name}", "update_step")
    for name in ("Adam", "SGD", "RMSprop", "Adagrad", "Adadelta")
)
RATE, CLIP, APPLY = ((BASE, name) for name in ("_get_current_learning_rate", "_clip_gradients", "apply"))
DENSE, DROPOUT = f"{KERAS}.layers.core.dense:Dense", f"{KERAS}.layers.regularization.dropout:Dropout"
NORMALIZATION = f"{KERAS}.layers.normalization.batch_normalization:BatchNormalization"
DENSE_CALL, DROP, NORMALISE = ((layer, "call") for layer in (DENSE, DROPOUT, NORMALIZATION))
LSTM = f"{KERAS}.layers.rnn.lstm:LSTM"
CONVOLVE: Place = (f"{KERAS}.layers.convolutional.base_conv:BaseConv", "convolution_op")
INITIALIZERS = f"{KERAS}.initializers.random_initializers"
L2_PENALTY, L1_PENALTY = ((f"{KERAS}.regularizers.regularizers:{name}", "__call__") for name in ("L2", "L1"))
NEXT_SEED: Place = (f"{KERAS}.random.seed_generator:SeedGenerator", "next")
CROSS_ENTROPY, SOFTMAX_OF, PRODUCT, POOLING = (
    (f"{KERAS}.ops", name) for name in ("categorical_crossentropy", "softmax", "matmul", "max_pool")
)

JAX, TENSORFLOW = "harness.training.backends.jax:JaxProgram", "harness.training.backends.tensorflow:TensorFlowProgram"
TRIAL: Place = ("harness.training.train", "_trial")
DERIVED, ORDER = (("harness.training.seeding", name) for name in ("derived", "data_order"))
FIRST: Place = ("harness.model:Dataset", "first")


def both(name: str) -> tuple[Place, ...]:
    """A method of the compiled programs of two backends."""
    return (JAX, name), (TENSORFLOW, name)


LAUNCH, REBIND, RESET = both("launch"), both("rebind"), both("reset")

SOFTMAX, LONG_SOFTMAX = ("example-4-softmax", "as printed"), ("example-3", "softmax")
DEEP, DROPPED, RELU_2, L1_SMALL = (
    ("example-4", name) for name in ("5 relu xavier", "dropout 0.2", "2 relu", "l1 1e-4")
)
BY_SGD, NORMALISED = (("batch-normalization-rates", f"{kind}, rate 0.1") for kind in ("plain", "normalised"))
MLP, FEW = ("more-data", "2,000 images"), ("more-data", "500 images")
RNN, CNN = (("batch-normalization-examples", name) for name in ("rnn", "cnn"))
PENALISED, UNPENALISED, NORMALISED_ADAM, L2_OF_1, L2_NORMALISED, DROPPED_SMALL = (
    ("regularization", name)
    for name in ("l2 0.001", "none", "batch normalization", "l2 1", "batch normalization, l2 1e-4", "dropout 0.2")
)
ADAM_RACE, RMSPROP_RACE, ADADELTA_RACE, ADAGRAD_RACE, NESTEROV = (
    ("optimizers", name) for name in ("adam", "rmsprop", "adadelta", "adagrad", "sgd nesterov")
)
VALLEY, CLIPPED, CENTRED = ("long-valley", "momentum 0.9"), ("example-2-clipped", "clipnorm 1"), ("centring", "centred")
RAW, STANDARDISED = (("example-2", name) for name in ("raw", "standardised"))
MNIST = (SOFTMAX, BY_SGD, MLP, DEEP)
ADAMS = (SOFTMAX, LONG_SOFTMAX, DEEP)
