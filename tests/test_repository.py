"""The repository itself: the direction of imports, the names of modules, one place for the commands."""

from __future__ import annotations

import ast
import configparser
import functools
import itertools
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterable, Iterator
from graphlib import TopologicalSorter
from pathlib import Path

import pytest
import yaml

from harness.claim import experiments
from harness.course import LECTURE, read

ROOT = Path(__file__).resolve().parent.parent
LOCKS = ("suite", "jax", "gpu", "gpu-jax", "gpu-torch", "lint", "docs", "tests")
ENVIRONMENTS = ("suite", "tests", "lint", "jax", "torch", "gpu", "gpu-jax", "gpu-torch", "docs", "report")

# What each package may import of the others. tests/ may import everything, nothing imports tests/. Only cases/ is about
# this lecture: no other package of the product imports it.
MAY_IMPORT = {
    "harness": set(),
    "cases": {"harness"},
    "reports": {"harness"},
    "suite": {"harness", "reports"},
    "conftest": {"harness", "reports", "suite"},
    "lecture_claims": {"suite"},
    "examples": {"harness"},
    "benchmarks": {"harness", "cases", "reports", "suite", "tests"},
}
OURS = {*MAY_IMPORT, "tests"}
BACKENDS = {"tensorflow", "jax", "jaxlib", "torch", "keras"}
SLOW_TO_IMPORT = {"scipy", "pandas", "altair", "dask", "distributed"}
LAZY_ABOUT_SLOW_IMPORTS = {"harness", "cases"}

# In pieces, so that this file passes its own test.
HOSTS = re.compile(
    "|".join([r"py" + r"pi\.org", "python" + "hosted", "npm" + r"js\.", r"deb\." + "debian"]), re.IGNORECASE
)
INDEX_OPTION = re.compile("--(" + "|".join(["extra-" + "index-url", "index-" + "url", "find-" + "links"]) + r")\b")
MACHINE_PATH = re.compile(r"(?<![\w.~$}/-])/(?:" + "|".join(["root", "work", "home", "Users", "opt"]) + r")/\w")


def tracked() -> list[Path]:
    """Files git has or would have; outside a git checkout (an unpacked archive) every file that is not hidden."""
    git = ["git", "-C", str(ROOT), "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(git, capture_output=True, text=True, check=False) if (ROOT / ".git").exists() else None
    if listed is not None and listed.returncode == 0:
        paths = [ROOT / name for name in listed.stdout.split("\0") if name]
    else:
        paths = [Path(folder) / name for folder, names in walk(ROOT) for name in names]
    return sorted({path for path in paths if path.is_file()})


def walk(root: Path) -> Iterator[tuple[str, list[str]]]:
    for folder, folders, names in os.walk(root):
        skipped = {name for name in folders if (name.startswith(".") and name != ".ci") or name == "__pycache__"}
        if Path(folder) == root / "reports":
            skipped.add("out")
        folders[:] = [name for name in folders if name not in skipped]
        yield folder, names


def python_files() -> list[Path]:
    return [path for path in tracked() if path.suffix == ".py"]


def modules() -> list[Path]:
    """Modules of the packages that MAY_IMPORT speaks about."""
    return [path for path in python_files() if package_of(path) in MAY_IMPORT]


def package_of(path: Path) -> str:
    return path.relative_to(ROOT).parts[0].removesuffix(".py")


@functools.cache
def imported(path: Path) -> frozenset[tuple[str, str]]:
    """(module, name) of what a file imports, for types and inside functions included; "" for a whole module."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            names |= {(node.module, alias.name) for alias in node.names}
        elif isinstance(node, ast.Import):
            names |= {(alias.name, "") for alias in node.names}
    return frozenset(names)


def packages(paths: Iterable[Path]) -> set[str]:
    """The names of the packages that files import."""
    return {module.partition(".")[0] for path in paths for module, _ in imported(path)}


def graph(paths: Iterable[Path]) -> dict[str, set[str]]:
    """By module the modules among ``paths`` that it imports."""
    files = {name_of(path): path for path in paths}
    of = {module: {(m, f"{m}.{name}") for m, name in imported(path)} for module, path in files.items()}
    return {
        module: {name if name in files else whole for whole, name in names} & files.keys() - {module}
        for module, names in of.items()
    }


def name_of(path: Path) -> str:
    """The name of a module."""
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


def test_no_modules_import_each_other_in_a_circle() -> None:
    known = graph(modules())
    assert known["harness.check.judge"] >= {"harness.record.outcomes", "harness.check.rounding"}
    assert known["harness.model"] >= {"harness.errors"}
    TopologicalSorter(known).prepare()


FLOORS: tuple[tuple[str, ...], ...] = (
    ("errors", "plots", "verdict", "model", "working_folder"),
    ("rules",),
    ("claim", "erratum", "contents", "self_check", "course"),
    ("record",),
    ("training",),
    ("environment",),
    ("execution", "timing"),
    ("check", "why"),
    ("anyone",),
)
"""Folders and modules of ``harness``: each imports from its own floor and from those before it."""


def test_imports_between_folders_point_one_way() -> None:
    height = {f"harness.{name}": floor for floor, names in enumerate(FLOORS) for name in names}
    known = graph(path for path in modules() if package_of(path) == "harness")
    of = {name: height.get(".".join(name.split(".")[:2]), -1) for name in known}
    assert {name for name, floor in of.items() if floor < 0} == {"harness"}
    assert [(name, other) for name, others in known.items() for other in others if of[other] > of[name]] == []


@pytest.mark.parametrize("package", sorted(MAY_IMPORT))
def test_imports_point_one_way(package: str) -> None:
    files = [path for path in modules() if package_of(path) == package]
    assert files
    assert packages(files) & OURS - {package} <= MAY_IMPORT[package]


def names_of_the_lecture() -> re.Pattern[str]:
    """Its title, author and slides, and the ids of its claims, errata and experiments that are no common words."""
    course = read(LECTURE)
    ids = {claim.id for claim in course.claims} | {erratum.id for erratum in course.errata}
    ids |= {experiment.id for experiment in experiments(course.claims)}
    listed = "|".join(sorted((re.escape(id) for id in ids if "-" in id), key=len, reverse=True))
    words = [course.title, *course.author.split(", "), *course.slides]
    return re.compile("|".join([rf"(?<![\w-])(?:{listed})(?![\w-])", *map(re.escape, words)]))


def test_only_the_lecture_is_about_the_lecture() -> None:
    """Its title, slides and ids stand in its own folder and evidence, not in what runs and reports any course."""
    pattern = names_of_the_lecture()
    assert pattern.search("the claim tips-dropout-helps")
    assert pattern.search("5. Batch Normalization")
    named = {}
    for path in tracked():
        name = path.relative_to(ROOT).as_posix()
        product = name.startswith(("harness/", "baselines/", "reports/", "suite/", "examples/", "conftest.py"))
        text = product and not name.startswith("reports/published/") and path.suffix in (".py", ".html", ".js", ".css")
        if text and (match := pattern.search(path.read_text("utf-8"))):
            named[name] = match.group()
    assert not named


def test_importing_every_module_loads_no_backend() -> None:
    """Nor, in ``harness`` and ``cases``, what is slow; through whatever third-party packages bring along."""
    lazy = [name_of(path) for path in modules() if package_of(path) in LAZY_ABOUT_SLOW_IMPORTS]
    others = [name_of(path) for path in modules() if package_of(path) in ("reports", "suite", "benchmarks")]
    code = f"""
import importlib, sys
for names, heavy in ({lazy!r}, {BACKENDS | SLOW_TO_IMPORT!r}), ({others!r}, {BACKENDS!r}):
    for name in names:
        importlib.import_module(name)
        if loaded := heavy & sys.modules.keys():
            sys.exit(f"importing {{name}} loads {{loaded}}")
"""
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_a_module_has_a_name_that_says_what_is_in_it() -> None:
    assert not [path for path in python_files() if path.name in {"utils.py", "util.py", "helpers.py", "misc.py"}]


def unwanted(text: str) -> list[str]:
    """Hosts and options of package registries, and paths of one machine, in ``text``."""
    return [match.group() for pattern in (HOSTS, INDEX_OPTION, MACHINE_PATH) for match in pattern.finditer(text)]


def test_no_file_names_a_registry_or_a_path_of_one_machine() -> None:
    texts = {path: content for path in tracked() if b"\0" not in (content := path.read_bytes())}
    assert {path: said[:3] for path, content in texts.items() if (said := unwanted(content.decode()))} == {}
    for wrong in (
        "https://files.python" + "hosted.org/x",
        "pip --index-" + "url=x",
        "open('/" + "home/x')",
        "(/" + "work/x)",
    ):
        assert unwanted(wrong)
    for right in ("~/home/x", "tests/home/x", "/usr/bin/env bash", "https://example.org/opt/x", "$X/opt/y"):
        assert not unwanted(right)


def readme_commands() -> list[str]:
    """The two commands of README.md, each on one line."""
    fences = re.findall(r"```sh\n(.*?)```", (ROOT / "README.md").read_text("utf-8"), re.DOTALL)
    return [" ".join(fence.split()) for fence in fences]


def test_the_commands_of_the_readme_are_the_ones_that_ci_and_the_workflow_run() -> None:
    """Word for word; and CI runs all linters and tests."""
    script = ROOT / ".ci" / "run"
    text = script.read_text("utf-8")
    commands = re.findall(r"^readme_\w+='(.*)'$", text, re.MULTILINE)
    assert len(commands) == 2
    assert sorted(readme_commands()) == sorted(commands)
    assert all((ROOT / lock).is_file() for command in commands for lock in re.findall(r"-r (\S+)", command))
    workflow = yaml.safe_load((ROOT / ".github" / "workflows" / "check.yml").read_text("utf-8"))
    steps = [step for job in workflow["jobs"].values() for step in job["steps"]]
    assert {" ".join(step.get("run", "").split()) for step in steps} >= {*commands}
    linters = ("ruff check", "ruff format --check", "mypy", "workflows/*.yml", "hadolint")
    for part in (*linters, "pytest tests/", "pytest suite/", "--backend jax", "--backend torch"):
        assert part in text
    assert os.access(script, os.X_OK)
    assert subprocess.run(["bash", "-n", str(script)], check=False).returncode == 0


@pytest.mark.parametrize(("name", "lock"), [("Dockerfile", "suite"), ("Dockerfile.cuda", "gpu")])
def test_an_image_copies_files_that_exist(name: str, lock: str) -> None:
    text = (ROOT / name).read_text("utf-8")
    assert re.findall(r"^COPY (\S+) \.$", text, re.MULTILINE) == [f"requirements/{lock}.txt", "."]
    assert (ROOT / "requirements" / f"{lock}.txt").exists()
    assert f"-r {lock}.txt " in text


def choose_python(path: Path, age: str) -> tuple[int, str, str]:
    """Exit status, answer and messages of .ci/python where only the folder ``path`` has programs."""
    bash = shutil.which("bash")
    assert bash
    run = [bash, str(ROOT / ".ci" / "python"), age]
    done = subprocess.run(run, env={"PATH": str(path)}, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout.strip(), done.stderr.strip()


@pytest.mark.parametrize(
    ("there", "age", "chosen", "said"),
    [
        ("python3.11 python3.12 python3.13 python3.14", "newest", "python3.13", ""),
        ("python3.11 python3.12 python3.13 python3.10", "oldest", "python3.11", ""),
        ("python3.11 python3.13=bare", "newest", "python3.11", "python3.13-venv"),
        ("python3.11=bare python3.12", "oldest", "python3.12", "python3.11-venv"),
        ("python3.11 python3.13=broken", "newest", "python3.11", ""),
        ("python3=3.12", "newest", "python3", ""),
        ("python3=3.12", "oldest", "python3", ""),
        ("python3=3.14 python3.10", "newest", "", "No Python 3.11, 3.12 or 3.13"),
    ],
)
def test_ci_chooses_a_python(tmp_path: Path, there: str, age: str, chosen: str, said: str) -> None:
    """The newest or oldest that TensorFlow runs on; one without venv is named, one that does not run is no Python."""
    for command in there.split():
        name, _, kind = command.partition("=")
        version = kind if kind.startswith("3") else name.removeprefix("python")
        status = {"bare": 1, "broken": 127}.get(kind, 0)
        answers = "" if kind == "broken" else f"echo {version} {tmp_path / name}\n"
        (tmp_path / name).write_text(f"#!/bin/sh\n{answers}exit {status}\n", "utf-8")
        (tmp_path / name).chmod(0o755)
    status, answer, messages = choose_python(tmp_path, age)
    assert answer == (str(tmp_path / chosen) if chosen else "")
    assert said in messages if said else not messages
    assert status == (0 if chosen else 2)


def test_ci_asks_a_real_python(tmp_path: Path) -> None:
    (tmp_path / "python3").write_text(f'#!/bin/sh\nexec "{sys.executable}" "$@"\n', "utf-8")
    (tmp_path / "python3").chmod(0o755)
    assert choose_python(tmp_path, "newest") == (0, sys.executable, "")


def tox() -> dict[str, configparser.SectionProxy]:
    """Name of an environment -> its section of tox.ini. "{a,b}-{c,d}" names four."""
    ini = configparser.ConfigParser(interpolation=None)
    ini.read(ROOT / "tox.ini", encoding="utf-8")
    known = {"": ini["testenv"]}
    for section in ini.sections():
        parts = re.split(r"\{(.*?)\}", section.removeprefix("testenv:"))
        if section.startswith("testenv:"):
            choices = [part.split(",") if place % 2 else [part] for place, part in enumerate(parts)]
            known |= {"".join(chosen): ini[section] for chosen in itertools.product(*choices)}
    return known


def test_tox_environments() -> None:
    ini = tox()
    for name in ENVIRONMENTS:
        section = ini[name]
        lock = section.get("deps", ini[""]["deps"]).strip().removeprefix("-r ")
        assert (ROOT / lock).is_file(), name
    for name, choice in [("gpu", ""), ("gpu-jax", "--backend jax "), ("gpu-torch", "--backend torch ")]:
        command = ini[name]["commands"].strip()
        assert command == f"pytest suite/ -m timing --require-gpu {choice}{{posargs}}"
    assert {*ini[""]["pass_env"].split()} >= {"CUDA_*", "NVIDIA_*", "TF_*", "JAX_*", "XLA_*", "LD_LIBRARY_PATH"}
    written = re.findall(r"-o (\S+)\.txt", ini["lock"]["commands"])
    assert sorted(written) == sorted(LOCKS)
