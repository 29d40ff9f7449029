"""ERRATA.md: the slides' code that no longer runs or does something else, and its replacement."""

from __future__ import annotations

from collections.abc import Mapping

from harness.course import course
from harness.domain.erratum import ErratumState
from harness.record.run import ErratumChecked, Run
from reports.cards import section_of
from reports.sections.links import REPORT, SLIDES, erratum_anchor
from reports.sections.summary import errata_state
from reports.text import code, escape, fenced
from reports.words import backend_name, plural


def by_section(errata: Mapping[str, ErratumChecked]) -> dict[str, list[ErratumChecked]]:
    """The errata by the first slide that they name, in lecture order."""
    found: dict[str, list[ErratumChecked]] = {title: [] for title in course().slides}
    for one in errata.values():
        found.setdefault(section_of(one.slide), []).append(one)
    return {section: errata for section, errata in found.items() if errata}


def errata_page(run: Run) -> str:
    """The text of ERRATA.md; empty without errata."""
    if not run.errata:
        return ""
    red = [one for one in run.errata.values() if one.red]
    state = f"{len(red)} of them are no longer as stated" if red else errata_state(run)
    parts = [
        f"# {plural(len(run.errata), 'piece')} of code to replace on the slides",
        f"On {escape(backend_name(run.header.backend), 40)} {state}. Every snippet is our own, the smallest with the "
        f"slide's construct. [Slide by slide]({SLIDES}) · [the whole report]({REPORT})",
    ]
    for section, found in by_section(run.errata).items():
        parts.append(f"## {escape(section)}")
        parts += [_erratum(one) for one in found]
    return "\n\n".join(parts) + "\n"


def _erratum(one: ErratumChecked) -> str:
    parts = [
        f'<a id="{erratum_anchor(one.id)}"></a>\n### {escape(one.id)}',
        f"{'**Say instead:** ' if one.outcome == 'differs' else ''}{escape(one.statement)}",
        f"Printed ({escape(one.slide)}):\n\n{fenced(one.printed)}",
        now(one),
    ]
    parts.append(f"Replacement:\n\n{fenced(one.modern)}")
    checked = [("before both", one.given), ("its check", one.check)]
    code_around = "\n\n".join(f"{name}:\n\n{fenced(text)}" for name, text in checked if text.strip())
    parts += ["<details><summary>What runs around it</summary>", code_around]
    if one.state is not ErratumState.DECLARED:
        parts.append(f"After the replacement the check gives {code(one.replacement)}.")
    return "\n\n".join([*parts, "</details>"])


def now(one: ErratumChecked) -> str:
    """What the printed code does: as it ran, or as the catalogue expects it; and why the erratum is red, if it is."""
    if one.state is ErratumState.DECLARED:
        return f"Expected now: {escape(one.expected)}."
    if one.error:
        text = f"fails {escape(one.when)}: {escape(one.error)}"
    elif one.outcome == "differs":
        text = f"runs, and gives {code(repr(one.today))}; the slide says {code(repr(one.slide_value))}"
    else:
        text = "runs"
    if one.warning and not one.error:
        text += f", with a warning: {escape(one.warning)}"
    red = f"\n\n⚠ **{escape(one.state)}**: {escape(one.reason)}" if one.red else ""
    return f"Now: {text.rstrip('.')}.{red}"
