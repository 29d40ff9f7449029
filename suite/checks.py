"""The fixtures ``training_check`` and ``claim_check``: checks of anyone's trainings and claims, without a course."""

from __future__ import annotations

import functools
import os
import warnings
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Concatenate, Literal, ParamSpec, TypedDict, TypeVar, Unpack

import pytest

from harness.anyone import claims
from harness.anyone.check import check
from harness.anyone.claims import VALUE, Function, OwnClaim
from harness.anyone.stored import MOVED, UPDATE, WHY, Result, id_of, path_of
from harness.anyone.training import OwnTraining
from harness.errors import SuiteError, invalid
from harness.model import Metric
from harness.rules import Above, Best, Equivalent, Exceeds, Monotone, NotBetter, Rule
from harness.verdict import Verdict
from suite.plugin import OF_KERAS

P = ParamSpec("P")
C = TypeVar("C", bound="Check")


def told(check: Callable[Concatenate[C, P], Result]) -> Callable[Concatenate[C, P], None]:
    """Fails the test without a traceback where the check does not pass; else keeps what was stored for the end."""

    @functools.wraps(check)
    def call(self: C, /, *given: P.args, **named: P.kwargs) -> None:
        try:
            with warnings.catch_warnings():  # of Keras' own variables under NumPy 2
                warnings.filterwarnings("ignore", OF_KERAS, DeprecationWarning)
                result = check(self, *given, **named)
        except SuiteError as error:
            result = Result(False, str(error))
        if result.moved:
            self.item.user_properties.append((MOVED, result.moved))
        if not result.passes:
            pytest.fail(result.text, pytrace=False)
        if self.update or WHY in os.environ:
            self.item.user_properties.append((UPDATE, result.text))

    return call


class Check:
    """What the fixtures share: the id and the file of a check."""

    def __init__(self, request: pytest.FixtureRequest) -> None:
        self.item: pytest.Item = request.node
        self.update = bool(self.item.config.getoption(UPDATE))
        self._used: set[str] = set()

    def id(self, name: str) -> str:
        """The id of a check of this test. SuiteError if the test has one of this name already."""
        parts = [getattr(getattr(self.item, "cls", None), "__name__", ""), self.item.name, name]
        id = id_of("_".join(map(str, filter(None, parts))))
        if id in self._used:
            raise invalid(f"check of {self.item.name}", expected="a name of its own for each check of a test, as in "
                          'name="small"', received=f"{name!r} twice" if name else "two without a name")  # fmt: skip
        self._used.add(id)
        return id


class TrainingCheck(Check):
    """Checks that a Keras model still trains as it did."""

    @told
    def __call__(
        self,
        build_model: Callable[[], Any],
        data: Any,
        *,
        epochs: int,
        optimizer: Any = "rmsprop",
        loss: Any = None,
        metrics: Sequence[Any] | Mapping[str, Any] = (),
        batch_size: int = 32,
        validation_data: Any = None,
        callbacks: Callable[[], Sequence[Any]] | None = None,
        seeds: int = 5,
        to_the_end: bool | None = None,
        name: str = "",
    ) -> Result:
        """Trains some steps by ``fit`` and compares them with those that are stored beside the test file.

        The first run stores the training in ``<test file>.training/`` and fails: from its initial weights and from a
        late state twenty steps of five seeds, how many of them rounding leaves alone, and what ``seeds`` trainings to
        the end reach. Later runs train these steps again. They fail if the training moved, and name the step.

        Args:
            build_model: a function without arguments that builds a new model. It may compile it; then no ``loss``.
            data: (x, y) or (x, y, sample_weight), with lists or dicts of arrays for several inputs; a data set or
                loader that gives the same batches each time; or a function of a seed that makes any of these.
            epochs, batch_size, validation_data: as ``fit`` takes them.
            optimizer, loss, metrics: as ``compile`` takes them, or a function that makes the optimizer.
            callbacks: a function that makes the callbacks of a training to the end. Shorter trials have none.
            seeds: trainings to the end where it is stored.
            to_the_end: whether each check trains seed 0 to the end; by default if that takes a second or so.
            name: of the check, where a test has several.
        """
        id = self.id(name)
        training = OwnTraining(
            id=id, build_model=build_model, data=data, optimizer=optimizer, loss=loss, epochs=epochs, metrics=metrics,
            batch_size=batch_size, validation_data=validation_data, callbacks=callbacks, seeds=seeds,
            to_the_end=to_the_end,
        )  # fmt: skip
        return check(training, lambda stack: path_of(self.item.path, stack, id), self.update)


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
        self._of(how, Exceeds, a, b, margin=margin)

    def not_better(self, a: Function, b: Function, *, margin: float, **how: Unpack[How]) -> None:
        """The mean of a − b is below the margin."""
        self._of(how, NotBetter, a, b, margin=margin)

    def equivalent(self, a: Function, b: Function, *, margin: float, **how: Unpack[How]) -> None:
        """The mean of a − b is within ± the margin."""
        self._of(how, Equivalent, a, b, margin=margin)

    def above(self, a: Function, value: float, **how: Unpack[How]) -> None:
        """The mean of a is above a number."""
        self._of(how, Above, a, value=value)

    def best(self, x: str, functions: Mapping[str, Function], **how: Unpack[How]) -> None:
        """The function named x is better than every other."""
        self(lambda: Best(x, tuple(functions), how.get("metric", VALUE)), functions, **how)

    def monotone(
        self,
        functions: Mapping[str, Function],
        *,
        direction: Literal["rises", "falls"] = "rises",
        **how: Unpack[How],
    ) -> None:
        """The mean rises, or falls, from each function to the next."""
        self(lambda: Monotone(tuple(functions), how.get("metric", VALUE), direction), functions, **how)

    def _of(self, how: How, rule: Callable[..., Rule], *functions: Function, **more: float) -> None:
        """A rule on functions by their own names, if these differ; else by "a" and "b"."""
        names = [str(getattr(function, "__name__", "<none>")) for function in functions]
        if len(set(names)) < len(names) or any(name.startswith("<") for name in names):
            names = ["a", "b"][: len(names)]
        made = functools.partial(rule, *names, metric=how.get("metric", VALUE), **more)
        self(made, dict(zip(names, functions, strict=True)), **how)

    @told
    def __call__(
        self, rule: Rule | Callable[[], Rule], functions: Mapping[str, Function], **how: Unpack[How]
    ) -> Result:
        """Any rule of ``harness.rules`` on functions by name, or a function that makes it."""
        id, seeds, verdict = self.id(how.get("name", "")), how.get("seeds", 10), how.get("verdict", "SUPPORTED")
        if unknown := set(how) - set(How.__annotations__):
            raise invalid(f"arguments of {id}", expected=", ".join(How.__annotations__), received=sorted(unknown))
        if "smallest_effect" not in how:
            raise invalid(id, expected="smallest_effect, the smallest difference that matters", received="none")
        if verdict not in tuple(Verdict):
            raise invalid(f"verdict of {id}", expected=f"one of {', '.join(Verdict)}", received=repr(verdict))
        better, scale = how.get("better", "higher"), how.get("scale", "linear")
        metric = Metric(how.get("metric", VALUE), better, "", how["smallest_effect"], scale)
        if not isinstance(functions, Mapping):
            raise invalid(f"functions of {id}", expected="functions by name", received=repr(functions)[:80])
        made, sizes = rule() if callable(rule) else rule, tuple(seeds) if isinstance(seeds, Sequence) else (seeds,)
        if not isinstance(made, Rule):
            raise invalid(f"rule of {id}", expected="a rule of harness.rules", received=repr(made)[:80])
        claim = OwnClaim(id=id, rule=made, functions=dict(functions), metric=metric, sizes=sizes,
                         verdict=Verdict(verdict))  # fmt: skip
        return claims.check(claim, path_of(self.item.path, claims.STACK, id), self.update)
