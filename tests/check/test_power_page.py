"""cases/POWER.md agrees with the evidence and with the notes of the claims."""

import json
import re
from pathlib import Path

from harness.course import course

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "cases" / "POWER.md").read_text("utf-8")
STACKS = ("tensorflow-cpu", "jax-cpu", "torch-cpu")


def seeds(stack: str, experiment: str) -> str:
    """ "30", "30 to 1,000", "–"."""
    path = ROOT / "baselines" / stack / f"{experiment}.json"
    variants = json.loads(path.read_text("utf-8"))["variants"].values() if path.exists() else ()
    counts = sorted({sum(block["seeds"] for block in variant["sessions"]) for variant in variants})
    return " to ".join(f"{count:,}" for count in dict.fromkeys((counts[0], counts[-1]))) if counts else "–"


def table() -> str:
    names = dict.fromkeys(claim.experiment.id for claim in course().claims if claim.experiment)
    rows = [["experiment", *STACKS], ["---"] * 4]
    rows += [[f"`{name}`", *(seeds(stack, name) for stack in STACKS)] for name in sorted(names)]
    return "\n".join(f"| {' | '.join(row)} |" if row[0] != "---" else "|---|---|---|---|" for row in rows)


def test_the_page_has_the_seeds_of_the_files():
    """To bring it up to date: ``python -m tests.check.test_power_page``."""
    assert table() in PAGE


def test_the_page_names_every_claim_that_was_changed():
    text = PAGE.partition("## What was changed")[2].partition("Rules were changed for all claims")[0]
    named = set(re.findall(r"`([a-z0-9-]+)`", text)) - {"notes"}
    assert named == {claim.id for claim in course().claims if any("Changed" in note for note in claim.notes)}


def test_the_page_names_every_experiment_with_its_size():
    sizes = PAGE.partition("## Sizes")[2].partition("## Seeds")[0]
    named = set(re.findall(r"`([a-z0-9-]+)`", sizes))
    assert named == {claim.experiment.id for claim in course().claims if claim.experiment}


if __name__ == "__main__":
    before, header, rest = PAGE.partition("| experiment | tensorflow-cpu")
    _, _, after = (header + rest).partition("\n\n")
    (ROOT / "cases" / "POWER.md").write_text(f"{before}{table()}\n\n{after}", "utf-8")
