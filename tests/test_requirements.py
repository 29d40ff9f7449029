"""requirements/: the requested and the locked versions, and that the locked files agree with each other."""

from __future__ import annotations

import ast
import importlib.metadata
import re
import sys
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.test_repository import BACKENDS, INDEX_OPTION, LOCKS, OURS, ROOT, imports, modules, python_files

REQUIREMENTS = ROOT / "requirements"
MODULES = {"pynvml": "nvidia_ml_py", "PIL": "pillow", "yaml": "pyyaml"}
PLATFORMS = {
    f"Python {python}, {system} {machine}": {
        "python_version": python,
        "python_full_version": f"{python}.9",
        "sys_platform": system,
        "platform_system": {"linux": "Linux", "darwin": "Darwin", "win32": "Windows"}[system],
        "platform_machine": machine,
        "os_name": "nt" if system == "win32" else "posix",
        "implementation_name": "cpython",
        "platform_python_implementation": "CPython",
    }
    for python in ("3.11", "3.12", "3.13")
    for system, machine in [("linux", "x86_64"), ("linux", "aarch64"), ("darwin", "arm64"), ("win32", "AMD64")]
}


def wanted(name: str) -> list[Requirement]:
    """Requirements of requirements/<name>.in and of the files it includes."""
    found = []
    for line in (REQUIREMENTS / f"{name}.in").read_text("utf-8").splitlines():
        text = re.sub(r"(^|\s)#.*", "", line).strip()
        if text.startswith("-r "):
            found += wanted(text.removeprefix("-r ").removesuffix(".in"))
        elif text:
            found.append(Requirement(text))
    return found


def locked(name: str) -> dict[str, list[tuple[str, Requirement, int]]]:
    """Package -> its entries in requirements/<name>.txt: (version, requirement, number of hashes)."""
    text = (REQUIREMENTS / f"{name}.txt").read_text("utf-8").replace("\\\n", " ")
    entries: dict[str, list[tuple[str, Requirement, int]]] = {}
    for line in text.splitlines():
        if not line.strip() or line.lstrip().startswith("#") or line.startswith("--only-binary"):
            continue
        requirement = Requirement(re.sub(r"--hash=\S+|(^|\s)#.*", "", line).strip())
        (pin,) = requirement.specifier
        assert pin.operator == "==", line
        hashes = len(re.findall(r"--hash=sha256:[0-9a-f]{64}\b", line))
        entries.setdefault(canonicalize_name(requirement.name), []).append((pin.version, requirement, hashes))
    return entries


def test_every_imported_package_is_named() -> None:
    """A package that only comes along with another one may go with its next version."""

    def imported(paths: list[Path]) -> set[str]:
        names = {name for path in paths for name, _, _ in imports(ast.parse(path.read_text("utf-8")))}
        return names - OURS - set(sys.stdlib_module_names)

    def named(lock: str) -> set[str]:
        names = {canonicalize_name(requirement.name).replace("-", "_") for requirement in wanted(lock)}
        names |= {module for module, package in MODULES.items() if package in names}
        # pytest-xdist is imported as xdist, vl-convert-python as vl_convert
        return names | {name.removeprefix("pytest_").removesuffix("_python") for name in names}

    products = imported(modules()) - BACKENDS
    for lock in ("suite", "jax", "gpu", "gpu-jax", "gpu-torch"):
        assert products <= named(lock)
    assert imported(python_files()) - {"torch"} <= named("tests")


@pytest.mark.parametrize("name", LOCKS)
def test_a_lock_has_everything_pinned_and_hashed(name: str) -> None:
    text = (REQUIREMENTS / f"{name}.txt").read_text("utf-8")
    assert "://" not in text
    assert not INDEX_OPTION.search(text)
    assert "--only-binary :all:" in text
    entries = locked(name)
    assert not [package for package, found in entries.items() for _, _, hashes in found if hashes == 0]
    for requirement in wanted(name):
        found = entries.get(canonicalize_name(requirement.name), [])
        assert found, f"{requirement} of {name}.in is not in {name}.txt: tox -e lock"
        for version, _, _ in found:
            assert requirement.specifier.contains(version), (
                f"{requirement} of {name}.in, {version} in {name}.txt: tox -e lock"
            )
        assert all(requirement.extras <= entry.extras for _, entry, _ in found)


def test_a_locked_package_has_the_extras_that_others_ask_for() -> None:
    """An older pip (23.2 does, Python 3.11's own) takes the newest ``coverage[toml]``, not the locked ``coverage``,
    finds no hash for it, and installs nothing: as soon as there is a release newer than the locked one."""
    entries, lacking = locked("tests"), []
    for package, found in entries.items():
        extras = {"", *(extra for _, entry, _ in found for extra in entry.extras)}
        try:
            lines = importlib.metadata.requires(package) or []
        except importlib.metadata.PackageNotFoundError:  # of another platform
            continue
        for needed in map(Requirement, lines):
            marker = needed.marker
            if needed.extras and (marker is None or any(marker.evaluate({"extra": extra}) for extra in extras)):
                given = entries[canonicalize_name(needed.name)]
                lacking += [f"{package}: {needed}" for _, entry, _ in given if not needed.extras <= entry.extras]
    assert not lacking


def version_on(entries: list[tuple[str, Requirement, int]], platform: dict[str, str]) -> str | None:
    """What of ``entries``, one package of a lock, is installed on ``platform``; None if nothing is."""
    wanted_there = [version for version, requirement, _ in entries if in_force(requirement, platform)]
    assert len(wanted_there) < 2, f"{entries} on {platform}"
    return wanted_there[0] if wanted_there else None


def in_force(requirement: Requirement, platform: dict[str, str]) -> bool:
    return requirement.marker is None or requirement.marker.evaluate(platform)


def test_locks_agree() -> None:
    """So that installing one file after another into the same environment changes nothing, on any platform."""
    everything: dict[tuple[str, str], dict[str, list[str]]] = {}
    for lock in LOCKS:
        for package, entries in locked(lock).items():
            for name, platform in PLATFORMS.items():
                version = version_on(entries, platform)
                if version is not None:
                    everything.setdefault((package, name), {}).setdefault(version, []).append(lock)
    assert everything
    assert not {where: versions for where, versions in everything.items() if len(versions) > 1}


@pytest.mark.parametrize(
    ("name", "backends"),
    [
        ("suite", {"tensorflow"}),
        ("gpu", {"tensorflow"}),
        ("jax", {"jax"}),
        ("gpu-jax", {"jax"}),
        ("gpu-torch", {"torch"}),
        ("tests", {"tensorflow", "jax"}),
    ],
)
def test_an_environment_has_its_backends_and_no_other(name: str, backends: set[str]) -> None:
    assert {"tensorflow", "jax", "torch"} & set(locked(name)) == backends
