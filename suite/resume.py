"""``--resume``: which run goes on, its file made whole again, and whether what goes on would be the same run."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from harness.atomic import replace_file
from harness.errors import SuiteError, invalid, nearest
from harness.store import read_run
from harness.training.configuration import variant_digest
from suite.catalogue import EXPERIMENTS, training_name
from suite.exchange import Exchange
from suite.options import Options
from suite.records import experiment_record

if TYPE_CHECKING:
    from harness.record.database import Database

SAME = (
    "full", "seeds", "seeds_of", "first_seed", "auto", "backend", "engine", "precision", "stack", "workers", "reuse",
    "fingerprint", "source", "planned", "broken",
)  # fmt: skip
"""What a run's header has to agree in; on the commit baselines depend as well, which name it."""
NAMES = {"source": "source of the training code", "planned": "claims", "broken": "mistakes in the catalogue"}


def find(folder: Path, database: Database, options: Options) -> str:
    """The id of the run that is to go on: the one asked for, or the newest of the folder that did not reach its end.

    Of a store that other folders share, a run is taken only by name: it may be going on there.
    """
    from harness.store.follower import begins, whole_lines

    def has_begun(path: Path) -> bool:
        try:
            return begins(path)
        except (OSError, ValueError):
            return False

    here = {path.stem: path for path in sorted(folder.glob("*.jsonl"), reverse=True) if has_begun(path)}
    elsewhere = [run for run in reversed(database.copied()) if run not in here]

    def is_open(run: str) -> bool:
        return _is_open(whole_lines(here[run])[-1] if run in here else database.last(run)[1])

    asked = options.resume or ""
    if asked:
        run = Path(asked).stem if asked.endswith(".jsonl") else asked
        if run not in here and run not in elsewhere:
            fix = nearest(run, [*here, *elsewhere]) if here or elsewhere else "No run is recorded."
            raise invalid("--resume", expected=f"a run in {folder} or the store", received=repr(asked[:80]), fix=fix)
        if not is_open(run):
            raise SuiteError(f"The run {run} reached its end: there is nothing to resume. Leave --resume out.")
        return run
    for run in [*here, *(elsewhere if options.store is None else ())]:
        if is_open(run):
            return run
    other = next(filter(is_open, elsewhere), None)
    hint = f" The store has one of another folder: --resume={other}" if other else " Leave --resume out."
    raise SuiteError(f"--resume: of the runs in {folder} none was killed or interrupted.{hint}")


def _is_open(line: bytes | str) -> bool:
    """Whether something is left to do of a run whose record ends with this line.

    It did not reach its end, was killed while it wrote its report, or ended with something that could not be run.
    """
    try:
        record = json.loads(line)
        if record["kind"] != "end" or record["interrupted"]:
            return True
    except (ValueError, KeyError, TypeError):
        return True
    return not record.get("reported", True) or record.get("exit_status") == pytest.ExitCode.INTERNAL_ERROR


def has_ended(path: Path) -> bool:
    """Whether there is a run file, and nothing is left to do of its run."""
    from harness.store.follower import whole_lines

    lines = whole_lines(path) if path.exists() else []
    return bool(lines) and not _is_open(lines[-1])


def mend(path: Path, database: Database) -> None:
    """Cuts a torn last line off the run's file, and gives it what only the store has: of a lost file, everything.

    SuiteError where neither is the beginning of the other; both stay as they are.
    """
    content = path.read_bytes() if path.exists() else b""
    own = content[: content.rfind(b"\n") + 1]
    stored = "".join(f"{line}\n" for line in database.lines(path.stem)).encode()
    if not own.startswith(stored) and not stored.startswith(own):
        raise SuiteError(
            f"{path} and the store {database.address} have different courses of the run {path.stem}: it went on "
            "elsewhere. Move the file away to go on from the store."
        )
    whole = max(own, stored, key=len)
    if whole != content:
        try:
            replace_file(path, whole)
        except OSError as error:
            raise SuiteError(f"Cannot mend {path}: {error.strerror or error}. It is as it was.") from error


def check(path: Path, header: Mapping[str, Any], options: Options) -> None:
    """SuiteError, with every difference, where this process would not go on with the run in ``path``, but with another.

    ``header`` is the one that a new run of this process would have.
    """
    before = read_run(path).header
    names = (*SAME, *(["commit"] if options.update is not None else ()))
    found = [said for name in names if (said := _difference(name, before.get(name), _plain(header.get(name))))]
    if not found and before.get("selected") != header["selected"]:
        found.append("the selected items are others")
    found += _definitions(path)
    if found:
        raise SuiteError(
            f"--resume: the run {path.stem} cannot go on, because this would be another one. {'; '.join(found[:8])}"
            f"{'; …' if len(found) > 8 else ''}. Its command was: {before['command']}"
        )


def _plain(value: Any) -> Any:
    return json.loads(json.dumps(value))


def _difference(name: str, then: Any, now: Any) -> str:
    """In words; "" where there is none."""
    if name in ("planned", "broken"):
        then, now = ({json.dumps(one, sort_keys=True) for one in value or ()} for value in (then, now))
    if then == now:
        return ""
    label = NAMES.get(name, name)
    if isinstance(then, dict) and isinstance(now, dict):
        parts = [(key, then.get(key), now.get(key)) for key in {**then, **now}]
        return "; ".join(f"{label}, {key}: then {a}, now {b}" for key, a, b in parts if a != b)
    if isinstance(then, set):
        changes = {"without": sorted(then - now), "with": sorted(now - then)}
        return f"{label}: " + ", ".join(f"now {word} {_some(names)}" for word, names in changes.items() if names)
    return f"{label}: then {then}, now {now}"


def _some(names: list[str], most: int = 3) -> str:
    shown = ", ".join(name.strip('"')[:60] for name in names[:most])
    return shown + (f" and {len(names) - most} more" if len(names) > most else "")


def _definitions(path: Path) -> Iterator[str]:
    """What is declared otherwise today than when the run's trials were trained."""
    from harness.store.follower import whole_lines

    seen: set[tuple[str, str, str]] = set()
    for record in map(json.loads, whole_lines(path)):
        if record["kind"] == "experiment":
            declared = EXPERIMENTS.get(record["id"])
            if declared is None or _declared(record) != _declared(experiment_record(declared)):
                yield f"experiment {record['id']}: declared otherwise"
        elif record["kind"] == "trial":
            seen.add((record["experiment"], record["variant"], record["definition"]))
    for experiment, variant, definition in sorted(seen):
        declared = EXPERIMENTS.get(experiment)
        known = declared is not None and variant in [one.name for one in declared.variants]
        if declared is None or not known or variant_digest(declared, variant) != definition:
            yield f"{training_name(experiment, variant)}: another definition"


def _declared(record: Mapping[str, Any]) -> Any:
    """An experiment's record without its place in the catalogue, which decides nothing."""
    return _plain({key: value for key, value in record.items() if key not in ("kind", "order")})


def went_on(path: Path, resumed: str) -> bool:
    """Whether the run's file says that it was resumed then; always, of a run that was not to be ("")."""
    exchange = Exchange(path, "")
    exchange.refresh()
    return not resumed or resumed in exchange.resumed


def digest(names: Iterable[str]) -> str:
    """16 hex digits over the names of the selected items, in any order."""
    return hashlib.sha256("\0".join(sorted(names)).encode()).hexdigest()[:16]
