"""Writes a run's report: Markdown for people, report.json for programs, and the figures."""

from __future__ import annotations

import contextlib
import dataclasses
import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from msgspec.structs import replace

from harness.domain.verdict import Verdict
from harness.errors import SuiteError, invalid
from harness.record.run import Run, read_run
from reports.cards import ELSEWHERE, Card, cards
from reports.folders import check_writable, write_files
from reports.of_course import check_course
from reports.page.page import PAGE, html
from reports.payload import payload, to_json
from reports.sections.accuracy import accuracy, trained_here
from reports.sections.claims import claims_table
from reports.sections.details import embed, section_page
from reports.sections.environment import environment, how_to_read
from reports.sections.errata import errata_page
from reports.sections.links import (
    CSV,
    ERRATA,
    FIGURES,
    REPORT,
    SECTIONS,
    SLIDES,
    SUMMARY,
    by_section,
    section_file,
    to_section,
)
from reports.sections.slides import slides_csv, slides_page
from reports.sections.summary import head, summary_page, tallies
from reports.sections.times import times
from reports.sections.timing_runs import timing
from reports.text import escape

if TYPE_CHECKING:
    from reports.figures.picture import Picture
    from reports.history import History

JSON = "report.json"
LIMITS = {SUMMARY: 10_000, REPORT: 60_000}
"""Bytes that a file stays below."""
SHORTER = (240, 160, 110, 80, 50, 30, 15, 5)
"""Characters of a text in a table: the first number with which a file stays below its limit."""


def write_report(run_path: Path, out: Path) -> Path:
    """Writes the report of a run file, see ``write``. Raises SuiteError if the file is damaged."""
    return write(read_run(run_path), out)


def write(run: Run, out: Path) -> Path:
    """Writes the report of a run into folder ``out`` and returns the path of REPORT.md.

    Files of an earlier report in the folder that this report lacks are removed. Raises SuiteError if the run is of
    another course, its record is incomplete (see ``in_order``), or the folder cannot be written.
    """
    from reports.figures.pictures import pictures
    from reports.history import since_last

    check_course(run.header)
    run, holm = adjusted(in_order(run))
    check_writable(out / FIGURES)
    shown, drawn = cards(run), pictures(run)
    contents = {f"{FIGURES}/{picture.name}": picture.content for picture in drawn}
    contents |= {name: text.encode() for name, text in texts(run, shown, holm, drawn).items()}
    if shown or run.errata:
        contents[CSV] = slides_csv(run, shown)
    history = history_of(run)
    contents[PAGE] = html(run, shown, history, since_last(run, history) if history else None)
    contents[JSON] = to_json(payload(run, holm, sorted(contents)))
    earlier = _files_of(out / JSON)
    write_files({out / name: content for name, content in contents.items()})
    for name in earlier - set(contents):
        with contextlib.suppress(OSError):
            (out / name).unlink(missing_ok=True)
    return out / REPORT


def history_of(run: Run) -> History | None:
    """The finished runs in the folder of the run's file; None if there is none, or for evidence."""
    from reports.history import History, runs_of

    if run.header.evidence:
        return None
    try:
        return History.of(runs_of(None, run.path.parent))
    except SuiteError:  # a run that is not in a file, such as one from a database
        return None


def in_order(run: Run) -> Run:
    """The run with experiments, trainings, claims and errata in catalogue order.

    The order of the record depends on workers and resumptions. Raises SuiteError if an experiment was trained but has
    no record.
    """
    undeclared = sorted({name for name, _ in (*run.trials, *run.trainings)} - set(run.experiments))
    if undeclared:
        expected = f"a record of kind 'experiment' with the id {undeclared[0]!r}"
        raise invalid(f"run record {run.path}", expected=expected, received="none")
    experiments = {one.id: one for one in sorted(run.experiments.values(), key=lambda one: one.order)}
    places = {(name, variant): None for name, one in experiments.items() for variant in one.variants}
    keys = [key for key in places if key in run.trainings]
    keys += [key for key in run.trainings if key not in places]
    return dataclasses.replace(
        run,
        experiments=experiments,
        trainings={key: run.trainings[key] for key in keys},
        claims={one.key: one for one in sorted(run.claims.values(), key=lambda one: one.order)},
        errata={one.id: one for one in sorted(run.errata.values(), key=lambda one: one.order)},
    )


def adjusted(run: Run) -> tuple[Run, dict[str, Verdict]]:
    """The run with p-values adjusted over its claims (Holm), and each claim's verdict after the adjustment, by key."""
    found = run.adjusted()
    claims = {key: replace(claim, decision=found[key][0]) for key, claim in run.claims.items()}
    return dataclasses.replace(run, claims=claims), {key: verdict for key, (_, verdict) in found.items()}


def texts(run: Run, shown: Mapping[str, Card], holm: Mapping[str, Verdict], drawn: Sequence[Picture]) -> dict[str, str]:
    """The Markdown files by path, those without content left out."""
    sections: dict[str, list[Card]] = by_section(shown)
    places: dict[str, list[str]] = {}
    for card in shown.values():
        places.setdefault(card.experiment or "", []).append(card.section)
    figures: dict[str, list[Picture]] = {}
    for picture in (picture for picture in drawn if picture.heading):
        for section in dict.fromkeys(places.get(picture.heading, [ELSEWHERE])):
            figures.setdefault(section, []).append(picture)
    files = {
        section_file(section): section_page(run, section, sections.get(section, []), holm, figures.get(section, []))
        for section in dict.fromkeys((*sections, *figures))
    }
    files |= {ERRATA: errata_page(run), SLIDES: slides_page(run, shown)}
    files[SUMMARY] = _fitting(SUMMARY, lambda most: summary_page(run, shown, holm, most))
    overview = [picture for picture in drawn if not picture.heading]
    files[REPORT] = _fitting(REPORT, lambda most: report_page(run, shown, holm, overview, list(files), most))
    return {name: text for name, text in files.items() if text}


def _fitting(name: str, text: Callable[[int], str]) -> str:
    """The text with the longest cells with which the file stays below its limit."""
    found = ""
    for most in SHORTER:
        found = text(most)
        if len(found.encode()) < LIMITS[name]:
            break
    return found


def report_page(
    run: Run,
    shown: Mapping[str, Card],
    holm: Mapping[str, Verdict],
    overview: Sequence[Picture],
    files: Sequence[str],
    most: int,
) -> str:
    """The text of REPORT.md.

    Args:
        run: the run, with adjusted p-values.
        shown: its claims.
        holm: verdicts after the adjustment, by key.
        overview: the figures of no experiment.
        files: the paths of the report's other Markdown files.
        most: characters of a text in a table.
    """
    first, status, *rest = head(run, shown, to_section, most)
    parts = [first, status, trained_here(run, most), *rest, *tallies(run, shown, holm, most)]
    if shown or run.errata:
        errata = f"[what to replace]({ERRATA}) · " if run.errata else ""
        parts.append(f"[Slide by slide, with what to say instead]({SLIDES}) · {errata}[as a table]({CSV})")
    charts = {picture.name: embed(picture, FIGURES) for picture in overview}
    clocks = charts.pop("timing.svg", "")
    parts += charts.values()
    for section, found in by_section(shown).items():
        parts.append(f"## [{escape(section)}]({section_file(section)})\n\n{claims_table(found, to_section, most)}")
    parts += [accuracy(run, shown, most), times(run, most), timing(run, clocks)]
    listed = {name for section in by_section(shown) for name in [section_file(section)]}
    further = [name for name in files if name.startswith(f"{SECTIONS}/") and name not in listed]
    parts += [f"Figures of what no claim rests on: [`{name}`]({name})" for name in further]
    parts.append(environment(run, most))
    if shown:
        parts.append(how_to_read())
    return "\n\n".join(part for part in parts if part) + "\n"


def _files_of(report: Path) -> set[str]:
    """The files listed in an earlier report.json; empty if it cannot be read. Only these may be removed."""
    try:
        content = json.loads(report.read_text(encoding="utf-8"))
        names = [*content.get("files", ()), *(f"{FIGURES}/{name}" for name in content["figures"])]
        return {name for name in names if _ours(PurePosixPath(name))}
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return set()


def _ours(path: PurePosixPath) -> bool:
    """Whether a report may have written this path: nothing outside its folder, and nothing of another kind."""
    folder = path.parent.as_posix()
    if folder == ".":
        return path.name in (SUMMARY, REPORT, ERRATA, SLIDES, CSV, "index.html")
    return (folder, path.suffix) in ((FIGURES, ".svg"), (SECTIONS, ".md")) and ".." not in path.name
