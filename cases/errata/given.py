"""What the errata's snippets stand on: names that the slides take for granted, and a model that is quick to train."""

from __future__ import annotations

NAMES = """\
import numpy as np
import keras
from keras import layers, optimizers
from keras.models import Sequential
from keras.layers import Dense
"""

DATA = """\
X = np.arange(24).reshape(8, 3) / 24
Y = np.eye(3)[[0, 1, 2, 0, 1, 2, 0, 1]]
"""

MODEL = """\
model = Sequential([keras.Input((3,)), Dense(3, activation='softmax', kernel_initializer='zeros')])
"""

COMPILED = """\
model.compile(loss='categorical_crossentropy', optimizer='sgd', metrics=['accuracy'])
"""

READY = NAMES + DATA + MODEL + COMPILED
"""A compiled model of three features and three classes, all weights zero, and eight examples: one batch."""
