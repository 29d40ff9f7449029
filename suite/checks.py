"""The fixtures ``training_check`` and ``claim_check``: checks of anyone's trainings and claims, without a course."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, TypedDict, Unpack

import pytest

from harness.anyone import claims
from harness.anyone.claims import Function, OwnClaim
from harness.anyone.stored import MOVED, UPDATE, id_of, path_of
from harness.errors import SuiteError, invalid
from harness.model import Metric
from harness.rules import Above, Best, Equivalent, Exceeds, Monotone, NotBetter, Rule
from harness.verdict import Verdict
from suite.plugin import OF_KERAS


class Check:
    """What the fixtures share: the file of a check, and how its result is told."""

    def __init__(self, request: pytest.FixtureRequest) -> None:
        self._item: pytest.Item = request.node
        self._used: set[str] = set()

    @property
    def _update(self) -> bool:
        return bool(self._item.config.getoption(UPDATE))

    def _id(self, name: str) -> str:
        """The id of a check of this test. SuiteError if the test has one of this name already."""
        parts = [getattr(getattr(self._item, "cls", None), "__name__", ""), self._item.name, name]
        id = id_of("_".join(filter(None, parts)))
        if id in self._used:
            raise invalid(f"check of {self._item.name}", expected="a name of its own for each check of a test, as in "
                          'name="small"', received=f"{name!r} twice" if name else "two without a name")  # fmt: skip
        self._used.add(id)
        return id

    def _file(self, stack: str, id: str) -> Path:
        return path_of(self._item.path, stack, id)

    def _tell(self, check: Callable[[], tuple[bool, str, str]]) -> None:
        """Fails the test without a traceback where the check does not pass; else keeps what was stored for the end.

        ``check`` gives whether it passes, a text, and what moved first.
        """
        try:
            with warnings.catch_warnings():  # of Keras' own variables under NumPy 2
                warnings.filterwarnings("ignore", OF_KERAS, DeprecationWarning)
                passes, text, moved = check()
        except SuiteError as error:
            passes, text, moved = False, str(error), ""
        if moved:
            self._item.user_properties.append((MOVED, moved))
        if not passes:
            pytest.fail(text, pytrace=False)
        if self._update:
            self._item.user_properties.append((UPDATE, text))


class TrainingCheck(Check):
    """Checks that a Keras model still trains as it did."""

    def __call__(
        self,
        build_model: Callable[[], Any],
        data: Any,
        *,
        epochs: int,
        optimizer: Any = "rmsprop",
        loss: Any = None,
        metrics: Sequence[Any] = (),
        batch_size: int = 32,
        validation_data: Any = None,
        callbacks: Callable[[], Sequence[Any]] | None = None,
        seeds: int = 5,
        to_the_end: bool | None = None,
        name: str = "",
    ) -> None:
        """Trains some steps by ``fit`` and compares them with those that are stored beside the test file.

        The first run stores the training in ``<test file>.training/`` and fails: from its initial weights and from a
        late state twenty steps of five seeds, how many of them rounding leaves alone, and what ``seeds`` trainings to
        the end reach. Later runs train these steps again. They fail if the training moved, and name the step.

        Args:
            build_model: a function without arguments that builds a new model. It may compile it; then no ``loss``.
            data: (x, y) or (x, y, sample_weight), with lists or dicts of arrays for several inputs; a data set or
                loader that gives the same batches each time; or a function of a seed that makes any of these.
            epochs, batch_size, validation_data: as ``fit`` takes them.
            optimizer, loss, metrics: as ``compile`` takes them.
            callbacks: a function that makes the callbacks of a training to the end. Shorter trials have none.
            seeds: trainings to the end where it is stored.
            to_the_end: whether each check trains seed 0 to the end; by default if that takes a second or so.
            name: of the check, where a test has several.
        """

        def checked() -> tuple[bool, str, str]:
            from harness.anyone.check import check
            from harness.anyone.training import OwnTraining

            id = self._id(name)
            training = OwnTraining(
                id=id, build_model=build_model, data=data, optimizer=optimizer, loss=loss, epochs=epochs,
                batch_size=batch_size, metrics=metrics, validation_data=validation_data, callbacks=callbacks,
                seeds=seeds, to_the_end=to_the_end,
            )  # fmt: skip
            return check(training, lambda stack: self._file(stack, id), self._update)

        self._tell(checked)


class How(TypedDict, total=False):
    """How a claim is decided.

    Attributes:
        metric: the name of the compared number, if the functions return numbers by name.
        smallest_effect: the smallest difference that matters, in the metric's unit. It must be given.
        seeds: each function is called with seeds 0, 1, …, so many (at least 5; default 10). Growing numbers, such as
            (10, 20, 40), are looks: it ends with the first that decides, and the error rate holds for all together.
        better: "higher" (default) or "lower".
        scale: "log" compares ratios.
        verdict: what has to be stored so that the test passes; default "SUPPORTED".
        name: of the check, where a test has several.
    """

    metric: str
    smallest_effect: float
    seeds: int | Sequence[int]
    better: Literal["higher", "lower"]
    scale: Literal["linear", "log"]
    verdict: str
    name: str


class ClaimCheck(Check):
    """Checks claims on functions of a seed that return a number, or numbers by name. Nothing of Keras is needed.

    The first run stores numbers and verdict in ``<test file>.training/claims/`` and fails. Later runs call the
    functions again. They fail if the verdict flips, if the numbers moved, or if the stored verdict is not ``verdict``.
    Each method is a rule of ``harness.rules`` and takes ``How``.
    """

    def exceeds(self, a: Function, b: Function, *, margin: float = 0.0, **how: Unpack[How]) -> None:
        """The mean of a − b is above the margin."""
        first, second = _names(a, b)
        self(lambda metric: Exceeds(first, second, metric, margin), {first: a, second: b}, **how)

    def not_better(self, a: Function, b: Function, *, margin: float, **how: Unpack[How]) -> None:
        """The mean of a − b is below the margin."""
        first, second = _names(a, b)
        self(lambda metric: NotBetter(first, second, margin, metric), {first: a, second: b}, **how)

    def equivalent(self, a: Function, b: Function, *, margin: float, **how: Unpack[How]) -> None:
        """The mean of a − b is within ± the margin."""
        first, second = _names(a, b)
        self(lambda metric: Equivalent(first, second, margin, metric), {first: a, second: b}, **how)

    def above(self, a: Function, value: float, **how: Unpack[How]) -> None:
        """The mean of a is above a number."""
        (first,) = _names(a)
        self(lambda metric: Above(first, metric, value), {first: a}, **how)

    def best(self, x: str, functions: Mapping[str, Function], **how: Unpack[How]) -> None:
        """The function named x is better than every other."""
        self(lambda metric: Best(x, tuple(functions), metric), functions, **how)

    def monotone(
        self,
        functions: Mapping[str, Function],
        *,
        direction: Literal["rises", "falls"] = "rises",
        **how: Unpack[How],
    ) -> None:
        """The mean rises, or falls, from each function to the next."""
        self(lambda metric: Monotone(tuple(functions), metric, direction), functions, **how)

    def __call__(
        self,
        rule: Rule | Callable[[str], Rule],
        functions: Mapping[str, Function],
        **how: Unpack[How],
    ) -> None:
        """Any rule of ``harness.rules`` on functions by name."""

        def checked() -> tuple[bool, str, str]:
            id, metric = self._id(how.get("name", "")), how.get("metric", claims.VALUE)
            if unknown := set(how) - set(How.__annotations__):
                raise invalid(f"arguments of {id}", expected=", ".join(How.__annotations__), received=sorted(unknown))
            if "smallest_effect" not in how:
                raise invalid(
                    f"{id}", expected="smallest_effect, the smallest difference that matters", received="none"
                )
            made = rule if isinstance(rule, Rule) else rule(metric)
            seeds, verdict = how.get("seeds", 10), how.get("verdict", "SUPPORTED")
            if verdict not in Verdict.__members__:
                raise invalid(f"verdict of {id}", expected=f"one of {', '.join(Verdict)}", received=repr(verdict))
            measured = Metric(
                metric, how.get("better", "higher"), "", how["smallest_effect"], how.get("scale", "linear")
            )
            sizes = (seeds,) if isinstance(seeds, int) else tuple(seeds)
            claim = OwnClaim(id=id, rule=made, functions=dict(functions), metric=measured, sizes=sizes,
                             verdict=Verdict(verdict))  # fmt: skip
            return *claims.check(claim, self._file(claims.STACK, id), self._update), ""

        self._tell(checked)


def _names(*functions: Function) -> tuple[str, ...]:
    """The functions' own names, if they differ; else "a", "b"."""
    names = tuple(str(getattr(function, "__name__", "<none>")) for function in functions)
    usable = len(set(names)) == len(names) and not any(name.startswith("<") for name in names)
    return names if usable else ("a", "b")[: len(names)]
