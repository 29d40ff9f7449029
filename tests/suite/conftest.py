"""Runs that several test modules share. Each runs once."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from harness.errors import SuiteError
from harness.execution import local
from tests.suite.command import TINY, Finished, copies, suite

IMAGES = "more-data/500 or more-data/2"
BROAD = f"{TINY} or zscore or scale-gap or centering"


@pytest.fixture(scope="session")
def two_workers() -> None:
    """Skips the test if two workers do not fit on this machine."""
    try:
        local.count(2, 2)
    except SuiteError as error:
        pytest.skip(f"two worker processes do not fit: {error}")


@pytest.fixture(scope="session")
def first(tmp_path_factory: pytest.TempPathFactory) -> Finished:
    """A run of Example 2 to the end, without evidence. The backend comes from KERAS_BACKEND."""
    folder = tmp_path_factory.mktemp("first")
    return suite(folder, "--seeds", "5", "-k", TINY, env={"KERAS_BACKEND": "jax"})


@pytest.fixture(scope="session")
def stored(tmp_path_factory: pytest.TempPathFactory) -> Finished:
    """A run that stores 30 seeds of Example 2 and of the tiny experiments of section 2 as evidence."""
    options = ("--backend", "jax", "--seeds", "30", "-k", BROAD, "-q", "--update-baselines", "first of all")
    return suite(tmp_path_factory.mktemp("stored"), *options)


@pytest.fixture(scope="session")
def copied(stored: Finished, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    return copies(stored, tmp_path_factory)


@pytest.fixture(scope="session")
def images(tmp_path_factory: pytest.TempPathFactory) -> Finished:
    """A run that stores evidence of two variants of an experiment on images, four seeds of each."""
    options = ("--backend", "jax", "--seeds", "4", "-k", IMAGES, "--update-baselines", "four")
    return suite(tmp_path_factory.mktemp("images"), *options)
