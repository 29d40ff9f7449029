"""One plain run with its trials stored as evidence, and one run in an environment that must not matter."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.reports.synthetic import Recorder
from tests.suite.command import JAX, TINY, Finished, copies, suite


@pytest.fixture(scope="session")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Finished:
    """Claims on Example 2, and an exact one, on JAX."""
    return suite(tmp_path_factory.mktemp("plain"), *JAX, "-k", TINY, "--update-baselines", "plain")


@pytest.fixture(scope="session")
def copied(plain: Finished, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    return copies(plain, tmp_path_factory)


HOSTILE = {
    "KERAS_BACKEND": "tensorflow",
    "KERAS_MAX_EPOCHS": "1",
    "KERAS_NNX_ENABLED": "1",
    "TF_USE_LEGACY_KERAS": "1",
    "JAX_ENABLE_X64": "1",
    "JAX_DISABLE_JIT": "1",
    "JAX_DEBUG_NANS": "1",
    "JAX_NUMPY_DTYPE_PROMOTION": "strict",
    "JAX_RANDOM_SEED_OFFSET": "7",
    "TF_CPP_MIN_LOG_LEVEL": "3",
    "JAX_LOGGING_LEVEL": "ERROR",
}
"""Any one of them would change a result, or make it impossible; but for the last two, which count for nothing."""
LATER = "2099-12-31T23-59-59-999999-1"


def hostile_home(folder: Path) -> dict[str, str]:
    """A home, and a KERAS_HOME, whose keras.json would change every result."""
    for name in (".keras", "other"):
        (folder / name).mkdir(parents=True)
        settings = {"floatx": "float64", "epsilon": 0.25, "backend": "torch", "image_data_format": "channels_first"}
        (folder / name / "keras.json").write_text(json.dumps(settings), "utf-8")
    return {"HOME": str(folder), "KERAS_HOME": str(folder / "other")}


@pytest.fixture(scope="session")
def hostile(copied: Callable[[str], Path]) -> Finished:
    """A run among other settings of Keras and JAX, in a folder with a run of the year 2099."""
    folder = copied("hostile")
    home = hostile_home(folder / "home")
    runs = folder / "report" / "runs"
    Recorder(folder / "report", id=LATER, started="2099-12-31T23:59:59+00:00").end()
    assert [path.stem for path in runs.iterdir()] == [LATER]
    return suite(folder, *JAX, "-k", TINY, env=HOSTILE | home)
