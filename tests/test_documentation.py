"""The documentation: its length, its links, and its commands."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from tests.suite.tutorial import MADE, made_as_told
from tests.test_repository import tox

ROOT = Path(__file__).resolve().parents[1]
DOCS = ROOT / "docs"
PAGES = [ROOT / "README.md", *sorted(DOCS.glob("*.md")), ROOT / "cases" / "README.md", ROOT / "tests" / "README.md"]
PAGES += [ROOT / "reports" / "published" / "README.md", *sorted((ROOT / "examples").glob("*/README.md"))]
MADE_UP = "adam-beats-sgd"
"""The claim that docs/adding-a-claim.md adds."""
COLLECT = """
import contextlib, io, json, sys
import pytest
said = {}
for line in sys.argv[1:]:
    with contextlib.redirect_stdout(io.StringIO()) as out, contextlib.redirect_stderr(out):
        status = pytest.main([*json.loads(line), "--collect-only", "-q", "-p", "no:cacheprovider"])
    said[line] = (int(status), out.getvalue()[-500:])
print(json.dumps(said))
"""


def names(page: Path) -> str:
    return page.relative_to(ROOT).as_posix()


def commands(text: str) -> list[str]:
    """The commands of a page: lines of sh fences, and code spans, that begin with pytest, python or tox."""
    fenced = re.findall(r"```sh\n(.*?)```", text, re.S)
    lines = [line for block in fenced for line in block.replace("\\\n", " ").splitlines()]
    spans = re.findall(r"`([^`]+)`", re.sub(r"```.*?```", "", text, flags=re.S))
    found = [re.sub(r"\s+# .*", "", " ".join(one.split())) for one in (*lines, *spans)]
    return [one for one in found if re.match(r"(pytest|python -m|tox -e) ", one)]


def anchors(text: str) -> set[str]:
    """GitHub's anchors of the headings of a page."""
    headings = re.findall(r"^#+ (.*)$", text, re.M)
    return {re.sub(r"[^\w\- ]", "", one.lower()).replace(" ", "-") for one in headings}


ALL = sorted({command for page in PAGES for command in commands(page.read_text("utf-8"))})


def test_there_are_commands_to_check():
    assert len(ALL) > 40


@pytest.mark.parametrize("page", PAGES, ids=names)
def test_a_page_is_short(page):
    lines = page.read_text("utf-8").splitlines()
    assert len(lines) <= (120 if page == ROOT / "README.md" else 199)


@pytest.mark.parametrize("page", sorted((ROOT / "reports" / "published").rglob("*.md")), ids=names)
def test_a_published_page_is_rendered(page):
    """Larger pages take readers long, and hosts cut them. The claims of a section's page are folded."""
    assert page.stat().st_size < (90_000 if page.parent.name == "sections" else 60_000)


def test_the_index_names_every_page():
    index = (DOCS / "README.md").read_text("utf-8")
    assert {f"]({page.name})" for page in DOCS.glob("*.md")} - {"](README.md)"} == set(
        re.findall(r"\]\([^)]*\)", index)
    )


@pytest.mark.parametrize("page", PAGES, ids=names)
def test_every_link_leads_somewhere(page):
    text = page.read_text("utf-8")
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        if target.startswith(("https:", "http:")):
            continue
        path, _, anchor = target.partition("#")
        found = (page.parent / path).resolve() if path else page
        assert found.exists(), f"{target}: no such file"
        if anchor and found.suffix == ".md":
            assert anchor in anchors(found.read_text("utf-8")), f"{target}: no such heading"


def test_pytest_takes_every_command():
    """Each command is collected, not run. Commands on ``tests/`` are checked by their path."""
    lines = {}
    for command in ALL:
        words = shlex.split(command)
        if words[0] != "pytest" or MADE_UP in command or "--catalogue" in words:
            continue
        if words[1].startswith("tests"):
            assert (ROOT / words[1].partition("::")[0]).exists(), command
        elif "--require-gpu" not in words:
            lines[json.dumps(words[1:])] = command
    done = subprocess.run(
        [sys.executable, "-c", COLLECT, *lines], cwd=ROOT, capture_output=True, text=True, check=True, timeout=300
    )
    said = json.loads(done.stdout)
    assert {lines[line]: text for line, (status, text) in said.items() if status} == {}


@pytest.mark.slow
def test_pytest_takes_every_command_on_another_course(tmp_path):
    """One process has one course: each folder has its own. That of the tutorial is made as the tutorial says."""
    lines: dict[str, list[str]] = {}
    for command in ALL:
        words = shlex.split(command)
        if words[0] == "pytest" and "--catalogue" in words:
            folder = words[words.index("--catalogue") + 1]
            made = str(made_as_told(tmp_path)) if folder == MADE else folder
            lines.setdefault(made, []).append(json.dumps([made if word == folder else word for word in words[1:]]))
    assert len(lines) == 3
    for commands_of in lines.values():
        done = subprocess.run(
            [sys.executable, "-c", COLLECT, *commands_of],
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=True,
            timeout=300,
        )
        assert {line: text for line, (status, text) in json.loads(done.stdout).items() if status} == {}


@pytest.mark.slow
def test_every_program_has_the_options_that_the_documentation_names():
    wanted: dict[str, set[str]] = {}
    for command in ALL:
        words = shlex.split(command)
        if words[0] == "python" and words[2] != "pytest":
            wanted.setdefault(words[2], set()).update(word for word in words[3:] if word.startswith("--"))
    for program, options in wanted.items():
        done = subprocess.run(
            [sys.executable, "-m", program, "--help"], cwd=ROOT, capture_output=True, text=True, check=False, timeout=60
        )
        assert done.returncode == 0, f"{program}: {done.stderr[-500:]}"
        assert [one for one in options if one not in done.stdout] == [], program


def test_tox_has_every_environment_that_the_documentation_names():
    named = {name for command in ALL if command.startswith("tox -e ") for name in shlex.split(command)[2].split(",")}
    assert named <= tox().keys()
