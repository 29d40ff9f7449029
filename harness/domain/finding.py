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
    """Why trainings are not the same on another stack.

    Args:
        text: a sentence.
        stacks: patterns of the stacks' names, as of a shell: "jax-*".
        experiments: ids of the experiments; "exact" for computed claims.
        names: patterns of the variants, or of the keys of computed claims.
    """

    text: str
    stacks: tuple[str, ...]
    experiments: tuple[str, ...]
    names: tuple[str, ...] = ("*",)

    def of(self, stack: str, experiment: str, name: str) -> bool:
        """Whether it explains a training, or a computed claim, on a stack."""
        fits = [
            any(fnmatch.fnmatchcase(one, each) for each in of) for one, of in ((stack, self.stacks), (name, self.names))
        ]
        return experiment in self.experiments and all(fits)
