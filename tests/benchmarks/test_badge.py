"""The badge of the nightly build: what it says of a report, and that it is an SVG."""

from __future__ import annotations

import json
from pathlib import Path
from xml.etree import ElementTree

import pytest

from benchmarks.badge import GREEN, GREY, ORANGE, badge

HELD, LOST, LEFT_OUT = (
    {"verdict": verdict, "red": red} for verdict, red in (("REFUTED", False), ("NOT_RUN", True), ("NOT_RUN", False))
)


@pytest.mark.parametrize(
    ("claims", "keras", "name", "text", "colour"),
    [
        ([HELD, HELD, LEFT_OUT], "3.16.0.dev2026102704", "Keras nightly of 2026-10-27", "2 of 2 verdicts hold", GREEN),
        ([HELD, LOST], "3.16.0.dev2026102704", "Keras nightly of 2026-10-27", "1 of 2 verdicts hold", ORANGE),
        ([HELD], "3.16.0", "Keras nightly", "1 of 1 verdicts hold", GREEN),
        (None, "", "Keras nightly", "not checked", GREY),
    ],
)
def test_what_a_badge_says(
    claims: list[object] | None, keras: str, name: str, text: str, colour: str, tmp_path: Path
) -> None:
    path = tmp_path / "report.json"
    if claims is not None:
        path.write_text(json.dumps({"run": {"fingerprint": {"keras": keras}}, "claims": claims}), "utf-8")
    made = ElementTree.fromstring(badge(path))
    space = "{http://www.w3.org/2000/svg}"
    assert [each.text for each in made.iter(f"{space}text")] == [name, text]
    assert made.get("aria-label") == made.findtext(f"{space}title") == f"{name}: {text}"
    assert [each.get("fill") for each in made.iter(f"{space}rect")][-1] == colour
