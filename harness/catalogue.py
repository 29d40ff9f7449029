"""A catalogue of claims: the sections of a lecture in its order, checked as a whole; a mistake costs its own alone."""

from __future__ import annotations

import importlib
import pkgutil
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from types import ModuleType
from typing import Any

from harness.claim import Claim
from harness.errors import invalid, nearest
from harness.experiment import Experiment
from harness.lenient.modules import Fault, Faults, importing, place


@dataclass(frozen=True)
class Broken:
    """A claim, or what claims are made of, that could not be read.

    Attributes:
        name: the claim's id where that is known, else the constant's or the module's name.
        where: file and line.
        error: what was expected, what was received, and what to do.
        costs: what is not there because of it: further claims, by id or the name of their constant.
    """

    name: str
    where: str
    error: str
    costs: tuple[str, ...] = ()

    @property
    def message(self) -> str:
        """What a test prints that fails over it."""
        lost = f"\n  Left out because of it: {', '.join(self.costs)}." if self.costs else ""
        return f"{self.name} ({self.where}) could not be read.\n  {self.error}{lost}\n  All other claims run."


def load(package: str, sections: Iterable[str]) -> tuple[tuple[Claim, ...], tuple[Broken, ...]]:
    """The claims of the package's modules of these names, in order, and what could not be read.

    A module has its claims in ``CLAIMS``, a tuple. Of two claims with one id the second is broken, and so is a claim
    whose experiment has the id of another experiment.
    """
    claims: list[Claim] = []
    with importing(package) as faults:
        for section in sections:
            claims += _claims_of(f"{package}.{section}", faults)
    kept = tuple(_distinct(claims, package, faults))
    return kept, tuple(Broken(f.name, f.where, f.error, tuple(f.costs)) for f in faults.found)


def _claims_of(name: str, faults: Faults) -> list[Claim]:
    try:
        module = importlib.import_module(name)
        found: Any = module.CLAIMS
    except (ImportError, AttributeError) as error:
        if faults.behind(name, "CLAIMS") is None:
            package, _, section = name.partition(".")
            fix = f"{nearest(section, _modules(package))} Mend `SECTIONS`, or give the module its `CLAIMS`."
            text = invalid(f"section {section!r}", expected="a module with `CLAIMS`", received=error, fix=fix)
            faults.found.append(Fault(name, f"{package}/__init__.py", str(text)))
        return []
    items = list(found) if isinstance(found, tuple | list) else [found]
    wrong = [item for item in items if not isinstance(item, Claim)]
    if wrong or not isinstance(found, tuple):
        received = f"{type(wrong[0]).__name__} in it" if wrong else type(found).__name__
        text = invalid(
            f"CLAIMS of {name}", expected="a tuple of claims", received=received, fix="Mind its commas and stars."
        )
        faults.found.append(Fault(f"{name}.CLAIMS", place(name, str(module.__file__), 1), str(text)))
    return [item for item in items if isinstance(item, Claim)]


def _modules(package: str) -> list[str]:
    """The names of a package's modules, however deep, from its own name on."""
    paths = sys.modules[package].__path__
    return [found.name.partition(".")[2] for found in pkgutil.walk_packages(paths, f"{package}.", lambda _: None)]


def _distinct(claims: Iterable[Claim], package: str, faults: Faults) -> Iterator[Claim]:
    """The claims, less those whose id, or whose experiment's id, another one has taken."""
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
        faults.found.append(Fault(claim.key, _place(claim, package), str(text)))


def _place(claim: Claim, package: str) -> str:
    """File and line of a claim, as far as a module has it as a constant; else the package's name."""
    for name, module in list(sys.modules.items()):
        if name.startswith(f"{package}.") and isinstance(module, ModuleType):
            for constant, value in vars(module).items():
                if value is claim and (line := _line(module, constant)):
                    return place(name, str(module.__file__), line)
    return package


def _line(module: ModuleType, constant: str) -> int:
    """The line on which a module defines a constant; 0 where it imports it."""
    with open(str(module.__file__), encoding="utf-8") as file:
        return next((i for i, text in enumerate(file, 1) if text.startswith(f"{constant} =")), 0)


def experiments(claims: Iterable[Claim]) -> tuple[Experiment, ...]:
    """The experiments of the claims, each once, in order of first use."""
    return tuple({claim.experiment.id: claim.experiment for claim in claims if claim.experiment is not None}.values())
