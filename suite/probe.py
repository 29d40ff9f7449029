"""``python -m suite.probe BACKEND NAME…``: prints what this Keras does, as JSON: by name, its stages.

A name is a training (experiment/variant), a claim about Keras, an erratum, a self-check, or "default …", a row of
``benchmarks.defaults``. ``python -m reports --why --bisect`` runs it under each Keras that it looks at.
"""

from __future__ import annotations

import contextlib
import importlib
import io
import json
import re
import sys
import warnings
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from harness.course import course
from harness.erratum import ErratumState
from harness.errors import SuiteError, invalid, nearest
from harness.training.backend import choose_backend
from harness.verdict import Decision, Verdict
from suite.session.task import reason_of

DEFAULT = "default "


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit status: 0, or 2 with a line on stderr if the backend cannot be used or a name is unknown."""
    backend, *names = sys.argv[1:] if arguments is None else arguments
    try:
        with contextlib.redirect_stdout(io.StringIO()), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            choose_backend(backend)
            sides = {name: observed(name, backend) for name in names}
    except SuiteError as error:
        print(" ".join(str(error).split()), file=sys.stderr)
        return 2
    print(json.dumps(sides))
    return 0


def observed(name: str, backend: str) -> Mapping[str, Any]:
    """The stages of what has this name; of anything but a training it is one, a text.

    Raises SuiteError if nothing has this name.
    """
    from suite.catalogue import ERRATA, EXACT_CLAIMS, SELF_CHECKS

    if name.startswith(DEFAULT):
        return {name: _default(name.removeprefix(DEFAULT))}
    if name in EXACT_CLAIMS:
        return {"verdict": _decided(EXACT_CLAIMS[name].computed)}
    if name in SELF_CHECKS:
        return {"result": _decided(lambda: SELF_CHECKS[name].decide("fit"))}
    if name in ERRATA:
        checked = ERRATA[name].examine(backend)
        return {"erratum": "as the catalogue says" if checked.state is ErratumState.HOLDS else checked.reason}
    from harness.check.evidence import path_of, read
    from harness.why.side import written_out

    experiment, _, variant = name.partition("/")
    if experiment not in course().experiments:
        fix = nearest(name, (*EXACT_CLAIMS, *SELF_CHECKS, *ERRATA, *course().experiments))
        expected = "experiment/variant, a claim about Keras, an erratum, a self-check, or 'default …'"
        raise invalid("name", expected=expected, received=repr(name), fix=fix)
    course().experiments[experiment].variant(variant)
    evidence = read(path_of(course().baselines, f"{backend}-cpu", experiment))
    known = evidence.variants.get(variant) if evidence else None
    return written_out(course().experiments[experiment], variant, known)


def _decided(decide: Callable[[], Decision]) -> str:
    """A verdict; with its reason if it is not SUPPORTED, numbers to three digits."""
    try:
        decision = decide()
    except Exception as error:
        return reason_of(error)
    if decision.verdict is Verdict.SUPPORTED:
        return str(decision.verdict)
    rounded = re.sub(r"-?\d+\.\d+(?:e[+-]?\d+)?", lambda match: f"{float(match[0]):.3g}", decision.reason)
    return f"{decision.verdict}: {rounded}"


def _default(row: str) -> str:
    """A row of ``benchmarks.defaults``, which a clone has and the installed package has not."""
    try:
        defaults = importlib.import_module("benchmarks.defaults")
    except ModuleNotFoundError as error:
        raise SuiteError("Defaults are looked at in a clone only: benchmarks/ is not here.") from error
    return str(defaults.row(row))


if __name__ == "__main__":
    sys.exit(main())
