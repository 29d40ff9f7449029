"""How a claim gets to its recorded verdict: few modules, and hardly a call from a lower folder into a higher one."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

from tests.suite.command import CHECKED, PLAIN, suite


def test_the_way_of_a_claim_is_short(copied: Callable[[str], Path]) -> None:
    """Counted are the modules of ``harness`` and ``suite`` that calls enter (sys.setprofile), in a check of one claim.

    A claim is decided by the item of its last training, and recorded; its own item looks the record up. What trains is
    in neither count. The deciding call is counted without the modules of the rule; all its upward calls ask the rule.
    """
    folder = copied("way")
    run = suite(
        folder, *CHECKED, "-k", "raw-data", plugins=(*PLAIN, "-p", "tests.suite.way"), env={"WAY": str(folder / "way")}
    )
    assert run.code == 0, run.output
    way = json.loads((folder / "way").read_text("utf-8"))
    item, decided = way["item"], way["decided"]
    assert len(item["modules"]) <= 12, item
    assert len(item["upward"]) <= 2, item
    assert len([module for module in decided["modules"] if not module.startswith("harness/rules/")]) <= 13, decided
    assert all(call.startswith("harness/claim.py → harness/rules/") for call in decided["upward"]), decided
