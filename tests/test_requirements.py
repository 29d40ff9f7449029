"""requirements/: the requested and the locked versions, and that the locked files agree with each other."""

from __future__ import annotations

import importlib.metadata
import itertools
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from harness.training.backend import WITHOUT_TENSORFLOW
from tests.test_repository import BACKENDS, INDEX_OPTION, LOCKS, OURS, ROOT, modules, packages, python_files, tox

REQUIREMENTS = ROOT / "requirements"
Entry = tuple[str, Requirement, set[str]]
"""Of a package in a lock: its version, the line as a requirement, its hashes."""
PYTHONS = ("3.11", "3.12", "3.13", "3.14", "3.15")
EXTRAS = {"distributed", "sqlalchemy"}
"""What --cluster and --store import: pyproject.toml has an extra for each."""
MODULES = {"_pytest": "pytest", "pynvml": "nvidia_ml_py", "PIL": "pillow", "yaml": "pyyaml"}
SYSTEMS = {
    "x86_64-unknown-linux-gnu": ("linux", "Linux", "x86_64"),
    "aarch64-unknown-linux-gnu": ("linux", "Linux", "aarch64"),
    "aarch64-apple-darwin": ("darwin", "Darwin", "arm64"),
    "x86_64-pc-windows-msvc": ("win32", "Windows", "AMD64"),
}
PLATFORMS = {
    f"Python {python}, {name}": {
        "python_version": python,
        "python_full_version": f"{python}.9",
        "sys_platform": system,
        "platform_system": platform_system,
        "platform_machine": machine,
        "os_name": "nt" if system == "win32" else "posix",
        "implementation_name": "cpython",
        "platform_python_implementation": "CPython",
    }
    for python, (name, (system, platform_system, machine)) in itertools.product(PYTHONS, SYSTEMS.items())
}


def wanted(name: str) -> Iterator[Requirement]:
    """Requirements of requirements/<name>.in and of the files it includes."""
    for line in (REQUIREMENTS / f"{name}.in").read_text("utf-8").splitlines():
        text = re.sub(r"(^|\s)#.*", "", line).strip()
        if text.startswith("-r "):
            yield from wanted(text.removeprefix("-r ").removesuffix(".in"))
        elif text:
            yield Requirement(text)


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

    def named(lock: str) -> set[str]:
        names = {canonicalize_name(requirement.name).replace("-", "_") for requirement in wanted(lock)}
        names |= {module for module, package in MODULES.items() if package in names}
        # pytest-xdist is imported as xdist, vl-convert-python as vl_convert
        return names | {name.removeprefix("pytest_").removesuffix("_python") for name in names}

    ours = OURS | set(sys.stdlib_module_names)
    products = packages(modules()) - ours - BACKENDS - EXTRAS
    for lock in ("suite", "jax", "gpu", "gpu-jax", "gpu-torch"):
        assert products <= named(lock)
    assert packages(python_files()) - ours - {"torch"} <= named("tests")


@pytest.mark.parametrize("name", LOCKS)
def test_a_lock_has_everything_pinned_and_hashed(name: str) -> None:
    text = (REQUIREMENTS / f"{name}.txt").read_text("utf-8")
    assert "://" not in text
    assert not INDEX_OPTION.search(text)
    assert "--only-binary :all:" in text
    entries = locked(name)
    assert not [package for package, of in entries.items() for _, _, hashes in of if not hashes]
    for requirement, platform in itertools.product(wanted(name), PLATFORMS.values()):
        if in_force(requirement, platform):
            known = entries.get(canonicalize_name(requirement.name), [])
            said = f"{requirement} of {name}.in, {known} in {name}.txt: tox -e lock"
            there = [(version, entry) for version, entry, _ in known if in_force(entry, platform)]
            assert len(there) == 1, said
            assert requirement.specifier.contains(there[0][0]), said
            assert requirement.extras <= there[0][1].extras, said


def test_a_locked_package_has_the_extras_that_others_ask_for() -> None:
    """An older pip (23.2 does, Python 3.11's own) takes the newest ``coverage[toml]``, not the locked ``coverage``,
    finds no hash for it, and installs nothing: as soon as there is a release newer than the locked one."""
    entries, lacking = locked("tests"), []
    for package, of in entries.items():
        extras = {"", *(extra for _, entry, _ in of for extra in entry.extras)}
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
    there = [version for version, requirement, _ in entries if in_force(requirement, platform)]
    assert len(there) < 2, f"{entries} on {platform}"
    return there[0] if there else None


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
        there = {name for name in {"tensorflow", "jax", "torch"} & {*entries} if version_on(entries[name], platform)}
        old = tuple(map(int, platform["python_version"].split("."))) < WITHOUT_TENSORFLOW
        assert there == (backends if old else newest), platform


@pytest.fixture(scope="module")
def uv(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The program uv, which asks the package index."""
    folder = tmp_path_factory.mktemp("uv")
    subprocess.run([sys.executable, "-m", "pip", "install", "-q", "--target", folder, "uv"], check=True)
    return folder / "bin" / "uv"


@pytest.mark.slow
@pytest.mark.parametrize(("python", "platform"), list(itertools.product(PYTHONS, SYSTEMS)))
def test_every_locked_package_has_a_wheel(python: str, platform: str, uv: Path, tmp_path: Path) -> None:
    """Of five packages the locked version has none for Python 3.15; of h5py, no version has."""
    command = f"pip install --dry-run --python-version {python} --python-platform {platform} --only-binary :all:"
    lock = ("--target", tmp_path, "-r", REQUIREMENTS / "tests.txt")
    done = subprocess.run([uv, *command.split(), *lock], capture_output=True, text=True, check=False)
    assert ("no usable wheels" in done.stderr) == (python == "3.15"), done.stderr[-2000:]
    assert (done.returncode == 0) == (python != "3.15"), done.stderr[-2000:]


@pytest.mark.slow
def test_the_lock_has_the_hash_of_every_wheel(uv: Path, tmp_path: Path) -> None:
    """Of those that were uploaded later, too."""
    lock = tmp_path / "pylock.toml"
    command = "pip compile --quiet --universal --python-version 3.11 --only-binary :all: --format pylock.toml -o"
    subprocess.run([uv, *command.split(), lock, "tests.txt"], cwd=REQUIREMENTS, check=True)
    entries = locked("tests")
    for package in tomllib.loads(lock.read_text("utf-8"))["packages"]:
        known = set().union(*(of for version, _, of in entries[package["name"]] if version == package["version"]))
        assert {wheel["hashes"]["sha256"] for wheel in package["wheels"]} <= known, package["name"]


RELEASES = {"keras30": "keras==3.0.", "keras315": "keras==3.15.", "nightly": "keras-nightly==3."}
"""By environment the first Keras 3, the newest one and the nightly build."""


def of_environment(name: str) -> Iterator[str]:
    """The requirements of an environment of tox.ini: those without factors, and those whose factors it has."""
    for line in filter(None, tox()[name]["deps"].splitlines()):
        condition, colon, requirement = line.rpartition(": ")
        factors = condition.split("-") if colon else []
        if all((factor.removeprefix("!") in name.split("-")) is not factor.startswith("!") for factor in factors):
            yield requirement


def test_an_environment_of_another_keras_has_one_keras_and_one_backend() -> None:
    names = [name for name in tox() if name.startswith(("keras3", "nightly"))]
    assert len(names) == 17 * 3
    for name in names:
        keras, backend = name.split("-")
        first, *others = (requirement for requirement in of_environment(name) if not requirement.startswith("-r "))
        assert first == ("keras-nightly" if keras == "nightly" else f"keras==3.{keras.removeprefix('keras3')}.*")
        wanted_backend = "tf-nightly" if name == "nightly-tensorflow" else backend
        assert [Requirement(other).name for other in others] == [wanted_backend, "numpy"]


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name in tox() if name.partition("-")[0] in RELEASES])
def test_an_environment_of_another_keras_can_be_installed(name: str, uv: Path, tmp_path: Path) -> None:
    asked = tmp_path / "asked.in"
    lines = [line.replace("-r ", f"-r {ROOT}/") for line in of_environment(name)]
    asked.write_text("\n".join(lines), "utf-8")
    command = "pip compile --quiet --python-version 3.11 --python-platform linux --only-binary :all: --prerelease"
    allowed = ["allow" if name.startswith("nightly") else "if-necessary"]
    subprocess.run([uv, *command.split(), *allowed, asked, "-o", tmp_path / "locked.txt"], check=True)
    assert RELEASES[name.partition("-")[0]] in (tmp_path / "locked.txt").read_text("utf-8")
