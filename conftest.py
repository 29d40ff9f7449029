"""Loads the plugins in a clone; ``pip install .`` needs no such file."""

pytest_plugins = ["suite.plugin", "lecture_claims"]
