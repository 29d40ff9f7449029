"""Code that runs before the errata's snippets: names that the slides presuppose, and a small model."""

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
"""A compiled model of three features and three classes with zero weights, and one batch of eight examples."""
