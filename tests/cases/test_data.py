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
from cases.data.mnist import ARRAYS, PATH, load, mnist
from harness.errors import SuiteError

REMEDY = "git checkout -- cases/data/mnist.npz"


@pytest.fixture(scope="module")
def arrays():
    return load()


@pytest.fixture
def small(tmp_path, monkeypatch):
    """A file of few images with the checksums of its own: quick to damage in many ways."""
    rng = np.random.default_rng(0)
    made = {
        name: rng.integers(0, 200, (shape[0] // 1000, *shape[1:])).astype("uint8")
        for name, (shape, _) in ARRAYS.items()
    }
    known = {name: (array.shape, hashlib.sha256(array.tobytes()).hexdigest()) for name, array in made.items()}
    monkeypatch.setattr(mnist_file, "ARRAYS", known)
    path = tmp_path / "mnist.npz"
    np.savez_compressed(path, **made)
    assert load(path).keys() == made.keys()
    return path, made


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


def attempt(path):
    try:
        return load(path)
    except SuiteError as error:
        return str(error)


def test_checksums_are_those_of_the_file(arrays):
    """Read without the loader."""
    with np.load(PATH, allow_pickle=False) as archive:
        assert set(archive.files) == set(ARRAYS)
        for name, (shape, digest) in ARRAYS.items():
            assert archive[name].shape == shape == arrays[name].shape
            assert hashlib.sha256(archive[name].tobytes()).hexdigest() == digest


@pytest.mark.parametrize("name", ARRAYS)
def test_one_altered_byte_is_refused(small, name):
    path, made = small
    altered = made[name].copy()
    altered.flat[altered.size // 2] ^= 1
    np.savez_compressed(path, **{**made, name: altered})
    assert f"array {name!r} was altered" in refused(path)


def test_one_altered_byte_of_the_real_file_is_refused(arrays, tmp_path):
    altered = arrays["x_test"].copy()
    altered[9999, 27, 27] ^= 1
    np.savez(tmp_path / "mnist.npz", **{**arrays, "x_test": altered})
    assert "array 'x_test' was altered" in refused(tmp_path / "mnist.npz")


@pytest.mark.parametrize("name", ARRAYS)
def test_missing_array(small, name):
    path, made = small
    np.savez(path, **{key: value for key, value in made.items() if key != name})
    assert name in refused(path)


def test_wrong_type_and_shape(small):
    path, made = small
    np.savez(path, **{**made, "y_train": made["y_train"].astype("int8")})  # the same bytes
    assert "Received: int8" in refused(path)
    np.savez(path, **{**made, "y_train": made["y_train"].reshape(-1, 1)})
    assert f"shape {(*made['y_train'].shape, 1)}" in refused(path)


def test_object_array_is_not_unpickled(small):
    path, made = small
    np.savez(path, **{**made, "y_test": np.array([{"a": 1}], dtype=object)}, allow_pickle=True)
    assert "allow_pickle=False" in refused(path)


def test_fortran_order_is_the_same_data(small):
    path, made = small
    np.savez(path, **{**made, "x_test": np.asfortranarray(made["x_test"])})
    assert np.array_equal(load(path)["x_test"], made["x_test"])


@pytest.mark.parametrize("share", [0.0, 0.001, 0.5, 0.999])
def test_truncated_file(tmp_path, share):
    whole = PATH.read_bytes()
    path = tmp_path / "mnist.npz"
    path.write_bytes(whole[: int(share * len(whole))])
    assert "truncated or not a NumPy archive" in refused(path)


def test_no_damaged_bit_gets_through(small):
    """Every error of zipfile, zlib and NumPy becomes one of ours; bits that carry nothing (dates) may pass."""
    path, made = small
    whole, dice, counted = path.read_bytes(), random.Random(0), 0
    for trial in range(300):
        place = dice.randrange(len(whole)) if trial % 2 else len(whole) - 1 - dice.randrange(400)
        damaged = bytearray(whole)
        damaged[place] ^= 1 << dice.randrange(8)
        path.write_bytes(damaged)
        read = attempt(path)
        if isinstance(read, str):
            assert REMEDY in read
            counted += 1
        else:
            assert all(np.array_equal(read[name], made[name]) for name in made)
    assert counted > 150


def test_prepared_as_on_the_slide(arrays):
    """``X.reshape(n, 784).astype('float64') / 255`` and one-hot labels, then the float32 that Keras casts to."""
    data = mnist()
    for part, labels, x, y in (
        ("x_test", "y_test", data.x_val, data.y_val),
        ("x_train", "y_train", data.x, data.y),
    ):
        assert x.dtype == y.dtype == np.float32
        assert x.shape == (len(arrays[part]), 784)
        for start in range(0, len(x), 10000):
            rows = slice(start, start + 10000)
            slide = arrays[part][rows].reshape(-1, 784).astype("float64") / 255
            assert np.array_equal(x[rows], slide.astype("float32"))
        assert np.array_equal(y.argmax(axis=1), arrays[labels])
        assert np.array_equal(np.sort(y, axis=1), np.tile([0.0] * 9 + [1.0], (len(y), 1)))


def test_example_2_scaled_in_decimal():
    """The printed matrix, recomputed without floating point: (x − min) / (max − min + 1e-5), to eight decimals."""
    decimal.getcontext().prec = 40
    columns = [[decimal.Decimal(repr(float(x))) for x in column] for column in EXAMPLE_2_XY.T]
    for index, column in enumerate(columns):
        low, spread = min(column), max(column) - min(column) + decimal.Decimal("1e-5")
        scaled = [round((x - low) / spread, 8) for x in column]
        assert scaled == [round(decimal.Decimal(row[index]), 8) for row in EXAMPLE_2_SCALED]


def test_arrays_of_the_slides():
    assert [len(row) for row in EXAMPLE_2_SCALED] == [5] * 8
    assert EXAMPLE_3_TABLE.shape == (32, 4)
    assert np.argmin(EXAMPLE_3_TABLE[:, 0]) == 24
    assert list(EXAMPLE_3_TABLE[24, :2]) == [0.261196, 0.9279]
    assert list(EXAMPLE_3_TABLE[-1, :2]) == [0.263750, 0.9266]
    assert EXAMPLE_1_X.shape == EXAMPLE_1_Y.shape == (8, 3)
    assert np.array_equal(EXAMPLE_1_Y.sum(axis=1), np.ones(8))


def test_what_is_no_archive(tmp_path):
    path = tmp_path / "mnist.npz"
    assert "is missing" in refused(path)
    path.write_text("not an archive\n", encoding="utf-8")
    assert "not a NumPy archive" in refused(path)
    with path.open("wb") as file:
        np.save(file, np.zeros(3))
    assert "not a NumPy archive" in refused(path)
    path.unlink()
    path.mkdir()
    assert "not a NumPy archive" in refused(path)
