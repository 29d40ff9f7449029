"""The course that docs/courses.md makes."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

from harness.course import ROOT

PAGE = ROOT / "docs" / "courses.md"
MADE = "my_wine"
"""Its folder."""


def made_as_told(within: Path) -> Path:
    """Makes the course in a folder below ``within``, with the data and the code that the page names; returns it."""
    folder = within / MADE
    if not folder.exists():
        folder.mkdir()
        shutil.copy(ROOT / "examples" / "wine" / "wine.csv", folder)
        [code] = re.findall(r"```python\n(.*?)```", PAGE.read_text("utf-8"), re.DOTALL)
        (folder / "__init__.py").write_text(code, "utf-8")
    return folder
