"""Reports without the values that depend on the clock, to compare two equal runs."""

from __future__ import annotations

import re
from typing import Any

from harness.record.run import RunStarted

CLOCK = {"seconds", "started", "id", "command", "images_per_second", "reused"}
"""What a report says about time, about which run it is, and which of its trials a resumed one took."""
TIMES = re.compile(r"(?<=\n## Time\n\n).*?(?=\n\n)", re.DOTALL)
"""The table of times: all cells of a row but the first."""
TRAINED = re.compile(r"(?<=\n## What this machine trained to the end\n\n).*?(?=\n\n)", re.DOTALL)
"""The table of what was trained here: seconds stored, seconds here and their ratio are a row's last cells."""


def timeless(value: Any, *without: str) -> Any:
    """A part of a report as plain data, without these fields and what depends on the clock. Errata keep their ids."""
    if isinstance(value, dict):
        left_out = {*CLOCK, *without} - ({"id"} if "state" in value else set())
        return {key: timeless(item, *without) for key, item in value.items() if key not in left_out}
    return [timeless(item, *without) for item in value] if isinstance(value, list | tuple) else value


def timeless_text(markdown: str, header: RunStarted) -> str:
    """The text of REPORT.md without the values that depend on the clock.

    ``header`` is that of the run.
    """
    for value in (header.command, header.id, header.started):
        assert value in markdown
        markdown = markdown.replace(value, "…")
    heading, _, rest = markdown.partition("\n")
    text = heading.replace(header.started[:10], "…") + "\n" + rest
    text = re.sub(r"(\d+ trials.*?) in [\d.,]+ s on ", r"\1 in … s on ", text, count=1)
    text = TRAINED.sub(lambda table: "\n".join(row.rsplit("|", 4)[0] for row in table[0].splitlines()), text)
    return TIMES.sub(lambda table: "\n".join(row.strip("|").split("|")[0] for row in table[0].splitlines()), text)
