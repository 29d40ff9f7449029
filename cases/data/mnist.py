"""MNIST from the file alongside this module, each array checked against its recorded SHA-256 on loading."""

import functools
import hashlib
from pathlib import Path

import numpy as np

from harness.errors import SuiteError
from harness.model import Dataset

PATH = Path(__file__).with_name("mnist.npz")

# name -> (shape, SHA-256 of the C-ordered bytes); all arrays are uint8
ARRAYS = {
    "x_train": ((60000, 28, 28), "741c988805d008ac6e4c904b69001ba184c24b2c540a4ef403f4c71b676cf757"),
    "y_train": ((60000,), "1feba77c54802fa5339a11837ea4b2866434b83314ec45192930f1df69120c13"),
    "x_test": ((10000, 28, 28), "6d87418db22cc8025d05968bec9bd5c3932904b23485740db143a061a2c9d161"),
    "y_test": ((10000,), "ddeff807876a9661a1110d45c266c86239a3a1b7d37da0c3716a7a683c852ff5"),
}


def load(path: Path = PATH) -> dict[str, np.ndarray]:
    """The four uint8 arrays of ARRAYS by name. Raises SuiteError if the file is absent, truncated or altered."""
    remedy = f"Restore it with `git checkout -- cases/data/{PATH.name}`."
    arrays = {}
    try:
        with np.load(path, allow_pickle=False) as archive:
            for name in ARRAYS:
                arrays[name] = archive[name]
    except FileNotFoundError:
        raise SuiteError(f"The MNIST file {path} is missing. {remedy}") from None
    except Exception as error:  # zipfile, zlib, tokenize and NumPy each raise their own on damaged bytes
        raise SuiteError(
            f"Invalid MNIST file {path}: it is truncated or not a NumPy archive ({error}). {remedy}"
        ) from None
    for name, (shape, digest) in ARRAYS.items():
        array = arrays[name]
        received = hashlib.sha256(np.ascontiguousarray(array).tobytes()).hexdigest()
        if array.dtype != np.uint8 or array.shape != shape or received != digest:
            raise SuiteError(
                f"Invalid MNIST file {path}: array {name!r} was altered. Expected: uint8, shape {shape}, SHA-256 "
                f"{digest[:12]}…. Received: {array.dtype}, shape {array.shape}, SHA-256 {received[:12]}…. {remedy}"
            )
    return arrays


@functools.lru_cache(maxsize=1)
def mnist() -> Dataset:
    """MNIST as the lecture prepares it: images (60000, 784) and (10000, 784) in [0, 1], one-hot labels of 10 classes.

    The lecture divides in float64, and Keras casts to float32. A table of the 256 values gives the same result.
    """
    arrays = load()
    grey = (np.arange(256, dtype="float64") / 255).astype("float32")
    one_hot = np.eye(10, dtype="float32")
    return Dataset(
        grey[arrays["x_train"].reshape(60000, 784)],
        one_hot[arrays["y_train"]],
        grey[arrays["x_test"].reshape(10000, 784)],
        one_hot[arrays["y_test"]],
    )
