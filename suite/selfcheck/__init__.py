"""Self-checks: what every verdict rests on, against references of its own, in every run of the suite.

The lecture's claims ask what Keras does. The self-checks ask whether Keras and the backend do what they say, as
trainings use them: layers, losses, optimizers, initial weights, dropout, input data and callbacks. The references are
computed in NumPy and float64. Our own rules, files and programs are tested in ``tests/``.
"""
