"""Self-checks: every run of the suite checks what its verdicts rest on against independent references.

The lecture's claims ask what Keras does. The self-checks ask whether Keras and the backend work as documented where
trainings use them: layers, losses, optimizers, initial weights, dropout, input data and callbacks. The references are
computed with NumPy in float64. Our own code is tested in ``tests/``.
"""
