"""A plugin (-p tests.suite.old_keras): a Keras without LSTM and without EarlyStopping, as too old or too new a one."""

from __future__ import annotations

from collections.abc import Iterator

import pytest


@pytest.hookimpl(wrapper=True)
def pytest_runtestloop() -> Iterator[None]:
    import keras

    with pytest.MonkeyPatch.context() as patch:
        patch.delattr(keras.layers, "LSTM")
        patch.delattr(keras.callbacks, "EarlyStopping")
        return (yield)
