"""Code of the slides that no longer runs or gives another result, in lecture order, each with its replacement.

The lecture's code is for Keras 2.2 to 2.3. Both forms of every erratum are run, on the backend of the run.
"""

from cases.errata import examples, sections

ERRATA = (*sections.ERRATA, *examples.ERRATA)
