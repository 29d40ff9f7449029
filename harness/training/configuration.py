"""The configuration of a training: everything that Keras is given, and the data it trains on.

Trials with equal configurations measure the same thing. The source text of functions does not count: an edited message
changes nothing, but another default value of a layer does.
"""

from __future__ import annotations

import hashlib
import itertools
import json
import weakref
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from harness.errors import SuiteError
from harness.model import Experiment
from harness.record.trials import Hashes
from harness.training.backends import hidden
from harness.training.seeding import data_order, roles, seed_training
from harness.training.setup import TrainingSetup

JSON = None | bool | int | float | str | list["JSON"] | dict[str, "JSON"]
LENGTH = 16
"""Number of hex digits of a digest."""
DIGITS = 6
"""Number of significant digits of a fact that count. Linear algebra in float64 differs between processors."""

_CHECKSUMS: dict[tuple[Any, ...], tuple[weakref.ref[np.ndarray], str]] = {}
_DIGESTS: dict[tuple[int, str], tuple[Experiment, str]] = {}


def configuration(setup: TrainingSetup) -> dict[str, JSON]:
    """Everything that decides a trial of the setup, except its seed and the perturbation of its initial weights.

    ``model`` and ``optimizer`` are Keras' configurations without counted names (``without_names``). ``data`` has a
    checksum of each array as float32, the type that trains. ``recorded`` says which curves are recorded. ``facts`` are
    the metrics known without training.
    """
    experiment, data = setup.experiment, setup.data
    facts = setup.variant.facts() if setup.variant.facts else {}
    arrays = {"x": data.x, "y": data.y, "x_val": data.x_val, "y_val": data.y_val}
    return {
        **of_keras(*setup.built),
        "loss": experiment.loss,
        "batch_size": setup.size.batch_size,
        "epochs": setup.size.epochs,
        "examples": len(data.x),
        "data": {name: None if array is None else checksum(array) for name, array in arrays.items()},
        "recorded": {
            "accuracy": bool(experiment.accuracy),
            "inference": bool(experiment.inference),
            "halves": bool(experiment.halves),
            "follow": plain_json(sorted(experiment.follow)),
            "observe": experiment.observe is not None,
        },
        "facts": {name: float(f"{value:.{DIGITS}g}") for name, value in facts.items()},
    }


def of_keras(model: Any, optimizer: Any) -> dict[str, JSON]:
    """Keras' own configurations of both. Of a model without any, the shapes of its variables."""
    with hidden("tensorflow"):  # which Keras would import on every backend to serialize: seconds
        try:
            layers = without_names(model.get_config())
        except NotImplementedError:
            layers = {"variables": [list(variable.shape) for variable in model.variables]}
        rule = without_names(optimizer.get_config())
    if isinstance(rule.get("learning_rate"), float):
        rule["learning_rate"] = float(str(np.float32(rule["learning_rate"])))
    return {
        "model": plain_json({"class_name": type(model).__name__, **layers}),
        "optimizer": plain_json({"class_name": type(optimizer).__name__, "config": rule}),
    }


def differences(then: Mapping[str, JSON], now: Mapping[str, JSON]) -> list[tuple[str, JSON, JSON]]:
    """(place, then, now) for each value that differs: ("model.layers[3].config.rate", 0.2, 0.3); None for no value."""
    return list(_differences("", dict(then), dict(now)))


def digest(configuration: Mapping[str, JSON]) -> str:
    """A hash of a configuration, LENGTH hex digits. It is the same on every backend, processor and Python version."""
    text = json.dumps(configuration, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:LENGTH]


def variant_digest(experiment: Experiment, variant: str) -> str:
    """The digest of a variant's configuration, computed once per process. The backend must be chosen before.

    SuiteError if the variant is unknown, or its model, optimizer or data cannot be built.
    """
    key = (id(experiment), variant)
    if key not in _DIGESTS:  # the experiment is kept too, so that no other object gets its id
        try:
            value = digest(configuration(TrainingSetup.of(experiment, variant)))
        except SuiteError:
            raise
        except Exception as error:
            cause = f"{type(error).__name__}: {error}"
            raise SuiteError(f"The configuration of {experiment.id}/{variant} cannot be built: {cause}") from error
        _DIGESTS[key] = experiment, value
    return _DIGESTS[key][1]


def hashes(setup: TrainingSetup) -> Hashes:
    """Hashes of the random numbers of seed 0 on this backend, LENGTH hex digits each.

    They are hashes of all weights of the model, of the first dropout layer's first mask for a full batch, and of the
    data order of epoch 0.
    """
    model, _ = setup.built
    setup.initialise(model, 0)
    weights = b"".join(np.asarray(weight, "float32").tobytes() for weight in model.weights)
    order = data_order(0, 0, len(setup.data.x))
    mask = dropout_mask(model, 0, min(setup.size.batch_size, len(setup.data.x)))
    return Hashes(
        initial=hashed(weights),
        dropout=None if mask is None else hashed(np.packbits(mask).tobytes()),
        order=hashed(order.astype("<i4").tobytes()),
    )


def checksum(array: np.ndarray) -> str:
    """A hash of an array's shape and its values as float32, LENGTH hex digits. It is computed once for each array."""
    owner: object = array if array.base is None else array.base
    if not isinstance(owner, np.ndarray):
        return _checksum(array)
    key = (id(owner), array.__array_interface__["data"][0], array.shape, array.strides, array.dtype.str)
    known = _CHECKSUMS.get(key)
    if known is None or known[0]() is not owner:
        _CHECKSUMS[key] = known = weakref.ref(owner), _checksum(array)
    return known[1]


def without_names(config: Any, without: str = "") -> Any:
    """A Keras configuration without names, because Keras counts them up ("dense_3").

    A reference to a layer by name becomes the number of that name; Keras describes a layer before it refers to it. The
    name of a precision policy stays, because it is the policy.

    Args:
        config: ``get_config()`` of a model or an optimizer.
        without: keys with this ending are left out too; "" for none.
    """
    numbers: dict[str, str] = {}

    def plain(value: Any) -> Any:
        if isinstance(value, dict) and value.get("class_name") != "DTypePolicy":
            if isinstance(name := value.get("name"), str):
                numbers.setdefault(name, str(len(numbers)))
            kept = (key for key in value if key != "name" and not (without and key.endswith(without)))
            return {key: plain(value[key]) for key in kept}
        if isinstance(value, list | tuple):
            if [type(part) for part in value] == [str, int, int] and value[0] in numbers:
                return [numbers[value[0]], *value[1:]]  # a tensor: (layer, number of the call, number of the output)
            return [plain(part) for part in value]
        return value

    return plain(config)


def plain_json(value: Any) -> JSON:
    """The value in JSON's types; for any other value, the name of its type."""
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, Mapping):
        return {str(key): plain_json(part) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [plain_json(part) for part in value]
    if isinstance(value, np.generic | np.ndarray):
        return plain_json(value.tolist())
    return type(value).__name__


def _differences(where: str, then: JSON, now: JSON) -> Iterator[tuple[str, JSON, JSON]]:
    if isinstance(then, dict) and isinstance(now, dict):
        for key in dict.fromkeys((*then, *now)):
            place = f"{where}.{key}" if where else key
            yield from _differences(place, then.get(key), now.get(key))
    elif isinstance(then, list) and isinstance(now, list):
        for index, parts in enumerate(itertools.zip_longest(then, now)):
            yield from _differences(f"{where}[{index}]", *parts)
    elif then != now or type(then) is not type(now):
        yield where, then, now


def dropout_mask(model: Any, seed: int, batch: int) -> np.ndarray | None:
    """Which values a model's first dropout layer keeps in its first call, for ``batch`` examples; None without one."""
    import keras

    for _, layer in roles(model):
        if isinstance(layer, keras.layers.Dropout):
            seed_training(seed)
            ones = keras.ops.ones((batch, *layer.input.shape[1:]))
            return np.asarray(keras.ops.convert_to_numpy(layer(ones, training=True))) != 0
    return None


def _checksum(array: np.ndarray) -> str:
    values = np.ascontiguousarray(array, "<f4")
    return hashed(str(array.shape).encode() + b"\0", values.data)


def hashed(*parts: Any) -> str:
    """A hash of bytes, LENGTH hex digits."""
    digest = hashlib.sha256()
    for part in parts:
        digest.update(part)
    return digest.hexdigest()[:LENGTH]
