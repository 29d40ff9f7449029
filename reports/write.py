"""Writes a run's report: Markdown and a page for people, report.json for programs, and the figures."""

from __future__ import annotations

import contextlib
import dataclasses
import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Any, TypeVar

import msgspec
from msgspec.structs import replace

from harness.course import course
from harness.errors import SuiteError, invalid
from harness.record.files import replace_file
from harness.record.run import Run, read_run
from harness.verdict import Verdict
from reports.cards import Card, cards
from reports.folders import Runs, check_course, check_writable, write_files
from reports.history import History, since
from reports.markdown import ERRATA, FIGURES, REPORT, SUMMARY, findings, texts
from reports.page.page import PAGE, html
from reports.slides import snippets

K = TypeVar("K")
V = TypeVar("V")
JSON = "report.json"
SCHEMA = 3
"""The version of report.json."""
SHOWN = ("statement", "rule", "slides", "source", "verdict", "basis", "shown")
"""What report.json has of a claim's card."""
START, END = "<!-- findings -->", "<!-- /findings -->"


def write_report(run_path: Path, out: Path) -> Path:
    """Writes the report of a run file, see ``write``. Raises SuiteError if the file is damaged."""
    return write(read_run(run_path), out)


def write(run: Run, out: Path, charts: bool = True) -> Path:
    """Writes the report of a run into folder ``out`` and returns the path of REPORT.md.

    ``charts``: whether its page has charts, and their library.

    Files of an earlier report in the folder that this report lacks are removed. Raises SuiteError if the run is of
    another course, or the folder cannot be written.
    """
    from reports.charts_of_run import pictures

    check_course(run.header)
    run, holm = adjusted(in_order(run))
    check_writable(out / FIGURES)
    shown, drawn = cards(run), pictures(run)
    contents = {f"{FIGURES}/{picture.name}": picture.content for picture in drawn}
    contents |= {name: text.encode() for name, text in texts(run, shown, holm, drawn).items()}
    history = history_of(run)
    contents[PAGE] = html(run, shown, history, since(run, history) if history else (), charts)
    contents[JSON] = for_programs(run, shown, holm, sorted(contents))
    earlier = _files_of(out / JSON)
    write_files({out / name: content for name, content in contents.items()})
    for name in earlier - set(contents):
        with contextlib.suppress(OSError):
            (out / name).unlink(missing_ok=True)
    return out / REPORT


def for_programs(run: Run, cards: Mapping[str, Card], holm: Mapping[str, Verdict], files: Sequence[str]) -> bytes:
    """The content of report.json: the records of the run in the course's order, with what the course says of them.

    ``run`` is how the run was started, with its environment; ``end`` is null for a run that was killed. Claims have the
    verdict of their cards, and p-values adjusted over all claims (Holm); ``after_holm`` has each verdict after that.
    ``files`` are the paths of all other files of the report, relative to its folder.
    """
    made = {
        "schema": SCHEMA,
        "run": run.header,
        "end": replace(run.end, reported=True) if run.end else None,
        "partial": run.partial,
        "trainings": [*run.trainings.values()],
        "claims": [*map(_claim, cards.values())],
        "after_holm": holm,
        "errata": [
            msgspec.to_builtins(erratum.record) | {name: getattr(erratum, name) for name in ("statement", "outcome")}
            for erratum in snippets(run)
        ],
        "self_checks": [
            msgspec.to_builtins(check) | {"id": check.key, "marker": "self-check", "slide": check.source}
            for check in run.self_checks.values()
        ],
        "timings": [*run.timings.values()],
        "figures": [name.partition("/")[2] for name in files if name.startswith(f"{FIGURES}/")],
        "files": files,
    }
    return msgspec.json.format(msgspec.json.encode(made), indent=1) + b"\n"


def _claim(card: Card) -> dict[str, Any]:
    """The record of a claim, with what the course says of it."""
    return {
        **msgspec.to_builtins(card.record),
        "id": card.record.id,
        **{name: getattr(card, name) for name in SHOWN},
        "case": card.key.partition("/")[2],
        "marker": "exact" if card.exact else "training",
        "slide": card.claim.slide,
        "deviations": card.claim.deviations,
        "notes": card.claim.notes,
        "published": [
            {"variant": variant, "metric": metric, "printed": of.printed, "value": of.value, "rounding": of.rounding}
            for (variant, metric), of in card.claim.figures.items()
        ],
        "alongside": [{"rule": rule, "decision": decision} for rule, decision in card.alongside],
    }


def write_findings(run: Run, page: Path) -> None:
    """Replaces the text between the page's two markers. Raises SuiteError if they are missing or writing fails."""
    try:
        before, start, rest = page.read_text("utf-8").partition(START)
        _, end, after = rest.partition(END)
    except (OSError, UnicodeDecodeError) as error:
        raise SuiteError(f"{page} cannot be read: {error}. Name README.md after --readme.") from None
    if not start or not end:
        raise invalid(f"file {page}", expected=f"the lines {START} and {END}", received="none of them")
    try:
        replace_file(page, f"{before}{START}\n{findings(run)}{END}{after}".encode())
    except OSError as error:
        raise SuiteError(f"{page} cannot be written: {error}. Make its folder writable.") from None


def history_of(run: Run) -> History | None:
    """The finished runs in the folder of the run's file; None for evidence and for a run without a file."""
    if run.header.evidence or not run.path.is_file():
        return None
    return History.of(Runs(run.path.parent).of_course())


def in_order(run: Run) -> Run:
    """The run with trainings, claims and errata in the course's order; what the course no longer has comes last.

    The order of the record depends on workers and resumptions.
    """
    trainings = ((of.id, variant.name) for of in course().experiments.values() for variant in of.variants)
    return dataclasses.replace(
        run,
        trainings=_ordered(run.trainings, trainings),
        claims=_ordered(run.claims, (claim.key for claim in course().claims)),
        errata=_ordered(run.errata, (erratum.id for erratum in course().errata)),
    )


def _ordered(known: Mapping[K, V], order: Iterable[K]) -> dict[K, V]:
    return {key: known[key] for key in (*order, *known) if key in known}


def adjusted(run: Run) -> tuple[Run, dict[str, Verdict]]:
    """The run with p-values adjusted over its claims (Holm), and each claim's verdict after the adjustment, by key."""
    after = run.adjusted()
    claims = {key: replace(claim, decision=after[key][0]) for key, claim in run.claims.items()}
    return dataclasses.replace(run, claims=claims), {key: verdict for key, (_, verdict) in after.items()}


def _files_of(report: Path) -> set[str]:
    """The files listed in an earlier report.json; empty if it cannot be read. Only these may be removed."""
    try:
        files = json.loads(report.read_text(encoding="utf-8"))["files"]
        return {name for name in files if _ours(PurePosixPath(name))}
    except (OSError, ValueError, KeyError, TypeError):
        return set()


def _ours(path: PurePosixPath) -> bool:
    """Whether a report may have written this path: nothing outside its folder, and nothing of another kind."""
    known = ((FIGURES, ".svg"), ("sections", ".md"))
    return str(path) in (SUMMARY, REPORT, ERRATA, PAGE) or (str(path.parent), path.suffix) in known
