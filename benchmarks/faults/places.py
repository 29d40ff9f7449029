"""Where faults are put in: places that several parts of the table name."""

from __future__ import annotations

from benchmarks.faults.fault import Place

KERAS = "keras.src"
BASE, RMSPROP = f"{KERAS}.optimizers.base_optimizer:BaseOptimizer", f"{KERAS}.optimizers.rmsprop:RMSprop"
ADAM_STEP, SGD_STEP, RMSPROP_STEP, ADAGRAD_STEP, ADADELTA_STEP = (
    (f"{KERAS}.optimizers.{name.lower()}:{name}", "update_step")
    for name in ("Adam", "SGD", "RMSprop", "Adagrad", "Adadelta")
)
DENSE, DROPOUT = f"{KERAS}.layers.core.dense:Dense", f"{KERAS}.layers.regularization.dropout:Dropout"
NORMALIZATION = f"{KERAS}.layers.normalization.batch_normalization:BatchNormalization"
LSTM, CONVOLUTION = f"{KERAS}.layers.rnn.lstm:LSTM", f"{KERAS}.layers.convolutional.base_conv:BaseConv"
INITIALIZERS = f"{KERAS}.initializers.random_initializers"
L2_PENALTY, L1_PENALTY = ((f"{KERAS}.regularizers.regularizers:{name}", "__call__") for name in ("L2", "L1"))
JAX_RANDOM, JAX_NN = f"{KERAS}.backend.jax.random", f"{KERAS}.backend.jax.nn"
NEXT_SEED: Place = (f"{KERAS}.random.seed_generator:SeedGenerator", "next")
CROSS_ENTROPY, SOFTMAX_OF, PRODUCT, POOLING = (
    (f"{KERAS}.ops", name) for name in ("categorical_crossentropy", "softmax", "matmul", "max_pool")
)
RATE, CLIP, APPLY = ((BASE, name) for name in ("_get_current_learning_rate", "_clip_gradients", "apply"))

JAX, TENSORFLOW = "harness.training.backends.jax:JaxProgram", "harness.training.backends.tensorflow:TensorFlowProgram"
TRIAL: Place = ("harness.training.train", "_trial")
DERIVED, ORDER = (("harness.training.seeding", name) for name in ("derived", "data_order"))
FIRST: Place = ("harness.domain.experiment:Dataset", "first")


def both(name: str) -> tuple[Place, ...]:
    """A method of the compiled programs of two backends."""
    return (JAX, name), (TENSORFLOW, name)


LAUNCH = both("launch")
