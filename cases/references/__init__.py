"""The lecture's methods in NumPy and float64, written from documentation and papers, not from Keras' code."""

ROUNDING = 2.0**-24
"""The largest relative error of one operation in float32; tolerances are multiples of it."""
