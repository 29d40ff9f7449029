"""What changes if one moves to another backend or to another Keras, as a course has stored it beside its evidence.

``python -m reports --stacks`` stores what stacks differ in, ``benchmarks.versions`` what releases of Keras differ in.
The page of every run shows both.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec

from harness.errors import SuiteError, invalid
from harness.record.files import replace_file

FILE = "moves.json"


class Difference(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A claim, or a metric of a training, on two stacks, and why it differs."""

    what: str
    a: str
    b: str
    why: str


class Move(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Two stacks, what changes from ``a`` to ``b`` as a sentence, and what differs: claims first."""

    a: str
    b: str
    text: str
    differences: tuple[Difference, ...]


class Release(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A change between releases.

    Attributes:
        package: whose change it is: "Keras", or another package.
        version: the first release with it; "" for a change of another package.
        at: the place in ``Moves.versions`` of the first version that has it; None if it is not a change of Keras.
        what: what changed, in sentences.
        results: the claims, errata, self-checks and trainings that show it: "erratum decay".
        others: number of defaults and small computations that show it.
        reference: the place that says so, or ""
    """

    package: str
    version: str
    at: int | None
    what: str
    results: tuple[str, ...]
    others: int
    reference: str


class Moves(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The content of the file: pairs of stacks, and the versions of Keras that were compared, with their changes."""

    stacks: tuple[Move, ...] = ()
    versions: tuple[str, ...] = ()
    changes: tuple[Release, ...] = ()

    @classmethod
    def read(cls, folder: Path) -> Moves:
        """What is stored in a folder of evidence; empty without a file. Raises SuiteError for a damaged one."""
        path = folder / FILE
        try:
            return msgspec.json.decode(path.read_bytes(), type=cls)
        except FileNotFoundError:
            return cls()
        except (OSError, ValueError) as error:
            fix = "Write it again: python -m reports --stacks STACK STACK."
            raise invalid(f"file {path}", expected="what --stacks stores", received=str(error), fix=fix) from None


def store(folder: Path, **parts: Any) -> None:
    """Replaces these fields of the stored ``Moves``. Raises SuiteError if the file is damaged or cannot be written."""
    made = msgspec.structs.replace(Moves.read(folder), **parts)
    try:
        replace_file(folder / FILE, msgspec.json.format(msgspec.json.encode(made), indent=1) + b"\n")
    except OSError as error:
        raise SuiteError(f"{folder / FILE} cannot be written: {error}. Make its folder writable.") from None
