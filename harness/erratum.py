"""An erratum: code of the lecture that no longer runs or no longer does the same, and a tested replacement."""

from __future__ import annotations

import ast
import contextlib
import io
import re
import tempfile
import time
import warnings
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

import msgspec

from harness import working_folder
from harness.errors import KEBAB, invalid
from harness.rules.exact import Comparison

NAME = "snippet"
"""The file name of a snippet in tracebacks."""


class When(StrEnum):
    """The kind of statement in which an error arises. A NameError is always STATEMENT."""

    READING = "when Python reads it"
    IMPORT = "at the import"
    CONSTRUCTION = "at construction"
    COMPILE = "in compile"
    FIT = "in fit"
    EVALUATE = "in evaluate"
    PREDICT = "in predict"
    STATEMENT = "at that line"


@dataclass(frozen=True)
class SnippetResult:
    """The result of running a snippet.

    Attributes:
        value: of the last statement, if it is an expression; else None.
        warned: the texts of its UserWarnings (Keras' category), each once.
        error: the exception it raised, or None.
        when: the kind of statement that raised it; None without an error.
        steps: training steps of the namespace's ``model`` so far; None without a compiled model.
    """

    value: Any = None
    warned: tuple[str, ...] = ()
    error: Exception | None = None
    when: When | None = None
    steps: int | None = None

    @property
    def message(self) -> str:
        """The error as "ValueError: its text"; "" without an error."""
        return f"{type(self.error).__name__}: {readable(str(self.error))}" if self.error else ""

    @property
    def moment(self) -> str:
        """ "in fit, before the first training step", "in compile"; "" without an error."""
        if self.when is None:
            return ""
        if not self.steps:
            return f"{self.when}, before the first training step" if self.when is When.FIT else str(self.when)
        return f"{self.when}, after {self.steps} training step{'' if self.steps == 1 else 's'}"


def run(text: str, names: dict[str, Any]) -> SnippetResult:
    """Runs ``text`` statement by statement in the namespace ``names``, which it changes. Its output is discarded.

    It catches ``Exception`` only, so Ctrl-C passes through.
    """
    value, when, error = None, When.READING, None
    with warnings.catch_warnings(record=True) as warned, contextlib.redirect_stdout(io.StringIO()):
        warnings.simplefilter("always")
        try:
            for statement in ast.parse(text, NAME).body:
                when = _kind(statement)
                value = _execute(statement, names)
        except Exception as raised:
            error = raised
            when = When.STATEMENT if isinstance(raised, NameError) else when
    texts = tuple(dict.fromkeys(readable(str(w.message)) for w in warned if issubclass(w.category, UserWarning)))
    if error is None:
        return SnippetResult(value, texts, steps=_steps(names))
    return SnippetResult(None, texts, error, when, _steps(names))


def readable(message: str, longest: int = 300) -> str:
    """A message on one line, cut after ``longest`` characters.

    Colours, addresses of objects and folders are removed, because they differ between machines and runs.
    """
    plain = re.sub(r"\x1b\[[0-9;]*m", "", message)
    plain = re.sub(r" at 0x[0-9a-fA-F]+", "", plain)
    plain = re.sub(r"(?<![\w.])(?:[A-Za-z]:)?[\\/](?:[^\s'\"()\\/]+[\\/])+(?=[^\s'\"()\\/]+)", "", plain)
    line = " ".join(plain.split())
    return line if len(line) <= longest else f"{line[:longest]}…"


def _execute(statement: ast.stmt, names: dict[str, Any]) -> Any:
    """Executes a statement. Returns its value if it is an expression, else None."""
    if isinstance(statement, ast.Expr):
        return eval(compile(ast.Expression(statement.value), NAME, "eval"), names)
    exec(compile(ast.Module([statement], []), NAME, "exec"), names)
    return None


def _kind(statement: ast.stmt) -> When:
    if isinstance(statement, ast.Import | ast.ImportFrom):
        return When.IMPORT
    calls = [node.func for node in ast.walk(statement) if isinstance(node, ast.Call)]
    methods = {function.attr for function in calls if isinstance(function, ast.Attribute)}
    names = methods | {function.id for function in calls if isinstance(function, ast.Name)}
    kinds = {"compile": When.COMPILE, "fit": When.FIT, "evaluate": When.EVALUATE, "predict": When.PREDICT}
    otherwise = When.CONSTRUCTION if any(name[0].isupper() for name in names) else When.STATEMENT
    return next((kind for name, kind in kinds.items() if name in methods), otherwise)


def _steps(names: dict[str, Any]) -> int | None:
    import numpy as np

    iterations = getattr(getattr(names.get("model"), "optimizer", None), "iterations", None)
    if iterations is None:
        return None
    try:
        return int(np.asarray(iterations))
    except TypeError:  # on JAX, a first step that fails leaves the counter without a value
        return 0


@dataclass(frozen=True)
class Fails:
    """The printed form raises an error.

    Attributes:
        error: the name of its class, or of a base class.
        text: part of its message.
        when: the kind of statement that raises it.
        steps: number of training steps before it; None if the snippet has no compiled model.
    """

    error: str
    text: str
    when: When = When.STATEMENT
    steps: int | None = None

    def describe(self) -> str:
        moment = SnippetResult(when=self.when, steps=self.steps).moment
        return f"{self.error} saying {self.text!r}, {moment}"

    def fault(self, ran: SnippetResult) -> str:
        """Describes how the result differs from this outcome; "" if it does not."""
        happened = f"{ran.message}, {ran.moment}" if ran.error else "it runs"
        named = ran.error is not None and self.error in {base.__name__ for base in type(ran.error).__mro__}
        expected = named and self.text in str(ran.error) and ran.when is self.when and ran.steps == self.steps
        return "" if expected else f"expected {self.describe()}; received: {happened}"


@dataclass(frozen=True)
class Warns:
    """The printed form still gives the same value as the modern form, with a warning that contains ``text``."""

    text: str

    def describe(self) -> str:
        return f"runs, with a warning saying {self.text!r}"

    def fault(self, ran: SnippetResult) -> str:
        """As in ``Fails``; the value is compared by the erratum."""
        return _fault_of_running(ran, self.text, self.describe())


@dataclass(frozen=True)
class Differs:
    """The printed form runs, but gives another value than the slide.

    Attributes:
        slide: the value of ``check`` on the slide.
        today: the value of ``check`` after the printed form.
        warns: part of its warning; "" if it gives none.
    """

    slide: Any
    today: Any
    warns: str = ""

    def __post_init__(self) -> None:
        if Comparison("", self.today, self.slide).error == 0.0:
            raise invalid("Differs", expected="two different values", received=f"{self.slide!r} twice")

    def describe(self) -> str:
        how = f"with a warning saying {self.warns!r}" if self.warns else "without a warning"
        return f"runs {how}, and gives {self.today!r}; by the slide it is {self.slide!r}"

    def fault(self, ran: SnippetResult) -> str:
        """As in ``Fails``; the value is compared by the erratum."""
        return _fault_of_running(ran, self.warns, self.describe())


Outcome = Fails | Warns | Differs


class ErratumState(StrEnum):
    """The state of an erratum. All states but HOLDS and DECLARED are red."""

    HOLDS = "holds"
    CHANGED = "changed"
    """The printed form no longer has its expected outcome."""
    BROKEN = "broken"
    """The modern form fails, warns, or gives another value."""
    NOT_RUN = "not run"
    """The code in ``given`` could not be run."""
    DECLARED = "declared"
    """Nothing was run: a report of evidence lists what the catalogue declares."""

    @property
    def red(self) -> bool:
        return self not in (ErratumState.HOLDS, ErratumState.DECLARED)


class ErratumChecked(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag="erratum", tag_field="kind"):
    """What the printed form and the modern form of an erratum did; a record of a run.

    Attributes:
        id: of the erratum.
        state, reason: whether it holds, and why.
        when, error, warning: what the printed form did.
        today, replacement: the value of its ``check`` after the printed form, and after the modern form.
        seconds: wall clock.
    """

    id: str
    state: ErratumState
    reason: str
    when: str = ""
    error: str = ""
    warning: str = ""
    today: Any = None
    replacement: Any = None
    seconds: float = 0.0

    @property
    def red(self) -> bool:
        return self.state.red

    @property
    def moved(self) -> bool:
        """Whether the behaviour of the code made it red. False if the code could not be run."""
        return self.red and self.state is not ErratumState.NOT_RUN


@dataclass(frozen=True, kw_only=True)
class Erratum:
    """One thing to update in the lecture.

    All code is text, and is shown as it is run: ``given``, then ``printed`` or ``modern``, then ``check``. Each form
    runs in a new namespace and an empty folder. The value of a text is that of its last line, if it is an expression.

    Attributes:
        id: stable, kebab-case.
        slide: the place in the lecture; "…" for several places.
        statement: what is wrong, in a sentence.
        given: the code before the lines in question; shown in the details.
        printed: the smallest snippet that shows the slide's code; written by us, not a quotation.
        modern: its replacement.
        outcome: what the printed form does today.
        on: by name, the backends with another outcome.
        check: an expression (or lines that end in one). Its value shows whether both forms give the same model.
        gives: the value of ``check`` after the modern form; also after the printed form if that only warns.
        here: what that value is, in words; "" if the snippets say it.
        tolerance: largest absolute error of the numbers in ``gives``.
        within: the id of the erratum whose replacement mends this one too; "" if its lines have their own.
        despite: the key of a claim that holds, or held when printed, although the printed code does otherwise today; ""
            if there is none.
    """

    id: str
    slide: str
    statement: str
    printed: str
    modern: str
    outcome: Outcome
    check: str
    gives: Any
    here: str = ""
    given: str = ""
    tolerance: float = 0.0
    on: Mapping[str, Outcome] = field(default_factory=dict)
    within: str = ""
    despite: str = ""

    def __post_init__(self) -> None:
        where = f"erratum {self.id!r}"
        if not KEBAB.fullmatch(self.id):
            raise invalid(f"id of {where}", expected="kebab-case, e.g. 'renamed-argument'", received=self.id)
        for name in ("slide", "statement", "printed", "modern", "check"):
            _text(f"{name} of {where}", getattr(self, name))
        for outcome in (self.outcome, *self.on.values()):
            if not isinstance(outcome, Outcome):
                raise invalid(f"outcome of {where}", expected="Fails, Warns or Differs", received=repr(outcome))
            if not isinstance(outcome, Differs):  # any message contains an empty text
                _text(f"text of the outcome of {where}", outcome.text)

    def expected(self, backend: str) -> Outcome:
        """The expected outcome of the printed form on a backend."""
        return self.on.get(backend, self.outcome)

    def examine(self, backend: str) -> ErratumChecked:
        """Runs both forms on ``backend``, which this process already uses, and compares them with their outcomes."""
        clock = time.perf_counter()
        outcome = self.expected(backend)
        setup, printed, shown = self._run(self.printed)
        if setup.error is not None:
            spent = time.perf_counter() - clock
            return ErratumChecked(
                self.id, ErratumState.NOT_RUN, f"its `given` cannot be run: {setup.message}", seconds=spent
            )
        wrong = outcome.fault(printed)
        if not wrong and not isinstance(outcome, Fails):
            wrong = self._fault(shown, outcome.today if isinstance(outcome, Differs) else self.gives)
        _, modern, gained = self._run(self.modern)
        bad = _fault_of_running(modern, "", f"it runs without a warning and gives {self.gives!r}")
        bad = bad or self._fault(gained, self.gives)
        faults = [f"{form}: {text}" for form, text in (("printed form", wrong), ("modern form", bad)) if text]
        return ErratumChecked(
            self.id,
            ErratumState.CHANGED if wrong else ErratumState.BROKEN if bad else ErratumState.HOLDS,
            "; ".join(faults) or outcome.describe(),
            printed.moment,
            printed.message,
            " ".join(printed.warned),
            plain(shown.value),
            plain(gained.value),
            time.perf_counter() - clock,
        )

    def _run(self, form: str) -> tuple[SnippetResult, SnippetResult, SnippetResult]:
        """Runs ``given``, a form and ``check``, each only if those before it ran."""
        names: dict[str, Any] = {"__name__": NAME}
        results: list[SnippetResult] = []
        with tempfile.TemporaryDirectory() as folder, working_folder.LOCK, contextlib.chdir(folder):
            for text in (self.given, form, self.check):
                results.append(SnippetResult() if any(ran.error for ran in results) else run(text, names))
        setup, ran, check = results
        return setup, ran, check

    def _fault(self, check: SnippetResult, value: Any) -> str:
        """Describes how the check's value differs from ``value``; "" if it does not."""
        if check.error is not None:
            return f"expected a check that gives {value!r}; received: {check.message}"
        obtained = plain(check.value)
        if Comparison(self.check, obtained, plain(value)).error <= self.tolerance:
            return ""
        near = f" ± {self.tolerance:g}" if self.tolerance else ""
        return f"expected a check that gives {value!r}{near}; received: {obtained!r}"


def plain(value: Any) -> Any:
    """A value in JSON's types: number, text, truth value, list; anything else as text."""
    import numpy as np

    if isinstance(value, np.ndarray | np.generic):
        value = value.tolist()
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if isinstance(value, float) and not np.isfinite(value):
        return str(value)
    return value if isinstance(value, bool | int | float | str | None) else str(value)


def _fault_of_running(ran: SnippetResult, warns: str, wanted: str) -> str:
    if ran.error is not None:
        return f"expected: {wanted}; received: {ran.message}, {ran.moment}"
    if warns and not any(warns in text for text in ran.warned):
        return f"expected: {wanted}; received: {' '.join(ran.warned) or 'no warning'}"
    if not warns and ran.warned:
        return f"expected: {wanted}; received the warning: {' '.join(ran.warned)}"
    return ""


def _text(what: str, value: Any) -> None:
    if not isinstance(value, str) or not value.strip():
        raise invalid(what, expected="a non-empty text", received=repr(value))
