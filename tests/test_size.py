"""The budget of lines and tokens: a number falls, or rises in a commit that says what was bought with it.

``python -m tests.test_size`` writes it anew to size.json.
"""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BUDGET = Path(__file__).with_name("size.json")
FOLDERS = ("baselines", "benchmarks", "cases", "docs", "examples", "harness", "reports", "suite", "tests")
TEXTS = (".js", ".css", ".html", ".j2", ".sh")
"""Templates, scripts and style: counted by words, as Python is by tokens."""
TOKEN = re.compile(r"\w+|[^\w\s]")
"""A word or a sign: the same on every Python, whose own tokens of f-strings differ."""


def sizes() -> dict[str, dict[str, int]]:
    """By folder: modules, lines and tokens of Python; lines and words of templates, scripts and style."""
    listed = subprocess.run(["git", "ls-files", *FOLDERS], cwd=ROOT, capture_output=True, text=True, check=True)
    count = {folder: dict.fromkeys(("modules", "lines", "tokens", "texts", "words"), 0) for folder in FOLDERS}
    for name in listed.stdout.splitlines():
        path = ROOT / name
        folder = count[name.partition("/")[0]]
        if not path.exists() or name.startswith("reports/published/"):
            continue
        if path.suffix == ".py":
            text = path.read_text("utf-8")
            folder["modules"] += 1
            folder["lines"] += text.count("\n")
            folder["tokens"] += len(TOKEN.findall(text))
        elif path.suffix in TEXTS:
            text = path.read_text("utf-8")
            folder["texts"] += text.count("\n")
            folder["words"] += len(text.split())
    return count


def test_no_folder_is_larger_than_its_budget() -> None:
    budget = json.loads(BUDGET.read_text("utf-8"))
    larger = [
        f"{folder}: {value} {what}, budget {budget[folder][what]}"
        for folder, count in sizes().items()
        for what, value in count.items()
        if value > budget[folder][what]
    ]
    assert not larger, "\n".join(
        [*larger, "Make it smaller, or run python -m tests.test_size and say what was bought."]
    )


if __name__ == "__main__":
    BUDGET.write_text(json.dumps(sizes(), indent=1) + "\n", "utf-8")
