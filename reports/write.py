"""Writes a run's report: the figures, then report.json, then REPORT.md, each file completely or not at all."""

from __future__ import annotations

import contextlib
import dataclasses
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec.structs import replace

from harness.domain.verdict import Verdict
from harness.errors import invalid
from harness.record.run import ClaimDecided, Run, read_run
from reports.folders import check_writable, write_atomic
from reports.payload import payload, to_json
from reports.sections.claims import all_claims, anchor, figures_anchor, link
from reports.sections.contradictions import contradictions
from reports.sections.details import details
from reports.sections.environment import deviations, environment, how_to_read
from reports.sections.errata import errata
from reports.sections.summary import summary, title
from reports.sections.timing_runs import timing, timing_title
from reports.sections.training_times import times
from reports.text import code, escape

if TYPE_CHECKING:
    from reports.figures.picture import Picture

MARKDOWN, JSON, FIGURES, TIMING = "REPORT.md", "report.json", "figures", "timing.svg"


def write_report(run_path: Path, out: Path) -> Path:
    """Writes the report of a run file, see ``write``. Raises SuiteError if the file is damaged."""
    return write(read_run(run_path), out)


def write(run: Run, out: Path) -> Path:
    """Writes the report of a run into folder ``out`` and returns the path of REPORT.md.

    Figures of an earlier report in the folder that this report lacks are removed. Raises SuiteError if the run's record
    is incomplete (see ``in_order``) or the folder cannot be written.
    """
    from reports.figures.pictures import pictures

    run, holm = adjusted(in_order(run))
    check_writable(out / FIGURES)
    drawn = pictures(run)
    earlier = _figures_of(out / JSON)
    for picture in drawn:
        write_atomic(out / FIGURES / picture.name, picture.content)
    names = [picture.name for picture in drawn]
    write_atomic(out / JSON, to_json(payload(run, holm, names)))
    write_atomic(out / MARKDOWN, markdown(run, holm, drawn).encode())
    for name in earlier - set(names):
        with contextlib.suppress(OSError):
            (out / FIGURES / name).unlink(missing_ok=True)
    return out / MARKDOWN


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
    """The run with p-values adjusted over its claims (Holm), and each claim's verdict after the adjustment, by key.

    Claims of stored evidence each have a level of their own. They are not adjusted: the run is returned unchanged, with
    no verdicts.
    """
    if run.header.evidence:
        return run, {}
    found = run.adjusted()
    claims = {key: replace(claim, decision=found[key][0]) for key, claim in run.claims.items()}
    return dataclasses.replace(run, claims=claims), {key: verdict for key, (_, verdict) in found.items()}


def markdown(run: Run, holm: Mapping[str, Verdict], drawn: Sequence[Picture]) -> str:
    """The text of REPORT.md; for a run that only measured times, without the sections on claims."""
    curves = [picture for picture in drawn if picture.heading]
    clocks = next((picture for picture in drawn if picture.name == TIMING), None)
    overview = [_embed(picture) for picture in drawn if not picture.heading and picture is not clocks]
    timed = timing(run, _embed(clocks) if clocks else "")
    if timed and not run.claims and not run.trainings and not run.errata:
        return "\n\n".join([timing_title(run), timed, environment(run)]) + "\n"
    sections = [
        title(run),
        summary(run, holm),
        *overview,
        contradictions(run, holm) if run.claims else "",
        all_claims(run, holm),
        errata(run),
        times(run),
        timed,
        _curves(run, curves),
        details(run, holm, {picture.heading for picture in curves}),
        environment(run),
        deviations(run),
        how_to_read(),
    ]
    return "\n\n".join(section for section in sections if section) + "\n"


def _curves(run: Run, curves: Sequence[Picture]) -> str:
    """The figures of each experiment, preceded by links to its claims."""
    if not curves:
        return ""
    parts = ["## Learning curves"]
    heading = None
    for picture in curves:
        if picture.heading != heading:
            heading = picture.heading
            parts.append(f'<a id="{figures_anchor(heading)}"></a>\n\n### {escape(heading)}')
            links = _claim_links(run, heading)
            if links:
                parts.append(f"Claims that rest on it: {', '.join(links)}.")
        parts.append(_embed(picture))
    return "\n\n".join(parts)


def _claim_links(run: Run, experiment: str) -> list[str]:
    """A link to each claim of an experiment; if a claim has several cases, to the first."""
    groups: dict[str, list[ClaimDecided]] = {}
    for claim in run.claims.values():
        if claim.experiment == experiment:
            groups.setdefault(claim.id, []).append(claim)
    return [
        link(cases[0]) if len(cases) == 1 else f"[{code(name)}](#{anchor(cases[0])}) ({len(cases)} cases)"
        for name, cases in groups.items()
    ]


def _embed(picture: Picture) -> str:
    alt = escape(picture.alt.replace("$", "")).replace("[", "\\[").replace("]", "\\]")
    return f"![{alt}]({FIGURES}/{picture.name})\n\n*{picture.caption}*"


def _figures_of(report: Path) -> set[str]:
    """The figures listed in an earlier report.json; empty if it cannot be read. Only these may be removed."""
    try:
        names = json.loads(report.read_text(encoding="utf-8"))["figures"]
        return {name for name in names if Path(name).name == name and name.endswith(".svg")}
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return set()
