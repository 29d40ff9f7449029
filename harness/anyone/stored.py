"""What is stored of a check: a file of evidence in a folder beside the test, in the suite's own format."""

from __future__ import annotations

import datetime
import hashlib
import re
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from harness.check import evidence as files
from harness.errors import SuiteError
from harness.model import Experiment
from harness.record.evidence import EXACT, Evidence
from harness.record.json_file import JsonFile
from harness.record.timings import Provenance
from harness.record.trials import Fingerprint, Training

UPDATE, MOVED = "--training-update", "what moved first"
"""As in ``lecture_claims``, which imports nothing."""
WHY = "TRAINING_WHY"
"""``python -m reports --why`` sets this variable: a check then only says which parts of a step do otherwise."""
FOLDER = ".training"
"""``test_net.py`` has its files in ``test_net.training/<stack>/``."""
LONGEST = 80
"""Characters of an id."""
READ = "Nothing was stored before. Read this, keep the file under version control, and run again."

FILE = JsonFile("evidence", files.parse, files.dumps, files.check_place, UPDATE, reason="")


class Result(NamedTuple):
    """Whether a check passes, what to say of it, and what moved first. What was never stored does not pass."""

    passes: bool
    text: str
    moved: str = ""


def id_of(name: str) -> str:
    """The kebab-case id of a test, which names its file: "test-dropout-helps".

    Names that lose more than underscores get a digest, so that no two tests share a file.
    """
    kebab = re.sub("[^a-z0-9]+", "-", name.lower()).strip("-")
    if re.fullmatch("[a-z0-9]+(_[a-z0-9]+)*", name) and len(name) <= LONGEST and kebab != EXACT:
        return kebab
    return f"{kebab[:LONGEST].strip('-')}-{hashlib.sha256(name.encode()).hexdigest()[:8]}".lstrip("-")


def path_of(test_file: Path, stack: str, id: str) -> Path:
    """The file of a check on a stack."""
    return files.path_of(test_file.with_suffix(FOLDER), stack, id)


def evidence_of(
    experiment: Experiment, stack: str, measured: Mapping[str, Training], fingerprint: Fingerprint, update: bool
) -> Evidence:
    """The evidence to store of trainings that this process has measured."""
    today, reason = datetime.datetime.now(datetime.UTC).date().isoformat(), UPDATE if update else "the first run"
    origin = Provenance(commit="unknown", date=today, reason=reason, fingerprint=fingerprint)
    return files.add(None, experiment, stack, measured, origin)


def kept(path: Path, evidence: Evidence, update: bool) -> None:
    """Writes a file. SuiteError if it cannot be written; without ``update`` also if there is one by now."""

    def change(old: Evidence | None) -> Evidence:
        if old is not None and not update:
            raise SuiteError(f"{path} was stored by another process meanwhile, and is left as it is. Run again.")
        return evidence

    FILE.update(path, change)


def shown(path: Path) -> str:
    """A path as messages have it: from the current folder on, where it lies below that."""
    return str(path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path)


def again(path: Path, how: str = "anew") -> str:
    return f"If this is meant, store it {how}: {UPDATE}. Stored: {shown(path)}."
