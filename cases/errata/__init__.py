"""Code of the slides that no longer runs or gives another result, in lecture order, each with its replacement.

The lecture's code is for Keras 2.2 to 2.3. Both forms of every erratum are run, on the backend of the run.
"""

from cases.errata import (
    batch_normalization,
    example_1,
    example_2,
    example_3,
    example_4,
    learning_rate,
    optimizers,
    regularization,
)
from harness.domain.erratum import errata

ERRATA = errata(
    learning_rate.ERRATA,
    regularization.ERRATA,
    optimizers.ERRATA,
    batch_normalization.ERRATA,
    example_1.ERRATA,
    example_2.ERRATA,
    example_3.ERRATA,
    example_4.ERRATA,
)
