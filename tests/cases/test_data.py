"""MNIST is the recorded data, and loading reports it if it is not; the literal arrays are those of the slides."""

import decimal
import gc
import hashlib
import random
import warnings

import numpy as np
import pytest

from cases.data import mnist as mnist_file
from cases.data.arrays import EXAMPLE_1_X, EXAMPLE_1_Y, EXAMPLE_2_SCALED, EXAMPLE_2_XY, EXAMPLE_3_TABLE
from cases.data.mnist import ARRAYS, load
from harness.errors import SuiteError

REMEDY = "git checkout -- cases/data/mnist.npz"


@pytest.fixture
def small(tmp_path, monkeypatch):
    """A file of few images with the checksums of its own, quick to damage in many ways; and its arrays."""
    rng = np.random.default_rng(0)
    made = {
        name: rng.integers(0, 200, (shape[0] // 1000, *shape[1:])).astype("uint8")
        for name, (shape, _) in ARRAYS.items()
    }
    known = {name: (array.shape, hashlib.sha256(array.tobytes()).hexdigest()) for name, array in made.items()}
    monkeypatch.setattr(mnist_file, "ARRAYS", known)
    np.savez_compressed(tmp_path / "mnist.npz", **made)
    assert load(tmp_path / "mnist.npz").keys() == made.keys()
    return tmp_path / "mnist.npz", made


@pytest.fixture(autouse=True)
def no_warnings_of_open_files():
    """NumPy leaves the file of a damaged archive open, which is not what is tested here."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        yield
        gc.collect()


def refused(path):
    with pytest.raises(SuiteError) as error:
        load(path)
    assert REMEDY in str(error.value)
    assert str(path) in str(error.value)
    return str(error.value)


def flipped(array):
    changed = array.copy()
    changed.flat[changed.size // 2] ^= 1
    return changed


def other(name, change):
    """The file with an array changed, or left out for None."""

    def damage(path, made):
        arrays = {**made, name: change(made[name])}
        np.savez(path, allow_pickle=True, **{key: array for key, array in arrays.items() if array is not None})

    return damage


def cut(share):
    return lambda path, made: path.write_bytes(path.read_bytes()[: int(share * path.stat().st_size)])


def folder(path, made):
    path.unlink()
    path.mkdir()


def single(path, made):
    with path.open("wb") as file:
        np.save(file, made["y_test"])


NO_ARCHIVE = "truncated or not a NumPy archive"
DAMAGES = {
    **{f"a byte of {name}": (other(name, flipped), f"array {name!r} was altered") for name in ARRAYS},
    **{f"no {name}": (other(name, lambda array: None), name) for name in ARRAYS},
    "the same bytes": (other("y_train", lambda array: array.astype("int8")), "Received: int8"),
    "another shape": (other("y_train", lambda array: array.reshape(-1, 1)), "shape (60, 1)"),
    "not unpickled": (other("y_test", lambda array: np.array([{"a": 1}], dtype=object)), "allow_pickle=False"),
    **{f"the first {share:.1%}": (cut(share), NO_ARCHIVE) for share in (0.0, 0.001, 0.5, 0.999)},
    "no file": (lambda path, made: path.unlink(), "is missing"),
    "text": (lambda path, made: path.write_text("not an archive\n", encoding="utf-8"), NO_ARCHIVE),
    "a single array": (single, NO_ARCHIVE),
    "a folder": (folder, NO_ARCHIVE),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_file_is_refused(small, damage):
    path, made = small
    change, said = DAMAGES[damage]
    change(path, made)
    assert said in refused(path)


def test_one_altered_byte_of_the_real_file_is_refused(tmp_path):
    other("x_test", flipped)(tmp_path / "mnist.npz", load())
    assert "array 'x_test' was altered" in refused(tmp_path / "mnist.npz")


def test_fortran_order_is_the_same_data(small):
    path, made = small
    other("x_test", np.asfortranarray)(path, made)
    assert np.array_equal(load(path)["x_test"], made["x_test"])


def test_no_damaged_bit_gets_through(small):
    """Every error of zipfile, zlib and NumPy becomes one of ours; bits that carry nothing (dates) may pass."""
    path, made = small
    whole, dice, counted = path.read_bytes(), random.Random(0), 0
    for trial in range(300):
        place = dice.randrange(len(whole)) if trial % 2 else len(whole) - 1 - dice.randrange(400)
        damaged = bytearray(whole)
        damaged[place] ^= 1 << dice.randrange(8)
        path.write_bytes(damaged)
        try:
            read = load(path)
        except SuiteError:
            counted += 1
        else:
            assert all(np.array_equal(read[name], array) for name, array in made.items())
    assert counted > 150


def test_example_2_scaled_in_decimal():
    """The printed matrix, recomputed without floating point: (x − min) / (max − min + 1e-5), to eight decimals."""
    decimal.getcontext().prec = 40
    for index, numbers in enumerate(EXAMPLE_2_XY.T):
        column = [decimal.Decimal(repr(float(number))) for number in numbers]
        low, spread = min(column), max(column) - min(column) + decimal.Decimal("1e-5")
        scaled = [round((number - low) / spread, 8) for number in column]
        assert scaled == [round(decimal.Decimal(row[index]), 8) for row in EXAMPLE_2_SCALED]


def test_arrays_of_the_slides():
    assert [len(row) for row in EXAMPLE_2_SCALED] == [5] * 8
    assert EXAMPLE_3_TABLE.shape == (32, 4)
    assert np.argmin(EXAMPLE_3_TABLE[:, 0]) == 24
    assert list(EXAMPLE_3_TABLE[24, :2]) == [0.261196, 0.9279]
    assert list(EXAMPLE_3_TABLE[-1, :2]) == [0.263750, 0.9266]
    assert EXAMPLE_1_X.shape == EXAMPLE_1_Y.shape == (8, 3)
    assert np.array_equal(EXAMPLE_1_Y.sum(axis=1), np.ones(8))
