"""The lecture's errata, unchanged and spoilt: ``python -m tests.cases.errata_mutations FILE``.

They need Keras, so they run in a process of their own; test_errata.py reads the states.
"""

from __future__ import annotations

import dataclasses
import json
import sys
from pathlib import Path

from cases.errata import ERRATA
from harness.domain.erratum import Differs, Erratum
from harness.training.backend import choose_backend, start_backend

BACKEND = "tensorflow"


def printed_runs(erratum: Erratum) -> Erratum:
    """As if the slide's code ran again, or did what the slide says."""
    outcome = erratum.expected(BACKEND)
    if isinstance(outcome, Differs):
        back = Differs(slide=outcome.today, today=outcome.slide, warns=outcome.warns)
        return dataclasses.replace(erratum, outcome=back, on={})
    return dataclasses.replace(erratum, printed=erratum.modern, modern=erratum.modern + "\n")


def another_model(erratum: Erratum) -> Erratum:
    """As if the replacement gave another model than it should."""
    return dataclasses.replace(erratum, gives="something else")


def main(path: Path) -> None:
    choose_backend(BACKEND)
    start_backend()
    forms = {"none": lambda one: one, "printed runs": printed_runs, "another model": another_model}
    states = {
        erratum.id: {name: str(change(erratum).examine(BACKEND).state) for name, change in forms.items()}
        for erratum in ERRATA
    }
    path.write_text(json.dumps(states), encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
