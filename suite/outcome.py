"""How a decided claim stands against its expected verdict, and how its test says so."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import pytest

from baselines.verdicts import VerdictComparison, VerdictState
from cases import CLAIMS
from harness.claim import Claim
from harness.errors import SuiteError
from harness.store import RecordError
from harness.verdict import Decision, Verdict
from suite.sequential import Taken


@dataclass(frozen=True)
class Here:
    """What the evidence says of a claim, and how much of it this machine confirms.

    Attributes:
        state: "confirmed", "start confirmed", "compatible" or "not confirmed"; "" where nothing was compared.
        text: what was trained here of each variant and how it compares.
        stack, seeds: whose evidence the verdict rests on ("" where there is none), and how many seeds of each variant.
        verdict: the evidence's.
        needed: of an INCONCLUSIVE claim, how many seeds would decide it; None where that is not known.
        own: what this run's own trials say, where they were decided anew; "" elsewhere.
    """

    state: str
    text: str
    stack: str
    seeds: int
    verdict: str
    needed: int | None = None
    own: str = ""


@dataclass(frozen=True)
class Outcome:
    """One claim of this run."""

    claim: Claim
    decision: Decision
    beside: tuple[Decision, ...]
    comparison: VerdictComparison
    red: bool
    seconds: float
    error: str = ""  # why the expected verdict could not be read
    taken: Taken | None = None  # with --seeds auto
    here: Here | None = None  # where it rests on evidence

    @classmethod
    def from_json(cls, record: Mapping[str, Any]) -> Outcome:
        """From ``suite.records.claim_record``; KeyError or ValueError where the record is not one."""
        state, obtained = record["baseline"], Verdict(record["verdict"])
        expected = record["expected_verdict"] and Verdict(record["expected_verdict"])
        comparison = VerdictComparison(
            VerdictState(state["state"]), expected, obtained, state["red"], state["reason"]
        )  # fmt: skip
        return cls(
            next(claim for claim in CLAIMS if claim.key == record["key"]),
            Decision.from_json(record),
            tuple(map(Decision.from_json, record["beside"])),
            comparison,
            state["red"],
            record["seconds"],
            record["error"],
            Taken.from_json(record["seeds"]) if "seeds" in record else None,
            Here(**record["here"]) if "here" in record else None,
        )

    @property
    def moved(self) -> bool:
        """Whether it is red because of what was measured, and not because something could not be run or read."""
        return self.red and not self.error and self.decision.verdict is not Verdict.NOT_RUN

    @property
    def properties(self) -> list[tuple[str, str]]:
        """What ``--junitxml`` carries of it."""
        said = [
            ("verdict", str(self.decision.verdict)),
            ("expected_verdict", str(self.comparison.expected or "")),
            ("baseline_state", str(self.comparison.state)),
            *([("seeds", str(self.taken.seeds))] if self.taken else []),
            *(
                [("here", self.here.state), ("evidence", f"{self.here.seeds} seeds of {self.here.stack}")]
                if self.here
                else []
            ),
        ]
        for number, effect in enumerate(self.decision.effects, start=1):
            values = {name: getattr(effect, name) for name in ("of", "metric", "unit", "estimate", "low", "high", "n")}
            said += [(f"effect_{number}_{name}", str(value)) for name, value in values.items() if value is not None]
        for number, difference in enumerate(self.decision.differences, start=1):
            said += [(f"difference_{number}_{name}", str(value)) for name, value in difference.to_json().items()]
        return said

    @property
    def message(self) -> str:
        """What a red test prints: the claim, the verdicts, why, and what to do next."""
        lines = [
            f"{self.claim.key}: {self.comparison.reason}",
            f"  the lecture says: {self.claim.statement}",
            f"  {self.decision.verdict}: {self.decision.reason}",
        ]
        if self.error:
            lines.append(f"  {self.error}")
        elif self.decision.verdict is not Verdict.NOT_RUN:
            lines.append('  If this is meant, store it: --update-baselines "reason" with -k ' + self.claim.id)
        return "\n".join(lines)


def timed(request: pytest.FixtureRequest, group: str, work: Callable[..., Any], *arguments: Any) -> dict[str, Any]:
    """Does the work once, timed by pytest-benchmark where that is there (-p no:benchmark); gives its ``extra_info``."""
    if not request.config.pluginmanager.hasplugin("benchmark"):
        work(*arguments)
        return {}
    benchmark = request.getfixturevalue("benchmark")
    benchmark.group = group
    with timed_by(benchmark):
        benchmark.pedantic(work, args=arguments, rounds=1, iterations=1)
    extra: dict[str, Any] = benchmark.extra_info
    return extra


@contextlib.contextmanager
def timed_by(benchmark: Any) -> Iterator[None]:
    """Marks a round that Ctrl-C cuts short as failed: pytest-benchmark does so for an Exception only, and then fails
    over the empty round when it writes its table, with the whole end of the run."""
    try:
        yield
    except BaseException:
        benchmark.has_error = True
        raise


@contextlib.contextmanager
def plain_errors() -> Iterator[None]:
    """Turns a SuiteError, whose text is complete, into a failure without a traceback.

    Where the run's record cannot be written the run ends: whatever it still trained would be lost.
    """
    try:
        yield
    except RecordError as error:
        pytest.exit(str(error), returncode=pytest.ExitCode.INTERNAL_ERROR)
    except SuiteError as error:
        pytest.fail(str(error), pytrace=False)
