"""A course: somebody's claims, and what reports say of them. One process has one course.

It is a package, a folder with ``__init__.py``, that has ``CLAIMS``, and ``BROKEN`` if it is read in sections
(``harness.domain.catalogue.load``). Three modules in it are optional: ``errata`` (``ERRATA``), ``findings``
(``FINDINGS``, ``CAUSES``) and ``lecture`` (``TITLE``, ``AUTHOR``, ``SLIDES``, ``TIMED``, ``BY_SEEDS``,
``WITHOUT_CURVES``, ``SWEEPS_ALSO``). All of these names are optional too.
"""

from __future__ import annotations

import ast
import functools
import importlib
import importlib.machinery
import keyword
import os
import shlex
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import TypeVar

import harness
from harness.domain.catalogue import Broken, distinct, experiments, located
from harness.domain.claim import Claim
from harness.domain.erratum import Erratum
from harness.domain.finding import Cause, Finding
from harness.errors import SuiteError, invalid, nearest

VARIABLE = "SUITE_CATALOGUE"
"""The environment variable with the course's folder. Worker processes inherit it."""
ROOT = Path(harness.__file__).resolve().parent.parent
INSTALLED = not (ROOT / "pyproject.toml").is_file()
"""Whether this is the installed package, not a clone."""
SUITE = "--pyargs suite" if INSTALLED else "suite/"
"""What pytest is given to check the claims."""
LECTURE = ROOT / "cases"
"""The folder of the default course."""
HELP = "docs/another-course.md shows a whole course."

T = TypeVar("T")


@dataclass(frozen=True, kw_only=True, eq=False)
class Course:
    """A course.

    Attributes:
        folder: of its package.
        claims: in order.
        broken: its parts that could not be read.
        errata: code of its slides that no longer runs or does something else.
        title: of the course; by default the package's name.
        author: "" if unknown.
        slides: the titles of its slides, in order. A slide and its continuations are one. By default every place that a
            claim or an erratum names, in order of appearance.
        findings: causes of several verdicts.
        causes: why trainings are not the same on other stacks.
        timed: what ``-m timing`` times: experiment, variant and epochs of a round.
        by_seeds: keys of the claims whose interval a figure shows as seeds are added.
        without_curves: experiments without a figure of learning curves.
        sweeps_also: by experiment, a second metric in its figure of a sweep.
    """

    folder: Path
    claims: tuple[Claim, ...]
    broken: tuple[Broken, ...] = ()
    errata: tuple[Erratum, ...] = ()
    title: str
    author: str = ""
    slides: tuple[str, ...]
    findings: tuple[Finding, ...] = ()
    causes: tuple[Cause, ...] = ()
    timed: tuple[tuple[str, str, int], ...] = ()
    by_seeds: tuple[str, ...] = ()
    without_curves: tuple[str, ...] = ()
    sweeps_also: Mapping[str, str] = field(default_factory=dict)

    @property
    def name(self) -> str:
        return self.folder.name

    @property
    def default(self) -> bool:
        return self.folder == LECTURE

    @property
    def recorded(self) -> str:
        """Its name in the record of a run; "" for the default course."""
        return "" if self.default else self.name

    @property
    def baselines(self) -> Path:
        """The folder of its evidence, unless --baseline-dir names another."""
        return (ROOT if self.default else self.folder) / "baselines"

    @property
    def option(self) -> str:
        """What a command needs to run this course: " --catalogue FOLDER", "" for the default course."""
        below = self.folder.is_relative_to(ROOT)
        shown = self.folder.relative_to(ROOT).as_posix() if below else str(self.folder)
        return "" if self.default else f" --catalogue {shlex.quote(shown)}"

    @functools.cached_property
    def _by_key(self) -> Mapping[str, Claim]:
        return {claim.key: claim for claim in self.claims}

    def claim(self, key: str) -> Claim | None:
        """The claim of a key; None if the course has none."""
        return self._by_key.get(key)

    def cause(self, stack: str, experiment: str, variant: str, metric: str) -> Cause | None:
        """Why a metric of a training is not the same on another stack; None if no cause is declared."""
        return next((cause for cause in self.causes if cause.of(stack, experiment, variant, metric)), None)

    def slides_of(self, label: str) -> tuple[str, ...]:
        """The titles of the slides that a label names.

        Args:
            label: where the course says something: parts separated by ";", as in "4. Sums (cont.), Proof; Example 1". A
                part may continue after the title, and may abbreviate an example's title to its number.

        Returns:
            Titles in the course's order; empty if the label names no slide.
        """
        parts = _parts(label)
        known = {part for part in parts if part in self.slides}
        others = [part for part in parts if part not in known]
        return tuple(title for title in self.slides if title in known or any(_names(part, title) for part in others))


def _parts(label: str) -> list[str]:
    return [part.strip() for part in label.split(";")]


def _names(part: str, title: str) -> bool:
    longer = part.startswith(title) and not part[len(title) :][:1].isalnum()
    return longer or title.startswith(part.partition(",")[0] + ".")


def course() -> Course:
    """The course of this process: that of ``SUITE_CATALOGUE``, or the default one. SuiteError if it cannot be read."""
    return read(folder())


def folder() -> Path:
    """The folder of the course of this process."""
    return Path(os.environ.get(VARIABLE) or LECTURE)


def choose(given: str | None) -> Course:
    """Makes the course in a folder that of this process and of those it starts; None leaves it as it is.

    Returns the course. SuiteError if it cannot be read.
    """
    found = folder() if given is None else Path(given).resolve()
    read(found)
    if given is not None:
        os.environ[VARIABLE] = str(found)
    return course()


@functools.cache
def read(folder: Path) -> Course:
    """The course in an absolute folder. SuiteError if it is no package, clashes with another, or cannot be imported."""
    if folder != LECTURE:
        _check(folder)
    if str(folder.parent) not in sys.path:
        sys.path.append(str(folder.parent))
    package = _imported(folder, folder.name)
    claims = _tuple(package, "CLAIMS", Claim, needed=True)
    broken = _tuple(package, "BROKEN", Broken)
    if not claims and not broken:
        raise invalid(f"CLAIMS of {folder.name}", expected="at least one claim", received="none", fix=HELP)
    doubles: list[Broken] = []
    list(distinct(claims, folder.name, doubles))
    if doubles:
        raise SuiteError(f"{doubles[0].name} ({doubles[0].where}) could not be read. {doubles[0].error}")
    lecture, findings, errata = (_optional(folder, name) for name in ("lecture", "findings", "errata"))
    known = _tuple(errata, "ERRATA", Erratum)
    labels = [*(one.slide for one in claims), *(one.slide for one in known)]
    found = Course(
        folder=folder,
        claims=claims,
        broken=broken,
        errata=known,
        title=_of(lecture, "TITLE", str, folder.name),
        author=_of(lecture, "AUTHOR", str, ""),
        slides=_tuple(lecture, "SLIDES", str) or tuple(dict.fromkeys(part for one in labels for part in _parts(one))),
        findings=_tuple(findings, "FINDINGS", Finding),
        causes=_tuple(findings, "CAUSES", Cause),
        timed=_tuple(lecture, "TIMED", tuple),
        by_seeds=_tuple(lecture, "BY_SEEDS", str),
        without_curves=_tuple(lecture, "WITHOUT_CURVES", str),
        sweeps_also=_of(lecture, "SWEEPS_ALSO", dict, {}),
    )
    _check_timed(found)
    return found


def _check(folder: Path) -> None:
    """SuiteError unless the folder is a package with a name of its own that does not import the default course."""
    what, name = f"catalogue {folder}", folder.name
    if not (folder / "__init__.py").is_file():
        received = "a folder without __init__.py" if folder.is_dir() else "a file" if folder.exists() else "no folder"
        fix = f"Name the folder that holds the course's __init__.py. {HELP}"
        raise invalid(what, expected="a package with CLAIMS", received=received, fix=fix)
    if not name.isidentifier() or keyword.iskeyword(name):
        raise invalid(what, expected="a folder whose name Python can import", received=name, fix="Rename the folder.")
    elsewhere = [place for place in sys.path if Path(place).resolve() != folder.parent]
    other = importlib.machinery.PathFinder.find_spec(name, elsewhere)
    if name in sys.stdlib_module_names or (other is not None and other.origin is not None):
        received = f"{name}, which is {other.origin if other and other.origin else 'a module of Python'} as well"
        raise invalid(what, expected="a name that no other module has", received=received, fix="Rename the folder.")
    if place := _import_of_the_lecture(folder):
        raise invalid(
            what,
            expected="a course that imports no other course",
            received=f"an import of `{LECTURE.name}` in {place}",
            fix="Copy what it needs into its own folder: another course may change at any time.",
        )


def _import_of_the_lecture(folder: Path) -> str:
    """File and line of the first import of the default course in a folder, inside functions too; "" if none."""
    for path in sorted(folder.rglob("*.py")):
        try:
            nodes = list(ast.walk(ast.parse(path.read_text(encoding="utf-8"))))
        except (OSError, ValueError, SyntaxError):  # an import of it says what is wrong
            continue
        for node in nodes:
            if isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom) and node.level == 0:
                names = [str(node.module)]
            else:
                continue
            if any(f"{name}.".startswith(f"{LECTURE.name}.") for name in names):
                return f"{path.relative_to(folder.parent).as_posix()}:{node.lineno}"
    return ""


def _imported(folder: Path, name: str) -> ModuleType:
    try:
        return importlib.import_module(name)
    except (Exception, SystemExit) as error:
        if isinstance(error, ModuleNotFoundError) and error.name == name != folder.name:
            raise
        found = located(name, folder, error)
        raise SuiteError(f"{found.name} ({found.where}) could not be read. {found.error}") from None


def _optional(folder: Path, name: str) -> ModuleType | None:
    try:
        return _imported(folder, f"{folder.name}.{name}")
    except ModuleNotFoundError:
        return None


def _of(module: ModuleType | None, name: str, kind: type[T], default: T) -> T:
    """A constant of a module, ``default`` if it has none. SuiteError for another type."""
    found = getattr(module, name, default)
    if not isinstance(found, kind):
        what = f"{name} of {module.__name__ if module else ''}"
        raise invalid(what, expected=kind.__name__, received=type(found).__name__, fix=HELP)
    return found


def _tuple(module: ModuleType | None, name: str, kind: type[T], *, needed: bool = False) -> tuple[T, ...]:
    """A constant of a module: a tuple of ``kind``. SuiteError for another type, and if it is needed and absent."""
    found = getattr(module, name, None if needed else ())
    wrong = [one for one in found if not isinstance(one, kind)] if isinstance(found, tuple) else []
    if not isinstance(found, tuple) or wrong:
        received = f"{type(wrong[0]).__name__} in it" if wrong else "none" if found is None else type(found).__name__
        what = f"{name} of {module.__name__ if module else ''}"
        raise invalid(what, expected=f"a tuple of {kind.__name__}", received=received, fix=f"Mind the commas. {HELP}")
    return found


def _check_timed(found: Course) -> None:
    """SuiteError if TIMED names what is not declared. A broken part may have declared it."""
    known = {(one.id, variant.name) for one in experiments(found.claims) for variant in one.variants}
    for work in () if found.broken else found.timed:
        if len(work) != 3 or work[:2] not in known or not isinstance(work[2], int) or work[2] < 1:
            names = [f"{name}, {variant}" for name, variant in sorted(known)]
            fix = nearest(", ".join(map(str, work[:2])), names)
            expected = "(experiment, variant, epochs of a round)"
            raise invalid(f"TIMED of {found.name}.lecture", expected=expected, received=repr(work), fix=fix)
