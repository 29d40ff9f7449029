"""The lecture's methods in NumPy and float64, from documentation and papers and not from Keras' code."""

ROUNDING = 2.0**-24
"""The largest relative error of one operation in float32, of which the tolerances are made."""
