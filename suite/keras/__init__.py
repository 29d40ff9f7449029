"""Keras computes what it documents: self-checks of every run, for any course.

The lecture's claims ask what Keras does. These ask whether Keras and the backend work as documented where trainings use
them. The references are computed with NumPy in float64.
"""

from suite.keras import callbacks, defaults, functions, late, networks, random_numbers

CHECKS = (
    *functions.CHECKS,
    *random_numbers.CHECKS,
    *networks.CHECKS,
    *late.CHECKS,
    *callbacks.CHECKS,
    *defaults.CHECKS,
)
