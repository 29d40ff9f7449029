"""requirements/: the requested and the locked versions, and that the locked files agree with each other."""

from __future__ import annotations

import ast
import importlib.metadata
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.tags import Tag, compatible_tags, cpython_tags, mac_platforms
from packaging.utils import canonicalize_name, parse_wheel_filename

from harness.training.backend import WITHOUT_TENSORFLOW
from tests.test_repository import BACKENDS, INDEX_OPTION, LOCKS, OURS, ROOT, imports, modules, python_files, tox

REQUIREMENTS = ROOT / "requirements"
Entry = tuple[str, Requirement, set[str]]
"""Of a package in a lock: its version, the line as a requirement, its hashes."""
PYTHONS = ("3.11", "3.12", "3.13", "3.14", "3.15")
EXTRAS = {"distributed", "sqlalchemy"}
"""What --cluster and --store import: pyproject.toml has an extra for each."""
MODULES = {"_pytest": "pytest", "pynvml": "nvidia_ml_py", "PIL": "pillow", "yaml": "pyyaml"}
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
    for python in PYTHONS
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


def locked(name: str) -> dict[str, list[Entry]]:
    """Package -> its entries in requirements/<name>.txt."""
    text = (REQUIREMENTS / f"{name}.txt").read_text("utf-8").replace("\\\n", " ")
    entries: dict[str, list[Entry]] = {}
    for line in text.splitlines():
        if not line.strip() or line.lstrip().startswith("#") or line.startswith("--only-binary"):
            continue
        requirement = Requirement(re.sub(r"--hash=\S+|(^|\s)#.*", "", line).strip())
        (pin,) = requirement.specifier
        assert pin.operator == "==", line
        hashes = set(re.findall(r"--hash=sha256:([0-9a-f]{64})\b", line))
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

    products = imported(modules()) - BACKENDS - EXTRAS
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
    assert not [package for package, found in entries.items() for _, _, hashes in found if not hashes]
    for requirement in wanted(name):
        for platform in PLATFORMS.values():
            if not in_force(requirement, platform):
                continue
            found = [
                entry for entry in entries.get(canonicalize_name(requirement.name), []) if in_force(entry[1], platform)
            ]
            assert len(found) == 1, f"{requirement} of {name}.in is not in {name}.txt: tox -e lock"
            version, entry, _ = found[0]
            assert requirement.specifier.contains(version), (
                f"{requirement} of {name}.in, {version} in {name}.txt: tox -e lock"
            )
            assert requirement.extras <= entry.extras


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


def version_on(entries: list[Entry], platform: dict[str, str]) -> str | None:
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
    ("name", "backends", "newest"),
    [
        ("suite", {"tensorflow"}, {"jax"}),
        ("gpu", {"tensorflow"}, {"jax"}),
        ("jax", {"jax"}, {"jax"}),
        ("gpu-jax", {"jax"}, {"jax"}),
        ("gpu-torch", {"torch"}, {"torch"}),
        ("tests", {"tensorflow", "jax"}, {"jax"}),
    ],
)
def test_an_environment_has_its_backends_and_no_other(name: str, backends: set[str], newest: set[str]) -> None:
    """TensorFlow has no release for the newest Pythons."""
    entries = locked(name)
    for platform in PLATFORMS.values():
        there = {one for one in {"tensorflow", "jax", "torch"} & set(entries) if version_on(entries[one], platform)}
        old = tuple(map(int, platform["python_version"].split("."))) < WITHOUT_TENSORFLOW
        assert there == (backends if old else newest), platform


WITHOUT_WHEELS = {
    "3.15": {"cmarkgfm", "h5py", "jaxlib", "numpy", "scipy"},
}
"""Packages whose locked version has no wheel for a Python, on any platform. Of h5py, no version has one for 3.15."""


@pytest.fixture(scope="module")
def uv(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The program uv, which asks the package index."""
    folder = tmp_path_factory.mktemp("uv")
    subprocess.run([sys.executable, "-m", "pip", "install", "-q", "--target", folder, "uv"], check=True)
    return folder / "bin" / "uv"


@pytest.fixture(scope="module")
def wheels(uv: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[tuple[str, str], dict[str, str]]:
    """(package, version) of tests.txt -> the names and hashes of its wheels on the package index."""
    lock = tmp_path_factory.mktemp("lock") / "pylock.toml"
    command = (
        "pip compile --quiet --universal --python-version 3.11 --only-binary :all: --format pylock.toml tests.txt -o"
    )
    subprocess.run([uv, *command.split(), lock], cwd=REQUIREMENTS, check=True)
    return {
        (found["name"], found["version"]): {
            wheel.get("name", wheel["url"].rpartition("/")[2]): wheel["hashes"]["sha256"] for wheel in found["wheels"]
        }
        for found in tomllib.loads(lock.read_text("utf-8"))["packages"]
    }


def tags_of(platform: dict[str, str]) -> set[Tag]:
    """The tags of the wheels that pip installs on ``platform``."""
    machine = platform["platform_machine"]
    names = {
        "linux": [
            f"manylinux{glibc}_{machine}" for glibc in (1, 2010, 2014, *(f"_2_{minor}" for minor in range(5, 29)))
        ],
        "darwin": list(mac_platforms((14, 0), "arm64")),
        "win32": ["win_amd64"],
    }[platform["sys_platform"]]
    major, minor = map(int, platform["python_version"].split("."))
    return {
        *cpython_tags((major, minor), platforms=names),
        *compatible_tags((major, minor), f"cp{major}{minor}", names),
    }


@pytest.mark.slow
@pytest.mark.parametrize("name", PLATFORMS)
def test_every_locked_package_has_a_locked_wheel(name: str, wheels: dict[tuple[str, str], dict[str, str]]) -> None:
    platform = PLATFORMS[name]
    tags = tags_of(platform)
    missing = {
        package
        for package, entries in locked("tests").items()
        for version, requirement, hashes in entries
        if in_force(requirement, platform)
        if not any(
            tags & parse_wheel_filename(wheel)[3] and digest in hashes
            for wheel, digest in wheels[package, version].items()
        )
    }
    assert missing == WITHOUT_WHEELS.get(platform["python_version"], set())


KERAS = {
    name: section for name, section in tox().items() if name.partition("-")[0] in ("nightly", "keras30", "keras315")
}
"""The environments of the first Keras 3, of the newest one and of the nightly build."""


def of_environment(name: str) -> list[str]:
    """The requirements of an environment of tox.ini: those without factors, and those whose factors it has."""
    factors, found = name.split("-"), []
    for line in filter(None, tox()[name]["deps"].splitlines()):
        condition, colon, requirement = line.rpartition(": ")
        wanted_factors = condition.split("-") if colon else []
        if all(one.removeprefix("!") not in factors if one[0] == "!" else one in factors for one in wanted_factors):
            found.append(requirement)
    return found


def test_an_environment_of_another_keras_has_one_keras_and_one_backend() -> None:
    names = [name for name in tox() if name.startswith(("keras3", "nightly"))]
    assert len(names) == 17 * 3
    for name in names:
        keras, backend = name.split("-")
        found = [one for one in of_environment(name) if not one.startswith("-r ")]
        wanted_keras = "keras-nightly" if keras == "nightly" else f"keras==3.{keras.removeprefix('keras3')}.*"
        wanted_backend = "tf-nightly" if name == "nightly-tensorflow" else backend
        assert found[0] == wanted_keras
        assert [Requirement(one).name for one in found[1:]] == [wanted_backend, "numpy"]


def test_only_the_nightly_build_may_fail() -> None:
    assert tox()["nightly-jax"]["ignore_outcome"].split() == ["nightly:", "true"]


@pytest.mark.slow
@pytest.mark.parametrize("name", KERAS)
def test_an_environment_of_another_keras_can_be_installed(name: str, uv: Path, tmp_path: Path) -> None:
    asked = tmp_path / "asked.in"
    lines = [one.replace("-r ", f"-r {ROOT}/") for one in of_environment(name)]
    asked.write_text("\n".join(lines), "utf-8")
    command = "pip compile --quiet --python-version 3.11 --python-platform linux --only-binary :all: --prerelease"
    allowed = ["allow" if name.startswith("nightly") else "if-necessary"]
    subprocess.run([uv, *command.split(), *allowed, asked, "-o", tmp_path / "found.txt"], check=True)
    minor = {"keras30": "keras==3.0.", "keras315": "keras==3.15."}.get(name.partition("-")[0], "keras-nightly==3.")
    assert minor in (tmp_path / "found.txt").read_text("utf-8")
