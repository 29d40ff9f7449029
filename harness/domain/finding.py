"""What a course's author says about the results: causes of verdicts and of differences."""

from __future__ import annotations

import fnmatch
from dataclasses import dataclass


@dataclass(frozen=True)
class Finding:
    """Claims that one cause explains.

    Args:
        cause: a few words.
        claims: keys of the claims, "id" or "id/case". A table of findings shows the first.
    """

    cause: str
    claims: tuple[str, ...]


@dataclass(frozen=True)
class Cause:
    """Why metrics of trainings are not the same on another stack.

    Args:
        text: a sentence.
        stacks: patterns of the stacks' names, as of a shell: "jax-*".
        explains: what it explains, and nothing else: experiment, variant and its metrics.
        tested: how it was tested that it is the cause of these, in a sentence.
    """

    text: str
    stacks: tuple[str, ...]
    explains: tuple[tuple[str, str, tuple[str, ...]], ...]
    tested: str

    def of(self, stack: str, experiment: str, variant: str, metric: str) -> bool:
        """Whether it explains a metric of a training on a stack."""
        there = any(fnmatch.fnmatchcase(stack, pattern) for pattern in self.stacks)
        return there and any((experiment, variant) == each[:2] and metric in each[2] for each in self.explains)
