"""The fingerprint of a run: versions, device model, instruction set, threads, precision.

Runs with equal fingerprints can be compared bit for bit.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import os
import platform
import subprocess
from pathlib import Path

from harness.record.trials import Fingerprint
from harness.training.backends import named
from harness.training.machine import instruction_set, reported

OF_MACHINE = ("device_model", "instruction_set", "threads", "system")
"""The keys that belong to the machine."""


def version(*distributions: str) -> str | None:
    """The version of the first of these distributions that is installed; None if none is."""
    for name in distributions:
        try:
            return importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return None


def cores() -> int:
    """Number of cores that this process may use."""
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:
        return os.cpu_count() or 1


def fingerprint(backend: str, device: str, device_model: str, precision: str) -> Fingerprint:
    """The fingerprint as a flat dict in JSON's types. Each set variable that may change results has its own entry.

    Args:
        backend: a Keras backend.
        device: "cpu" or "gpu".
        device_model: the name of the GPU, or of the processor.
        precision: of the computations.
    """
    return {
        "python": ".".join(platform.python_version_tuple()[:2]),
        "keras": version("keras", "keras-nightly"),
        "backend": backend,
        "backend_version": version(*named(backend).facts.distributions),
        "jaxlib": version(runtime) if (runtime := named(backend).facts.runtime) else None,
        "numpy": version("numpy"),
        "device": device,
        "device_model": device_model,
        "instruction_set": instruction_set(),
        "threads": cores(),
        "precision": precision,
        "system": f"{platform.system()} {platform.machine()}",
        **reported(os.environ, backend),
    }


def code(*folders: Path) -> str:
    """A digest (16 hex digits) of the Python modules in these folders."""
    digest = hashlib.sha256()
    for folder in folders:
        for path in filter(Path.is_file, sorted(folder.rglob("*.py"))):  # an editor's lock is a link to nothing
            digest.update(path.relative_to(folder.parent).as_posix().encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()[:16]


def commit() -> str | None:
    """The commit of the working tree, with "+" if there are changes; None outside git.

    A package installed below another project's working tree is outside: git does not track this file there.
    """
    here = Path(__file__)

    def git(*words: str) -> str:
        done = subprocess.run(["git", *words], cwd=here.parent, capture_output=True, text=True, timeout=10, check=True)
        return done.stdout.strip()

    try:
        git("ls-files", "--error-unmatch", here.name)
        return git("describe", "--always", "--dirty=+", "--abbrev=12", "--exclude=*") or None
    except (OSError, subprocess.SubprocessError):
        return None


def stack(fingerprint: Fingerprint) -> str:
    """The stack of a fingerprint, which names a folder: "tensorflow-cpu", "jax-nvidia-h100-80gb-hbm3"."""
    if fingerprint["device"] == "cpu":
        return f"{fingerprint['backend']}-cpu"
    model = "-".join("".join(c if c.isalnum() else " " for c in str(fingerprint["device_model"])).lower().split())
    return f"{fingerprint['backend']}-{model}"
