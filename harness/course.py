"""A course: somebody's claims, and what reports say of them. One process has one course.

It is a package, a folder with ``__init__.py``, that has a ``COURSE``: its claims, and whatever else it has.
"""

from __future__ import annotations

import functools
import importlib
import importlib.machinery
import keyword
import os
import re
import shlex
import sys
import traceback
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import get_args, get_origin, get_type_hints

import harness
from harness.claim import Cause, Claim, Finding, experiments
from harness.erratum import Erratum
from harness.errors import SuiteError, invalid, nearest
from harness.model import Experiment
from harness.self_check import SelfCheck

VARIABLE = "SUITE_CATALOGUE"
"""The environment variable with the course's folder. Worker processes inherit it."""
ROOT = Path(harness.__file__).resolve().parent.parent
INSTALLED = not (ROOT / "pyproject.toml").is_file()
"""Whether this is the installed package, not a clone."""
SUITE = "--pyargs suite" if INSTALLED else "suite/"
"""What pytest is given to check the claims."""
LECTURE = ROOT / "cases"
"""The folder of the default course."""
HELP = "docs/courses.md shows a whole course."


@dataclass(frozen=True, kw_only=True, eq=False)
class Course:
    """A course.

    Attributes:
        claims: in order.
        checks: self-checks of its data, beside those of Keras.
        errata: code of its slides that no longer runs or does something else.
        title: of the course; by default the package's name.
        author: "" if unknown.
        slides: the titles of its slides, in order. A slide and its continuations are one. By default every place that a
            claim or an erratum names, in order of appearance.
        findings: causes of several verdicts.
        causes: why trainings are not the same on other stacks.
        timed: what ``-m timing`` times: experiment, variant and epochs of a round.
        on_demand: the anchors, as experiment and variant, that a check trains only if claims are chosen, with
            ``--anchors all``, or as long as the evidence has no late states of them.
        without_curves: experiments without a figure of learning curves.
        sweeps_also: by experiment, a second metric in its figure of a sweep.
        folder: of its package; known once it is read.

    Raises:
        SuiteError: a field is of another type, an id is not unique, an erratum is within an unknown one, or ``timed``
            or ``on_demand`` names what no claim declares.
    """

    claims: tuple[Claim, ...]
    checks: tuple[SelfCheck, ...] = ()
    errata: tuple[Erratum, ...] = ()
    title: str = ""
    author: str = ""
    slides: tuple[str, ...] = ()
    findings: tuple[Finding, ...] = ()
    causes: tuple[Cause, ...] = ()
    timed: tuple[tuple[str, str, int], ...] = ()
    on_demand: tuple[tuple[str, str], ...] = ()
    without_curves: tuple[str, ...] = ()
    sweeps_also: Mapping[str, str] = field(default_factory=dict)
    folder: Path = Path()

    def __post_init__(self) -> None:
        for name, hint in get_type_hints(Course).items():
            if get_origin(hint) is tuple:
                kind = get_args(hint)[0]
                _check_tuple(name, getattr(self, name), get_origin(kind) or kind)
        if not self.claims:
            raise invalid("claims of a course", expected="at least one claim", received="none", fix=HELP)
        declared = {id(claim.experiment): claim.experiment.id for claim in self.claims if claim.experiment}
        _check_unique("claim ids", (claim.key for claim in self.claims))
        _check_unique("experiment ids", declared.values())
        _check_unique("erratum ids", (erratum.id for erratum in self.errata))
        whole = {erratum.id for erratum in self.errata if not erratum.within}
        for erratum in self.errata:
            if erratum.within and erratum.within not in whole:
                expected = "the id of an erratum that is within no other"
                raise invalid(f"within of erratum {erratum.id!r}", expected=expected, received=erratum.within)
        for name, variant, _ in self.timed:
            if name not in self.experiments:
                fix = nearest(name, self.experiments)
                raise invalid("timed of a course", expected="experiments of its claims", received=repr(name), fix=fix)
            self.experiments[name].variant(variant)
        for anchor in set(self.on_demand) - self.anchors(every=True):
            raise invalid("on_demand of a course", expected="anchors of its experiments", received=repr(anchor))
        if not self.slides:
            labels = [*(claim.slide for claim in self.claims), *(erratum.slide for erratum in self.errata)]
            places = dict.fromkeys(part for label in labels for part in _parts(label))
            object.__setattr__(self, "slides", tuple(places))

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

    @functools.cached_property
    def experiments(self) -> Mapping[str, Experiment]:
        """The experiments of its claims, by id, in order of first use."""
        return {experiment.id: experiment for experiment in experiments(self.claims)}

    def anchors(self, every: bool) -> set[tuple[str, str]]:
        """The anchors, as experiment and variant: all of them, or those of every check."""
        known = {(name, variant) for name, experiment in self.experiments.items() for variant in experiment.anchors}
        return known if every else known - {*self.on_demand}

    def erratum(self, id: str) -> Erratum | None:
        """The erratum of an id; None if the course has none."""
        return next((erratum for erratum in self.errata if erratum.id == id), None)

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
    chosen = folder() if given is None else Path(given).resolve()
    read(chosen)
    if given is not None:
        os.environ[VARIABLE] = str(chosen)
    return course()


@functools.cache
def read(folder: Path) -> Course:
    """The course in an absolute folder. SuiteError if it is no package, clashes with another, or cannot be imported."""
    if folder != LECTURE:
        _check(folder)
    if str(folder.parent) not in sys.path:
        sys.path.append(str(folder.parent))
    try:
        course = getattr(importlib.import_module(folder.name), "COURSE", None)
    except (Exception, SystemExit) as error:
        raise SuiteError(_mistake(folder, error)) from None
    if not isinstance(course, Course):
        received = "none" if course is None else type(course).__name__
        raise invalid(f"COURSE of {folder.name}", expected="a Course", received=received, fix=HELP)
    return replace(course, folder=folder, title=course.title or folder.name)


def _mistake(folder: Path, error: BaseException) -> str:
    """An error in the import of a course, with the innermost line of its folder that raised it."""
    places = [(frame.filename, frame.lineno) for frame in traceback.extract_tb(error.__traceback__)]
    if isinstance(error, SyntaxError) and error.filename:
        places.append((error.filename, error.lineno))
    inside = [(path, line) for path, line in places if Path(path).is_relative_to(folder)]
    path, line = inside[-1] if inside else (str(folder / "__init__.py"), None)
    where = Path(path).relative_to(folder.parent).as_posix() + (f":{line}" if line else "")
    if isinstance(error, SuiteError):
        return f"{where} could not be read.\n  {error}"
    text = "".join(traceback.TracebackException.from_exception(error).format_exception_only()).splitlines()[-1]
    return f"{where} could not be read: {text}. Mend it there."


def _check(folder: Path) -> None:
    """SuiteError unless the folder is a package with a name of its own that does not import the default course."""
    what, name = f"catalogue {folder}", folder.name
    if not (folder / "__init__.py").is_file():
        received = "a folder without __init__.py" if folder.is_dir() else "a file" if folder.exists() else "no folder"
        fix = f"Name the folder that holds the course's __init__.py. {HELP}"
        raise invalid(what, expected="a package with a COURSE", received=received, fix=fix)
    if not name.isidentifier() or keyword.iskeyword(name):
        raise invalid(what, expected="a folder whose name Python can import", received=name, fix="Rename the folder.")
    elsewhere = [place for place in sys.path if Path(place).resolve() != folder.parent]
    other = importlib.machinery.PathFinder.find_spec(name, elsewhere)
    if name in sys.stdlib_module_names or (other is not None and other.origin is not None):
        received = f"{name}, which is {other.origin if other and other.origin else 'a module of Python'} as well"
        raise invalid(what, expected="a name that no other module has", received=received, fix="Rename the folder.")
    for path in filter(Path.is_file, sorted(folder.rglob("*.py"))):  # an editor's lock is a link to nothing
        text = path.read_bytes().decode("utf-8", "replace")
        if statement := re.search(rf"^[ \t]*(from|import) {LECTURE.name}\b", text, re.MULTILINE):
            line = text.count("\n", 0, statement.start()) + 1
            received = f"an import of `{LECTURE.name}` in {path.relative_to(folder.parent).as_posix()}:{line}"
            fix = "Copy what it needs into its own folder: another course may change at any time."
            raise invalid(what, expected="a course that imports no other course", received=received, fix=fix)


def _check_tuple(name: str, value: object, kind: type) -> None:
    wrong = [item for item in value if not isinstance(item, kind)] if isinstance(value, tuple) else []
    if not isinstance(value, tuple) or wrong:
        received = f"{type(wrong[0]).__name__} in it" if wrong else type(value).__name__
        expected = f"a tuple of {kind.__name__}"
        raise invalid(f"{name} of a course", expected=expected, received=received, fix=f"Mind the commas. {HELP}")


def _check_unique(what: str, names: Iterable[str]) -> None:
    twice = [name for name, count in Counter(names).items() if count > 1]
    if twice:
        fix = "Give one of them another id or a `case`."
        raise invalid("course", expected=f"unique {what}", received=f"{twice[0]!r} more than once", fix=fix)
