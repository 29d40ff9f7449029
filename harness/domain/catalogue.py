"""Loads a catalogue of claims, section by section. A module that fails costs only the sections that import it."""

from __future__ import annotations

import importlib
import pkgutil
import sys
import traceback
from collections.abc import Iterable, Iterator
from pathlib import Path
from types import ModuleType

import msgspec

from harness.domain.claim import Claim
from harness.domain.experiment import Experiment
from harness.errors import SuiteError, invalid, nearest


class Broken(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A part of a catalogue that could not be read.

    Attributes:
        name: the name of the module, or the key of the claim.
        where: file and line.
        error: what was expected, what was received, and what to do.
        costs: the sections that are left out; empty for a single claim.
    """

    name: str
    where: str
    error: str
    costs: tuple[str, ...] = ()

    @property
    def message(self) -> str:
        """The message of the test that fails because of it."""
        lost = f"\n  Sections left out because of it: {', '.join(self.costs)}." if self.costs else ""
        return f"{self.name} ({self.where}) could not be read.\n  {self.error}{lost}\n  All other claims run."


def load(package: str, sections: Iterable[str]) -> tuple[tuple[Claim, ...], tuple[Broken, ...]]:
    """The claims of the sections of a package, in order, and the parts that could not be read.

    Each section is a module with a tuple ``CLAIMS``. If a module cannot be imported, the sections that import it are
    left out. The second of two claims with one key is broken. So is a claim whose experiment has the id of another
    experiment.
    """
    claims: list[Claim] = []
    broken: dict[tuple[str, str], Broken] = {}
    for section in sections:
        try:
            claims += _claims_of(package, section)
        except Exception as error:
            found = located(f"{package}.{section}", Path(str(sys.modules[package].__file__)).parent, error)
            known = broken.setdefault((found.where, found.error), found)
            broken[found.where, found.error] = msgspec.structs.replace(known, costs=(*known.costs, section))
    doubles: list[Broken] = []
    return tuple(distinct(claims, package, doubles)), (*broken.values(), *doubles)


def _claims_of(package: str, section: str) -> tuple[Claim, ...]:
    name = f"{package}.{section}"
    try:
        module = importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name is None or not f"{name}.".startswith(f"{error.name}."):
            raise
        fix = f"{nearest(section, _modules(package))} Mend `SECTIONS`."
        raise invalid(f"section {section!r}", expected="a module", received=error, fix=fix) from None
    found = getattr(module, "CLAIMS", None)
    wrong = [one for one in found if not isinstance(one, Claim)] if isinstance(found, tuple) else []
    if not isinstance(found, tuple) or wrong:
        received = f"{type(wrong[0]).__name__} in it" if wrong else type(found).__name__
        fix = "Give the module its `CLAIMS`; mind the commas and stars."
        raise invalid(f"CLAIMS of {name}", expected="a tuple of claims", received=received, fix=fix)
    return found


def located(module: str, root: Path, error: BaseException) -> Broken:
    """An error in the import of a module, with the innermost line of its package, in ``root``, that raised it."""
    places = [(frame.filename, frame.lineno) for frame in traceback.extract_tb(error.__traceback__)]
    if isinstance(error, SyntaxError) and error.filename:
        places.append((error.filename, error.lineno))
    path, line = next(((p, n) for p, n in reversed(places) if Path(p).is_relative_to(root)), ("", None))
    if not path:
        known = sys.modules.get(module)
        path = str(known.__file__) if known and known.__file__ else str(root / "__init__.py")
    name = ".".join((root.name, *Path(path).relative_to(root).with_suffix("").parts)).removesuffix(".__init__")
    where = Path(path).relative_to(root.parent).as_posix() + (f":{line}" if line else "")
    if isinstance(error, SuiteError):
        return Broken(name, where, str(error))
    text = "".join(traceback.TracebackException.from_exception(error).format_exception_only()).splitlines()[-1]
    fix = "Mend it there."
    return Broken(name, where, str(invalid(f"module {name}", expected="one that runs", received=text, fix=fix)))


def _modules(package: str) -> list[str]:
    """The names of all modules in a package, relative to it."""
    paths = sys.modules[package].__path__
    return [found.name.partition(".")[2] for found in pkgutil.walk_packages(paths, f"{package}.", lambda _: None)]


def distinct(claims: Iterable[Claim], package: str, doubles: list[Broken]) -> Iterator[Claim]:
    """The claims whose key and experiment id are unique. It adds the others to ``doubles``."""
    keys: dict[str, Claim] = {}
    taken: dict[str, Experiment] = {}
    for claim in claims:
        owner = taken.get(claim.experiment.id, claim.experiment) if claim.experiment else None
        if claim.key in keys:
            text = invalid(
                "catalogue",
                expected="unique claim ids",
                received=f"{claim.key!r} more than once, first in {_place(keys[claim.key], package)}",
                fix="Give one of them another id or a `case`.",
            )
        elif claim.experiment is not None and owner is not claim.experiment:
            text = invalid(
                f"experiment of claim {claim.key!r}",
                expected="unique experiment ids",
                received=f"{claim.experiment.id!r} for two experiments",
                fix="Give one of them another id.",
            )
        else:
            keys[claim.key] = claim
            if claim.experiment is not None:
                taken[claim.experiment.id] = claim.experiment
            yield claim
            continue
        doubles.append(Broken(claim.key, _place(claim, package), str(text)))


def _place(claim: Claim, package: str) -> str:
    """File and line of a claim that is a constant of a module; else the package's name."""
    for name, module in list(sys.modules.items()):
        if f"{name}.".startswith(f"{package}.") and isinstance(module, ModuleType):
            for constant, value in vars(module).items():
                if value is claim and (line := _line(module, constant)):
                    root = Path(str(sys.modules[package].__file__)).parent.parent
                    return f"{Path(str(module.__file__)).relative_to(root).as_posix()}:{line}"
    return package


def _line(module: ModuleType, constant: str) -> int:
    """The line on which a module defines a constant; 0 if it imports the constant."""
    with open(str(module.__file__), encoding="utf-8") as file:
        return next((i for i, text in enumerate(file, 1) if text.startswith(f"{constant} =")), 0)


def experiments(claims: Iterable[Claim]) -> tuple[Experiment, ...]:
    """The experiments of the claims, each once, in order of first use."""
    return tuple({claim.experiment.id: claim.experiment for claim in claims if claim.experiment is not None}.values())
