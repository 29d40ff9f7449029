"""What every form of the report shows of an erratum: a run's record joined with the course."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from harness.course import course
from harness.erratum import Differs, Erratum, ErratumChecked, Outcome, plain
from harness.record.run import Run
from reports.cards import GONE


@dataclass(frozen=True)
class Snippet:
    """An erratum in a report: what a run says of it, and what the course declares.

    Attributes:
        record: what its two forms did.
        declared: the erratum; None if the course no longer has it.
        expected: what its printed form should do on the run's backend.
    """

    record: ErratumChecked
    declared: Erratum | None
    expected: Outcome | None

    @property
    def id(self) -> str:
        return self.record.id

    @property
    def red(self) -> bool:
        return self.record.red

    @property
    def label(self) -> str:
        """Where the lecture says it; "" if the course no longer has it."""
        return self.declared.slide if self.declared else ""

    @property
    def statement(self) -> str:
        return self.declared.statement if self.declared else GONE

    @property
    def outcome(self) -> str:
        """What is expected: "fails", "warns" or "differs"."""
        return type(self.expected).__name__.lower() if self.expected else ""

    @property
    def slide_value(self) -> Any:
        """The value of its ``check`` on the slide; None unless another is expected today."""
        return plain(self.expected.slide) if isinstance(self.expected, Differs) else None


def snippets(run: Run) -> list[Snippet]:
    """The errata of a run."""
    known = [(record, course().erratum(record.id)) for record in run.errata.values()]
    return [Snippet(record, of, of.expected(run.header.backend) if of else None) for record, of in known]
