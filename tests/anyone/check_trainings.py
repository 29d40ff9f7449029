"""Trainings of anyone's models, in a process of one backend that ``test_trainings.py`` starts."""

from __future__ import annotations

import dataclasses
import functools
import json

import keras
import numpy as np
import pytest
from keras import layers, ops

from harness.anyone import check as checks
from harness.anyone.check import check
from harness.anyone.stored import path_of
from harness.anyone.training import OwnTraining
from harness.errors import SuiteError
from harness.model import Trial
from harness.record.trials import value

RNG = np.random.default_rng(0)
X = RNG.normal(size=(150, 6)).astype("float32")
Y = (X @ RNG.normal(size=(6, 1)) + 0.1 * RNG.normal(size=(150, 1))).astype("float32")
HERE = f"{keras.backend.backend()}-cpu"


def sequential(*parts):
    return keras.Sequential([layers.Input((6,)), *parts])


def network():
    return sequential(layers.Dense(8, "tanh"), layers.Dropout(0.2), layers.Dense(1))


def training(build=network, data=(X, Y), **more) -> OwnTraining:
    given = {"optimizer": "adam", "loss": "mse", "epochs": 2, "seeds": 2, **more}
    return OwnTraining(id="test-net", build_model=build, data=data, **given)


def optimizer(factor=1.0):
    own = keras.optimizers.Adam(0.01)
    before = own._get_current_learning_rate
    own._get_current_learning_rate = lambda: before() * factor
    return own


known = functools.partial(training, optimizer=optimizer, validation_data=(X[:50], Y[:50]))


def place(folder):
    return lambda stack: path_of(folder / "test_net.py", stack, "test-net")


@pytest.fixture
def path(tmp_path):
    return place(tmp_path)


@pytest.fixture(scope="module")
def content(tmp_path_factory):
    """The file of ``known()``, stored once."""
    path = place(tmp_path_factory.mktemp("first"))
    passes, text, moved = check(known(), path, False)
    assert (passes, moved) == (False, "")
    assert "compared will be 20 steps, 20 steps from the state after 5" in text
    assert "Nothing was stored before" in text
    return path(HERE).read_bytes()


@pytest.fixture
def stored(path, content):
    """The path of a stored training, which the test must not change unless it ends with an update."""
    path(HERE).parent.mkdir(parents=True)
    path(HERE).write_bytes(content)
    return path


def test_an_unchanged_training_passes_to_the_end(stored):
    passes, text, _ = check(known(), stored, False)
    assert passes
    assert "identical: Compared: 20 steps of 5 seeds; steps from 1 late state; seed 0 to the end" in text


def test_an_optimizer_one_percent_too_strong_is_red_and_named(stored, content, monkeypatch):
    rate = keras.optimizers.Adam._get_current_learning_rate
    monkeypatch.setattr(keras.optimizers.Adam, "_get_current_learning_rate", lambda self: 1.01 * rate(self))
    passes, text, moved = check(known(), stored, False)
    assert not passes
    assert moved.startswith("training loss, step ")
    assert "step of Adam of Dense" in text
    assert "1 % larger than its formula" in text
    monkeypatch.setenv("TRAINING_WHY", "1")
    passes, why, _ = check(known(), stored, False)
    assert not passes
    assert why.splitlines()[1].strip() in text
    assert stored(HERE).read_bytes() == content


def test_why_says_what_was_compared_of_a_step(stored, monkeypatch):
    monkeypatch.setenv("TRAINING_WHY", "1")
    passes, text, _ = check(known(), stored, False)
    assert (passes, text) == (True, "test-net:\n  every part of a step that was compared is as its formula says")
    passes, text, _ = check(known(loss=lambda y, p: ops.mean(ops.abs(y - p))), stored, False)
    assert passes
    assert "Not seen:\n  a step: not compared, as its loss is not given by name" in text


def test_another_stack_compares_canonical_trials(stored, monkeypatch):
    monkeypatch.setattr(checks.machine, "stack", lambda fingerprint: "other-cpu")
    passes, text, _ = check(known(), stored, False)
    assert passes
    assert f"Nothing is stored for other-cpu. Against {HERE}: the canonical trace compatible." in text
    assert not check(known(optimizer=lambda: optimizer(1.05)), stored, False)[0]
    assert not stored("other-cpu").exists()


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"epochs": 3}, "Another training, changed by the test: epochs 2 then, 3 now."),
        ({"data": (X + 1, Y)}, "data.x"),
        ({"optimizer": lambda: keras.optimizers.Adam(0.0101)}, "optimizer.config.learning_rate 0.01 then, 0.0101 now"),
        ({"build": lambda: sequential(layers.Dense(1))}, "model.layers"),
    ],
)
def test_another_training_is_not_comparable_and_stays(more, said, stored, content):
    passes, text, _ = check(known(**more), stored, False)
    assert not passes
    assert "not comparable" in text
    assert said in text
    assert stored(HERE).read_bytes() == content


def test_an_update_says_what_changed(stored):
    passes, text, _ = check(known(epochs=3, seeds=1), stored, True)
    assert passes
    assert "changed: epochs 2 then, 3 now." in text
    assert "before it reached: loss" in text


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda text: text.replace('"epochs": 2', '"epochs": 3'), "edited or merged by hand"),
        (lambda text: json.dumps(json.loads(text) | {"schema": 99}), "newer version"),
    ],
)
def test_a_damaged_or_newer_file_is_left(change, said, stored):
    changed = change(stored(HERE).read_text("utf-8"))
    stored(HERE).write_text(changed, "utf-8")
    for update in (False, True):
        with pytest.raises(SuiteError, match=said):
            check(known(seeds=1), stored, update)
    assert stored(HERE).read_text("utf-8") == changed


# --- kinds of models and data ---


class OwnStep(keras.Model):
    """A model with weights, a layer and a training step of its own."""

    def __init__(self):
        super().__init__()
        self.scale = self.add_weight(shape=(6,), initializer="random_normal", name="scale")
        self.inner = layers.Dense(1)

    def call(self, x, training=False):
        return self.inner(x * self.scale)

    def train_step(self, *given, **named):
        return super().train_step(*given, **named)


def two_inputs():
    a, b = layers.Input((3,), name="a"), layers.Input((3,), name="b")
    both = layers.Concatenate()([layers.Dense(4, "relu")(a), b])
    return keras.Model([a, b], [layers.Dense(1, name="first")(both), layers.Dense(1, name="second")(both)])


class Batches(keras.utils.PyDataset):
    def __len__(self):
        return 6

    def __getitem__(self, index):
        return X[index * 25 : index * 25 + 25], Y[index * 25 : index * 25 + 25]


def generator(seed):
    rng = np.random.default_rng(seed)
    return ((X[rows], Y[rows]) for rows in (rng.integers(0, 150, 16) for _ in range(100)))


def bidirectional():
    return keras.Sequential([layers.Input((3, 2)), layers.Bidirectional(layers.LSTM(4)), layers.Dense(1)])


def low(policy):
    return lambda: sequential(layers.Dense(8, "tanh", dtype=policy), layers.Dense(1, dtype=policy))


KINDS = {
    "own step": training(OwnStep),
    "weights": training(data=(X, Y, np.linspace(0, 1, 150).astype("float32"))),
    "two inputs": training(two_inputs, ([X[:, :3], X[:, 3:]], [Y, -Y]), loss=["mse", "mae"]),
    "metrics by output": training(two_inputs, ([X[:, :3], X[:, 3:]], [Y, -Y]), loss=["mse", "mae"],
                                  metrics={"first": ["mae"]}),
    "names": training(two_inputs, ({"a": X[:, :3], "b": X[:, 3:]}, {"first": Y, "second": Y}),
                      loss={"first": "mse", "second": "mae"}),
    "batches": training(data=Batches(workers=1)),
    "generator": training(data=generator),
    "sequences": training(bidirectional, (X.reshape(150, 3, 2), Y)),
    "own loss": training(loss=lambda y, p: ops.mean(ops.abs(y - p))),
    "mixed bfloat16": training(low("mixed_bfloat16")),
    "bfloat16": training(low("bfloat16")),
}  # fmt: skip


@pytest.mark.parametrize("name", KINDS)
def test_a_kind_trains_alike_twice_and_another_seed_otherwise(name):
    own = dataclasses.replace(KINDS[name])
    first, again, other = own.short((0, 0, 1))
    [shaken] = own.short((0,), perturbed=1)
    assert first.losses == again.losses
    assert len(first.losses) >= 20
    assert first.losses != other.losses
    assert value(shaken.losses[0]) == pytest.approx(value(first.losses[0]), rel=0.02 if "bfloat" in name else 1e-5)
    assert own.measured() == KINDS[name].measured()


def batches_of(library, shuffle):
    if library == "torch":
        loader = pytest.importorskip(library, exc_type=ImportError).utils.data.DataLoader
        return loader(list(zip(X, Y, strict=True)), 25, shuffle=shuffle)
    data = pytest.importorskip(library, exc_type=ImportError).data.Dataset.from_tensor_slices((X, Y))
    return (data.shuffle(150) if shuffle else data).batch(25)


@pytest.mark.parametrize("library", ["tensorflow", "torch"])
def test_a_data_set_of_a_library_trains_as_its_arrays_and_one_that_differs_is_refused(library, path):
    own, plain = (training(data=data, seeds=1) for data in (batches_of(library, False), Batches(workers=1)))
    own_validation = dataclasses.replace(own, validation_data=batches_of(library, False))
    assert own.short((0,))[0].losses == plain.short((0,))[0].losses
    assert "val_loss" in own_validation.whole(0).metrics
    with pytest.raises(SuiteError, match="The data differ each time they are read"):
        check(training(data=batches_of(library, True)), path, False)


def test_bfloat16_has_a_limit_of_its_own(path):
    _, text, _ = check(training(low("mixed_bfloat16"), seeds=1), path, False)
    assert "(limit " in text
    assert check(training(low("mixed_bfloat16"), seeds=1), path, False)[0]


def test_callbacks_run_only_in_trainings_to_the_end(path):
    made = []

    def callbacks():
        made.append(keras.callbacks.LambdaCallback())
        return made[-1:]

    check(training(callbacks=callbacks, seeds=2), path, False)
    assert len(made) == 2


class Scale(layers.Layer):
    """A layer of its own, which Keras cannot make again from its configuration."""

    def build(self, shape):
        self.scale = self.add_weight(shape=shape[-1:], initializer="ones")

    def call(self, x):
        return x * self.scale


def scaled():
    return sequential(Scale(), layers.Dense(1))


def constrained():
    return sequential(layers.Dense(1, kernel_constraint=keras.constraints.MaxNorm(0.1)))


def masked():
    return keras.Sequential([layers.Input((3, 2)), layers.Masking(), layers.LSTM(4), layers.Dense(1)])


CLASSES = RNG.integers(0, 3, 150)
UNSEEN = {
    "nothing": (known(), ""),
    "flat targets": (training(data=(X, Y[:, 0])), ""),
    "batches": (training(data=Batches(workers=1)), ""),
    "generator": (training(data=generator), ""),
    "a mask": (training(masked, (X.reshape(150, 3, 2) * (X[:, :3, None] > 0), Y)), "output of LSTM 1"),
    "an own layer": (training(scaled), "output of Scale 1"),
    "an own model": (training(OwnStep), ""),
    "bfloat16": (training(low("mixed_bfloat16")), "output of Dense 1"),
    "constraint": (training(constrained), "step of Adam"),
    "classes": (training(lambda: sequential(layers.Dense(3, "softmax")), (X, CLASSES),
                         loss="sparse_categorical_crossentropy"), "loss, sparse categorical crossentropy"),
    "two inputs": (KINDS["two inputs"], "a step: not compared, as its loss is not given by name"),
    "two inputs, one loss": (training(two_inputs, ([X[:, :3], X[:, 3:]], [Y, Y])),
                             "a step: not compared, as it has several inputs or outputs"),
}  # fmt: skip


@pytest.mark.parametrize("name", UNSEEN)
def test_what_numpy_has_no_form_of_is_no_cause(name):
    own, unseen = UNSEEN[name]
    causes, said = checks._parts(own, own.measured(trials=(Trial("training", 0, {"loss": 1.0}),)))
    assert causes == []
    assert any(text.startswith(unseen) for text in said) or not unseen


def test_the_dropout_of_a_recurrent_layer_is_left_out_of_a_canonical_trial():
    own = training(lambda: keras.Sequential([layers.Input((3, 2)), layers.LSTM(4, dropout=0.3), layers.Dense(1)]),
                   (X.reshape(150, 3, 2), Y))  # fmt: skip
    assert len(own.short((0,), canonical=True)) == 1


def test_a_training_that_diverges_is_told(path):
    own = training(optimizer=lambda: keras.optimizers.SGD(1e30), seeds=1)
    assert "reached: no number (mean of 1 seed; 1 ended with a loss of nan or inf)" in check(own, path, False)[1]


class Unseeded(keras.initializers.Initializer):
    def __call__(self, shape, dtype=None):
        return ops.convert_to_tensor(np.random.default_rng().normal(size=shape).astype("float32"))


def chaotic():
    """Every rounding moves its loss."""
    return sequential(layers.Dense(8), layers.Lambda(lambda x: ops.sin(1e8 * x)), layers.Dense(1))


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (lambda: training(lambda: sequential(layers.Dense(1, kernel_initializer=Unseeded()))), "without a seed"),
        (lambda: training(chaotic), "T = 0, rounding moves the first loss"),
        (lambda: training(lambda: 3), "Expected: a Keras model. Received: int"),
        (lambda: training(network()), "a function that builds a new model"),
        (lambda: training(data=lambda seed: (np.random.rand(50, 6), Y[:50])), "differ each time"),
        (lambda: training(data=generator(0)), "a generator, which can be read once only"),
        (lambda: training(data=(X, Y[:3])), "arrays of one length"),
        (lambda: training(data=X), "a function of a seed. Received: ndarray"),
        (lambda: training(data=(X,)), "a tuple of 1"),
        (lambda: training(epochs=0), "Invalid epochs"),
        (lambda: training(lambda: sequential(layers.Flatten()), (X, X)), "a model with weights to train"),
        (lambda: training(loss=None), "Invalid loss of test-net"),
        (lambda: training(metrics="mae"), "Invalid metrics of test-net. Expected: a list, or lists by output."),
        (lambda: training(callbacks=[keras.callbacks.Callback()]), "a function that makes them"),
        (lambda: training(validation_data=5), "Received: int"),
    ],
)  # fmt: skip
def test_bad_input_is_a_sentence_and_stores_nothing(wrong, said, path):
    with pytest.raises(SuiteError) as error:
        check(wrong(), path, True)
    assert said in str(error.value)
    assert not path(HERE).exists()
