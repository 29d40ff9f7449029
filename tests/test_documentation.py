"""The documentation: its length, its links, its commands, and the modules that it sends a reader to."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

import pytest

from tests.reports.markdown import rendered
from tests.suite.tutorial import MADE, made_as_told
from tests.test_repository import tox

ROOT = Path(__file__).resolve().parents[1]
DOCS = ROOT / "docs"
INDEX = (DOCS / "README.md").read_text("utf-8")
PAGES = [ROOT / "README.md", *sorted(DOCS.glob("*.md")), ROOT / "cases" / "README.md", ROOT / "tests" / "README.md"]
PAGES += [ROOT / "reports" / "published" / "README.md", *sorted((ROOT / "examples").glob("*/README.md"))]
MADE_UP = "adam-beats-sgd"
"""The claim that docs/claims.md adds."""
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
    written = [re.sub(r"\s+# .*", "", " ".join(words.split())) for words in (*lines, *spans)]
    return [command for command in written if re.match(r"(pytest|python -m|tox -e) ", command)]


def anchors(text: str) -> set[str]:
    """GitHub's anchors of the headings of a page."""
    headings = re.findall(r"^#+ (.*)$", text, re.M)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def refused(lines: Iterable[str]) -> dict[str, str]:
    """What pytest says of those commands, as JSON lists of words, that it cannot collect."""
    command, on_jax = [sys.executable, "-c", COLLECT, *lines], {**os.environ, "KERAS_BACKEND": "jax"}  # it starts fast
    done = subprocess.run(command, cwd=ROOT, env=on_jax, capture_output=True, text=True, check=True, timeout=300)
    return {line: text for line, (status, text) in json.loads(done.stdout).items() if status}


ALL = sorted({command for page in PAGES for command in commands(page.read_text("utf-8"))})


def test_the_documentation_is_nine_short_pages_of_at_most_9500_words():
    pages = list(DOCS.glob("*.md"))
    assert len(pages) == 9
    assert sum(len(page.read_text("utf-8").split()) for page in pages) <= 9_500
    lines = {page: len(page.read_text("utf-8").splitlines()) for page in PAGES}
    assert {page for page, count in lines.items() if count > (110 if page == ROOT / "README.md" else 199)} == set()
    assert len(ALL) > 40


@pytest.mark.parametrize("page", sorted((ROOT / "reports" / "published").rglob("*.md")), ids=names)
def test_a_published_page_is_rendered(page):
    """Larger pages take readers long, and hosts cut them."""
    assert page.stat().st_size < 60_000


def test_the_index_names_every_page():
    listed, _, _ = INDEX.partition("\n## ")
    assert set(re.findall(r"\]\(([^)]*)\)", listed)) == {page.name for page in DOCS.glob("*.md")} - {"README.md"}


def test_the_picture_has_folders_that_exist():
    [name] = re.findall(r"!\[[^]]*\]\((\w+\.svg)\)", INDEX)
    folders = re.findall(r"\w+/\w*", " ".join(re.findall(r">([^<]+)<", (DOCS / name).read_text("utf-8"))))
    assert {"cases/", "harness/", "suite/", "baselines/", "reports/"} <= set(folders)
    assert [folder for folder in folders if not (ROOT / folder).is_dir()] == []


def test_each_change_is_of_one_or_two_modules_that_exist():
    _, _, changes = INDEX.partition("| to change | open |\n|---|---|\n")
    rows = changes.partition("\n\n")[0].splitlines()
    assert len(rows) >= 10
    for row in rows:
        modules = re.findall(r"\]\(\.\./([\w/]+\.py)\)", row)
        assert 1 <= len(modules) <= 2, row
        assert all((ROOT / module).is_file() for module in modules), row
        assert all((ROOT / folder).is_dir() for folder in re.findall(r"`([\w/]+)/`", row)), row


def test_the_tests_to_begin_with_exist():
    rows = re.findall(r"^\| `(\w+)/` \|.*\| ([^|]*) \|$", (ROOT / "tests" / "README.md").read_text("utf-8"), re.M)
    assert len(rows) > 10
    for folder, first in rows:
        for name in re.findall(r"`([\w/]+\.py)`", first):
            assert list((ROOT / "tests" / folder).rglob(name)), f"{folder}/{name}"


def test_the_first_words_of_the_readme_say_what_for_for_whom_and_how():
    page = rendered((ROOT / "README.md").read_text("utf-8"))
    text = " ".join(re.sub("<[^>]+>", " ", re.sub("<picture>.*?</picture>", "", page, flags=re.DOTALL)).split()[:240])
    for part in ("Does your lecture still tell the truth?", "For lecturers", "For anyone", "pytest suite/"):
        assert part in text, part


OF_HOST = ("../../actions/", "../../raw/badges/", "../../deployments")
"""Pages of the repository's host, beside its files."""


@pytest.mark.parametrize("page", PAGES, ids=names)
def test_every_link_leads_somewhere(page):
    text = page.read_text("utf-8")
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        if target.startswith(("https:", "http:", *OF_HOST)):
            continue
        path, _, anchor = target.partition("#")
        linked = (page.parent / path).resolve() if path else page
        assert linked.exists(), f"{target}: no such file"
        if anchor and linked.suffix == ".md":
            assert anchor in anchors(linked.read_text("utf-8")), f"{target}: no such heading"


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
    assert refused(lines) == {}


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
        assert refused(commands_of) == {}


@pytest.mark.slow
def test_every_program_has_the_options_that_the_documentation_names():
    wanted: dict[str, set[str]] = {}
    for command in ALL:
        words = shlex.split(command)
        if words[0] == "python" and (ROOT / words[2].partition(".")[0]).is_dir():  # a program of ours
            wanted.setdefault(words[2], set()).update(word for word in words[3:] if word.startswith("--"))
    for program, options in wanted.items():
        done = subprocess.run(
            [sys.executable, "-m", program, "--help"], cwd=ROOT, capture_output=True, text=True, check=False, timeout=60
        )
        assert done.returncode == 0, f"{program}: {done.stderr[-500:]}"
        assert [option for option in options if option not in done.stdout] == [], program


def test_tox_has_every_environment_that_the_documentation_names():
    named = {name for command in ALL if command.startswith("tox -e ") for name in shlex.split(command)[2].split(",")}
    assert named <= tox().keys()
