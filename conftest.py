"""Loads the suite's plugin in a clone; ``pip install .`` needs no such file."""

pytest_plugins = ["suite.plugin"]
